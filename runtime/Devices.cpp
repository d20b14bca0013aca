#include "runtime/Devices.h"

#include "backends/cpu/driver/CpuDriver.h"
#include "backends/cuda/driver/CudaDriver.h"
#include "backends/rocm/driver/RocmDriver.h"
#include "backends/vulkan/driver/VulkanDriver.h"

#include <algorithm>
#include <charconv>

namespace heed::rt {

std::span<const DriverKind> driverKinds() {
  static constexpr DriverKind kinds[] = {
      {"cuda", listCuda, openCuda},
      {"rocm", listRocm, openRocm},
      {"vulkan", listVulkan, openVulkan},
      {"cpu", listCpu, openCpu},
  };
  return kinds;
}

static DeviceListing listKind(const DriverKind &kind, const DriverOptions &options) {
  DeviceListing listing;
  listing.kind = kind.name;
  listing.whyNot = kind.list(options, listing.devices);
  if (!listing.whyNot.ok())
    listing.devices.clear();
  else if (listing.devices.empty())
    listing.whyNot = error(Code::noDevice, "the driver works but finds no device");
  return listing;
}

std::vector<DeviceListing> listDevices(const DriverOptions &options) {
  std::vector<DeviceListing> listings;
  for (const DriverKind &kind : driverKinds())
    listings.push_back(listKind(kind, options));
  return listings;
}

template <typename List> static std::string join(const List &list) {
  std::string text;
  for (const auto &entry : list)
    text += concat(text.empty() ? "" : ", ", entry);
  return text.empty() ? "none" : text;
}

static std::string knownNames() {
  std::string text = "auto";
  for (const DriverKind &kind : driverKinds())
    text += concat(", ", kind.name);
  return text;
}

/// "cuda:1" is kind and index; a missing index is 0.
static Status parseName(const std::string &name, const DriverKind *&kind, uint32_t &index) {
  size_t colon = name.find(':');
  std::string_view text = std::string_view(name).substr(0, colon);
  auto kinds = driverKinds();
  auto found = std::find_if(kinds.begin(), kinds.end(), [&](const DriverKind &entry) { return text == entry.name; });
  if (found == kinds.end())
    return error(Code::notFound, "unknown device '", name, "'; this build knows ", knownNames(),
                 " (cuda:1 for the second of a kind)");
  kind = &*found;
  index = 0;
  if (colon == std::string::npos)
    return {};
  std::string_view digits = std::string_view(name).substr(colon + 1);
  auto [end, failure] = std::from_chars(digits.data(), digits.data() + digits.size(), index);
  if (failure != std::errc() || end != digits.data() + digits.size())
    return error(Code::invalidArgument, "device '", name, "': '", digits, "' is not the number of a device");
  return {};
}

static Status openKind(const DriverKind &kind, uint32_t index, const DriverOptions &options,
                       std::shared_ptr<Driver> &driver) {
  return kind.open(index, options, driver).within("device ", kind.name, ":", index);
}

/// Opens the first device that `package` has a plan for, or any when it is null, those that are software after all
/// others. `tried` tells what was found. Kinds without a plan are not looked at.
static bool openFirst(const Package *package, const DriverOptions &options, std::shared_ptr<Driver> &driver,
                      std::string &tried) {
  auto note = [&](std::string_view what, std::string_view why) {
    tried += concat(tried.empty() ? "" : "; ", what, ": ", why);
  };
  std::vector<const DriverKind *> kinds;
  std::vector<DeviceListing> listings;
  for (const DriverKind &kind : driverKinds()) {
    if (package && std::none_of(package->plans.begin(), package->plans.end(),
                                [&](const Plan &plan) { return plan.target == kind.name; }))
      continue;
    kinds.push_back(&kind);
    listings.push_back(listKind(kind, options));
    if (!listings.back().whyNot.ok())
      note(kind.name, listings.back().whyNot.message());
  }
  for (bool software : {false, true})
    for (size_t kind = 0; kind < kinds.size(); ++kind)
      for (const DeviceInfo &info : listings[kind].devices) {
        if (info.software != software)
          continue;
        if (package && !findPlan(*package, info)) {
          note(info.id(), concat("has ", join(info.features)));
          continue;
        }
        Status opened = openKind(*kinds[kind], info.index, options, driver);
        if (opened.ok())
          return true;
        note(info.id(), opened.message());
      }
  return false;
}

Status openDevice(const std::string &name, const DriverOptions &options, std::shared_ptr<Driver> &driver) {
  if (name == "auto") {
    std::string tried;
    if (openFirst(nullptr, options, driver, tried))
      return {};
    return error(Code::noDevice, "no device can be opened: ", tried);
  }
  const DriverKind *kind;
  uint32_t index;
  HEED_TRY(parseName(name, kind, index));
  return openKind(*kind, index, options, driver);
}

Status openDeviceFor(const Package &package, const std::string &name, const DriverOptions &options,
                     std::shared_ptr<Driver> &driver) {
  if (name != "auto")
    return openDevice(name, options, driver);
  std::string tried;
  if (openFirst(&package, options, driver, tried))
    return {};
  return error(Code::wrongArchitecture, "no device here can run the package, which holds plans for ",
               describePlans(package), tried.empty() ? "" : "; ", tried);
}

static bool hasAll(const DeviceInfo &device, const std::vector<std::string> &wanted) {
  return std::all_of(wanted.begin(), wanted.end(),
                     [&](const std::string &feature) { return device.features.contains(feature); });
}

const Plan *findPlan(const Package &package, const DeviceInfo &device) {
  for (const Plan &plan : package.plans)
    if (plan.target == device.kind && hasAll(device, plan.features))
      return &plan;
  return nullptr;
}

std::string describePlans(const Package &package) {
  std::vector<std::string> plans;
  for (const Plan &plan : package.plans)
    plans.push_back(plan.features.empty() ? plan.target : concat(plan.target, " with ", join(plan.features)));
  return join(plans);
}

Status noPlanFor(const Package &package, const DeviceInfo &device) {
  return error(Code::wrongArchitecture, "the package holds plans for ", describePlans(package), "; this device is ",
               device.kind, " with ", join(device.features));
}

} // namespace heed::rt
