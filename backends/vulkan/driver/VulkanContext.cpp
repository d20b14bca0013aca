#include "backends/vulkan/driver/VulkanContext.h"

#include "backends/vulkan/driver/VulkanKernel.h"
#include "backends/vulkan/driver/VulkanQueue.h"
#include "runtime/CopyBlocks.h"
#include "runtime/KernelWords.h"

#include <limits>

namespace heed::rt {

/// Regions of one copy command.
static constexpr size_t mostRegions = 4096;

static VulkanQueue &queueOf(DriverQueue &queue) { return static_cast<VulkanQueue &>(queue); }

/// Workgroups are counted along x. Where that dimension is too short they go over y too, and there are some more than
/// programs; kernels leave those idle.
static Status splitGrid(const std::array<int64_t, 3> &grid, const VulkanLimits &limits,
                        std::array<uint32_t, 2> &groups) {
  int64_t total = grid[0] * grid[1] * grid[2];
  int64_t rows = (total + limits.groupsX - 1) / limits.groupsX;
  if (total > std::numeric_limits<int32_t>::max() || rows > limits.groupsY)
    return error(Code::unsupported, "a grid of ", total, " programs is more than this device takes");
  groups = {static_cast<uint32_t>((total + rows - 1) / rows), static_cast<uint32_t>(rows)};
  return {};
}

Status VulkanContext::launch(DriverQueue &queue, const Launch &launch) {
  std::array<uint32_t, 2> groups;
  HEED_TRY(splitGrid(launch.grid, device.limits(), groups).within("kernel '", launch.name, "'"));
  words.resize(kernelWordCount(launch));
  packKernelWords(device, launch, words);
  return queueOf(queue).launch(static_cast<const VulkanKernel *>(launch.kernel)->pipeline, words, groups, launch.name);
}

Status VulkanContext::copy(DriverQueue &queue, const StridedCopy &copy) {
  const VulkanAllocation &source = allocationOf(copy.source), &destination = allocationOf(copy.destination);
  regions.clear();
  auto flush = [&]() -> Status {
    if (!regions.empty())
      HEED_TRY(queueOf(queue).copy(source.buffer, destination.buffer, regions));
    regions.clear();
    return {};
  };
  HEED_TRY(forEachCopyBlock(copy, [&](const CopyBlock &block) -> Status {
    for (uint64_t row = 0; row < block.height; ++row) {
      regions.push_back({source.offset + block.source.offset + row * block.sourcePitch,
                         destination.offset + block.destination.offset + row * block.destinationPitch, block.width});
      if (regions.size() == mostRegions)
        HEED_TRY(flush());
    }
    return {};
  }));
  return flush();
}

Status VulkanContext::beginRecording(DriverQueue &queue) { return queueOf(queue).beginRecording(); }

Status VulkanContext::endRecording(DriverQueue &queue, std::unique_ptr<DriverRecording> &recording) {
  return queueOf(queue).endRecording(recording);
}

Status VulkanContext::replay(DriverQueue &queue, const DriverRecording &recording) {
  return queueOf(queue).replay(static_cast<const VulkanRecording &>(recording));
}

} // namespace heed::rt
