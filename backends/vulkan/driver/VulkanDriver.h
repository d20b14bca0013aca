// Vulkan 1.3 devices. The loader (libvulkan.so.1) is opened at run time, so nothing here needs Vulkan to be installed.
#ifndef HEED_BACKENDS_VULKAN_DRIVER_VULKANDRIVER_H
#define HEED_BACKENDS_VULKAN_DRIVER_VULKANDRIVER_H

#include "runtime/Driver.h"

namespace heed::rt {

/// Describes the usable devices. An index is the device's place in the loader's enumeration, unusable ones included.
Status listVulkan(const DriverOptions &options, std::vector<DeviceInfo> &devices);
Status openVulkan(uint32_t index, const DriverOptions &options, std::shared_ptr<Driver> &driver);

} // namespace heed::rt

#endif // HEED_BACKENDS_VULKAN_DRIVER_VULKANDRIVER_H
