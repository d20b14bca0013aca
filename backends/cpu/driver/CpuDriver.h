// The host's processor as a device: memory is host memory, queues finish their work at once.
#ifndef HEED_BACKENDS_CPU_DRIVER_CPUDRIVER_H
#define HEED_BACKENDS_CPU_DRIVER_CPUDRIVER_H

#include "runtime/Driver.h"

namespace heed::rt {

/// Describes the one CPU.
Status listCpu(const DriverOptions &options, std::vector<DeviceInfo> &devices);
Status openCpu(uint32_t index, const DriverOptions &options, std::shared_ptr<Driver> &driver);

} // namespace heed::rt

#endif // HEED_BACKENDS_CPU_DRIVER_CPUDRIVER_H
