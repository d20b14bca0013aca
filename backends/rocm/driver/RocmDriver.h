// AMD's GPUs through HIP (libamdhip64), which is opened at run time.
#ifndef HEED_BACKENDS_ROCM_DRIVER_ROCMDRIVER_H
#define HEED_BACKENDS_ROCM_DRIVER_ROCMDRIVER_H

#include "runtime/Driver.h"

namespace heed::rt {

/// The features of a device are the one chip it is: "gfx942".
Status listRocm(const DriverOptions &options, std::vector<DeviceInfo> &devices);
Status openRocm(uint32_t index, const DriverOptions &options, std::shared_ptr<Driver> &driver);

} // namespace heed::rt

#endif // HEED_BACKENDS_ROCM_DRIVER_ROCMDRIVER_H
