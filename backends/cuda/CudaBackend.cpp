#include "backends/cuda/CudaBackend.h"

#include "backends/cuda/CudaChips.h"
#include "backends/cuda/CudaLowering.h"
#include "backends/cuda/Ptxas.h"
#include "backends/cuda/RedividePtx.h"
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
  FailureOr<std::vector<simt::GeneratedImage>> redivide(ModuleOp kernels, ArrayRef<simt::GeneratedImage> others,
                                                        const simt::SimtTarget &target,
                                                        StringRef dumpDirectory) const override;
  ArrayRef<StringRef> codeLevels() const override {
    static constexpr StringRef levels[] = {"llvm", "ptx"};
    return levels;
  }
  FailureOr<std::string> print(ModuleOp kernels, const simt::SimtTarget &target, StringRef level) const override;

private:
  FailureOr<MachineCode> lower(ModuleOp kernels) const;
  std::optional<Cubin> assemble(ModuleOp kernels, StringRef ptx) const;
  std::vector<simt::GeneratedImage> imagesOf(ModuleOp kernels, std::string ptx) const;

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
std::optional<Cubin> CudaBackend::assemble(ModuleOp kernels, StringRef ptx) const {
  std::string assembler = findPtxas(), message;
  if (assembler.empty())
    return std::nullopt;
  FailureOr<Cubin> cubin = assemblePtx(kernels, assembler, ptx, chip.name, RegisterThrift::Usual, message);
  // A kernel may only just not fit its registers; of those that lack more, thrift saves nothing, nor where warps hand
  // over registers.
  if (succeeded(cubin) && !cubin->warnings.empty() && !hasRoles(ptx) && cubin->localBytes() <= mostThriftBytes) {
    FailureOr<Cubin> thrifty = assemblePtx(kernels, assembler, ptx, chip.name, RegisterThrift::Greater, message);
    double seconds = cubin->seconds + (succeeded(thrifty) ? thrifty->seconds : 0);
    if (succeeded(thrifty) && thrifty->warnings.empty())
      cubin = std::move(thrifty);
    cubin->seconds = seconds;
  }
  if (failed(cubin)) {
    kernels.emitWarning("no code for ") << chip.name << " but PTX: " << assembler << ": " << message;
    return std::nullopt;
  }
  return std::move(*cubin);
}

std::vector<simt::GeneratedImage> CudaBackend::imagesOf(ModuleOp kernels, std::string ptx) const {
  std::vector<simt::GeneratedImage> images;
  // Names that end in a letter stand for one architecture alone, to which PTX of them is bound too.
  std::string binary = (llvm::isDigit(chip.name.back()) ? "cubin_" : "") + chip.name.str();
  if (std::optional<Cubin> cubin = assemble(kernels, ptx)) {
    images.push_back({{{binary}, rt::CodeFormat::cubin, std::move(cubin->bytes)}, std::move(cubin->facts)});
    images.back().assemblerSeconds = cubin->seconds;
    if (!cubin->warnings.empty())
      images.back().warning = ("the assembler for " + chip.name + " says: " + StringRef(cubin->warnings).rtrim()).str();
  }
  images.push_back({{features(), rt::CodeFormat::ptx, std::move(ptx)}});
  return images;
}

FailureOr<std::vector<simt::GeneratedImage>> CudaBackend::generate(ModuleOp kernels, const simt::SimtTarget &,
                                                                   StringRef) const {
  FailureOr<MachineCode> code = lower(kernels);
  if (failed(code))
    return failure();
  FailureOr<std::string> ptx = code->assembly();
  if (failed(ptx))
    return failure();
  return imagesOf(kernels, std::move(*ptx));
}

/// How the only kernel of a module divides its registers; none where it does not, or there are several.
static std::optional<RoleDivision> divisionOf(ModuleOp kernels) {
  if (!llvm::hasSingleElement(kernels.getOps<simt::KernelOp>()))
    return std::nullopt;
  simt::KernelOp kernel = *kernels.getOps<simt::KernelOp>().begin();
  RoleDivision division{kernel.getSymName(), 0, 0};
  kernel.walk([&](simt::SetRegistersOp op) {
    (op.getChange() == simt::RegisterChange::Increase ? division.more : division.fewer) = op.getCount();
  });
  return division.more == 0 || division.fewer == 0 ? std::nullopt : std::optional(division);
}

FailureOr<std::vector<simt::GeneratedImage>> CudaBackend::redivide(ModuleOp kernels,
                                                                   ArrayRef<simt::GeneratedImage> others,
                                                                   const simt::SimtTarget &target,
                                                                   StringRef dumpDirectory) const {
  auto isPtx = [](const simt::GeneratedImage &each) { return each.image.format == rt::CodeFormat::ptx; };
  auto *other = llvm::find_if(others, isPtx);
  std::optional<RoleDivision> division = divisionOf(kernels);
  if (division && other != others.end())
    if (std::optional<std::string> ptx = redividePtx(other->image.bytes, *division))
      return imagesOf(kernels, std::move(*ptx));
  return generate(kernels, target, dumpDirectory);
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
