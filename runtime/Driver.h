// What the runtime asks of a kind of device. One implementation a backend (backends/*/driver); the rest of the runtime
// knows devices only through this interface. Nothing here allocates host memory in a steady-state call.
#ifndef HEED_RUNTIME_DRIVER_H
#define HEED_RUNTIME_DRIVER_H

#include "runtime/KernelAbi.h"
#include "runtime/PlanModel.h"
#include "runtime/Status.h"

#include <array>
#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>

namespace heed::rt {

struct DeviceInfo {
  std::string kind;   // what Plan::target names: "cpu", "cuda", "rocm", "vulkan"
  uint32_t index = 0; // among the devices of its kind: openDevice's "kind:index"
  std::string name;   // for the user
  /// What Plan::features and Variant::features may ask for: "x86-64-v3", "sm_90", "gfx942", "subgroup32".
  std::set<std::string, std::less<>> features;
  std::array<int64_t, lastDeviceProperty + 1> properties = {};
  /// Host pointers are device pointers: tensors of the host are used where they are. Otherwise the runtime copies them
  /// (upload, download).
  bool memoryIsHost = false;
  /// A GPU interface computed by the host's processor. "auto" takes it last.
  bool software = false;

  int64_t property(DeviceProperty which) const { return properties[static_cast<size_t>(which)]; }
  void setProperty(DeviceProperty which, int64_t value) { properties[static_cast<size_t>(which)] = value; }
  std::string id() const { return concat(kind, ":", index); }
};

/// An address a device can use. `base` is the driver's own handle of an allocation (CPU: its first byte; CUDA: a
/// CUdeviceptr; Vulkan: a buffer object), `offset` counts bytes from there.
struct DevicePointer {
  void *base = nullptr;
  int64_t offset = 0;

  DevicePointer advanced(int64_t bytes) const { return {base, offset + bytes}; }
  friend bool operator==(const DevicePointer &, const DevicePointer &) = default;
};

/// Memory made by others. Values equal heed_memory_kind of heed.h.
enum class MemoryKind : uint8_t {
  host = 0,   // a host pointer
  cuda = 1,   // a CUdeviceptr
  hip = 2,    // a device pointer of HIP
  vulkan = 3, // a VkBuffer of the device that the driver uses
};

/// A kernel whose code is loaded and whose symbol was found.
class DriverKernel {
public:
  virtual ~DriverKernel() = default;
};

/// A loaded code section. Kernels keep it alive.
class DriverCode {
public:
  virtual ~DriverCode() = default;
  /// GPUs find the workgroup's size and its shared bytes in the variant; the runtime has checked them against the
  /// device's properties.
  virtual Status findKernel(const Variant &variant, std::unique_ptr<DriverKernel> &kernel) = 0;
};

/// A tensor map (PlanModel.h) with its numbers: all within what PlanModel.h says.
struct TensorMapShape {
  uint32_t rank = 0;
  uint32_t elementBytes = 0;
  uint32_t swizzleBytes = 0;
  std::array<int64_t, maxTensorMapRank> sizes = {};   // outermost first
  std::array<int64_t, maxTensorMapRank> strides = {}; // in elements, the last is 1
  std::array<uint32_t, maxTensorMapRank> box = {};
};

/// A tensor map in the form the device reads.
struct alignas(64) EncodedTensorMap {
  std::array<std::byte, 128> bytes;
};

struct Launch {
  const DriverKernel *kernel;
  std::string_view name; // of the kernel in its plan, for errors; valid during the call only
  std::span<const DevicePointer> operands;
  std::span<const int64_t> params;
  std::array<int64_t, 3> grid;                       // all positive, their product fits 63 bits
  int64_t work;                                      // estimated operations of the launch, 0 when unknown
  std::span<const EncodedTensorMap> tensorMaps = {}; // as many as the kernel's variant has; valid during the call only
  bool opensCall = false;                            // the first of a run: launches before it are of others
};

/// The views do not overlap. Source strides may be zero or negative.
struct StridedCopy {
  DevicePointer source;
  DevicePointer destination;
  uint32_t rank;
  uint32_t elementBytes;                      // 1, 2, 4 or 8
  std::array<int64_t, maxRank> sizes;         // all positive
  std::array<int64_t, maxRank> sourceStrides; // in elements
  std::array<int64_t, maxRank> destinationStrides;
};

/// An ordered stream of work, used by one thread at a time. CPU queues finish every piece of work before it returns.
/// Destroying a queue waits for its work, unless the device is lost.
class DriverQueue {
public:
  virtual ~DriverQueue() = default;
  /// Returns when all work is done; reports what went wrong with it (Code::deviceLost, Code::timeout).
  virtual Status synchronize() = 0;
};

/// A point in a queue's work. Thread-safe.
class DriverEvent {
public:
  virtual ~DriverEvent() = default;
  virtual bool reached() = 0;
  /// Fails as DriverQueue::synchronize does.
  virtual Status wait() = 0;
  /// Seconds the device worked between two reached events of one queue that were recorded with `timed`, by its own
  /// clock where it has one.
  virtual Status secondsSince(const DriverEvent &start, double &seconds) = 0;
};

/// Launches and copies a device can repeat in one go (a CUDA graph).
class DriverRecording {
public:
  virtual ~DriverRecording() = default;
};

/// The private state of one call: worker scratch, counters, parameter memory, recordings. Used by one thread at a time.
/// The caller destroys it only when its work is done or the device is lost.
class DriverContext {
public:
  virtual ~DriverContext() = default;
  virtual Status launch(DriverQueue &queue, const Launch &launch) = 0;
  /// A contiguous copy is one copy of the device; CopyBlocks.h cuts others into what devices can do.
  virtual Status copy(DriverQueue &queue, const StridedCopy &copy) = 0;

