#include "backends/cpu/driver/CpuDriver.h"
#include "runtime/Driver.h"

namespace heed::rt {

Status openDevice(const std::string &name, const DriverOptions &options, std::shared_ptr<Driver> &driver) {
  if (name == "cpu" || name == "cpu:0")
    return openCpu(options, driver);
  return error(Code::notFound, "unknown device '", name, "'; this build has cpu");
}

} // namespace heed::rt
