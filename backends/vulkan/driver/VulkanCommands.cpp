#include "backends/vulkan/driver/VulkanCommands.h"

#include <cstring>
#include <utility>

namespace heed::rt {

Status VulkanCommands::create(VulkanDevice &device, uint32_t queueFamily, bool repeatable,
                              std::shared_ptr<VulkanCommands> &out) {
  std::shared_ptr<VulkanCommands> commands(new VulkanCommands(device, repeatable));
  const VolkDeviceTable &vk = device.vk;
  VkCommandPoolCreateInfo pool = {VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO};
  pool.queueFamilyIndex = queueFamily;
  HEED_TRY(device.check(vk.vkCreateCommandPool(device.handle, &pool, nullptr, &commands->pool), "vkCreateCommandPool"));
  VkCommandBufferAllocateInfo allocate = {VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO, nullptr, commands->pool,
                                          VK_COMMAND_BUFFER_LEVEL_PRIMARY, 1};
  HEED_TRY(device.check(vk.vkAllocateCommandBuffers(device.handle, &allocate, &commands->buffer),
                        "vkAllocateCommandBuffers"));
  HEED_TRY(device.parameters->allocate(parameterBytes + mostLaunches * sizeof(LoopWatch), commands->parameters));
  VkEventCreateInfo event = {VK_STRUCTURE_TYPE_EVENT_CREATE_INFO};
  for (size_t i = 0; !repeatable && i < mostLaunches; ++i) {
    commands->ends.push_back(VK_NULL_HANDLE);
    HEED_TRY(device.check(vk.vkCreateEvent(device.handle, &event, nullptr, &commands->ends.back()), "vkCreateEvent"));
  }
  out = std::move(commands);
  return {};
}

VulkanCommands::~VulkanCommands() {
  if (device.hangs())
    return;
  for (VkEvent end : ends)
    device.vk.vkDestroyEvent(device.handle, end, nullptr);
  if (parameters)
    device.parameters->free(parameters);
  device.vk.vkDestroyCommandPool(device.handle, pool, nullptr);
}

Status VulkanCommands::begin() {
  HEED_TRY(device.check(device.vk.vkResetCommandPool(device.handle, pool, 0), "vkResetCommandPool"));
  for (size_t i = 0; !repeatable && i < launches; ++i)
    HEED_TRY(device.check(device.vk.vkResetEvent(device.handle, ends[i]), "vkResetEvent"));
  launches = commands = 0;
  parametersUsed = 0;
  VkCommandBufferBeginInfo begin = {VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO};
  begin.flags = repeatable ? VK_COMMAND_BUFFER_USAGE_SIMULTANEOUS_USE_BIT : VK_COMMAND_BUFFER_USAGE_ONE_TIME_SUBMIT_BIT;
  return device.check(device.vk.vkBeginCommandBuffer(buffer, &begin), "vkBeginCommandBuffer");
}

static void putBarrier(VulkanDevice &device, VkCommandBuffer buffer, VkPipelineStageFlags2 nextStages,
                       VkAccessFlags2 nextAccess) {
  VkMemoryBarrier2 barrier = {VK_STRUCTURE_TYPE_MEMORY_BARRIER_2};
  barrier.srcStageMask = VK_PIPELINE_STAGE_2_COMPUTE_SHADER_BIT | VK_PIPELINE_STAGE_2_COPY_BIT;
  barrier.srcAccessMask = VK_ACCESS_2_SHADER_STORAGE_WRITE_BIT | VK_ACCESS_2_TRANSFER_WRITE_BIT;
  barrier.dstStageMask = nextStages;
  barrier.dstAccessMask = nextAccess;
  VkDependencyInfo dependency = {VK_STRUCTURE_TYPE_DEPENDENCY_INFO};
  dependency.memoryBarrierCount = 1;
  dependency.pMemoryBarriers = &barrier;
  device.vk.vkCmdPipelineBarrier2(buffer, &dependency);
}

/// What comes next sees everything before it, also from command buffers submitted earlier.
void VulkanCommands::separate() {
  putBarrier(device, buffer, VK_PIPELINE_STAGE_2_COMPUTE_SHADER_BIT | VK_PIPELINE_STAGE_2_COPY_BIT,
             VK_ACCESS_2_SHADER_STORAGE_READ_BIT | VK_ACCESS_2_SHADER_STORAGE_WRITE_BIT |
                 VK_ACCESS_2_TRANSFER_READ_BIT | VK_ACCESS_2_TRANSFER_WRITE_BIT);
  ++commands;
}

Status VulkanCommands::end() {
  putBarrier(device, buffer, VK_PIPELINE_STAGE_2_HOST_BIT, VK_ACCESS_2_HOST_READ_BIT | VK_ACCESS_2_HOST_WRITE_BIT);
  return device.check(device.vk.vkEndCommandBuffer(buffer), "vkEndCommandBuffer");
}

bool VulkanCommands::hasRoom(size_t words) const {
  uint64_t bytes = words > pushedWords ? words * sizeof(uint64_t) : 0; // the memory is a multiple of 64 bytes
  return launches < mostLaunches && parametersUsed + bytes <= parameterBytes;
}

void VulkanCommands::launch(VkPipeline pipeline, std::span<const uint64_t> words, std::array<uint32_t, 2> groups,
                            std::string_view name) {
  separate();
  uint64_t address;
  if (words.size() > pushedWords) {
    std::memcpy(parameters->host + parametersUsed, words.data(), words.size_bytes());
    address = parameters->address + parametersUsed;
    parametersUsed += (words.size_bytes() + 63) / 64 * 64;
    words = std::span(&address, 1);
  }
  device.vk.vkCmdBindPipeline(buffer, VK_PIPELINE_BIND_POINT_COMPUTE, pipeline);
  device.vk.vkCmdPushConstants(buffer, device.pipelineLayout, VK_SHADER_STAGE_COMPUTE_BIT, 0,
                               static_cast<uint32_t>(words.size_bytes()), words.data());
  if (device.endsLoops()) {
    *watchOf(launches) = {};
    uint64_t watch = parameters->address + parameterBytes + launches * sizeof(LoopWatch);
    device.vk.vkCmdPushConstants(buffer, device.pipelineLayout, VK_SHADER_STAGE_COMPUTE_BIT,
                                 pushedWords * sizeof(uint64_t), sizeof(watch), &watch);
  }
  device.vk.vkCmdDispatch(buffer, groups[0], groups[1], 1);
  if (!repeatable)
    device.vk.vkCmdSetEvent(buffer, ends[launches], VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT);
  names[launches++] = name;
}

void VulkanCommands::copy(VkBuffer source, VkBuffer destination, std::span<const VkBufferCopy> regions) {
  separate();
  device.vk.vkCmdCopyBuffer(buffer, source, destination, static_cast<uint32_t>(regions.size()), regions.data());
}

void VulkanCommands::timestamp(VkQueryPool pool) {
  device.vk.vkCmdResetQueryPool(buffer, pool, 0, 1);
  device.vk.vkCmdWriteTimestamp2(buffer, VK_PIPELINE_STAGE_2_ALL_COMMANDS_BIT, pool, 0);
  ++commands;
}

LoopWatch *VulkanCommands::watchOf(size_t launch) const {
  return reinterpret_cast<LoopWatch *>(parameters->host + parameterBytes) + launch;
}

std::string VulkanCommands::takeCut() {
  std::string name;
  for (size_t i = 0; device.endsLoops() && i < launches; ++i)
    if (std::exchange(watchOf(i)->cut, 0) != 0 && name.empty())
      name = names[i];
  return name;
}

size_t VulkanCommands::endedLaunches() const {
  size_t ended = 0;
  while (!repeatable && ended < launches && device.vk.vkGetEventStatus(device.handle, ends[ended]) == VK_EVENT_SET)
    ++ended;
  return ended;
}

std::string VulkanCommands::atWork(size_t ended) const {
  if (ended >= launches)
    return "a copy";
  if (!repeatable)
    return concat("kernel '", names[ended], "'");
  std::string list;
  for (size_t i = 0; i < launches; ++i)
    list += concat(list.empty() ? "" : ", ", "'", names[i], "'");
  return concat("one of the kernels ", list);
}

} // namespace heed::rt
