#include "backends/vulkan/driver/VulkanFeatures.h"

#include <algorithm>
#include <cstring>
#include <thread>

namespace heed::rt {

VkPhysicalDeviceFeatures2 *VulkanFeatureChain::link() {
  core.pNext = &v11;
  v11.pNext = &v12;
  v12.pNext = &v13;
  v13.pNext = nullptr;
  return &core;
}

namespace {

struct PropertyChain {
  VkPhysicalDeviceProperties2 core = {VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2};
  VkPhysicalDeviceVulkan11Properties v11 = {VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_1_PROPERTIES};
  VkPhysicalDeviceVulkan12Properties v12 = {VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_PROPERTIES};
  VkPhysicalDeviceVulkan13Properties v13 = {VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_3_PROPERTIES};
  VkPhysicalDeviceShaderSMBuiltinsPropertiesNV nvidia = {
      VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SHADER_SM_BUILTINS_PROPERTIES_NV};
  VkPhysicalDeviceShaderCorePropertiesAMD amd = {VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SHADER_CORE_PROPERTIES_AMD};
};

bool hasExtension(const VulkanInstance &instance, VkPhysicalDevice device, const char *name) {
  uint32_t count = 0;
  instance.vk.vkEnumerateDeviceExtensionProperties(device, nullptr, &count, nullptr);
  std::vector<VkExtensionProperties> list(count);
  instance.vk.vkEnumerateDeviceExtensionProperties(device, nullptr, &count, list.data());
  return std::any_of(list.begin(), list.end(), [&](const VkExtensionProperties &extension) {
    return std::strcmp(extension.extensionName, name) == 0;
  });
}

void readProperties(const VulkanInstance &instance, VkPhysicalDevice device, PropertyChain &chain) {
  chain.core.pNext = &chain.v11;
  chain.v11.pNext = &chain.v12;
  chain.v12.pNext = &chain.v13;
  void **end = &chain.v13.pNext;
  if (hasExtension(instance, device, VK_NV_SHADER_SM_BUILTINS_EXTENSION_NAME)) {
    *end = &chain.nvidia;
    end = &chain.nvidia.pNext;
  }
  if (hasExtension(instance, device, VK_AMD_SHADER_CORE_PROPERTIES_EXTENSION_NAME))
    *end = &chain.amd;
  instance.vk.vkGetPhysicalDeviceProperties2(device, &chain.core);
}

std::vector<VkQueueFamilyProperties> queueFamilies(const VulkanInstance &instance, VkPhysicalDevice device) {
  uint32_t count = 0;
  instance.vk.vkGetPhysicalDeviceQueueFamilyProperties(device, &count, nullptr);
  std::vector<VkQueueFamilyProperties> families(count);
  instance.vk.vkGetPhysicalDeviceQueueFamilyProperties(device, &count, families.data());
  return families;
}

/// The family with the most queues among those that compute.
bool findQueueFamily(const VulkanInstance &instance, VkPhysicalDevice device, VulkanLimits &limits) {
  auto families = queueFamilies(instance, device);
  uint32_t best = 0, most = 0;
  for (uint32_t i = 0; i < families.size(); ++i)
    if ((families[i].queueFlags & VK_QUEUE_COMPUTE_BIT) && families[i].queueCount > most) {
      best = i;
      most = families[i].queueCount;
    }
  return most > 0 && useQueueFamily(instance, device, best, limits);
}

/// Switches on what kernels may use; everything else may cost speed and stays off. Returns the first needed feature
/// that is absent.
const char *chooseFeatures(VulkanFeatureChain &has, VulkanFeatureChain &enabled) {
  struct Feature {
    const char *name;
    VkBool32 present;
    VkBool32 &enabled;
    bool needed;
  };
  const Feature features[] = {
      {"shaderInt64", has.core.features.shaderInt64, enabled.core.features.shaderInt64, true},
      {"shaderInt16", has.core.features.shaderInt16, enabled.core.features.shaderInt16, false},
      {"shaderFloat64", has.core.features.shaderFloat64, enabled.core.features.shaderFloat64, false},
      {"storageBuffer16BitAccess", has.v11.storageBuffer16BitAccess, enabled.v11.storageBuffer16BitAccess, false},
      {"storageBuffer8BitAccess", has.v12.storageBuffer8BitAccess, enabled.v12.storageBuffer8BitAccess, false},
      {"shaderFloat16", has.v12.shaderFloat16, enabled.v12.shaderFloat16, false},
      {"shaderInt8", has.v12.shaderInt8, enabled.v12.shaderInt8, false},
      {"shaderSubgroupExtendedTypes", has.v12.shaderSubgroupExtendedTypes, enabled.v12.shaderSubgroupExtendedTypes,
       false},
      {"timelineSemaphore", has.v12.timelineSemaphore, enabled.v12.timelineSemaphore, true},
      {"bufferDeviceAddress", has.v12.bufferDeviceAddress, enabled.v12.bufferDeviceAddress, true},
      {"vulkanMemoryModel", has.v12.vulkanMemoryModel, enabled.v12.vulkanMemoryModel, false},
      {"vulkanMemoryModelDeviceScope", has.v12.vulkanMemoryModelDeviceScope, enabled.v12.vulkanMemoryModelDeviceScope,
       false},
      {"subgroupSizeControl", has.v13.subgroupSizeControl, enabled.v13.subgroupSizeControl, true},
      {"computeFullSubgroups", has.v13.computeFullSubgroups, enabled.v13.computeFullSubgroups, true},
      {"synchronization2", has.v13.synchronization2, enabled.v13.synchronization2, true},
      {"maintenance4", has.v13.maintenance4, enabled.v13.maintenance4, true},
      {"shaderIntegerDotProduct", has.v13.shaderIntegerDotProduct, enabled.v13.shaderIntegerDotProduct, false},
  };
  for (const Feature &feature : features) {
    if (feature.needed && !feature.present)
      return feature.name;
    feature.enabled = feature.present;
  }
  return nullptr;
}

void nameFeatures(const PropertyChain &properties, const VulkanFeatureChain &enabled, VulkanDescription &out) {
  auto &names = out.info.features;
  auto add = [&](VkBool32 present, const char *name) {
    if (present)
      names.insert(name);
  };
  names.insert("int64");
  add(enabled.core.features.shaderInt16, "int16");
  add(enabled.v12.shaderInt8, "int8");
  add(enabled.core.features.shaderFloat64, "float64");
  add(enabled.v12.shaderFloat16, "float16");
  add(enabled.v11.storageBuffer16BitAccess, "storage16");
  add(enabled.v12.storageBuffer8BitAccess, "storage8");
  add(enabled.v12.vulkanMemoryModel, "memory-model");
  // Kernels for a subgroup size exchange values in the subgroup.
  constexpr VkSubgroupFeatureFlags needed = VK_SUBGROUP_FEATURE_BASIC_BIT | VK_SUBGROUP_FEATURE_SHUFFLE_BIT;
  if ((properties.v11.subgroupSupportedOperations & needed) != needed ||
      !(properties.v11.subgroupSupportedStages & VK_SHADER_STAGE_COMPUTE_BIT))
    return;
  VulkanLimits &limits = out.limits;
  limits.subgroupMinimum = properties.v13.minSubgroupSize;
  limits.subgroupMaximum = properties.v13.maxSubgroupSize;
  limits.subgroupSizeCanBeRequired = properties.v13.requiredSubgroupSizeStages & VK_SHADER_STAGE_COMPUTE_BIT;
  if (limits.subgroupSizeCanBeRequired || limits.subgroupMinimum == limits.subgroupMaximum)
    for (uint32_t size = limits.subgroupMinimum; size > 0 && size <= limits.subgroupMaximum; size *= 2)
      names.insert(concat("subgroup", size));
}

int64_t countComputeUnits(const PropertyChain &properties, bool software) {
  if (software)
    return std::max(1u, std::thread::hardware_concurrency());
  if (properties.nvidia.shaderSMCount > 0)
    return properties.nvidia.shaderSMCount;
  return static_cast<int64_t>(properties.amd.shaderEngineCount) * properties.amd.shaderArraysPerEngineCount *
         properties.amd.computeUnitsPerShaderArray;
}

} // namespace

bool useQueueFamily(const VulkanInstance &instance, VkPhysicalDevice device, uint32_t family, VulkanLimits &limits) {
  auto families = queueFamilies(instance, device);
  if (family >= families.size() || !(families[family].queueFlags & VK_QUEUE_COMPUTE_BIT))
    return false;
  limits.queueFamily = family;
  limits.queues = families[family].queueCount;
  limits.timestampBits = families[family].timestampValidBits;
  return true;
}

VulkanDescription describeVulkan(const VulkanInstance &instance, VkPhysicalDevice device, uint32_t index) {
  VulkanDescription out;
  out.info.kind = "vulkan";
  out.info.index = index;
  VkPhysicalDeviceProperties core;
  instance.vk.vkGetPhysicalDeviceProperties(device, &core);
  out.info.name = core.deviceName;
  auto refuse = [&](const auto &...why) {
    out.usable = error(Code::unsupported, core.deviceName, " is left out: ", why...);
  };
  if (core.apiVersion < VK_API_VERSION_1_3) {
    refuse("its driver has Vulkan ", VK_API_VERSION_MAJOR(core.apiVersion), ".", VK_API_VERSION_MINOR(core.apiVersion),
           ", 1.3 is needed");
    return out;
  }
  PropertyChain properties;
  readProperties(instance, device, properties);
  VulkanFeatureChain has;
  instance.vk.vkGetPhysicalDeviceFeatures2(device, has.link());
  if (const char *missing = chooseFeatures(has, out.enabled)) {
    refuse("its driver lacks the feature ", missing);
    return out;
  }
  VulkanLimits &limits = out.limits;
  if (!findQueueFamily(instance, device, limits)) {
    refuse("it has no queue that computes");
    return out;
  }
  out.info.software = core.deviceType == VK_PHYSICAL_DEVICE_TYPE_CPU;
  out.sharesHostMemory = (out.info.software || core.deviceType == VK_PHYSICAL_DEVICE_TYPE_INTEGRATED_GPU) &&
                         !isSwitchedOn("HEED_VULKAN_DISCRETE");
  out.endsLoops = properties.v12.driverID == VK_DRIVER_ID_MESA_LLVMPIPE;
  limits.bufferBytes = std::min(properties.v11.maxMemoryAllocationSize, properties.v13.maxBufferSize);
  limits.groupsX = core.limits.maxComputeWorkGroupCount[0];
  limits.groupsY = core.limits.maxComputeWorkGroupCount[1];
  limits.threads = std::min(core.limits.maxComputeWorkGroupInvocations, core.limits.maxComputeWorkGroupSize[0]);
  limits.timestampSeconds = core.limits.timestampPeriod * 1e-9;
  nameFeatures(properties, out.enabled, out);
  out.info.setProperty(DeviceProperty::workers, countComputeUnits(properties, out.info.software));
  out.info.setProperty(DeviceProperty::sharedBytes, core.limits.maxComputeSharedMemorySize);
  out.info.setProperty(DeviceProperty::subgroupSize, properties.v11.subgroupSize);
  out.info.setProperty(DeviceProperty::workgroupThreads, limits.threads);
  return out;
}

} // namespace heed::rt
