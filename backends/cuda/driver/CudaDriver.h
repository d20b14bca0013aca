// NVIDIA's GPUs through libcuda, which is opened at run time.
#ifndef HEED_BACKENDS_CUDA_DRIVER_CUDADRIVER_H
#define HEED_BACKENDS_CUDA_DRIVER_CUDADRIVER_H

#include "runtime/Driver.h"

#include <set>
#include <string>

namespace heed::rt {

Status listCuda(const DriverOptions &options, std::vector<DeviceInfo> &devices);
Status openCuda(uint32_t index, const DriverOptions &options, std::shared_ptr<Driver> &driver);

/// What a device of compute capability major.minor has: "sm_80" for every chip up to its own, "sm_90a" for its own
/// only, "sm_100f" for those of its family up to its own, "cubin_sm_80" for those whose binaries it runs.
std::set<std::string, std::less<>> cudaFeatures(int major, int minor);

} // namespace heed::rt

#endif // HEED_BACKENDS_CUDA_DRIVER_CUDADRIVER_H
