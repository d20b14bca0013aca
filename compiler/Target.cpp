#include "compiler/Target.h"

#include "backends/cpu/CpuBackend.h"
#include "backends/cuda/CudaBackend.h"
#include "backends/cuda/CudaChips.h"
#include "backends/rocm/RocmBackend.h"
#include "backends/rocm/RocmChips.h"
#include "backends/vulkan/VulkanBackend.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"

namespace heed {

static std::vector<std::unique_ptr<Backend>> createCpuBackends(llvm::StringRef) {
  std::vector<std::unique_ptr<Backend>> backends;
  backends.push_back(createCpuBackend());
  return backends;
}

llvm::ArrayRef<TargetKind> targetKinds() {
  static const std::string cudaChips = cuda::cudaChipNames(), rocmChips = rocm::rocmChipNames();
  static const TargetKind kinds[] = {{"cpu", "", createCpuBackends},
                                     {"cuda", cudaChips, createCudaBackends},
                                     {"rocm", rocmChips, createRocmBackends},
                                     {"vulkan", vulkanChips, createVulkanBackends}};
  return kinds;
}

std::vector<std::unique_ptr<Backend>> createBackends(llvm::StringRef target, std::string &error) {
  auto [name, chip] = target.split(':');
  const TargetKind *kind = llvm::find_if(targetKinds(), [&](const TargetKind &each) { return each.name == name; });
  if (kind == targetKinds().end()) {
    error = ("unknown target '" + target + "'; this build knows: " + targetNames()).str();
    return {};
  }
  std::vector<std::unique_ptr<Backend>> backends;
  if (chip.empty() ? target == name : !kind->chips.empty())
    backends = kind->createBackends(chip);
  if (backends.empty())
    error = ("target '" + target + "': " + name +
             (kind->chips.empty() ? " takes no chip" : " knows these chips: " + kind->chips))
                .str();
  return backends;
}

std::string targetNames() {
  return llvm::join(llvm::map_range(targetKinds(), [](const TargetKind &kind) { return kind.name; }), ", ");
}

std::vector<std::string> printableLevels(const Backend &backend) {
  std::vector<std::string> levels = {"attn", "tile"};
  for (llvm::StringRef level : backend.codeLevels())
    levels.push_back(level.str());
  return levels;
}

std::string checkLevel(llvm::StringRef level, const Backend &backend) {
  std::vector<std::string> levels = printableLevels(backend);
  if (llvm::is_contained(levels, level))
    return {};
  return ("target '" + backend.name() + "' has no level '" + level + "'; --emit takes " + llvm::join(levels, ", "))
      .str();
}

} // namespace heed
