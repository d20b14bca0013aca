// What the runtime asks of a kind of device. One implementation a backend (backends/*/driver); the rest of the runtime
// knows devices only through this interface. Nothing here allocates in a steady-state call.
#ifndef HEED_RUNTIME_DRIVER_H
#define HEED_RUNTIME_DRIVER_H

#include "runtime/KernelAbi.h"
#include "runtime/PlanModel.h"
#include "runtime/Status.h"

#include <array>
#include <functional>
#include <memory>
#include <set>
#include <span>
#include <string>

namespace heed::rt {

struct DeviceInfo {
  std::string kind; // what Plan::target names: "cpu"
  std::string name; // for the user
  std::set<std::string, std::less<>> features;
  std::array<int64_t, lastDeviceProperty + 1> properties = {};

  int64_t property(DeviceProperty which) const { return properties[static_cast<size_t>(which)]; }
};

/// An address a device can use. `base` is the driver's own handle of an allocation (CPU: its first byte; CUDA: a
/// CUdeviceptr; Vulkan: a buffer object), `offset` counts bytes from there.
struct DevicePointer {
  void *base = nullptr;
  int64_t offset = 0;

  DevicePointer advanced(int64_t bytes) const { return {base, offset + bytes}; }
  friend bool operator==(const DevicePointer &, const DevicePointer &) = default;
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
  virtual Status findKernel(const Variant &variant, std::unique_ptr<DriverKernel> &kernel) = 0;
};

struct Launch {
  const DriverKernel *kernel;
  std::span<const DevicePointer> operands;
  std::span<const int64_t> params;
  std::array<int64_t, 3> grid; // all positive
  int64_t work;                // estimated operations of the launch, 0 when unknown
};

struct StridedCopy {
  DevicePointer source;
  DevicePointer destination;
  uint32_t rank;
  uint32_t elementBytes;
  std::array<int64_t, maxRank> sizes;
  std::array<int64_t, maxRank> sourceStrides; // in elements
  std::array<int64_t, maxRank> destinationStrides;
};

/// An ordered stream of work. CPU queues finish every piece of work before it returns.
class DriverQueue {
public:
  virtual ~DriverQueue() = default;
  virtual Status synchronize() = 0;
};

/// A point in a queue's work.
class DriverEvent {
public:
  virtual ~DriverEvent() = default;
  virtual bool reached() = 0;
  virtual Status wait() = 0;
};

/// The private state of one call: worker scratch, counters, recorded commands. Used by one thread at a time.
class DriverContext {
public:
  virtual ~DriverContext() = default;
  virtual Status launch(DriverQueue &queue, const Launch &launch) = 0;
  virtual Status copy(DriverQueue &queue, const StridedCopy &copy) = 0;
  /// Whether kernels count (HEED_KERNEL_* of KernelAbi.h), and what they counted since the counters were switched on or
  /// cleared.
  virtual void countInKernels(bool enabled) = 0;
  virtual std::array<int64_t, HEED_KERNEL_COUNTER_COUNT> takeCounters() = 0;
};

/// An opened device. Thread-safe.
class Driver {
public:
  virtual ~Driver() = default;

  virtual const DeviceInfo &info() const = 0;

  /// At least 4096-aligned on the CPU, 256-aligned everywhere.
  virtual Status allocate(uint64_t bytes, DevicePointer &memory) = 0;
  virtual void free(DevicePointer memory) = 0;
  /// Makes host memory addressable by the device without a copy, or says why not.
  virtual Status wrapHost(void *memory, DevicePointer &pointer) = 0;
  /// Where the host sees the memory; null when it cannot.
  virtual void *hostAddress(DevicePointer pointer) = 0;

  virtual Status loadCode(const CodeSection &code, std::shared_ptr<DriverCode> &loaded) = 0;
  /// `workerScratchBytes`: the most any variant in use asks for.
  virtual Status createContext(uint64_t workerScratchBytes, std::unique_ptr<DriverContext> &context) = 0;
  virtual Status createQueue(std::unique_ptr<DriverQueue> &queue) = 0;
  virtual Status recordEvent(DriverQueue &queue, std::unique_ptr<DriverEvent> &event) = 0;
};

struct DriverOptions {
  uint32_t workers = 0; // CPU: 0 means one a hardware thread
  /// CPU: used instead of own threads; calls body(context, index) for every index in [0, count).
  void (*parallelFor)(void *host, int64_t count, void (*body)(void *context, int64_t index), void *context) = nullptr;
  void *parallelForHost = nullptr;
  /// CPU: the highest x86-64 level to use ("x86-64-v2"), for testing variants; empty means all the machine has.
  std::string isaLimit;
};

/// Opens "cpu" or "cpu:0". Other kinds give a clear error.
Status openDevice(const std::string &name, const DriverOptions &options, std::shared_ptr<Driver> &driver);

} // namespace heed::rt

#endif // HEED_RUNTIME_DRIVER_H
