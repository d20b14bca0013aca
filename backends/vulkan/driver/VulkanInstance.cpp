#include "backends/vulkan/driver/VulkanInstance.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <dlfcn.h>

namespace heed::rt {

bool isSwitchedOn(const char *variable) {
  const char *value = std::getenv(variable);
  return value && *value && std::strcmp(value, "0") != 0;
}

std::string describe(VkResult result) {
  switch (result) {
  case VK_ERROR_OUT_OF_HOST_MEMORY:
    return "out of host memory";
  case VK_ERROR_OUT_OF_DEVICE_MEMORY:
    return "out of device memory";
  case VK_ERROR_INITIALIZATION_FAILED:
    return "initialisation failed";
  case VK_ERROR_DEVICE_LOST:
    return "device lost";
  case VK_ERROR_TOO_MANY_OBJECTS:
    return "too many memory allocations";
  case VK_ERROR_LAYER_NOT_PRESENT:
    return "layer not present";
  case VK_ERROR_INCOMPATIBLE_DRIVER:
    return "incompatible driver";
  default:
    return concat("VkResult ", static_cast<int>(result));
  }
}

Status vulkanFailure(VkResult result, std::string_view function) {
  bool memory = result == VK_ERROR_OUT_OF_HOST_MEMORY || result == VK_ERROR_OUT_OF_DEVICE_MEMORY ||
                result == VK_ERROR_TOO_MANY_OBJECTS;
  return error(memory ? Code::outOfMemory : Code::internal, function, ": ", describe(result));
}

void ValidationMessages::add(const char *text) {
  std::fprintf(stderr, "heed: Vulkan validation: %s\n", text);
  std::scoped_lock guard(lock);
  if (first.empty())
    first = text;
  unseen.fetch_add(1, std::memory_order_release);
}

Status ValidationMessages::take() {
  if (unseen.load(std::memory_order_acquire) == 0)
    return {};
  std::scoped_lock guard(lock);
  Status status = error(Code::internal, unseen.exchange(0), " messages of the Vulkan validation layer, first: ", first);
  first.clear();
  return status;
}

/// The library stays open: several instances share it, and drivers do not like to be unloaded.
static Status loadLibrary() {
  static std::mutex lock;
  static void *library = nullptr;
  std::scoped_lock guard(lock);
  if (library)
    return {};
  const char *given = std::getenv("HEED_VULKAN_LIBRARY");
  const char *name = given && *given ? given : "libvulkan.so.1";
  void *opened = dlopen(name, RTLD_NOW | RTLD_LOCAL);
  if (!opened)
    return error(Code::noDriver, "the Vulkan loader ", name,
                 " cannot be opened; install it (Debian: libvulkan1) and the driver of the device");
  auto entry = reinterpret_cast<PFN_vkGetInstanceProcAddr>(dlsym(opened, "vkGetInstanceProcAddr"));
  if (!entry) {
    dlclose(opened);
    return error(Code::noDriver, name, " is no Vulkan loader: it lacks vkGetInstanceProcAddr");
  }
  volkInitializeCustom(entry);
  library = opened;
  return {};
}

static VKAPI_ATTR VkBool32 VKAPI_CALL takeMessage(VkDebugUtilsMessageSeverityFlagBitsEXT,
                                                  VkDebugUtilsMessageTypeFlagsEXT,
                                                  const VkDebugUtilsMessengerCallbackDataEXT *data, void *messages) {
  static_cast<ValidationMessages *>(messages)->add(data->pMessage ? data->pMessage : "(no text)");
  return VK_FALSE;
}

static Status checkVersion() {
  uint32_t version = volkGetInstanceVersion();
  if (version >= VK_API_VERSION_1_3)
    return {};
  return error(Code::noDriver, "the Vulkan loader has version ", VK_API_VERSION_MAJOR(version), ".",
               VK_API_VERSION_MINOR(version), ", 1.3 is needed");
}

static Status checkLayer(const char *layer) {
  uint32_t count = 0;
  vkEnumerateInstanceLayerProperties(&count, nullptr);
  std::vector<VkLayerProperties> layers(count);
  vkEnumerateInstanceLayerProperties(&count, layers.data());
  if (std::any_of(layers.begin(), layers.end(),
                  [&](const VkLayerProperties &entry) { return std::strcmp(entry.layerName, layer) == 0; }))
    return {};
  return error(Code::noDriver, "HEED_VULKAN_VALIDATION is set, but the layer ", layer,
               " is not installed (Debian: vulkan-validationlayers)");
}

void VulkanInstance::loadFunctions() {
#define HEED_VULKAN_LOAD(name) vk.name = reinterpret_cast<PFN_##name>(vkGetInstanceProcAddr(handle, #name))
  HEED_VULKAN_INSTANCE_FUNCTIONS(HEED_VULKAN_LOAD);
#undef HEED_VULKAN_LOAD
  // Device functions are found through the loader's own vkGetDeviceProcAddr, which serves every instance.
  static std::once_flag once;
  std::call_once(once, [&] {
    vkGetDeviceProcAddr =
        reinterpret_cast<PFN_vkGetDeviceProcAddr>(vkGetInstanceProcAddr(handle, "vkGetDeviceProcAddr"));
  });
}

Status VulkanInstance::share(VkInstance handle, std::shared_ptr<VulkanInstance> &out) {
  HEED_TRY(loadLibrary());
  HEED_TRY(checkVersion());
  auto instance = std::make_shared<VulkanInstance>();
  instance->handle = handle;
  instance->shared = true;
  instance->loadFunctions();
  out = std::move(instance);
  return {};
}

/// The loader unloads a device's driver with its last instance, and some drivers can be loaded only so many times: one
/// bare instance stays for the process.
static void keepDriversLoaded(const VkApplicationInfo &application) {
  static VkInstance kept = VK_NULL_HANDLE;
  static std::once_flag once;
  std::call_once(once, [&] {
    VkInstanceCreateInfo create = {VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO};
    create.pApplicationInfo = &application;
    if (vkCreateInstance(&create, nullptr, &kept) != VK_SUCCESS)
      kept = VK_NULL_HANDLE; // the real one will say why
  });
}

Status VulkanInstance::create(std::shared_ptr<VulkanInstance> &out) {
  HEED_TRY(loadLibrary());
  HEED_TRY(checkVersion());
  auto instance = std::make_shared<VulkanInstance>();
  VkApplicationInfo application = {VK_STRUCTURE_TYPE_APPLICATION_INFO};
  application.pApplicationName = application.pEngineName = "heed";
  application.apiVersion = VK_API_VERSION_1_3;
  keepDriversLoaded(application);
  VkInstanceCreateInfo create = {VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO};
  create.pApplicationInfo = &application;

  static constexpr const char *layer = "VK_LAYER_KHRONOS_validation";
  static constexpr const char *extensions[] = {VK_EXT_DEBUG_UTILS_EXTENSION_NAME,
                                               VK_EXT_VALIDATION_FEATURES_EXTENSION_NAME};
  VkDebugUtilsMessengerCreateInfoEXT listen = {VK_STRUCTURE_TYPE_DEBUG_UTILS_MESSENGER_CREATE_INFO_EXT};
  listen.messageSeverity =
      VK_DEBUG_UTILS_MESSAGE_SEVERITY_WARNING_BIT_EXT | VK_DEBUG_UTILS_MESSAGE_SEVERITY_ERROR_BIT_EXT;
  listen.messageType = VK_DEBUG_UTILS_MESSAGE_TYPE_VALIDATION_BIT_EXT;
  listen.pfnUserCallback = takeMessage;
  VkValidationFeatureEnableEXT synchronisation = VK_VALIDATION_FEATURE_ENABLE_SYNCHRONIZATION_VALIDATION_EXT;
  VkValidationFeaturesEXT validation = {VK_STRUCTURE_TYPE_VALIDATION_FEATURES_EXT};
  validation.enabledValidationFeatureCount = 1;
  validation.pEnabledValidationFeatures = &synchronisation;
  if (isSwitchedOn("HEED_VULKAN_VALIDATION")) {
    HEED_TRY(checkLayer(layer));
    instance->messages = std::make_unique<ValidationMessages>();
    listen.pUserData = instance->messages.get();
    create.enabledLayerCount = 1;
    create.ppEnabledLayerNames = &layer;
    create.enabledExtensionCount = 2;
    create.ppEnabledExtensionNames = extensions;
    create.pNext = &validation;
    validation.pNext = &listen; // for what happens while the instance is made and destroyed
  }
  VkResult result = vkCreateInstance(&create, nullptr, &instance->handle);
  if (result == VK_ERROR_INCOMPATIBLE_DRIVER)
    return error(Code::noDriver, "the Vulkan loader works, but no device's Vulkan driver is installed");
  if (result != VK_SUCCESS)
    return error(Code::noDriver, "vkCreateInstance: ", describe(result));
  instance->loadFunctions();
  if (instance->messages) {
    auto createMessenger = reinterpret_cast<PFN_vkCreateDebugUtilsMessengerEXT>(
        vkGetInstanceProcAddr(instance->handle, "vkCreateDebugUtilsMessengerEXT"));
    if (!createMessenger || createMessenger(instance->handle, &listen, nullptr, &instance->messenger) != VK_SUCCESS)
      return error(Code::noDriver, "the Vulkan validation layer takes no listener");
  }
  out = std::move(instance);
  return {};
}

VulkanInstance::~VulkanInstance() {
  if (!handle || shared)
    return;
  if (messenger) {
    auto destroy = reinterpret_cast<PFN_vkDestroyDebugUtilsMessengerEXT>(
        vkGetInstanceProcAddr(handle, "vkDestroyDebugUtilsMessengerEXT"));
    destroy(handle, messenger, nullptr);
  }
  vk.vkDestroyInstance(handle, nullptr);
}

std::vector<VkPhysicalDevice> VulkanInstance::devices() const {
  uint32_t count = 0;
  vk.vkEnumeratePhysicalDevices(handle, &count, nullptr);
  std::vector<VkPhysicalDevice> list(count);
  vk.vkEnumeratePhysicalDevices(handle, &count, list.data());
  list.resize(count);
  return list;
}

} // namespace heed::rt
