// What differs between CUDA and HIP beyond the names of functions.
#ifndef HEED_BACKENDS_GPU_DRIVER_GPUPLATFORM_H
#define HEED_BACKENDS_GPU_DRIVER_GPUPLATFORM_H

#include "backends/gpu-driver/GpuApi.h"
#include "backends/gpu-driver/GpuLibrary.h"
#include "runtime/CopyBlocks.h"
#include "runtime/Driver.h"

#include <array>
#include <memory>
#include <string>

namespace heed::rt {

/// What a launch is made of, beside what its kernel knows.
struct GpuLaunch {
  GpuHandle function;
  std::array<unsigned, 2> grid;
  std::array<uint32_t, 3> workgroup;
  uint32_t sharedBytes;
  GpuHandle stream;
  void **parameters;
};

/// An opened and initialised library. Immutable, so thread-safe. Results are numbers of GpuResult.
class GpuPlatform {
public:
  virtual ~GpuPlatform() = default;

  virtual const char *kind() const = 0;               // "cuda"
  virtual const char *brand() const = 0;              // "CUDA", for messages
  virtual MemoryKind memoryKind() const = 0;          // what `wrap` accepts
  virtual std::string describe(int result) const = 0; // "CUDA_ERROR_OUT_OF_MEMORY"
  virtual Status describeDevice(int device, DeviceInfo &info) const = 0;

  /// Keeps the device's own context alive, the one that other code of the process uses too.
  virtual int retain(int device, GpuHandle &context) const = 0;
  virtual void release(int device) const = 0;
  /// Makes a device the calling thread's; `previous` is for `leave`, which puts back what was there.
  virtual int enter(int device, GpuHandle context, int &previous) const = 0;
  virtual void leave(int previous) const = 0;

  /// What the library says about a module that it refuses goes to `log`.
  virtual Status checkFormat(const CodeSection &code) const = 0;
  virtual int loadModule(const CodeSection &code, GpuHandle &module, std::string &log) const = 0;
  /// Permits `bytes` of dynamic shared memory. `overlaps`: processors run it beside other kernels.
  virtual int permitShared(GpuHandle function, uint64_t bytes, bool overlaps) const = 0;

  /// Rows of bytes on the device; pitches are at most maxPitch.
  virtual int copyRows(const CopyBlock &block, uint64_t destination, uint64_t source, GpuHandle stream) const = 0;
  /// Whether a launch may start before the one before it has ended, if its kernel waits for that.
  virtual bool overlapsLaunches() const { return false; }
  /// Such a launch.
  virtual int launchEarly(const GpuLaunch &) const { return gpuNotSupported; }
  /// gpuNotSupported where there is no such thing.
  virtual int encodeTensorMap(uint64_t, const TensorMapShape &, EncodedTensorMap &) const { return gpuNotSupported; }
  /// Workgroups of `threads` a launch may have in x.
  virtual int64_t maxGridX(int64_t threads) const = 0;
  /// Whether the device copies to and from this host memory without help.
  virtual bool isPinned(const void *memory) const = 0;

  bool canRecord() const {
    return api.isCapturing && api.beginCapture && api.endCapture && api.instantiateGraph && api.launchGraph &&
           api.destroyExec && api.destroyGraph;
  }

  static constexpr uint64_t maxPitch = (uint64_t(1) << 31) - 1;

  GpuApi api = {};
  GpuLibrary runtime;
};

/// Shared by listCuda and listRocm: describes every device, in order.
Status listGpus(const GpuPlatform &platform, std::vector<DeviceInfo> &devices);
Status openGpu(std::shared_ptr<const GpuPlatform> platform, uint32_t index, const DriverOptions &options,
               std::shared_ptr<Driver> &driver);
/// The result of the library's init function: no device is no failure here.
Status checkInit(const GpuPlatform &vendor, int result);

/// Whether a result means that the device's context is beyond use.
bool isFault(int result);

} // namespace heed::rt

#endif // HEED_BACKENDS_GPU_DRIVER_GPUPLATFORM_H
