#include "backends/cpu/ObjectCode.h"

#include "backends/llvm/LinkElf.h"

#include "llvm/IR/Module.h"
#include "llvm/Object/ObjectFile.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/Transforms/InstCombine/InstCombine.h"
#include "llvm/Transforms/Scalar/ADCE.h"
#include "llvm/Transforms/Scalar/EarlyCSE.h"
#include "llvm/Transforms/Scalar/LICM.h"
#include "llvm/Transforms/Scalar/LoopPassManager.h"
#include "llvm/Transforms/Scalar/SimplifyCFG.h"

#include <mutex>

using namespace mlir;
using namespace heed;
using namespace heed::cpu;

void heed::cpu::prepareTranslation(MLIRContext &context) {
  static std::once_flag once;
  std::call_once(once, [] {
    LLVMInitializeX86TargetInfo();
    LLVMInitializeX86Target();
    LLVMInitializeX86TargetMC();
    LLVMInitializeX86AsmPrinter();
  });
  prepareMachineTranslation(context);
}

/// A short pipeline for code that is already vectors and loops in their final form: common subexpressions, algebra, and
/// what is invariant out of loops. The standard O2 pipeline takes ten times as long and gains nothing measurable.
static void optimise(llvm::Module &module, llvm::ModuleAnalysisManager &analyses) {
  llvm::FunctionPassManager passes;
  passes.addPass(llvm::EarlyCSEPass(/*UseMemorySSA=*/true));
  passes.addPass(llvm::InstCombinePass(llvm::InstCombineOptions().setVerifyFixpoint(false)));
  passes.addPass(llvm::createFunctionToLoopPassAdaptor(llvm::LICMPass(llvm::LICMOptions()), /*UseMemorySSA=*/true));
  passes.addPass(llvm::EarlyCSEPass(/*UseMemorySSA=*/true));
  passes.addPass(llvm::SimplifyCFGPass());
  passes.addPass(llvm::ADCEPass());
  llvm::ModulePassManager all;
  all.addPass(llvm::createModuleToFunctionPassAdaptor(std::move(passes)));
  all.run(module, analyses);
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

FailureOr<MachineCode> heed::cpu::generateCode(ModuleOp source, const IsaLevel &isa) {
  Machine machine{"x86_64-unknown-linux-gnu", isa.name.str(), ""};
  machine.fusesProducts = true;
  machine.effort = llvm::CodeGenOptLevel::Default;
  machine.optimise = optimise;
  return MachineCode::generate(source, machine, [&](llvm::Module &module) {
    for (llvm::Function &function : module)
      if (!function.isDeclaration()) {
        std::string bits = std::to_string(isa.vectorBytes * 8);
        function.addFnAttr("prefer-vector-width", bits);
        function.addFnAttr("min-legal-vector-width", bits);
        function.addFnAttr(llvm::Attribute::NoUnwind);
      }
  });
}

FailureOr<std::string> heed::cpu::linkSharedObject(ModuleOp source, const MachineCode &code) {
  FailureOr<std::string> object = code.object();
  if (failed(object) || failed(checkUndefined(source, *object)))
    return failure();
  return linkElf(source, *object, {"--strip-all", "-z", "relro"});
}
