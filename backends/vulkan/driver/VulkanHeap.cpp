#include "backends/vulkan/driver/VulkanHeap.h"

#include "backends/vulkan/driver/VulkanDevice.h"

#include <algorithm>
#include <span>

namespace heed::rt {

static constexpr uint64_t alignment = 256;
static constexpr VkBufferUsageFlags bufferUsage = VK_BUFFER_USAGE_STORAGE_BUFFER_BIT |
                                                  VK_BUFFER_USAGE_TRANSFER_SRC_BIT | VK_BUFFER_USAGE_TRANSFER_DST_BIT |
                                                  VK_BUFFER_USAGE_SHADER_DEVICE_ADDRESS_BIT;

static VkBufferCreateInfo bufferOf(uint64_t bytes) {
  VkBufferCreateInfo create = {VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO};
  create.size = bytes;
  create.usage = bufferUsage;
  create.sharingMode = VK_SHARING_MODE_EXCLUSIVE;
  return create;
}

VulkanHeap::~VulkanHeap() {
  if (!abandoned)
    for (auto &block : blocks)
      destroyBlock(*block);
}

Status VulkanHeap::choose(const VkPhysicalDeviceMemoryProperties &memory, VulkanMemoryUse use) {
  constexpr VkMemoryPropertyFlags local = VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT,
                                  cached = VK_MEMORY_PROPERTY_HOST_CACHED_BIT,
                                  host = VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT | VK_MEMORY_PROPERTY_HOST_COHERENT_BIT;
  struct Wish {
    VulkanMemoryUse use;
    VkMemoryPropertyFlags flags;
  };
  // The best type for each use first. Drivers list plain device memory before that which the host can see.
  static constexpr Wish wishes[] = {
      {VulkanMemoryUse::device, local},
      {VulkanMemoryUse::device, 0},
      {VulkanMemoryUse::shared, local | host | cached},
      {VulkanMemoryUse::shared, local},
      {VulkanMemoryUse::staging, host | cached},
      {VulkanMemoryUse::staging, host},
      {VulkanMemoryUse::parameters, host | local},
      {VulkanMemoryUse::parameters, host},
  };
  constexpr VkMemoryPropertyFlags special = VK_MEMORY_PROPERTY_PROTECTED_BIT | VK_MEMORY_PROPERTY_LAZILY_ALLOCATED_BIT;
  VkBufferCreateInfo buffer = bufferOf(alignment);
  VkDeviceBufferMemoryRequirements ask = {VK_STRUCTURE_TYPE_DEVICE_BUFFER_MEMORY_REQUIREMENTS};
  ask.pCreateInfo = &buffer;
  VkMemoryRequirements2 answer = {VK_STRUCTURE_TYPE_MEMORY_REQUIREMENTS_2};
  device.vk.vkGetDeviceBufferMemoryRequirements(device.handle, &ask, &answer);
  for (const Wish &wish : wishes) {
    if (wish.use != use)
      continue;
    for (uint32_t i = 0; i < memory.memoryTypeCount; ++i) {
      VkMemoryPropertyFlags flags = memory.memoryTypes[i].propertyFlags;
      if (!(answer.memoryRequirements.memoryTypeBits >> i & 1) || (flags & wish.flags) != wish.flags ||
          (flags & special))
        continue;
      type = i;
      // Memory of a GPU that the host reads over the bus is not for the host, visible as it may be.
      mapped = (wish.flags & VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT) != 0;
      heapBytes = memory.memoryHeaps[memory.memoryTypes[i].heapIndex].size;
      blockBytes = std::min(blockBytes, heapBytes / 16);
      return {};
    }
  }
  return error(Code::unsupported, device.info().name, " has no memory that buffers can use");
}

Status VulkanHeap::makeBlock(uint64_t bytes, std::unique_ptr<VulkanBlock> &out) {
  auto block = std::make_unique<VulkanBlock>();
  block->bytes = bytes;
  VkBufferCreateInfo create = bufferOf(bytes);
  const VolkDeviceTable &vk = device.vk;
  auto build = [&]() -> Status {
    HEED_TRY(device.check(vk.vkCreateBuffer(device.handle, &create, nullptr, &block->buffer), "vkCreateBuffer"));
    VkMemoryRequirements needed;
    vk.vkGetBufferMemoryRequirements(device.handle, block->buffer, &needed);
    VkMemoryAllocateFlagsInfo flags = {VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_FLAGS_INFO};
    flags.flags = VK_MEMORY_ALLOCATE_DEVICE_ADDRESS_BIT;
    VkMemoryAllocateInfo allocate = {VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO, &flags, needed.size, type};
    HEED_TRY(device.check(vk.vkAllocateMemory(device.handle, &allocate, nullptr, &block->memory), "vkAllocateMemory"));
    HEED_TRY(device.check(vk.vkBindBufferMemory(device.handle, block->buffer, block->memory, 0), "vkBindBufferMemory"));
    if (mapped) {
      void *host = nullptr;
      HEED_TRY(device.check(vk.vkMapMemory(device.handle, block->memory, 0, VK_WHOLE_SIZE, 0, &host), "vkMapMemory"));
      block->host = static_cast<std::byte *>(host);
    }
    VkBufferDeviceAddressInfo address = {VK_STRUCTURE_TYPE_BUFFER_DEVICE_ADDRESS_INFO, nullptr, block->buffer};
    block->address = vk.vkGetBufferDeviceAddress(device.handle, &address);
    return {};
  };
  Status status = build();
  if (!status.ok()) {
    destroyBlock(*block);
    return status;
  }
  block->gaps = {{0, bytes}};
  out = std::move(block);
  return {};
}

void VulkanHeap::destroyBlock(VulkanBlock &block) {
  device.vk.vkDestroyBuffer(device.handle, block.buffer, nullptr);
  device.vk.vkFreeMemory(device.handle, block.memory, nullptr); // unmaps
}

/// The first gap that is large enough; null when there is none.
VulkanAllocation *VulkanHeap::cut(VulkanBlock &block, uint64_t bytes) {
  auto gap = std::find_if(block.gaps.begin(), block.gaps.end(), [&](const auto &gap) { return gap.second >= bytes; });
  if (gap == block.gaps.end())
    return nullptr;
  auto [offset, size] = *gap;
  auto allocation = std::make_unique<VulkanAllocation>(VulkanAllocation{
      block.buffer, offset, bytes, block.address + offset, block.host ? block.host + offset : nullptr, &block});
  if (size > bytes)
    block.gaps.emplace(offset + bytes, size - bytes);
  block.gaps.erase(gap);
  return allocation.release();
}

Status VulkanHeap::allocate(uint64_t bytes, VulkanAllocation *&allocation) {
  uint64_t most = std::min(device.limits().bufferBytes, heapBytes) / alignment * alignment;
  if (bytes > most)
    return error(Code::outOfMemory, "no memory for ", bytes, " bytes; this device gives at most ", most, " at a time");
  uint64_t rounded = std::max<uint64_t>((bytes + alignment - 1) / alignment * alignment, alignment);
  std::scoped_lock guard(lock);
  for (auto &block : blocks)
    if ((allocation = cut(*block, rounded)))
      return {};
  std::unique_ptr<VulkanBlock> block;
  Status status = makeBlock(std::max(rounded, rounded > blockBytes / 2 ? rounded : blockBytes), block);
  if (!status.ok() && status.code() == Code::outOfMemory && rounded < blockBytes)
    status = makeBlock(rounded, block);
  if (!status.ok())
    return error(status.code(), "no memory for ", bytes, " bytes: ", status.message());
  allocation = cut(*block, rounded);
  blocks.push_back(std::move(block));
  return {};
}

void VulkanHeap::free(VulkanAllocation *allocation) {
  std::unique_ptr<VulkanAllocation> owned(allocation);
  if (abandoned)
    return;
  std::scoped_lock guard(lock);
  VulkanBlock &block = *allocation->block;
  auto [gap, inserted] = block.gaps.emplace(allocation->offset, allocation->bytes);
  if (auto next = std::next(gap); next != block.gaps.end() && gap->first + gap->second == next->first) {
    gap->second += next->second;
    block.gaps.erase(next);
  }
  if (gap != block.gaps.begin())
    if (auto previous = std::prev(gap); previous->first + previous->second == gap->first) {
      previous->second += gap->second;
      block.gaps.erase(gap);
    }
  auto isEmpty = [](const VulkanBlock &block) {
    return block.gaps.size() == 1 && block.gaps.begin()->second == block.bytes;
  };
  if (!isEmpty(block))
    return;
  // One empty block of the usual size is kept, so that memory does not go back and forth.
  bool spare = block.bytes == blockBytes && std::none_of(blocks.begin(), blocks.end(), [&](const auto &other) {
                 return other.get() != &block && other->bytes == blockBytes && isEmpty(*other);
               });
  if (spare)
    return;
  auto place = std::find_if(blocks.begin(), blocks.end(), [&](const auto &other) { return other.get() == &block; });
  destroyBlock(block);
  blocks.erase(place);
}

} // namespace heed::rt
