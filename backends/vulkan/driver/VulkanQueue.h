// Queues and events of a Vulkan device.
#ifndef HEED_BACKENDS_VULKAN_DRIVER_VULKANQUEUE_H
#define HEED_BACKENDS_VULKAN_DRIVER_VULKANQUEUE_H

#include "backends/vulkan/driver/VulkanCommands.h"

#include <deque>
#include <memory>
#include <mutex>
#include <vector>

namespace heed::rt {

/// What a queue and its events share: how far the device has come, what it still has to do, and what the host does when
/// it is done. Every submission has a value, one more than the submission before. Thread-safe.
class VulkanTimeline {
public:
  static Status create(VulkanDevice &device, std::shared_ptr<VulkanTimeline> &timeline);
  ~VulkanTimeline();

  /// Work is about to be submitted that ends at `value`.
  void expect(uint64_t value, std::shared_ptr<VulkanCommands> commands, bool reusable);
  /// When `value` is reached, `bytes` are copied on the host.
  void copyWhenReached(uint64_t value, void *destination, const void *source, uint64_t bytes);

  bool reached(uint64_t value);
  Status waitFor(uint64_t value);
  /// Grows whenever a launch or a submission ends.
  uint64_t progress();
  /// Commands that may be recorded anew; null when all are at work.
  std::shared_ptr<VulkanCommands> takeFree();
  /// The value of the oldest submission when `most` or more are in flight, else 0.
  uint64_t oldest(size_t most);

  VkSemaphore semaphore = VK_NULL_HANDLE;

private:
  struct Submission {
    uint64_t value;
    std::shared_ptr<VulkanCommands> commands;
    bool reusable;
  };
  struct HostCopy {
    uint64_t value;
    void *destination;
    const void *source;
    uint64_t bytes;
  };

  explicit VulkanTimeline(VulkanDevice &device) : device(device) {}
  Status readCounter(uint64_t &value);
  /// Takes note of everything that ended.
  void retire(uint64_t value);
  /// Fails once after a kernel ended whose loops the device cut short.
  Status takeCut();
  std::string describeWork();

  VulkanDevice &device;
  std::atomic<uint64_t> passed = 0;
  std::mutex lock;
  std::deque<Submission> submissions; // by value
  std::deque<HostCopy> copies;        // by value
  std::string cutKernel;
  std::vector<std::shared_ptr<VulkanCommands>> freeCommands;
};

/// Host memory through which uploads and downloads pass, in pieces used in turn. Belongs to one queue.
struct VulkanStagingPiece {
  VulkanAllocation *memory = nullptr;
  uint64_t used = 0;
  uint64_t lastUse = 0; // value of the timeline
};

class VulkanRecording;

class VulkanQueue : public DriverQueue {
public:
  static Status create(VulkanDevice &device, VulkanLane &lane, std::unique_ptr<DriverQueue> &queue);
  ~VulkanQueue() override;

  Status synchronize() override;

  Status launch(VkPipeline pipeline, std::span<const uint64_t> words, std::array<uint32_t, 2> groups,
                std::string_view name);
  Status copy(VkBuffer source, VkBuffer destination, std::span<const VkBufferCopy> regions);
  Status upload(DevicePointer destination, const void *source, uint64_t bytes);
  Status download(void *destination, DevicePointer source, uint64_t bytes);
  Status recordEvent(bool timed, std::unique_ptr<DriverEvent> &event);

  Status beginRecording();
  Status endRecording(std::unique_ptr<DriverRecording> &recording);
  Status replay(const VulkanRecording &recording);

private:
  VulkanQueue(VulkanDevice &device, VulkanLane &lane) : device(device), lane(lane) {}
  /// Commands to record into that have room for a launch with so many words.
  Status open(size_t words, VulkanCommands *&commands);
  Status openRecording(size_t words, VulkanCommands *&commands);
  /// Hands what is open to the device.
  Status submit();
  Status submitCommands(const std::shared_ptr<VulkanCommands> &commands, bool reusable);
  Status stage(uint64_t bytes, VulkanStagingPiece *&piece, uint64_t &offset);
  bool idle();

  VulkanDevice &device;
  VulkanLane &lane;
  std::shared_ptr<VulkanTimeline> timeline;
  std::shared_ptr<VulkanCommands> current; // null when nothing is open
  uint64_t submitted = 0;                  // last value handed to the device
  uint64_t readByHost = 0;                 // value at which the host copies straight from device memory; 0 for none
  std::array<VulkanStagingPiece, 4> pieces;
  size_t piece = 0;
  std::unique_ptr<VulkanRecording> recording;
};

/// Launches and copies for any number of replays.
class VulkanRecording : public DriverRecording {
public:
  std::vector<std::shared_ptr<VulkanCommands>> parts;
};

class VulkanEvent : public DriverEvent {
public:
  explicit VulkanEvent(VulkanDevice &device) : device(device) {}
  ~VulkanEvent() override;

  bool reached() override;
  Status wait() override;
  Status secondsSince(const DriverEvent &start, double &seconds) override;

  Status makeQuery();

  VulkanDevice &device;
  std::shared_ptr<VulkanTimeline> timeline;
  uint64_t value = 0;
  VkQueryPool query = VK_NULL_HANDLE; // one timestamp, for timed events
  bool timed = false;

private:
  Status readTime(uint64_t &ticks) const;
};

} // namespace heed::rt

#endif // HEED_BACKENDS_VULKAN_DRIVER_VULKANQUEUE_H
