// Memory of a device: big blocks, each one buffer, from which allocations are cut.
#ifndef HEED_BACKENDS_VULKAN_DRIVER_VULKANHEAP_H
#define HEED_BACKENDS_VULKAN_DRIVER_VULKANHEAP_H

#include "runtime/Status.h"

#include <volk.h>

#include <atomic>

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <vector>

namespace heed::rt {

class VulkanDevice;

/// One VkDeviceMemory under one VkBuffer that covers it.
struct VulkanBlock {
  VkDeviceMemory memory = VK_NULL_HANDLE;
  VkBuffer buffer = VK_NULL_HANDLE;
  uint64_t bytes = 0;
  VkDeviceAddress address = 0;
  std::byte *host = nullptr;         // mapped for the block's life; null when the host cannot see it
  std::map<uint64_t, uint64_t> gaps; // free parts: offset to size
};

/// A part of a block, or a buffer of others: what DevicePointer::base points to.
struct VulkanAllocation {
  VkBuffer buffer = VK_NULL_HANDLE;
  uint64_t offset = 0; // in the buffer
  uint64_t bytes = 0;
  VkDeviceAddress address = 0;
  std::byte *host = nullptr;
  VulkanBlock *block = nullptr; // null: not ours
};

/// What an allocation is for, which decides the type of its memory.
enum class VulkanMemoryUse : uint8_t {
  device,     // tensors
  shared,     // tensors of devices that share the host's memory
  staging,    // what the host writes and reads, and the device copies
  parameters, // small, written by the host and read by kernels
};

/// Thread-safe.
class VulkanHeap {
public:
  /// Blocks have `blockBytes`; larger allocations get a block of their own.
  VulkanHeap(VulkanDevice &device, uint64_t blockBytes) : device(device), blockBytes(blockBytes) {}
  ~VulkanHeap();

  Status choose(const VkPhysicalDeviceMemoryProperties &memory, VulkanMemoryUse use);
  /// Aligned to 256 bytes. Code::outOfMemory changes nothing.
  Status allocate(uint64_t bytes, VulkanAllocation *&allocation);
  void free(VulkanAllocation *allocation);
  /// After this nothing is given back to the device any more, which may still be at work in it.
  void abandon() { abandoned.store(true); }

private:
  Status makeBlock(uint64_t bytes, std::unique_ptr<VulkanBlock> &block);
  void destroyBlock(VulkanBlock &block);
  VulkanAllocation *cut(VulkanBlock &block, uint64_t bytes);

  VulkanDevice &device;
  uint64_t blockBytes;
  uint32_t type = 0;
  bool mapped = false;
  uint64_t heapBytes = 0;
  std::mutex lock;
  std::vector<std::unique_ptr<VulkanBlock>> blocks;
  std::atomic<bool> abandoned = false;
};

} // namespace heed::rt

#endif // HEED_BACKENDS_VULKAN_DRIVER_VULKANHEAP_H
