// An opened Vulkan device. Its parts (heaps, queues, kernels) are in files of their own and work through the handles
// that are public here.
#ifndef HEED_BACKENDS_VULKAN_DRIVER_VULKANDEVICE_H
#define HEED_BACKENDS_VULKAN_DRIVER_VULKANDEVICE_H

#include "backends/vulkan/driver/PipelineCacheFile.h"
#include "backends/vulkan/driver/VulkanFeatures.h"
#include "backends/vulkan/driver/VulkanHeap.h"
#include "backends/vulkan/driver/VulkanInstance.h"
#include "runtime/Driver.h"

#include <atomic>
#include <memory>
#include <mutex>
#include <vector>

namespace heed::rt {

class VulkanTimeline;

/// A queue of the device with the lock that its submissions need.
struct VulkanLane {
  VkQueue queue = VK_NULL_HANDLE;
  std::mutex lock;
};

class VulkanDevice : public Driver {
public:
  static Status open(uint32_t index, const DriverOptions &options, std::shared_ptr<Driver> &driver);
  ~VulkanDevice() override;

  const DeviceInfo &info() const override { return description.info; }
  Status allocate(uint64_t bytes, DevicePointer &memory) override;
  void free(DevicePointer memory) override;
  Status wrap(MemoryKind kind, void *handle, uint64_t bytes, DevicePointer &pointer) override;
  void unwrap(DevicePointer pointer) override;
  void *hostAddress(DevicePointer pointer) override;
  uint64_t deviceAddress(DevicePointer pointer) const override;
  Status upload(DriverQueue &queue, DevicePointer destination, const void *source, uint64_t bytes) override;
  Status download(DriverQueue &queue, void *destination, DevicePointer source, uint64_t bytes) override;
  Status loadCode(const CodeSection &code, std::shared_ptr<DriverCode> &loaded) override;
  Status createContext(uint64_t workerScratchBytes, std::unique_ptr<DriverContext> &context) override;
  Status createQueue(std::unique_ptr<DriverQueue> &queue) override;
  Status recordEvent(DriverQueue &queue, bool timed, std::unique_ptr<DriverEvent> &event) override;

  const VulkanLimits &limits() const { return description.limits; }
  /// Whether loops end by themselves there after too many rounds.
  bool endsLoops() const { return description.endsLoops; }
  double hangSeconds() const { return hangLimit; }
  /// Ok for VK_SUCCESS while the validation layer is content. A lost device is reported to `alive`.
  Status check(VkResult result, std::string_view function);
  /// The device faulted (Code::deviceLost) or hangs (Code::timeout); says what it was doing.
  Status lose(Code code, const std::string &reason);
  /// The device may still be at work, for ever: nothing that it uses may be given back.
  bool hangs() const { return hung.load(std::memory_order_acquire); }

  /// Grows whenever a piece of work of any queue ends.
  uint64_t progress();
  void add(VulkanTimeline &timeline);
  void remove(VulkanTimeline &timeline);

  VkDevice handle = VK_NULL_HANDLE;
  VolkDeviceTable vk = {};
  VkPipelineLayout pipelineLayout = VK_NULL_HANDLE;
  VkPipelineCache pipelineCache = VK_NULL_HANDLE;
  std::unique_ptr<VulkanHeap> memory, staging, parameters;

private:
  VulkanDevice() = default;
  Status prepare(uint32_t index, VkPhysicalDevice &physical);
  Status prepareShared(const SharedVulkanDevice &shared, VkPhysicalDevice &physical);
  Status create(VkPhysicalDevice physical);
  void share(const SharedVulkanDevice &shared);
  Status createHeaps(VkPhysicalDevice physical);
  Status createPipelineState(VkPhysicalDevice physical);
  void storePipelines();

  std::shared_ptr<VulkanInstance> instance;
  VulkanDescription description;
  PipelineCacheFile cacheFile;
  size_t cachedBytes = 0; // of the file, when the device was opened
  double hangLimit = 0;
  bool isShared = false; // the device is the host's
  std::vector<std::unique_ptr<VulkanLane>> lanes;
  std::atomic<uint32_t> nextLane = 0;
  std::atomic<bool> hung = false;
  std::mutex timelinesLock;
  std::vector<VulkanTimeline *> timelines;
};

inline const VulkanAllocation &allocationOf(DevicePointer pointer) {
  return *static_cast<const VulkanAllocation *>(pointer.base);
}

} // namespace heed::rt

#endif // HEED_BACKENDS_VULKAN_DRIVER_VULKANDEVICE_H
