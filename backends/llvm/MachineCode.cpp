#include "backends/llvm/MachineCode.h"

#include "backends/llvm/GlobalOptions.h"

#include "mlir/Target/LLVMIR/Dialect/Builtin/BuiltinToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/LLVMIR/LLVMToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Export.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/CodeGen/CodeGenTargetMachineImpl.h"
#include "llvm/CodeGen/MachineModuleInfo.h"
#include "llvm/CodeGen/Passes.h"
#include "llvm/CodeGen/TargetPassConfig.h"
#include "llvm/IR/DiagnosticInfo.h"
#include "llvm/IR/DiagnosticPrinter.h"
#include "llvm/IR/LegacyPassManager.h"
#include "llvm/IR/Module.h"
#include "llvm/IR/OptBisect.h"
#include "llvm/IR/Verifier.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Passes/PassBuilder.h"
#include "llvm/Support/raw_ostream.h"
#include "llvm/Target/TargetMachine.h"
#include "llvm/Target/TargetOptions.h"
#include "llvm/Transforms/Utils/Cloning.h"

#include <shared_mutex>

using namespace mlir;
using namespace heed;

void heed::prepareMachineTranslation(MLIRContext &context) {
  DialectRegistry registry;
  registerBuiltinDialectTranslation(registry);
  registerLLVMDialectTranslation(registry);
  context.appendDialectRegistry(registry);
}

static std::unique_ptr<llvm::TargetMachine> createTargetMachine(const Machine &machine, std::string &error) {
  llvm::Triple triple(machine.triple);
  const llvm::Target *target = llvm::TargetRegistry::lookupTarget(triple, error);
  if (!target)
    return nullptr;
  llvm::TargetOptions options;
  options.AllowFPOpFusion = machine.fusesProducts ? llvm::FPOpFusion::Standard : llvm::FPOpFusion::Strict;
  return std::unique_ptr<llvm::TargetMachine>(target->createTargetMachine(
      triple, machine.chip, machine.features, options, llvm::Reloc::PIC_, std::nullopt, machine.effort));
}

/// Loops are left as the lowering wrote them: it has unrolled what fits the registers, and more would not.
static void optimise(llvm::Module &module, const Machine &machine, llvm::TargetMachine &target) {
  llvm::PipelineTuningOptions tuning;
  tuning.LoopUnrolling = false;
  llvm::PassBuilder builder(&target, tuning);
  llvm::LoopAnalysisManager loops;
  llvm::FunctionAnalysisManager functions;
  llvm::CGSCCAnalysisManager graphs;
  llvm::ModuleAnalysisManager modules;
  builder.registerModuleAnalyses(modules);
  builder.registerCGSCCAnalyses(graphs);
  builder.registerFunctionAnalyses(functions);
  builder.registerLoopAnalyses(loops);
  builder.crossRegisterProxies(loops, functions, graphs, modules);
  if (machine.optimise)
    machine.optimise(module, modules);
  else
    builder.buildPerModuleDefaultPipeline(llvm::OptimizationLevel::O3).run(module, modules);
}

/// Keeps LLVM's errors as text; by itself it would print them and end the process.
static void keepErrors(const llvm::DiagnosticInfo *info, void *errors) {
  if (info->getSeverity() != llvm::DS_Error)
    return;
  llvm::raw_string_ostream stream(*static_cast<std::string *>(errors));
  llvm::DiagnosticPrinterRawOStream printer(stream);
  info->print(printer);
  stream << "; ";
}

namespace {
/// Leaves out of code generation, for long functions, what takes the square of their length: comparing loads with each
/// other once more, and finding sums that differ by a constant.
class ThriftyGeneration : public llvm::OptPassGate {
public:
  explicit ThriftyGeneration(bool isThrifty) : isThrifty(isThrifty) {}
  void measure(const llvm::Module &module) {
    for (const llvm::Function &function : module)
      if (function.getInstructionCount() > mostInstructions)
        longFunctions.insert(("function (" + function.getName() + ")").str());
  }
  bool isEnabled() const override { return isThrifty; }
  bool shouldRunPass(StringRef pass, StringRef unit) const override {
    return (pass != "gvn" && pass != "slsr") || !longFunctions.contains(unit);
  }

private:
  static constexpr unsigned mostInstructions = 6000;
  bool isThrifty;
  llvm::StringSet<> longFunctions;
};
} // namespace

struct MachineCode::State {
  explicit State(bool isThrifty) : gate(isThrifty) { context.setOptPassGate(gate); }

  ThriftyGeneration gate;
  ModuleOp source;
  bool sinks = true;
  std::string errors; ///< of LLVM, so far
  llvm::LLVMContext context;
  std::unique_ptr<llvm::TargetMachine> target;
  std::unique_ptr<llvm::Module> module;
};

