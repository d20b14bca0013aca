// What a Vulkan device can do, and what of it is switched on.
#ifndef HEED_BACKENDS_VULKAN_DRIVER_VULKANFEATURES_H
#define HEED_BACKENDS_VULKAN_DRIVER_VULKANFEATURES_H

#include "backends/vulkan/driver/VulkanInstance.h"
#include "runtime/Driver.h"

namespace heed::rt {

/// The structures vkCreateDevice and vkGetPhysicalDeviceFeatures2 want, one behind the other.
struct VulkanFeatureChain {
  VkPhysicalDeviceFeatures2 core = {VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2};
  VkPhysicalDeviceVulkan11Features v11 = {VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_1_FEATURES};
  VkPhysicalDeviceVulkan12Features v12 = {VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_FEATURES};
  VkPhysicalDeviceVulkan13Features v13 = {VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_3_FEATURES};

  /// Links the structures of this copy.
  VkPhysicalDeviceFeatures2 *link();
};

struct VulkanLimits {
  uint32_t subgroupMinimum = 0, subgroupMaximum = 0;
  bool subgroupSizeCanBeRequired = false;
  uint64_t bufferBytes = 0; // of one allocation
  uint32_t groupsX = 0, groupsY = 0;
  uint32_t threads = 0;        // of a workgroup
  double timestampSeconds = 0; // of one tick
  uint32_t timestampBits = 0;  // 0: the queues have no clock
  uint32_t queueFamily = 0;
  uint32_t queues = 0; // of the family
};

struct VulkanDescription {
  DeviceInfo info;
  VulkanLimits limits;
  VulkanFeatureChain enabled;
  /// The processor reaches device memory at full speed: uploads and downloads are plain copies.
  bool sharesHostMemory = false;
  /// Its loops end by themselves, without a word, after so many rounds of an invocation: kernels watch that they did
  /// not.
  bool endsLoops = false;
  /// Why the device cannot be used, if it cannot.
  Status usable;
};

/// Whether the queues of a family compute, which then are those to use.
bool useQueueFamily(const VulkanInstance &instance, VkPhysicalDevice device, uint32_t family, VulkanLimits &limits);

VulkanDescription describeVulkan(const VulkanInstance &instance, VkPhysicalDevice device, uint32_t index);

} // namespace heed::rt

#endif // HEED_BACKENDS_VULKAN_DRIVER_VULKANFEATURES_H
