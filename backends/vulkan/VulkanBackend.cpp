#include "backends/vulkan/VulkanBackend.h"

#include "backends/simt/CheckKernels.h"
#include "backends/simt/SimtBackend.h"
#include "backends/vulkan/SpirvModule.h"
#include "dialects/simt/Simt.h"

#include "mlir/Dialect/SPIRV/IR/SPIRVDialect.h"

#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;
using namespace heed;
using namespace heed::vulkan;

namespace {

class VulkanBackend : public simt::SimtBackend {
public:
  /// `lanes` in a subgroup. The other limits are those that every device has which is meant. Workgroups of narrow
  /// subgroups have more of them, so that a lane's share of a tile, and with it the program, stays small.
  explicit VulkanBackend(int64_t lanes) {
    target.chip = "subgroup" + std::to_string(lanes);
    target.lanes = lanes;
    target.maximumThreads = 1024;
    target.sharedBytes = 32768;
    target.sharedGranularity = 4;
    // Narrow subgroups are CPUs, where a lane is an element of a vector register already.
    target.vectorBytes = lanes < 16 ? 4 : 16;
    target.warps = 128 / lanes;
  }

  StringRef name() const override { return "vulkan"; }
  std::vector<std::string> features() const override { return {target.chip}; }
  ArrayRef<simt::SimtTarget> chips() const override { return target; }
  void prepareGeneration(MLIRContext &context) const override { context.loadDialect<spirv::SPIRVDialect>(); }
  /// The features of a module are asked for by all of it, and layers add up the workgroup memory of all entry points.
  bool wantsImagePerKernel() const override { return true; }
  FailureOr<std::vector<simt::GeneratedImage>> generate(ModuleOp kernels, const simt::SimtTarget &chip,
                                                        StringRef dumpDirectory) const override;
  ArrayRef<StringRef> codeLevels() const override;
  FailureOr<std::string> print(ModuleOp kernels, const simt::SimtTarget &chip, StringRef level) const override;

private:
  simt::SimtTarget target;
};

} // namespace

static std::string printModule(spirv::ModuleOp module) {
  std::string text;
  llvm::raw_string_ostream stream(text);
  module->print(stream, OpPrintingFlags().useLocalScope());
  return text + "\n";
}

static FailureOr<OwningOpRef<spirv::ModuleOp>> convert(ModuleOp kernels, const simt::SimtTarget &chip) {
  if (failed(simt::checkKernels(kernels, chip)))
    return failure();
  return convertToSpirv(kernels);
}

FailureOr<std::vector<simt::GeneratedImage>> VulkanBackend::generate(ModuleOp kernels, const simt::SimtTarget &chip,
                                                                     StringRef dumpDirectory) const {
  std::string dumpName = "vulkan-" + chip.chip;
  if (auto names = kernels.getOps<simt::KernelOp>(); llvm::hasSingleElement(names))
    dumpName += "-" + (*names.begin()).getSymName().str();
  FailureOr<OwningOpRef<spirv::ModuleOp>> module = convert(kernels, chip);
  if (failed(module))
    return failure();
  if (!dumpDirectory.empty())
    simt::dumpText(dumpDirectory, dumpName + ".mlir", printModule(**module));
  FailureOr<std::string> words = serialise(**module);
  if (failed(words))
    return failure();
  simt::dumpText(dumpDirectory, dumpName + ".spv", *words);
  std::vector<std::string> features = neededFeatures(**module);
  features.insert(features.begin(), chip.chip);
  return std::vector<simt::GeneratedImage>{{{std::move(features), rt::CodeFormat::spirv, std::move(*words)}}};
}

ArrayRef<StringRef> VulkanBackend::codeLevels() const {
  static constexpr StringRef levels[] = {"spirv"};
  return levels;
}

FailureOr<std::string> VulkanBackend::print(ModuleOp kernels, const simt::SimtTarget &chip, StringRef) const {
  FailureOr<OwningOpRef<spirv::ModuleOp>> module = convert(kernels, chip);
  if (failed(module))
    return failure();
  return "// " + name().str() + " " + chip.chip + "\n" + printModule(**module);
}

std::vector<std::unique_ptr<Backend>> heed::createVulkanBackends(StringRef chip) {
  std::vector<std::unique_ptr<Backend>> backends;
  for (int64_t lanes : {64, 32, 16, 8})
    // Hardware with subgroups of 16 has others, too.
    if (chip.empty() ? lanes != 16 : chip == std::to_string(lanes))
      backends.push_back(std::make_unique<VulkanBackend>(lanes));
  return backends;
}
