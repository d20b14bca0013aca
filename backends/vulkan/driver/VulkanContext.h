// Launches and strided copies on a Vulkan device.
#ifndef HEED_BACKENDS_VULKAN_DRIVER_VULKANCONTEXT_H
#define HEED_BACKENDS_VULKAN_DRIVER_VULKANCONTEXT_H

#include "backends/vulkan/driver/VulkanDevice.h"

#include <vector>

namespace heed::rt {

class VulkanContext : public DriverContext {
public:
  explicit VulkanContext(VulkanDevice &device) : device(device) {}

  Status launch(DriverQueue &queue, const Launch &launch) override;
  Status copy(DriverQueue &queue, const StridedCopy &copy) override;
  bool canRecord(DriverQueue &) override { return true; }
  Status beginRecording(DriverQueue &queue) override;
  Status endRecording(DriverQueue &queue, std::unique_ptr<DriverRecording> &recording) override;
  Status replay(DriverQueue &queue, const DriverRecording &recording) override;

private:
  VulkanDevice &device;
  std::vector<uint64_t> words;
  std::vector<VkBufferCopy> regions;
};

} // namespace heed::rt

#endif // HEED_BACKENDS_VULKAN_DRIVER_VULKANCONTEXT_H
