#include "backends/rocm/RocmBackend.h"

#include "backends/llvm/LinkElf.h"
#include "backends/llvm/MachineCode.h"
#include "backends/rocm/CodeObject.h"
#include "backends/rocm/RocmChips.h"
#include "backends/rocm/RocmLowering.h"
#include "backends/simt/CheckKernels.h"
#include "backends/simt/SimtBackend.h"

#include "llvm/IR/Module.h"
#include "llvm/Support/TargetSelect.h"

#include <mutex>

using namespace mlir;
using namespace heed;
using namespace heed::rocm;

namespace {

class RocmBackend : public simt::SimtBackend {
public:
  explicit RocmBackend(const RocmChip &chip) : chip(chip), target(describe(chip)) {}

  StringRef name() const override { return "rocm"; }
  std::vector<std::string> features() const override { return {chip.name.str()}; }
  ArrayRef<simt::SimtTarget> chips() const override { return target; }
  void prepareGeneration(MLIRContext &context) const override;
  FailureOr<std::vector<simt::GeneratedImage>> generate(ModuleOp kernels, const simt::SimtTarget &target,
                                                        StringRef dumpDirectory) const override;
  ArrayRef<StringRef> codeLevels() const override {
    static constexpr StringRef levels[] = {"llvm", "isa"};
    return levels;
  }
  FailureOr<std::string> print(ModuleOp kernels, const simt::SimtTarget &target, StringRef level) const override;

private:
  struct Compiled {
    MachineCode code;
    std::string object; ///< linked
    KernelFacts facts;
  };
  FailureOr<MachineCode> lower(ModuleOp kernels) const;
  FailureOr<Compiled> compileToFit(ModuleOp kernels) const;

  const RocmChip &chip;
  simt::SimtTarget target;
};

} // namespace

/// Version 5 is what ROCm 5 and later load.
static void setCodeObjectVersion(llvm::Module &module) {
  module.addModuleFlag(llvm::Module::Error, "amdhsa_code_object_version", 500);
}

void RocmBackend::prepareGeneration(MLIRContext &context) const {
  static std::once_flag once;
  std::call_once(once, [] {
    LLVMInitializeAMDGPUTargetInfo();
    LLVMInitializeAMDGPUTarget();
    LLVMInitializeAMDGPUTargetMC();
    LLVMInitializeAMDGPUAsmPrinter();
  });
  simt::loadLlvmDialects(context);
  prepareMachineTranslation(context);
}

FailureOr<MachineCode> RocmBackend::lower(ModuleOp kernels) const {
  if (failed(simt::checkKernels(kernels, target)) ||
      failed(simt::lowerSimtToLlvm(kernels, RocmLowering(chip, target.atoms))))
    return failure();
  // RDNA can also run waves of 64. Whether memory takes addresses that are not multiples of the access is up to the
  // system's setup, so code does without.
  std::string features = chip.lanes == 32 ? "+wavefrontsize32" : "+wavefrontsize64";
  features += ",-unaligned-access-mode";
  Machine machine = {"amdgcn-amd-amdhsa", chip.name.str(), features};
  // The products of a loop would move behind all of its copies, and their operands would fill the registers meanwhile.
  machine.sinks = false;
  return MachineCode::generate(kernels, machine, setCodeObjectVersion);
}

static FailureOr<std::string> link(ModuleOp kernels, const MachineCode &code) {
  FailureOr<std::string> object = code.object();
  if (failed(object))
    return failure();
  return linkElf(kernels, *object, {"--no-undefined", "--strip-all"});
}

static FailureOr<KernelFacts> readFacts(ModuleOp kernels, StringRef codeObject, StringRef chip) {
  FailureOr<KernelFacts> facts = readKernelFacts(codeObject);
  if (failed(facts))
    return kernels.emitError("the code object for ") << chip << " says nothing of its kernels";
  return facts;
}

/// How LLVM may order the instructions of kernels whose values do not fit the registers with its usual order: loads
/// nearer to their uses, by three measures. Which one does it differs from kernel to kernel.
static constexpr llvm::StringLiteral sparingOrders[] = {"iterative-maxocc", "iterative-minreg", "iterative-ilp"};

FailureOr<RocmBackend::Compiled> RocmBackend::compileToFit(ModuleOp kernels) const {
  FailureOr<MachineCode> code = lower(kernels);
  if (failed(code))
    return failure();
  FailureOr<std::string> linked = link(kernels, *code);
  if (failed(linked))
    return failure();
  FailureOr<KernelFacts> facts = readFacts(kernels, *linked, chip.name);
  for (StringRef order : sparingOrders) {
    if (failed(facts))
      return failure();
    auto overflows = [&](StringRef kernel) {
      auto found = facts->find(kernel.str());
      return found != facts->end() && found->second.localBytes != 0;
    };
    if (llvm::none_of(llvm::make_first_range(*facts), overflows))
      break;
    code->annotate([&](llvm::Function &function) {
      if (overflows(function.getName()))
        function.addFnAttr("amdgpu-sched-strategy", order);
    });
    linked = link(kernels, *code);
    if (failed(linked))
      return failure();
    facts = readFacts(kernels, *linked, chip.name);
  }
  if (failed(facts))
    return failure();
  for (const auto &[name, kernel] : *facts)
    if (kernel.localBytes != 0)
      kernels.emitWarning("on ") << chip.name << " values of '" << name << "' that do not fit the registers take "
                                 << kernel.localBytes << " bytes of memory a lane";
  return Compiled{std::move(*code), std::move(*linked), std::move(*facts)};
}

FailureOr<std::vector<simt::GeneratedImage>> RocmBackend::generate(ModuleOp kernels, const simt::SimtTarget &,
                                                                   StringRef) const {
  FailureOr<Compiled> compiled = compileToFit(kernels);
  if (failed(compiled))
    return failure();
  std::vector<simt::GeneratedImage> images;
  images.push_back({{features(), rt::CodeFormat::hsaco, std::move(compiled->object)}, std::move(compiled->facts)});
  return images;
}

FailureOr<std::string> RocmBackend::print(ModuleOp kernels, const simt::SimtTarget &, StringRef level) const {
  FailureOr<std::string> text;
  if (level == "llvm") {
    FailureOr<MachineCode> code = lower(kernels);
    if (failed(code))
      return failure();
    text = code->printLlvm();
  } else {
    FailureOr<Compiled> compiled = compileToFit(kernels);
    if (failed(compiled))
      return failure();
    text = compiled->code.assembly();
  }
  if (failed(text))
    return failure();
  return ("; rocm " + chip.name + "\n").str() + *text;
}

std::vector<std::unique_ptr<Backend>> heed::createRocmBackends(StringRef name) {
  std::vector<std::unique_ptr<Backend>> backends;
  for (const RocmChip &chip : rocmChips())
    if (name.empty() || chip.name == name)
      backends.push_back(std::make_unique<RocmBackend>(chip));
  return backends;
}
