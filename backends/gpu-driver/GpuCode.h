// Modules and their kernels.
#ifndef HEED_BACKENDS_GPU_DRIVER_GPUCODE_H
#define HEED_BACKENDS_GPU_DRIVER_GPUCODE_H

#include "backends/gpu-driver/GpuDriver.h"

#include <array>

namespace heed::rt {

class GpuModule {
public:
  GpuModule(GpuDriver &driver, GpuHandle handle) : driver(driver), handle(handle) {}
  ~GpuModule();
  GpuModule(const GpuModule &) = delete;
  GpuModule &operator=(const GpuModule &) = delete;

  GpuDriver &driver;
  GpuHandle handle;
};

class GpuKernel : public DriverKernel {
public:
  GpuHandle function = nullptr;
  std::array<uint32_t, 3> workgroup = {1, 1, 1};
  uint32_t sharedBytes = 0;
  int64_t mostWorkgroups = 0;     ///< that a launch needs; 0: as many as programs
  bool awaitsPrevious = false;    ///< before it touches memory
  bool opensCalls = false;        ///< and before the launch behind it may start
  bool hasUnevenPrograms = false; ///< ordered so that every n-th take as long together, wherever one begins
  std::shared_ptr<const GpuModule> module;

  int64_t threads() const { return int64_t(workgroup[0]) * workgroup[1] * workgroup[2]; }
};

class GpuCode : public DriverCode {
public:
  GpuCode(std::shared_ptr<const GpuModule> module, std::string name)
      : module(std::move(module)), name(std::move(name)) {}

  Status findKernel(const Variant &variant, std::unique_ptr<DriverKernel> &kernel) override;

private:
  std::shared_ptr<const GpuModule> module;
  std::string name;
};

/// Loads a code section. The device is current.
Status loadGpuCode(GpuDriver &driver, const CodeSection &code, std::shared_ptr<DriverCode> &loaded);

} // namespace heed::rt

#endif // HEED_BACKENDS_GPU_DRIVER_GPUCODE_H
