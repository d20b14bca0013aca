// The kinds of devices this build knows, and how a name such as "cuda:1" becomes an opened device.
#ifndef HEED_RUNTIME_DEVICES_H
#define HEED_RUNTIME_DEVICES_H

#include "runtime/Driver.h"

#include <memory>
#include <span>
#include <string>
#include <vector>

namespace heed::rt {

/// One kind of device. Its row in Devices.cpp is all the runtime knows of a backend.
struct DriverKind {
  const char *name; // "cuda"
  /// Describes every device there is, in the order of their indices. Fails with Code::noDriver when the kind's driver
  /// library is missing or unusable, in one line for the user. Opens nothing that costs device memory.
  Status (*list)(const DriverOptions &options, std::vector<DeviceInfo> &devices);
  /// Fails with Code::noDriver as `list` does, or with Code::noDevice when the index is too high.
  Status (*open)(uint32_t index, const DriverOptions &options, std::shared_ptr<Driver> &driver);
};

/// In the order in which "auto" prefers them.
std::span<const DriverKind> driverKinds();

/// The devices of a kind, or why there are none.
struct DeviceListing {
  std::string kind;
  std::vector<DeviceInfo> devices;
  Status whyNot;
};
std::vector<DeviceListing> listDevices(const DriverOptions &options = {});

/// Opens "cpu", "cuda:1", .. (":0" may be left out), or "auto": the first device found, real GPUs first, then the CPU.
/// Errors: invalidArgument for a name that is none, noDriver, noDevice, and what the driver says.
Status openDevice(const std::string &name, const DriverOptions &options, std::shared_ptr<Driver> &driver);

/// The same for a package: "auto" takes the first device for which it has a plan. Fails with Code::wrongArchitecture
/// when there is none, naming what the package holds and which devices were found.
Status openDeviceFor(const Package &package, const std::string &name, const DriverOptions &options,
                     std::shared_ptr<Driver> &driver);

/// The first plan whose target and features the device has; null when there is none.
const Plan *findPlan(const Package &package, const DeviceInfo &device);
/// "cpu, cuda with sm_90".
std::string describePlans(const Package &package);
/// The error for a device without a plan: what the package holds, what the device is.
Status noPlanFor(const Package &package, const DeviceInfo &device);

} // namespace heed::rt

#endif // HEED_RUNTIME_DEVICES_H
