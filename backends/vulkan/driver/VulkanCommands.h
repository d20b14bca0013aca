// Work that is recorded together and handed to the device together.
#ifndef HEED_BACKENDS_VULKAN_DRIVER_VULKANCOMMANDS_H
#define HEED_BACKENDS_VULKAN_DRIVER_VULKANCOMMANDS_H

#include "backends/vulkan/driver/VulkanDevice.h"

#include <array>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace heed::rt {

/// Argument words that are pushed; more lie in memory whose address is pushed. Behind them the address of a LoopWatch
/// is pushed on devices that end loops by themselves.
inline constexpr size_t pushedWords = 15;

/// Kernels count to `rounds` when they are done, and leave a mark if the device did not let them.
struct LoopWatch {
  uint32_t rounds = 2, cut = 0;
};

/// A command buffer with the parameters and names of its launches. Every command waits for all earlier ones of its
/// VkQueue.
class VulkanCommands {
public:
  static constexpr size_t mostLaunches = 32;
  static constexpr uint64_t parameterBytes = 64 * 1024;

  /// Repeatable commands may be in flight several times at once; others tell how far they have come.
  static Status create(VulkanDevice &device, uint32_t queueFamily, bool repeatable,
                       std::shared_ptr<VulkanCommands> &commands);
  ~VulkanCommands();

  /// Forgets what was recorded, which must be done.
  Status begin();
  Status end();

  /// Whether a launch with so many argument words fits.
  bool hasRoom(size_t words) const;
  void launch(VkPipeline pipeline, std::span<const uint64_t> words, std::array<uint32_t, 2> groups,
              std::string_view name);
  /// Copies between two buffers, at least one region.
  void copy(VkBuffer source, VkBuffer destination, std::span<const VkBufferCopy> regions);
  void timestamp(VkQueryPool pool);

  bool empty() const { return commands == 0; }
  VkCommandBuffer handle() const { return buffer; }
  /// Launches that have ended; 0 for repeatable commands.
  size_t endedLaunches() const;
  /// The kernel whose loops the device cut short since this was asked for; empty when there is none. The launches must
  /// have ended.
  std::string takeCut();
  /// The kernel at work after so many launches, for messages.
  std::string atWork(size_t ended) const;

private:
  VulkanCommands(VulkanDevice &device, bool repeatable) : device(device), repeatable(repeatable) {}
  void separate();
  LoopWatch *watchOf(size_t launch) const;

  VulkanDevice &device;
  bool repeatable;
  VkCommandPool pool = VK_NULL_HANDLE;
  VkCommandBuffer buffer = VK_NULL_HANDLE;
  VulkanAllocation *parameters = nullptr;
  uint64_t parametersUsed = 0;
  std::vector<VkEvent> ends; // signalled by the device when the launch is done
  std::array<std::string, mostLaunches> names;
  size_t launches = 0;
  size_t commands = 0;
};

} // namespace heed::rt

#endif // HEED_BACKENDS_VULKAN_DRIVER_VULKANCOMMANDS_H
