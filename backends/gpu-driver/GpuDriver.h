// The driver of CUDA and ROCm devices: memory, code, queues and calls over a GpuPlatform.
#ifndef HEED_BACKENDS_GPU_DRIVER_GPUDRIVER_H
#define HEED_BACKENDS_GPU_DRIVER_GPUDRIVER_H

#include "backends/gpu-driver/GpuLaunchLog.h"
#include "backends/gpu-driver/GpuPlatform.h"
#include "backends/gpu-driver/GpuStaging.h"
#include "runtime/Driver.h"

#include <atomic>
#include <memory>
#include <mutex>
#include <vector>

namespace heed::rt {

class GpuDriver;

/// While it lives, the device is the calling thread's; then what was current before is so again.
class GpuScope {
public:
  GpuScope() = default;
  ~GpuScope();
  GpuScope(const GpuScope &) = delete;
  GpuScope &operator=(const GpuScope &) = delete;

private:
  friend class GpuDriver;
  const GpuPlatform *platform = nullptr;
  int previous = 0;
};

class GpuDriver : public Driver {
public:
  GpuDriver(std::shared_ptr<const GpuPlatform> platform, DeviceInfo description, int device, GpuHandle context,
            const DriverOptions &options);
  ~GpuDriver() override;

  const DeviceInfo &info() const override { return description; }
  Status allocate(uint64_t bytes, DevicePointer &memory) override;
  void free(DevicePointer memory) override;
  Status wrap(MemoryKind kind, void *handle, uint64_t bytes, DevicePointer &pointer) override;
  void *hostAddress(DevicePointer) override { return nullptr; }
  uint64_t deviceAddress(DevicePointer pointer) const override { return address(pointer); }
  Status encodeTensorMap(DevicePointer base, const TensorMapShape &shape, EncodedTensorMap &encoded) override;
  Status upload(DriverQueue &queue, DevicePointer destination, const void *source, uint64_t bytes) override;
  Status download(DriverQueue &queue, void *destination, DevicePointer source, uint64_t bytes) override;
  Status loadCode(const CodeSection &code, std::shared_ptr<DriverCode> &loaded) override;
  Status createContext(uint64_t workerScratchBytes, std::unique_ptr<DriverContext> &context) override;
  Status createQueue(std::unique_ptr<DriverQueue> &queue) override;
  Status wrapQueue(void *stream, std::unique_ptr<DriverQueue> &queue) override;
  Status recordEvent(DriverQueue &queue, bool timed, std::unique_ptr<DriverEvent> &event) override;
  Status noteEvent(DriverQueue &queue, std::unique_ptr<DriverEvent> &event) override;

  // For queues, contexts and the like.

  static uint64_t address(DevicePointer pointer) {
    return reinterpret_cast<uintptr_t>(pointer.base) + static_cast<uint64_t>(pointer.offset);
  }
  const GpuPlatform &platform() const { return *vendor; }
  const GpuApi &api() const { return vendor->api; }
  /// Every launch waits for its kernel (HEED_GPU_SYNCHRONOUS), so that a fault names exactly one.
  bool synchronous() const { return waitsForLaunches; }
  /// Whether launches may start before the one before them has ended: with HEED_GPU_OVERLAP=1, where the library can.
  bool overlapsLaunches() const { return mayOverlap.load(std::memory_order_relaxed); }
  /// The library does not want it after all.
  void giveUpOverlap() { mayOverlap.store(false, std::memory_order_relaxed); }

  /// Makes the device current for the scope. Fails when the device is lost.
  Status enter(GpuScope &scope);
  /// Turns a result into a status; a fault loses the device and names the kernels that were running.
  Status check(int result, std::string_view what);
  /// Waits until query(object) is no longer gpuNotReady. Reports a hang when neither the log nor any other queue of the
  /// device made progress for as long as the options say.
  Status await(int (*query)(GpuHandle), GpuHandle object, GpuLaunchLog &log);

  std::shared_ptr<GpuLaunchLog> createLog(GpuHandle stream);
  /// Whether the library captures streams into graphs. Tried once: having the functions is not enough.
  bool canRecord();

private:
  bool tryRecording();
  Status loseToFault(int result);
  Status loseToHang(const GpuLaunchLog &log);
  /// Names of launches of any queue that may be running.
  uint64_t unfinishedLaunches(std::string &names) const;

  std::shared_ptr<const GpuPlatform> vendor;
  DeviceInfo description;
  int device;
  GpuHandle context;
  double hangSeconds;
  bool waitsForLaunches;
  std::atomic<bool> mayOverlap;
  std::atomic<bool> hung = false;
  std::atomic<uint64_t> progress = 0; // counts what queues that are waited for finish
  mutable std::mutex logsLock;
  std::vector<std::weak_ptr<GpuLaunchLog>> logs;
  std::once_flag recordingTried;
  bool recordingWorks = false;
  GpuStaging staging;
};

} // namespace heed::rt

#endif // HEED_BACKENDS_GPU_DRIVER_GPUDRIVER_H
