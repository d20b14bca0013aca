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
  std::shared_ptr<VulkanDevice> device(new VulkanDevice());
  VkPhysicalDevice physical;
  if (options.vulkan)
    HEED_TRY(device->prepareShared(*options.vulkan, physical));
  else
    HEED_TRY(device->prepare(index, physical));
  if (!device->description.usable.ok())
    return std::move(device->description.usable);
  // A processor that plays a GPU takes minutes for what hardware does in a second.
  constexpr double softwareHangSeconds = 600;
  bool usual = options.hangSeconds == DriverOptions().hangSeconds;
  device->hangLimit = usual && device->info().software ? softwareHangSeconds : options.hangSeconds;
  if (options.vulkan)
    device->share(*options.vulkan);
  else
    HEED_TRY(device->create(physical));
  volkLoadDeviceTable(&device->vk, device->handle);
  HEED_TRY(device->createHeaps(physical));
  HEED_TRY(device->createPipelineState(physical));
  driver = std::move(device);
  return {};
}

Status VulkanDevice::prepare(uint32_t index, VkPhysicalDevice &physical) {
  HEED_TRY(VulkanInstance::create(instance));
  std::vector<VkPhysicalDevice> all = instance->devices();
  if (index >= all.size())
    return error(Code::noDevice, "Vulkan finds ", all.size(), " devices");
  physical = all[index];
  description = describeVulkan(*instance, physical, index);
  return {};
}

Status VulkanDevice::prepareShared(const SharedVulkanDevice &shared, VkPhysicalDevice &physical) {
  if (!shared.instance || !shared.physicalDevice || !shared.device || !shared.queue)
    return error(Code::invalidArgument, "a handle of the shared Vulkan device is null");
  HEED_TRY(VulkanInstance::share(static_cast<VkInstance>(shared.instance), instance));
  physical = static_cast<VkPhysicalDevice>(shared.physicalDevice);
  std::vector<VkPhysicalDevice> all = instance->devices();
  auto place = std::find(all.begin(), all.end(), physical);
  if (place == all.end())
    return error(Code::invalidArgument, "the shared Vulkan device is none of its instance");
  description = describeVulkan(*instance, physical, static_cast<uint32_t>(place - all.begin()));
  if (description.usable.ok() && !useQueueFamily(*instance, physical, shared.queueFamily, description.limits))
    return error(Code::invalidArgument, "queue family ", shared.queueFamily,
                 " of the shared Vulkan device cannot compute");
  return {};
}

Status VulkanDevice::create(VkPhysicalDevice physical) {
  constexpr uint32_t mostQueues = 4;
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
  auto getQueue = reinterpret_cast<PFN_vkGetDeviceQueue>(vkGetDeviceProcAddr(handle, "vkGetDeviceQueue"));
  for (uint32_t i = 0; i < count; ++i) {
    lanes.push_back(std::make_unique<VulkanLane>());
    getQueue(handle, limits().queueFamily, i, &lanes.back()->queue);
  }
  return {};
}

void VulkanDevice::share(const SharedVulkanDevice &shared) {
  isShared = true;
  handle = static_cast<VkDevice>(shared.device);
  lanes.push_back(std::make_unique<VulkanLane>());
  lanes.back()->queue = static_cast<VkQueue>(shared.queue);
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
  VkPushConstantRange range = {VK_SHADER_STAGE_COMPUTE_BIT, 0, (pushedWords + 1) * sizeof(uint64_t)};
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
  if (!isShared)
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

Status VulkanDevice::wrap(MemoryKind kind, void *buffer, uint64_t bytes, DevicePointer &pointer) {
  if (kind != MemoryKind::vulkan)
    return error(Code::unsupported,
                 "a Vulkan device uses memory that was allocated through it, and buffers of a shared device");
  if (!isShared)
    return error(Code::unsupported,
                 "buffers can be wrapped when their device is shared: heed_device_options::vulkan says which it is");
  auto wrapped = std::make_unique<VulkanAllocation>();
  wrapped->buffer = reinterpret_cast<VkBuffer>(buffer);
  wrapped->bytes = bytes;
  VkBufferDeviceAddressInfo ask = {VK_STRUCTURE_TYPE_BUFFER_DEVICE_ADDRESS_INFO, nullptr, wrapped->buffer};
  wrapped->address = vk.vkGetBufferDeviceAddress(handle, &ask);
  if (wrapped->address == 0)
    return error(Code::unsupported,
                 "the buffer has no device address: it lacks VK_BUFFER_USAGE_SHADER_DEVICE_ADDRESS_BIT");
  pointer = {wrapped.release(), 0};
  return {};
}

void VulkanDevice::unwrap(DevicePointer pointer) { delete static_cast<VulkanAllocation *>(pointer.base); }

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