MachineCode::MachineCode(std::unique_ptr<State> state) : state(std::move(state)) {}
MachineCode::MachineCode(MachineCode &&) = default;
MachineCode::~MachineCode() = default;

/// A device has no library that kernels could call.
static LogicalResult checkUndefined(ModuleOp source, const llvm::Module &module) {
  for (const llvm::Function &function : module)
    if (function.isDeclaration() && !function.isIntrinsic())
      return source.emitError("compiled kernels would call ") << function.getName() << ", which no device has";
  return success();
}

FailureOr<MachineCode> MachineCode::generate(ModuleOp source, const Machine &machine,
                                             llvm::function_ref<void(llvm::Module &)> annotate) {
  std::shared_lock lock(globalOptions());
  auto state = std::make_unique<State>(machine.isThrifty);
  state->source = source;
  state->sinks = machine.sinks;
  state->context.setDiagnosticHandlerCallBack(keepErrors, &state->errors);
  state->module = translateModuleToLLVMIR(source, state->context, "heed");
  if (!state->module)
    return source.emitError("cannot translate the compiled kernels to LLVM IR");
  std::string error;
  state->target = createTargetMachine(machine, error);
  if (!state->target)
    return source.emitError("no code generator for ") << machine.triple << ": " << error;
  llvm::Module &module = *state->module;
  module.setTargetTriple(state->target->getTargetTriple());
  module.setDataLayout(state->target->createDataLayout());
  annotate(module);
  llvm::raw_string_ostream report(error);
  if (llvm::verifyModule(module, &report))
    return source.emitError("the compiled kernels are not valid LLVM IR: ") << error;
  optimise(module, machine, *state->target);
  state->gate.measure(module);
  if (failed(checkUndefined(source, module)))
    return failure();
  return MachineCode(std::move(state));
}

void MachineCode::annotate(llvm::function_ref<void(llvm::Function &)> change) {
  for (llvm::Function &function : *state->module)
    if (!function.isDeclaration())
      change(function);
}

std::string MachineCode::printLlvm() const {
  std::string text;
  llvm::raw_string_ostream(text) << *state->module;
  return text;
}

/// What TargetMachine::addPassesToEmitFile adds, but for the pass that sinks instructions. Returns whether it failed.
static bool addPassesButSinking(llvm::TargetMachine &machine, llvm::legacy::PassManager &passes,
                                llvm::raw_pwrite_stream &stream, llvm::CodeGenFileType kind) {
  auto &target = static_cast<llvm::CodeGenTargetMachineImpl &>(machine); // as all of LLVM's are that generate code
  llvm::TargetPassConfig *config = target.createPassConfig(passes);
  config->setDisableVerify(true);
  config->disablePass(&llvm::MachineSinkingLegacyID);
  passes.add(config);
  auto *modules = new llvm::MachineModuleInfoWrapperPass(&target);
  passes.add(modules);
  if (config->addISelPasses())
    return true;
  config->addMachinePasses();
  config->setInitialized();
  if (target.addAsmPrinter(passes, stream, nullptr, kind, modules->getMMI().getContext()))
    return true;
  passes.add(llvm::createFreeMachineFunctionPass());
  return false;
}

/// Code generation changes the module, so each time it gets one of its own.
static FailureOr<std::string> emitFile(ModuleOp source, const llvm::Module &module, llvm::TargetMachine &target,
                                       bool sinks, std::string &errors, llvm::CodeGenFileType kind) {
  std::shared_lock lock(globalOptions());
  llvm::SmallVector<char, 0> bytes;
  llvm::raw_svector_ostream stream(bytes);
  llvm::legacy::PassManager passes;
  if (sinks ? target.addPassesToEmitFile(passes, stream, nullptr, kind)
            : addPassesButSinking(target, passes, stream, kind))
    return source.emitError("the code generator of ")
           << target.getTargetTriple().str() << " cannot write "
           << (kind == llvm::CodeGenFileType::ObjectFile ? "object files" : "assembly");
  passes.run(*llvm::CloneModule(module));
  if (!errors.empty())
    return source.emitError("cannot generate code: ") << StringRef(errors).drop_back(2);
  return std::string(bytes.data(), bytes.size());
}

FailureOr<std::string> MachineCode::assembly() const {
  return emitFile(state->source, *state->module, *state->target, state->sinks, state->errors,
                  llvm::CodeGenFileType::AssemblyFile);
}

FailureOr<std::string> MachineCode::object() const {
  return emitFile(state->source, *state->module, *state->target, state->sinks, state->errors,
                  llvm::CodeGenFileType::ObjectFile);
}