  /// Whether kernels count (HEED_KERNEL_* of KernelAbi.h), and what they counted since the counters were switched on or
  /// cleared. Devices whose kernels have no counters give zeros.
  virtual void countInKernels(bool) {}
  virtual std::array<int64_t, HEED_KERNEL_COUNTER_COUNT> takeCounters() { return {}; }

  /// Recording is optional. Between the two calls, launches and copies of this context on the queue are not run but
  /// kept, with all their operands; `replay` then runs them as if they were enqueued again, any number of times, on any
  /// queue of the device. The runtime records a call whose shapes and addresses did not change since its last run. A
  /// queue may refuse (borrowed, and already recorded by its owner). A failed endRecording leaves the queue as it was.
  virtual bool canRecord(DriverQueue &) { return false; }
  virtual Status beginRecording(DriverQueue &) { return error(Code::unsupported, "this device cannot record"); }
  virtual Status endRecording(DriverQueue &, std::unique_ptr<DriverRecording> &) {
    return error(Code::unsupported, "this device cannot record");
  }
  virtual Status replay(DriverQueue &, const DriverRecording &) {
    return error(Code::unsupported, "this device cannot record");
  }
};

/// An opened device. Thread-safe.
class Driver {
public:
  virtual ~Driver() = default;

  virtual const DeviceInfo &info() const = 0;

  /// At least 4096-aligned on the CPU, 256-aligned everywhere. Code::outOfMemory leaves the device usable.
  virtual Status allocate(uint64_t bytes, DevicePointer &memory) = 0;
  /// No work in flight may use the memory.
  virtual void free(DevicePointer memory) = 0;
  /// Makes memory of others addressable by the device without a copy, or says why not. `unwrap` forgets it.
  virtual Status wrap(MemoryKind kind, void *handle, uint64_t bytes, DevicePointer &pointer) = 0;
  virtual void unwrap(DevicePointer) {}
  /// Where the host sees the memory; null when it cannot.
  virtual void *hostAddress(DevicePointer pointer) = 0;
  /// What kernels get as the address; also tells alignment and overlap.
  virtual uint64_t deviceAddress(DevicePointer pointer) const = 0;

