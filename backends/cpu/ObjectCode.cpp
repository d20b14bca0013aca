#include "backends/cpu/ObjectCode.h"

#include "backends/llvm/LinkElf.h"

#include "mlir/Target/LLVMIR/Dialect/Builtin/BuiltinToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/LLVMIR/LLVMToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Export.h"
#include "llvm/IR/LegacyPassManager.h"
#include "llvm/IR/Module.h"
#include "llvm/IR/Verifier.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Object/ObjectFile.h"
#include "llvm/Passes/PassBuilder.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/Support/raw_ostream.h"
#include "llvm/Target/TargetMachine.h"
#include "llvm/Target/TargetOptions.h"
#include "llvm/Transforms/InstCombine/InstCombine.h"
#include "llvm/Transforms/Scalar/ADCE.h"
#include "llvm/Transforms/Scalar/EarlyCSE.h"
#include "llvm/Transforms/Scalar/LICM.h"
#include "llvm/Transforms/Scalar/LoopPassManager.h"
#include "llvm/Transforms/Scalar/SimplifyCFG.h"
#include "llvm/Transforms/Utils/Cloning.h"

#include <mutex>

using namespace mlir;
using namespace heed::cpu;

void heed::cpu::prepareTranslation(MLIRContext &context) {
  static std::once_flag once;
  std::call_once(once, [] {
    LLVMInitializeX86TargetInfo();
    LLVMInitializeX86Target();
    LLVMInitializeX86TargetMC();
    LLVMInitializeX86AsmPrinter();
  });
  DialectRegistry registry;
  registerBuiltinDialectTranslation(registry);
  registerLLVMDialectTranslation(registry);
  context.appendDialectRegistry(registry);
}

static std::unique_ptr<llvm::TargetMachine> createTargetMachine(const IsaLevel &isa, std::string &error) {
  llvm::Triple triple("x86_64-unknown-linux-gnu");
  const llvm::Target *target = llvm::TargetRegistry::lookupTarget(triple, error);
  if (!target)
    return nullptr;
  llvm::TargetOptions options;
  options.AllowFPOpFusion = llvm::FPOpFusion::Standard;
  return std::unique_ptr<llvm::TargetMachine>(target->createTargetMachine(
      triple, isa.name, "", options, llvm::Reloc::PIC_, std::nullopt, llvm::CodeGenOptLevel::Default));
}

/// A short pipeline for code that is already vectors and loops in their final form: common subexpressions, algebra, and
/// what is invariant out of loops. The standard O2 pipeline takes ten times as long and gains nothing measurable.
static void optimise(llvm::Module &module, llvm::TargetMachine &machine) {
  llvm::PassBuilder builder(&machine);
  llvm::LoopAnalysisManager loops;
  llvm::FunctionAnalysisManager functions;
  llvm::CGSCCAnalysisManager graphs;
  llvm::ModuleAnalysisManager modules;
  builder.registerModuleAnalyses(modules);
  builder.registerCGSCCAnalyses(graphs);
  builder.registerFunctionAnalyses(functions);
  builder.registerLoopAnalyses(loops);
  builder.crossRegisterProxies(loops, functions, graphs, modules);

  llvm::FunctionPassManager passes;
  passes.addPass(llvm::EarlyCSEPass(/*UseMemorySSA=*/true));
  passes.addPass(llvm::InstCombinePass(llvm::InstCombineOptions().setVerifyFixpoint(false)));
  passes.addPass(llvm::createFunctionToLoopPassAdaptor(llvm::LICMPass(llvm::LICMOptions()), /*UseMemorySSA=*/true));
  passes.addPass(llvm::EarlyCSEPass(/*UseMemorySSA=*/true));
  passes.addPass(llvm::SimplifyCFGPass());
  passes.addPass(llvm::ADCEPass());
  llvm::ModulePassManager all;
  all.addPass(llvm::createModuleToFunctionPassAdaptor(std::move(passes)));
  all.run(module, modules);
}

