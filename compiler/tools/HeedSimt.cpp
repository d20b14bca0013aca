/// heed-simt: compiles a module of simt.kernels for a chip, without anything that comes before. For tests.
#include "backends/simt/SimtBackend.h"
#include "compiler/Registration.h"
#include "compiler/Target.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/IR/OwningOpRef.h"
#include "mlir/Parser/Parser.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/InitLLVM.h"
#include "llvm/Support/SourceMgr.h"
#include "llvm/Support/ToolOutputFile.h"

namespace cl = llvm::cl;
using namespace mlir;
using namespace heed;

static cl::OptionCategory category("heed-simt options");
static cl::opt<std::string> input(cl::Positional, cl::desc("<file.mlir>, - for standard input"), cl::init("-"),
                                  cl::cat(category));
static cl::opt<std::string> output("o", cl::desc("file to write (default standard output)"), cl::init("-"),
                                   cl::value_desc("FILE"), cl::cat(category));
static cl::opt<std::string> target("target", cl::desc("the machine"), cl::value_desc("KIND[:CHIP]"), cl::Required,
                                   cl::cat(category));
static cl::opt<std::string> level("emit", cl::desc("print this level of the code instead of an image"),
                                  cl::value_desc("LEVEL"), cl::cat(category));
static cl::opt<unsigned> imageIndex("image", cl::desc("which of the images to write (default the first)"),
                                    cl::value_desc("N"), cl::init(0), cl::cat(category));
static cl::opt<bool> list("list", cl::desc("list the images, with the features they need, instead of writing one"),
                          cl::cat(category));

static int fail(const llvm::Twine &message) {
  llvm::errs() << "heed-simt: error: " << message << "\n";
  return 1;
}

static std::string listImages(ArrayRef<simt::GeneratedImage> images) {
  static constexpr StringRef formats[] = {"cpu-elf", "cubin", "ptx", "hsaco", "spirv"};
  std::string text;
  llvm::raw_string_ostream stream(text);
  for (auto [index, generated] : llvm::enumerate(images)) {
    const CodeImage &image = generated.image;
    stream << index << ": " << formats[static_cast<size_t>(image.format)] << " needs "
           << (image.features.empty() ? "nothing" : llvm::join(image.features, ", ")) << "\n";
  }
  return text;
}

/// Reads all options before it calls the backend: the linker, run in this process, resets them.
static FailureOr<std::string> compile(ModuleOp kernels, const simt::SimtBackend &backend) {
  const simt::SimtTarget &chip = backend.chips().front();
  backend.prepareGeneration(*kernels.getContext());
  if (!level.empty())
    return backend.print(kernels, chip, level);
  bool listOnly = list;
  unsigned index = imageIndex;
  FailureOr<std::vector<simt::GeneratedImage>> images = backend.generate(kernels, chip, "");
  if (failed(images))
    return failure();
  for (const simt::GeneratedImage &image : *images)
    if (!image.warning.empty())
      kernels.emitWarning(image.warning);
  if (listOnly)
    return listImages(*images);
  if (index >= images->size())
    return kernels.emitError("there is no image ") << index << "; the code has " << images->size();
  return std::move((*images)[index].image.bytes);
}

int main(int argc, char **argv) {
  llvm::InitLLVM init(argc, argv);
  cl::HideUnrelatedOptions(category);
  cl::ParseCommandLineOptions(argc, argv, "Compiles a module of simt.kernels for a chip\n");
  std::string path = output; // before they are reset
  std::string error;
  std::vector<std::unique_ptr<Backend>> backends = createBackends(target, error);
  if (backends.empty())
    return fail(error);
  auto *backend = dynamic_cast<simt::SimtBackend *>(backends.front().get());
  if (!backend)
    return fail("target '" + target + "' is not made from simt kernels");
  if (!level.empty() && !llvm::is_contained(backend->codeLevels(), level))
    return fail("target '" + target + "' has no level '" + level + "'; --emit takes " +
                llvm::join(backend->codeLevels(), ", "));

  DialectRegistry registry;
  registerDialects(registry);
  MLIRContext context(registry);
  context.printOpOnDiagnostic(false);
  llvm::SourceMgr sources;
  SourceMgrDiagnosticHandler handler(sources, &context);
  OwningOpRef<ModuleOp> module = parseSourceFile<ModuleOp>(input, sources, &context);
  if (!module)
    return 1;
  FailureOr<std::string> written = compile(*module, *backend);
  if (failed(written))
    return 1;
  std::error_code failure;
  llvm::ToolOutputFile file(path, failure, llvm::sys::fs::OF_None);
  if (failure)
    return fail("cannot write " + path + ": " + failure.message());
  file.os() << *written;
  file.keep();
  return 0;
}