  /// Copies between host and device, in the order of the queue's work. Host memory is in use until the queue has passed
  /// this point (synchronize returned, or an event recorded later was waited for or seen reached): until then a source
  /// must not change and a destination must not be read. A driver may do the work earlier. `bytes` may be 0.
  virtual Status upload(DriverQueue &queue, DevicePointer destination, const void *source, uint64_t bytes) = 0;
  virtual Status download(DriverQueue &queue, void *destination, DevicePointer source, uint64_t bytes) = 0;

  /// Describes memory for kernels that copy boxes of it at once. `base` is a multiple of tensorMapAlignment.
  virtual Status encodeTensorMap(DevicePointer, const TensorMapShape &, EncodedTensorMap &) {
    return error(Code::unsupported, "a ", info().kind, " device has no tensor maps");
  }

  virtual Status loadCode(const CodeSection &code, std::shared_ptr<DriverCode> &loaded) = 0;
  /// `workerScratchBytes`: the most any variant in use asks for.
  virtual Status createContext(uint64_t workerScratchBytes, std::unique_ptr<DriverContext> &context) = 0;
  virtual Status createQueue(std::unique_ptr<DriverQueue> &queue) = 0;
  /// The caller's own queue (CUstream, hipStream_t), which must outlive the result.
  virtual Status wrapQueue(void *, std::unique_ptr<DriverQueue> &) {
    return error(Code::unsupported, "queues of a ", info().kind,
                 " device cannot be wrapped; heed_queue_create gives one");
  }
  /// `event` may hold an earlier event of this driver, which then is used again without allocating.
  virtual Status recordEvent(DriverQueue &queue, bool timed, std::unique_ptr<DriverEvent> &event) = 0;
  /// The same, without the time, for what is seldom waited for: it may put nothing into the queue until then, and so be
  /// reached only behind what was enqueued in between. The next launch stays free to overlap with the last.
  virtual Status noteEvent(DriverQueue &queue, std::unique_ptr<DriverEvent> &event) {
    return recordEvent(queue, false, event);
  }

  /// Ok, or Code::deviceLost with the reason. The runtime asks before it does anything with the device, so after a
  /// fault every call fails at once.
  Status alive() const { return lost.load(std::memory_order_acquire) ? describeLoss() : Status(); }

protected:
  /// Called by a driver when its device faulted or hangs: from now on `alive` fails. Returns the failure to report
  /// (Code::deviceLost, or Code::timeout for the call that found the hang). Thread-safe.
  Status loseDevice(Code code, const std::string &reason);

private:
  Status describeLoss() const;

  std::atomic<bool> lost = false;
  mutable std::mutex lossLock;
  std::string lossReason;
};

/// Handles of a Vulkan device that the host made: see heed_vulkan_device of heed.h.
struct SharedVulkanDevice {
  void *instance = nullptr;
  void *physicalDevice = nullptr;
  void *device = nullptr;
  void *queue = nullptr;
  uint32_t queueFamily = 0;
};

struct DriverOptions {
  uint32_t workers = 0; // CPU: 0 means one a hardware thread
  /// CPU: used instead of own threads; calls body(context, index) for every index in [0, count).
  void (*parallelFor)(void *host, int64_t count, void (*body)(void *context, int64_t index), void *context) = nullptr;
  void *parallelForHost = nullptr;
  /// CPU: the highest x86-64 level to use ("x86-64-v2"), for testing variants; empty means all the machine has.
  std::string isaLimit;
  /// GPU: a wait that sees no kernel finish for so long reports a hang (Code::timeout); 0 waits for ever.
  double hangSeconds = 60;
  /// Vulkan: the host's device is used instead of one of our own.
  std::optional<SharedVulkanDevice> vulkan;
};

} // namespace heed::rt

#endif // HEED_RUNTIME_DRIVER_H
