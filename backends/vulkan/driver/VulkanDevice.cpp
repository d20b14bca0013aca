#include "backends/vulkan/driver/VulkanDevice.h"

#include "backends/vulkan/driver/VulkanContext.h"
#include "backends/vulkan/driver/VulkanDriver.h"
#include "backends/vulkan/driver/VulkanKernel.h"
#include "backends/vulkan/driver/VulkanQueue.h"

#include <algorithm>
#include <cstdlib>

namespace heed::rt {

Status listVulkan(const DriverOptions &, std::vector<DeviceInfo> &devices) {
  std::shared_ptr<VulkanInstance> instance;
  HEED_TRY(VulkanInstance::create(instance));
  uint32_t index = 0;
  for (VkPhysicalDevice physical : instance->devices()) {
    VulkanDescription description = describeVulkan(*instance, physical, index++);
    if (description.usable.ok())
      devices.push_back(std::move(description.info));
  }
  return {};
}

Status openVulkan(uint32_t index, const DriverOptions &options, std::shared_ptr<Driver> &driver) {
  return VulkanDevice::open(index, options, driver);
}

Status VulkanDevice::open(uint32_t index, const DriverOptions &options, std::shared_ptr<Driver> &driver) {
  std::shared_ptr<VulkanInstance> instance;
  HEED_TRY(VulkanInstance::create(instance));
  std::vector<VkPhysicalDevice> physical = instance->devices();
  if (index >= physical.size())
    return error(Code::noDevice, "Vulkan finds ", physical.size(), " devices");
  std::shared_ptr<VulkanDevice> device(new VulkanDevice());
  device->instance = std::move(instance);
  device->description = describeVulkan(*device->instance, physical[index], index);
  if (!device->description.usable.ok())
    return std::move(device->description.usable);
  HEED_TRY(device->create(physical[index], options));
  driver = std::move(device);
  return {};
}

Status VulkanDevice::create(VkPhysicalDevice physical, const DriverOptions &options) {
  constexpr uint32_t mostQueues = 4;
  hangLimit = options.hangSeconds;
  uint32_t count = std::min(limits().queues, mostQueues);
  std::vector<float> priorities(count, 1.0f);
  VkDeviceQueueCreateInfo queues = {VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO};
  queues.queueFamilyIndex = limits().queueFamily;
  queues.queueCount = count;
  queues.pQueuePriorities = priorities.data();
  VkDeviceCreateInfo create = {VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO, description.enabled.link()};
  create.queueCreateInfoCount = 1;
  create.pQueueCreateInfos = &queues;
  VkResult result = instance->vk.vkCreateDevice(physical, &create, nullptr, &handle);
  if (result != VK_SUCCESS)
    return vulkanFailure(result, "vkCreateDevice");
  volkLoadDeviceTable(&vk, handle);
  for (uint32_t i = 0; i < count; ++i) {
    lanes.push_back(std::make_unique<VulkanLane>());
    vk.vkGetDeviceQueue(handle, limits().queueFamily, i, &lanes.back()->queue);
  }
  HEED_TRY(createHeaps(physical));
  return createPipelineState(physical);
}

Status VulkanDevice::createHeaps(VkPhysicalDevice physical) {
  constexpr uint64_t tensorBlock = uint64_t(64) << 20, stagingBlock = uint64_t(8) << 20,
                     parameterBlock = uint64_t(1) << 20;
  VkPhysicalDeviceMemoryProperties properties;
  instance->vk.vkGetPhysicalDeviceMemoryProperties(physical, &properties);
  memory = std::make_unique<VulkanHeap>(*this, tensorBlock);
  staging = std::make_unique<VulkanHeap>(*this, stagingBlock);
  parameters = std::make_unique<VulkanHeap>(*this, parameterBlock);
  VulkanMemoryUse use = description.sharesHostMemory ? VulkanMemoryUse::shared : VulkanMemoryUse::device;
  HEED_TRY(memory->choose(properties, use));
  HEED_TRY(staging->choose(properties, VulkanMemoryUse::staging));
  return parameters->choose(properties, VulkanMemoryUse::parameters);
}

Status VulkanDevice::createPipelineState(VkPhysicalDevice physical) {
  VkPushConstantRange range = {VK_SHADER_STAGE_COMPUTE_BIT, 0, pushedWords * sizeof(uint64_t)};
  VkPipelineLayoutCreateInfo layout = {VK_STRUCTURE_TYPE_PIPELINE_LAYOUT_CREATE_INFO};
  layout.pushConstantRangeCount = 1;
  layout.pPushConstantRanges = &range;
  HEED_TRY(check(vk.vkCreatePipelineLayout(handle, &layout, nullptr, &pipelineLayout), "vkCreatePipelineLayout"));
  VkPhysicalDeviceProperties properties;
  instance->vk.vkGetPhysicalDeviceProperties(physical, &properties);
  const char *folder = std::getenv("HEED_CACHE_DIR");
  cacheFile = PipelineCacheFile(folder ? folder : "", properties);
  std::vector<std::byte> stored = cacheFile.load();
  cachedBytes = stored.size();
  VkPipelineCacheCreateInfo cache = {VK_STRUCTURE_TYPE_PIPELINE_CACHE_CREATE_INFO};
  cache.initialDataSize = stored.size();
  cache.pInitialData = stored.data();
  return check(vk.vkCreatePipelineCache(handle, &cache, nullptr, &pipelineCache), "vkCreatePipelineCache");
}

/// Only when something was added: pipelines do not leave the cache.
void VulkanDevice::storePipelines() {
  size_t bytes = 0;
  if (!cacheFile.exists() || vk.vkGetPipelineCacheData(handle, pipelineCache, &bytes, nullptr) != VK_SUCCESS ||
      bytes <= cachedBytes)
    return;
  std::vector<std::byte> data(bytes);
  if (vk.vkGetPipelineCacheData(handle, pipelineCache, &bytes, data.data()) == VK_SUCCESS)
    cacheFile.store(std::span(data).first(bytes));
}

VulkanDevice::~VulkanDevice() {
  if (hangs()) {
    // Out of reach of everybody but the device, which may be at work in it until the process ends.
    static auto *kept = new std::vector<std::shared_ptr<VulkanInstance>>();
    static std::mutex lock;
    std::scoped_lock guard(lock);
    kept->push_back(std::move(instance));
    return;
  }
  if (!handle)
    return;
  if (pipelineCache)
    storePipelines();
  vk.vkDestroyPipelineCache(handle, pipelineCache, nullptr);
  vk.vkDestroyPipelineLayout(handle, pipelineLayout, nullptr);
  memory.reset();
  staging.reset();
  parameters.reset();
  vk.vkDestroyDevice(handle, nullptr);
}

Status VulkanDevice::check(VkResult result, std::string_view function) {
  if (result == VK_ERROR_DEVICE_LOST)
    return lose(Code::deviceLost, concat("reported by ", function));
  if (result < 0)
    return vulkanFailure(result, function);
  return instance->messages ? instance->messages->take() : Status();
}

Status VulkanDevice::lose(Code code, const std::string &reason) {
  if (code == Code::timeout) {
    hung.store(true, std::memory_order_release);
    memory->abandon();
    staging->abandon();
    parameters->abandon();
  }
  return loseDevice(code, reason);
}

uint64_t VulkanDevice::progress() {
  std::scoped_lock guard(timelinesLock);
  uint64_t sum = 0;
  for (VulkanTimeline *timeline : timelines)
    sum += timeline->progress();
  return sum;
}

void VulkanDevice::add(VulkanTimeline &timeline) {
  std::scoped_lock guard(timelinesLock);
  timelines.push_back(&timeline);
}

void VulkanDevice::remove(VulkanTimeline &timeline) {
  std::scoped_lock guard(timelinesLock);
  std::erase(timelines, &timeline);
}

Status VulkanDevice::allocate(uint64_t bytes, DevicePointer &pointer) {
  HEED_TRY(alive());
  VulkanAllocation *allocation;
  HEED_TRY(memory->allocate(bytes, allocation));
  pointer = {allocation, 0};
  return {};
}

void VulkanDevice::free(DevicePointer pointer) {
  if (pointer.base)
    memory->free(static_cast<VulkanAllocation *>(pointer.base));
}

Status VulkanDevice::wrap(MemoryKind, void *, uint64_t, DevicePointer &) {
  return error(Code::unsupported, "a Vulkan device uses memory that was allocated through it");
}

void *VulkanDevice::hostAddress(DevicePointer pointer) {
  if (!pointer.base || !allocationOf(pointer).host)
    return nullptr;
  return allocationOf(pointer).host + pointer.offset;
}

uint64_t VulkanDevice::deviceAddress(DevicePointer pointer) const {
  return pointer.base ? allocationOf(pointer).address + static_cast<uint64_t>(pointer.offset) : 0;
}

static VulkanQueue &queueOf(DriverQueue &queue) { return static_cast<VulkanQueue &>(queue); }

Status VulkanDevice::upload(DriverQueue &queue, DevicePointer destination, const void *source, uint64_t bytes) {
  return queueOf(queue).upload(destination, source, bytes);
}

Status VulkanDevice::download(DriverQueue &queue, void *destination, DevicePointer source, uint64_t bytes) {
  return queueOf(queue).download(destination, source, bytes);
}

Status VulkanDevice::loadCode(const CodeSection &code, std::shared_ptr<DriverCode> &loaded) {
  HEED_TRY(alive());
  if (code.format != CodeFormat::spirv)
    return error(Code::badPackage, "code '", code.name, "' is no SPIR-V");
  std::shared_ptr<VulkanCode> spirv;
  HEED_TRY(VulkanCode::load(*this, code.data, code.name, spirv).within("code '", code.name, "'"));
  loaded = std::move(spirv);
  return {};
}

Status VulkanDevice::createContext(uint64_t, std::unique_ptr<DriverContext> &context) {
  HEED_TRY(alive());
  context = std::make_unique<VulkanContext>(*this);
  return {};
}

Status VulkanDevice::createQueue(std::unique_ptr<DriverQueue> &queue) {
  HEED_TRY(alive());
  return VulkanQueue::create(*this, *lanes[nextLane++ % lanes.size()], queue);
}

Status VulkanDevice::recordEvent(DriverQueue &queue, bool timed, std::unique_ptr<DriverEvent> &event) {
  return queueOf(queue).recordEvent(timed, event);
}

} // namespace heed::rt
