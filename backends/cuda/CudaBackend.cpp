#include "backends/cuda/CudaBackend.h"

#include "backends/cuda/CudaChips.h"
#include "backends/cuda/CudaLowering.h"
#include "backends/cuda/Ptxas.h"
#include "backends/llvm/MachineCode.h"
#include "backends/simt/CheckKernels.h"
#include "backends/simt/SimtBackend.h"

#include "llvm/Support/TargetSelect.h"

#include <mutex>

using namespace mlir;
using namespace heed;
using namespace heed::cuda;

namespace {

class CudaBackend : public simt::SimtBackend {
public:
  explicit CudaBackend(const CudaChip &chip) : chip(chip), target(describe(chip)) {}

  StringRef name() const override { return "cuda"; }
  std::vector<std::string> features() const override { return {chip.name.str()}; }
  ArrayRef<simt::SimtTarget> chips() const override { return target; }
  void prepareGeneration(MLIRContext &context) const override;
  FailureOr<std::vector<simt::GeneratedImage>> generate(ModuleOp kernels, const simt::SimtTarget &target,
                                                        StringRef dumpDirectory) const override;
  ArrayRef<StringRef> codeLevels() const override {
    static constexpr StringRef levels[] = {"llvm", "ptx"};
    return levels;
  }
  FailureOr<std::string> print(ModuleOp kernels, const simt::SimtTarget &target, StringRef level) const override;

private:
  FailureOr<MachineCode> lower(ModuleOp kernels) const;
  std::optional<Cubin> assemble(ModuleOp kernels, StringRef ptx, bool mayBeThrifty) const;

  const CudaChip &chip;
  simt::SimtTarget target;
};

} // namespace

void CudaBackend::prepareGeneration(MLIRContext &context) const {
  static std::once_flag once;
  std::call_once(once, [] {
    LLVMInitializeNVPTXTargetInfo();
    LLVMInitializeNVPTXTarget();
    LLVMInitializeNVPTXTargetMC();
    LLVMInitializeNVPTXAsmPrinter();
  });
  simt::loadLlvmDialects(context);
  prepareMachineTranslation(context);
}

FailureOr<MachineCode> CudaBackend::lower(ModuleOp kernels) const {
  if (failed(simt::checkKernels(kernels, target)) || failed(simt::lowerSimtToLlvm(kernels, CudaLowering(target))))
    return failure();
  Machine machine{"nvptx64-nvidia-cuda", chip.name.str(), "+ptx" + std::to_string(chip.ptx)};
  machine.isThrifty = true;
  return MachineCode::generate(kernels, machine, annotateKernels);
}

/// What a lane keeps in memory at most where thrift may help: 16 registers.
constexpr int64_t mostThriftBytes = 64;

/// Without an assembler, or with one that does not know the chip, the driver of the device has to do its work.
std::optional<Cubin> CudaBackend::assemble(ModuleOp kernels, StringRef ptx, bool mayBeThrifty) const {
  std::string assembler = findPtxas(), message;
  if (assembler.empty())
    return std::nullopt;
  FailureOr<Cubin> cubin = assemblePtx(kernels, assembler, ptx, chip.name, RegisterThrift::Usual, message);
  // A kernel may only just not fit its registers; of those that lack more, thrift saves nothing.
  if (succeeded(cubin) && !cubin->warnings.empty() && mayBeThrifty && cubin->localBytes() <= mostThriftBytes) {
    FailureOr<Cubin> thrifty = assemblePtx(kernels, assembler, ptx, chip.name, RegisterThrift::Greater, message);
    if (succeeded(thrifty) && thrifty->warnings.empty())
      cubin = std::move(thrifty);
  }
  if (failed(cubin)) {
    kernels.emitWarning("no code for ") << chip.name << " but PTX: " << assembler << ": " << message;
    return std::nullopt;
  }
  return std::move(*cubin);
}

FailureOr<std::vector<simt::GeneratedImage>> CudaBackend::generate(ModuleOp kernels, const simt::SimtTarget &,
                                                                   StringRef) const {
  // Asking it for thrift changes nothing where warps hand over registers.
  bool mayBeThrifty = !kernels.walk([](simt::SetRegistersOp) { return WalkResult::interrupt(); }).wasInterrupted();
  FailureOr<MachineCode> code = lower(kernels);
  if (failed(code))
    return failure();
  FailureOr<std::string> ptx = code->assembly();
  if (failed(ptx))
    return failure();
  std::vector<simt::GeneratedImage> images;
  // Names that end in a letter stand for one architecture alone, to which PTX of them is bound too.
  std::string binary = (llvm::isDigit(chip.name.back()) ? "cubin_" : "") + chip.name.str();
  if (std::optional<Cubin> cubin = assemble(kernels, *ptx, mayBeThrifty)) {
    images.push_back({{{binary}, rt::CodeFormat::cubin, std::move(cubin->bytes)}, std::move(cubin->facts)});
    if (!cubin->warnings.empty())
      images.back().warning = ("the assembler for " + chip.name + " says: " + StringRef(cubin->warnings).rtrim()).str();
  }
  images.push_back({{features(), rt::CodeFormat::ptx, std::move(*ptx)}});
  return images;
}

FailureOr<std::string> CudaBackend::print(ModuleOp kernels, const simt::SimtTarget &, StringRef level) const {
  FailureOr<MachineCode> code = lower(kernels);
  if (failed(code))
    return failure();
  bool isLlvm = level == "llvm";
  FailureOr<std::string> text = isLlvm ? code->printLlvm() : code->assembly();
  if (failed(text))
    return failure();
  return ((isLlvm ? "; cuda " : "// cuda ") + chip.name + "\n").str() + *text;
}

std::vector<std::unique_ptr<Backend>> heed::createCudaBackends(StringRef name) {
  std::vector<std::unique_ptr<Backend>> backends;
  if (const CudaChip *chip = findCudaChip(name.empty() ? "sm_80" : name))
    backends.push_back(std::make_unique<CudaBackend>(*chip));
  return backends;
}
