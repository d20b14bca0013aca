#include "compiler/host/Compile.h"

#include "compiler/Pipeline.h"
#include "compiler/Registration.h"
#include "compiler/Target.h"
#include "compiler/graph/UnfusedAttention.h"
#include "compiler/host/Diagnostics.h"
#include "compiler/host/DumpPasses.h"
#include "compiler/host/Explain.h"
#include "compiler/host/PlanSignature.h"
#include "compiler/host/WritePackage.h"
#include "compiler/import/ImportOnnx.h"
#include "dialects/plan/Plan.h"
#include "dialects/tile/Tile.h"
#include "mlir/IR/Verifier.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/SourceMgr.h"
#include "llvm/Support/ThreadPool.h"

using namespace mlir;

namespace heed {

bool isOnnx(StringRef name, StringRef content) {
  StringRef extension = llvm::sys::path::extension(name);
  if (extension == ".onnx")
    return true;
  // An ONNX model begins with its IR version, field 1 of a protobuf message.
  return extension != ".mlir" && extension != ".mlirbc" && content.starts_with("\x08");
}

StringRef compilerVersion() { return "heed " HEED_VERSION; }

namespace {

/// "cpu", "cuda-sm_80": for messages and names of files.
std::string labelOf(const Backend &backend) {
  std::string label = backend.name().str();
  for (const std::string &feature : backend.features())
    label += "-" + feature;
  return label;
}

DialectRegistry allDialects() {
  DialectRegistry registry;
  registerDialects(registry);
  return registry;
}

/// Lets several threads use a context while it lives. Passes over the graph need none and dump in order.
class Threads {
public:
  Threads(MLIRContext &context, unsigned count) : context(context), pool(llvm::hardware_concurrency(count)) {
    if (pool.getMaxConcurrency() > 1)
      context.setThreadPool(pool);
  }
  ~Threads() { context.disableMultithreading(); }

private:
  MLIRContext &context;
  llvm::DefaultThreadPool pool;
};

class Compilation : public CompiledModel {
public:
  Compilation(const CompileSource &source, const CompileOptions &options)
      : source(source), options(options), context(allDialects(), MLIRContext::Threading::DISABLED),
        diagnostics(context, source.name), builder(llvm::sys::path::stem(source.name).str(), compilerVersion().str()) {}

  LogicalResult run();
  const rt::Package &package() const override { return builder.package(); }
  std::string diagnosticText() const { return diagnostics.text(); }

private:
  LogicalResult load();
  LogicalResult loadOnnx(StringRef bytes);
  LogicalResult loadMlir(std::unique_ptr<llvm::MemoryBuffer> text);
  LogicalResult checkDims();
  LogicalResult specialise();
  LogicalResult optimiseGraph();
  LogicalResult noteFallbacks();
  LogicalResult compileFor(const Backend &backend);
  LogicalResult runPasses(ModuleOp module, StringRef prefix, llvm::function_ref<void(OpPassManager &)> addPasses);
  FailureOr<CompiledKernels> compileKernels(ModuleOp lowered, const Backend &backend);
  LogicalResult printCode(ModuleOp lowered, const Backend &backend);
  void progress(const llvm::Twine &what);
  InFlightDiagnostic error() { return emitError(UnknownLoc::get(&context)); }

