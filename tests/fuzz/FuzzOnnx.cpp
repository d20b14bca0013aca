// libFuzzer target: any bytes as an ONNX model. An import gives a module that verifies, or exactly one error.
#include "compiler/import/ImportOnnx.h"

#include "mlir/IR/MLIRContext.h"

#include <cstdio>
#include <cstdlib>
#include <memory>

// A context keeps every attribute it has seen, so it is renewed now and then.
static mlir::MLIRContext &freshContext() {
  static std::unique_ptr<mlir::MLIRContext> context;
  static unsigned uses = 0;
  if (uses++ % 256 == 0)
    context = std::make_unique<mlir::MLIRContext>(mlir::MLIRContext::Threading::DISABLED);
  return *context;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  mlir::MLIRContext &context = freshContext();
  std::string errors;
  unsigned numErrors = 0;
  mlir::ScopedDiagnosticHandler handler(&context, [&](mlir::Diagnostic &diagnostic) {
    errors += diagnostic.str() + "\n";
    numErrors += diagnostic.getSeverity() == mlir::DiagnosticSeverity::Error;
  });
  auto module = heed::importOnnxBuffer({reinterpret_cast<const char *>(data), size}, "", context);
  if (numErrors != (module ? 0U : 1U)) {
    std::fprintf(stderr, "%u errors:\n%s", numErrors, errors.c_str());
    std::abort();
  }
  return 0;
}