static bool emitFile(llvm::Module &module, llvm::TargetMachine &machine, llvm::CodeGenFileType kind,
                     llvm::SmallVectorImpl<char> &bytes) {
  llvm::raw_svector_ostream stream(bytes);
  llvm::legacy::PassManager passes;
  if (machine.addPassesToEmitFile(passes, stream, nullptr, kind))
    return false;
  passes.run(module);
  return true;
}

/// A kernel may call memcpy and memset, which every process has. Anything else is a helper some system may lack.
static LogicalResult checkUndefined(ModuleOp module, StringRef object) {
  auto file = llvm::object::ObjectFile::createObjectFile(llvm::MemoryBufferRef(object, "kernels"));
  if (!file)
    return module.emitError("cannot read the compiled object: ") << llvm::toString(file.takeError());
  for (const llvm::object::SymbolRef &symbol : (*file)->symbols()) {
    llvm::Expected<uint32_t> flags = symbol.getFlags();
    llvm::Expected<StringRef> name = symbol.getName();
    if (!flags || !name) {
      llvm::consumeError(flags.takeError());
      llvm::consumeError(name.takeError());
      return module.emitError("cannot read the compiled object's symbols");
    }
    bool undefined = *flags & llvm::object::SymbolRef::SF_Undefined;
    if (undefined && !name->empty() && *name != "memcpy" && *name != "memset")
      return module.emitError("compiled kernels would call ") << *name << ", which a bare process may lack";
  }
  return success();
}

struct heed::cpu::NativeCode::State {
  ModuleOp source;
  llvm::LLVMContext context;
  std::unique_ptr<llvm::TargetMachine> machine;
  std::unique_ptr<llvm::Module> module;
};

NativeCode::NativeCode(std::unique_ptr<State> state) : state(std::move(state)) {}
NativeCode::NativeCode(NativeCode &&) = default;
NativeCode::~NativeCode() = default;

FailureOr<NativeCode> NativeCode::generate(ModuleOp source, const IsaLevel &isa) {
  auto state = std::make_unique<State>();
  state->source = source;
  state->module = translateModuleToLLVMIR(source, state->context, "heed");
  if (!state->module)
    return source.emitError("cannot translate the compiled kernels to LLVM IR");
  std::string error;
  state->machine = createTargetMachine(isa, error);
  if (!state->machine)
    return source.emitError("no x86-64 code generator: ") << error;
  llvm::Module &module = *state->module;
  module.setTargetTriple(state->machine->getTargetTriple());
  module.setDataLayout(state->machine->createDataLayout());
  for (llvm::Function &function : module)
    if (!function.isDeclaration()) {
      std::string bits = std::to_string(isa.vectorBytes * 8);
      function.addFnAttr("prefer-vector-width", bits);
      function.addFnAttr("min-legal-vector-width", bits);
      function.addFnAttr(llvm::Attribute::NoUnwind);
    }
  optimise(module, *state->machine);
  return NativeCode(std::move(state));
}

std::string NativeCode::printLlvm() const {
  std::string text;
  llvm::raw_string_ostream(text) << *state->module;
  return text;
}

/// Code generation changes the module, so each time it gets one of its own.
static FailureOr<std::string> generateFile(ModuleOp source, const llvm::Module &module, llvm::TargetMachine &machine,
                                           llvm::CodeGenFileType kind) {
  llvm::SmallVector<char, 0> bytes;
  if (!emitFile(*llvm::CloneModule(module), machine, kind, bytes))
    return source.emitError("the x86-64 code generator cannot write ")
           << (kind == llvm::CodeGenFileType::ObjectFile ? "object files" : "assembly");
  return std::string(bytes.data(), bytes.size());
}

FailureOr<std::string> NativeCode::printAssembly() const {
  return generateFile(state->source, *state->module, *state->machine, llvm::CodeGenFileType::AssemblyFile);
}

FailureOr<std::string> NativeCode::linkSharedObject() const {
  FailureOr<std::string> object =
      generateFile(state->source, *state->module, *state->machine, llvm::CodeGenFileType::ObjectFile);
  if (failed(object) || failed(checkUndefined(state->source, *object)))
    return failure();
  return linkElf(state->source, *object, {"--strip-all", "-z", "relro"});
}
