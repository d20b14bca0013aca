// The Vulkan library and an instance of it, with the validation layer where HEED_VULKAN_VALIDATION asks for it.
#ifndef HEED_BACKENDS_VULKAN_DRIVER_VULKANINSTANCE_H
#define HEED_BACKENDS_VULKAN_DRIVER_VULKANINSTANCE_H

#include "runtime/Status.h"

#include <volk.h>

#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace heed::rt {

/// Whether an environment variable is there and neither empty nor 0.
bool isSwitchedOn(const char *variable);

/// "out of device memory" for VK_ERROR_OUT_OF_DEVICE_MEMORY and so on.
std::string describe(VkResult result);
/// The failure of a Vulkan function that is no loss of the device.
Status vulkanFailure(VkResult result, std::string_view function);

/// Functions of an instance. Volk's globals are not used for them: they belong to the instance loaded last.
struct VulkanInstanceTable {
#define HEED_VULKAN_INSTANCE_FUNCTIONS(function)                                                                       \
  function(vkCreateDevice);                                                                                            \
  function(vkDestroyInstance);                                                                                         \
  function(vkEnumerateDeviceExtensionProperties);                                                                      \
  function(vkEnumeratePhysicalDevices);                                                                                \
  function(vkGetPhysicalDeviceFeatures2);                                                                              \
  function(vkGetPhysicalDeviceMemoryProperties);                                                                       \
  function(vkGetPhysicalDeviceProperties);                                                                             \
  function(vkGetPhysicalDeviceProperties2);                                                                            \
  function(vkGetPhysicalDeviceQueueFamilyProperties)
#define HEED_VULKAN_DECLARE(name) PFN_##name name = nullptr
  HEED_VULKAN_INSTANCE_FUNCTIONS(HEED_VULKAN_DECLARE);
#undef HEED_VULKAN_DECLARE
};

/// What the validation layer said. Every message is an error of ours.
class ValidationMessages {
public:
  void add(const char *text);
  /// Fails once for the messages since the last call.
  Status take();

private:
  std::atomic<uint32_t> unseen = 0;
  std::mutex lock;
  std::string first;
};

class VulkanInstance {
public:
  /// Fails with Code::noDriver when there is no Vulkan library or no device's driver.
  static Status create(std::shared_ptr<VulkanInstance> &instance);
  /// The host's instance, which stays the host's.
  static Status share(VkInstance handle, std::shared_ptr<VulkanInstance> &instance);
  ~VulkanInstance();

  std::vector<VkPhysicalDevice> devices() const;
  VkInstance get() const { return handle; }

  VulkanInstanceTable vk;
  /// Null when the validation layer is off.
  std::unique_ptr<ValidationMessages> messages;

private:
  void loadFunctions();

  bool shared = false;
  VkInstance handle = VK_NULL_HANDLE;
  VkDebugUtilsMessengerEXT messenger = VK_NULL_HANDLE;
};

} // namespace heed::rt

#endif // HEED_BACKENDS_VULKAN_DRIVER_VULKANINSTANCE_H
