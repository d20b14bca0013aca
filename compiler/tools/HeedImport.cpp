/// heed-import: prints the module an ONNX file is imported as.
#include "compiler/Registration.h"
#include "compiler/import/ImportOnnx.h"

#include "mlir/IR/OperationSupport.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/raw_ostream.h"

namespace cl = llvm::cl;

int main(int argc, char **argv) {
  cl::opt<std::string> input(cl::Positional, cl::Required, cl::desc("<model.onnx>"));
  cl::list<std::string> dims("dim", cl::desc("Size of a named dimension"), cl::value_desc("name=size"));
  cl::opt<bool> elide("elide", cl::desc("Leave large constants out"));
  cl::opt<bool> locations("locations", cl::desc("Print the node each operation comes from"));
  cl::ParseCommandLineOptions(argc, argv, "Prints an ONNX model as Heed imports it\n");
  heed::ImportOptions options;
  for (llvm::StringRef dim : dims) {
    auto [name, size] = dim.rsplit('=');
    int64_t value = 0;
    if (size.getAsInteger(10, value) || value < 0) {
      llvm::errs() << "heed-import: error: --dim=" << dim << " must be name=size\n";
      return 2;
    }
    options.fixedDims[name] = value;
  }
  mlir::DialectRegistry registry;
  heed::registerDialects(registry);
  mlir::MLIRContext context(registry, mlir::MLIRContext::Threading::DISABLED);
  mlir::ScopedDiagnosticHandler handler(
      &context, [&](mlir::Diagnostic &diagnostic) { llvm::errs() << input << ": error: " << diagnostic << "\n"; });
  mlir::OwningOpRef<mlir::ModuleOp> module = heed::importOnnx(input, context, options);
  if (!module)
    return 1;
  mlir::OpPrintingFlags flags;
  flags.enableDebugInfo(locations);
  if (elide)
    flags.elideLargeElementsAttrs(32).elideLargeResourceString(32);
  module->print(llvm::outs(), flags);
  llvm::outs() << "\n";
  return 0;
}
