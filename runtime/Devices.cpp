#include "runtime/Devices.h"

#include "backends/cpu/driver/CpuDriver.h"

#include <algorithm>
#include <charconv>

namespace heed::rt {

std::span<const DriverKind> driverKinds() {
  static constexpr DriverKind kinds[] = {
      {"cpu", listCpu, openCpu},
  };
  return kinds;
}

std::vector<DeviceListing> listDevices(const DriverOptions &options) {
  std::vector<DeviceListing> listings;
  for (const DriverKind &kind : driverKinds()) {
    DeviceListing &listing = listings.emplace_back();
    listing.kind = kind.name;
    listing.whyNot = kind.list(options, listing.devices);
    if (listing.whyNot.ok() && listing.devices.empty())
      listing.whyNot = error(Code::noDevice, "the driver works but finds no device");
  }
  return listings;
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

/// Opens the first device that `accepts(info)`, those that are software after all others. `tried` tells what was found.
template <typename Accepts>
static bool openFirst(const DriverOptions &options, Accepts accepts, std::shared_ptr<Driver> &driver,
                      std::string &tried) {
  auto note = [&](std::string_view what, std::string_view why) {
    tried += concat(tried.empty() ? "" : "; ", what, ": ", why);
  };
  std::vector<DeviceListing> listings = listDevices(options);
  for (const DeviceListing &listing : listings)
    if (!listing.whyNot.ok())
      note(listing.kind, listing.whyNot.message());
  for (bool software : {false, true})
    for (size_t kind = 0; kind < listings.size(); ++kind)
      for (const DeviceInfo &info : listings[kind].devices) {
        if (info.software != software)
          continue;
        if (!accepts(info)) {
          note(info.id(), "no plan fits it");
          continue;
        }
        Status opened = openKind(driverKinds()[kind], info.index, options, driver);
        if (opened.ok())
          return true;
        note(info.id(), opened.message());
      }
  return false;
}

Status openDevice(const std::string &name, const DriverOptions &options, std::shared_ptr<Driver> &driver) {
  if (name == "auto") {
    std::string tried;
    if (openFirst(options, [](const DeviceInfo &) { return true; }, driver, tried))
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
  if (openFirst(options, [&](const DeviceInfo &info) { return findPlan(package, info) != nullptr; }, driver, tried))
    return {};
  return error(Code::wrongArchitecture, "no device can run the package, which holds plans for ", describePlans(package),
               ": ", tried);
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

template <typename List> static std::string join(const List &list) {
  std::string text;
  for (const auto &entry : list)
    text += concat(text.empty() ? "" : ", ", entry);
  return text.empty() ? "none" : text;
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