  const CompileSource &source;
  const CompileOptions &options;
  MLIRContext context;
  DiagnosticCollector diagnostics;
  OwningOpRef<ModuleOp> module;
  PackageBuilder builder;
  bool isOnnxModel = false;
  unsigned dumped = 0;
};

} // namespace

void Compilation::progress(const llvm::Twine &what) {
  if (options.progress)
    options.progress(what.str());
}

LogicalResult Compilation::run() {
  context.printOpOnDiagnostic(false);
  std::vector<std::unique_ptr<Backend>> backends;
  for (const std::string &target : options.targets) {
    std::string reason;
    std::vector<std::unique_ptr<Backend>> created = createBackends(target, reason);
    if (created.empty())
      return error() << reason;
    for (std::unique_ptr<Backend> &backend : created)
      if (llvm::none_of(backends, [&](const auto &other) { return labelOf(*other) == labelOf(*backend); }))
        backends.push_back(std::move(backend));
  }
  for (const std::unique_ptr<Backend> &backend : backends)
    if (std::string wrong = options.emit.empty() ? "" : checkLevel(options.emit, *backend); !wrong.empty())
      return error() << wrong;
  if (!options.dumpDirectory.empty())
    if (std::error_code failed = llvm::sys::fs::create_directories(options.dumpDirectory))
      return error() << "cannot make folder '" << options.dumpDirectory << "': " << failed.message();
  if (failed(load()))
    return failure();
  auto graph = findGraph(*module);
  if (failed(graph) || failed(verifySignature(*graph)) || failed(specialise()) || failed(optimiseGraph()))
    return failure();
  if (options.emit == "attn")
    return success();
  for (const std::unique_ptr<Backend> &backend : backends)
    if (failed(compileFor(*backend)))
      return failure();
  // A diagnostic without a failure would be a package that is not what was asked for.
  return failure(diagnostics.hasError());
}

LogicalResult Compilation::load() {
  progress("reading " + source.name);
  std::unique_ptr<llvm::MemoryBuffer> bytes;
  if (source.content) {
    bytes = llvm::MemoryBuffer::getMemBufferCopy(*source.content, source.name);
  } else {
    auto opened = llvm::MemoryBuffer::getFile(source.name);
    if (!opened)
      return error() << "cannot read '" << source.name << "': " << opened.getError().message();
    bytes = std::move(*opened);
  }
  isOnnxModel = isOnnx(source.name, bytes->getBuffer());
  if (isOnnxModel)
    return loadOnnx(bytes->getBuffer());
  return loadMlir(std::move(bytes));
}

LogicalResult Compilation::loadOnnx(StringRef bytes) {
  ImportOptions importOptions;
  for (const FixedSymbol &dim : options.dims)
    importOptions.fixedDims[dim.name] = dim.value;
  StringRef folder = llvm::sys::path::parent_path(source.name);
  module = importOnnxBuffer(bytes,
                            source.content   ? StringRef()
                            : folder.empty() ? StringRef(".")
                                             : folder,
                            context, importOptions);
  return success(static_cast<bool>(module));
}

LogicalResult Compilation::loadMlir(std::unique_ptr<llvm::MemoryBuffer> text) {
  llvm::SourceMgr sources;
  sources.AddNewSourceBuffer(std::move(text), llvm::SMLoc());
  module = parseSourceFile<ModuleOp>(sources, ParserConfig(&context));
  if (module)
    return success();
  return diagnostics.hasError() ? failure() : error() << "is not a valid MLIR module";
}

/// Every name given with --dim must be a symbol; the graph is otherwise not the one that was meant.
LogicalResult Compilation::checkDims() {
  auto graph = findGraph(*module);
  if (failed(graph))
    return failure();
  SmallVector<StringRef> names;
  if (auto symbols = (*graph)->getAttrOfType<ArrayAttr>(plan::symbolsAttrName))
    for (StringAttr name : symbols.getAsRange<StringAttr>())
      names.push_back(name.getValue());
  for (const FixedSymbol &dim : options.dims)
    if (!llvm::is_contained(names, dim.name))
      return error() << "--dim " << dim.name << ": the graph has no symbol of that name; it has: "
                     << (names.empty() ? "none" : llvm::join(names, ", "));
  return success();
}

/// The ONNX reader fixes dimensions itself, because what it can read depends on them: it folds arithmetic on sizes.
LogicalResult Compilation::specialise() {
  if (options.dims.empty() || isOnnxModel)
    return success();
  if (failed(checkDims()))
    return failure();
  return runPasses(*module, "", [&](OpPassManager &passes) {
    passes.addNestedPass<func::FuncOp>(createSpecialiseSymbolsPass(options.dims));
  });
}

LogicalResult Compilation::runPasses(ModuleOp target, StringRef prefix,
                                     llvm::function_ref<void(OpPassManager &)> addPasses) {
  PassManager passes(&context, ModuleOp::getOperationName());
  passes.enableVerifier(options.verifyEach);
  if (!options.dumpDirectory.empty())
    passes.addInstrumentation(std::make_unique<DumpPasses>(options.dumpDirectory, prefix.str(), dumped));
  addPasses(passes);
  if (failed(passes.run(target)))
    return diagnostics.hasError() ? failure() : error() << "a pass failed without saying why: this is a defect of Heed";
  return verify(target);
}

/// Attention that stays written out is marked for reports, or refused with --require-fused.
LogicalResult Compilation::noteFallbacks() {
  auto graph = findGraph(*module);
  bool found =
      succeeded(graph) && hasUnfusedAttention(*graph, [&](Operation *softmax, StringRef note) {
        std::string reason = note.empty() ? "it was not recognised as attention" : note.str();
        if (options.requireFused)
          softmax->emitError("attention would be materialised, which --require-fused forbids: ") << reason;
        else
          softmax->setAttr(noteAttrName, StringAttr::get(&context, "fallback: attention is materialised: " + reason));
      });
  return failure(failed(graph) || (found && options.requireFused));
}

LogicalResult Compilation::optimiseGraph() {
  progress("optimising the graph");
  if (failed(runPasses(*module, "", addGraphPasses)) || failed(noteFallbacks()))
    return failure();
  if (options.emit == "attn")
    text = printElided(*module);
  return success();
}

/// A module of the tile kernels alone, which is what a backend takes.
static OwningOpRef<ModuleOp> extractKernels(ModuleOp lowered) {
  OwningOpRef<ModuleOp> kernels = ModuleOp::create(lowered.getLoc());
  OpBuilder builder = OpBuilder::atBlockEnd(kernels->getBody());
  for (auto kernel : lowered.getOps<tile::KernelOp>())
    builder.clone(*kernel);
  return kernels;
}

FailureOr<CompiledKernels> Compilation::compileKernels(ModuleOp lowered, const Backend &backend) {
  progress("generating code for " + labelOf(backend));
  std::string folder;
  if (!options.dumpDirectory.empty()) {
    SmallString<128> path(options.dumpDirectory);
    llvm::sys::path::append(path, labelOf(backend));
    if (std::error_code failed = llvm::sys::fs::create_directories(path))
      return error() << "cannot make folder '" << path << "': " << failed.message();
    folder = path.str();
  }
  OwningOpRef<ModuleOp> kernels = extractKernels(lowered);
  Threads threads(context, options.threads);
  auto compiled = backend.compile(*kernels, folder);
  if (failed(compiled) && !diagnostics.hasError())
    return error() << "target '" << labelOf(backend) << "' failed without saying why: this is a defect of Heed";
  return compiled;
}

LogicalResult Compilation::printCode(ModuleOp lowered, const Backend &backend) {
  progress("generating code for " + labelOf(backend));
  OwningOpRef<ModuleOp> kernels = extractKernels(lowered);
  Threads threads(context, options.threads);
  FailureOr<std::string> printed = backend.printCode(*kernels, options.emit);
  if (failed(printed))
    return diagnostics.hasError()
               ? failure()
               : error() << "target '" << labelOf(backend) << "' failed without saying why: this is a defect of Heed";
  text += *printed;
  return success();
}

LogicalResult Compilation::compileFor(const Backend &backend) {
  OwningOpRef<ModuleOp> lowered = module->clone();
  progress("forming kernels for " + labelOf(backend));
  auto addPasses = [&](OpPassManager &passes) { addKernelPasses(passes, backend); };
  if (failed(runPasses(*lowered, labelOf(backend) + "-", addPasses)))
    return failure();
  if (options.emit == "tile") {
    text += printElided(*lowered);
    return success();
  }
  if (!options.emit.empty())
    return printCode(*lowered, backend);
  auto kernels = compileKernels(*lowered, backend);
  std::vector<CompileCost> costs = succeeded(kernels) ? kernels->costs : std::vector<CompileCost>();
  if (failed(kernels) || failed(builder.addPlan(*lowered, backend, std::move(*kernels))))
    return failure();
  if (options.explain)
    explanation += explainPlan(builder.package().plans.back(), costs);
  return success();
}

std::unique_ptr<CompiledModel> compile(const CompileSource &source, const CompileOptions &options,
                                       std::string &diagnostics) {
  auto compilation = std::make_unique<Compilation>(source, options);
  LogicalResult result = compilation->run();
  diagnostics = compilation->diagnosticText();
  return succeeded(result) ? std::move(compilation) : nullptr;
}

} // namespace heed
