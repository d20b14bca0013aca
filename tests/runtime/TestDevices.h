// The devices that the conformance suite runs on: the CPU, the CPU behind a wall (SeparateDevice.h), and every other
// device found whose kernels were compiled (kernels/compile.sh).
#ifndef HEED_TESTS_RUNTIME_TESTDEVICES_H
#define HEED_TESTS_RUNTIME_TESTDEVICES_H

#include "tests/runtime/RuntimeTest.h"
#include "tests/runtime/SeparateDevice.h"

#include <memory>
#include <ostream>
#include <string>
#include <vector>

namespace heed::test {

struct TestDevice {
  std::string id; // "cpu:0"
  std::string kind;
  bool hostMemory = false; // tensors of the host are used in place
  bool software = false;   // computed by the host: a fault there ends the process

  bool isSeparate() const { return kind == "separate"; }
};

void PrintTo(const TestDevice &device, std::ostream *stream);

const std::vector<TestDevice> &testDevices();

/// What a suite needs of a device.
struct Need {
  bool (*isMet)(const TestDevice &);
  const char *otherwise; // why the suite does not apply to other devices
};

namespace needs {

/// llvmpipe (Mesa 22) leaves every loop of a program once it made 65535 rounds in all.
inline constexpr Need longLoops = {[](const TestDevice &device) { return !device.software; },
                                   "llvmpipe ends the loops of a program after 65535 rounds"};
/// A kernel may fault or never end without taking this process along.
inline constexpr Need ownExecution = {[](const TestDevice &device) { return device.kind != "cpu" && !device.software; },
                                      "kernels run on threads of the process, which ends or hangs with them"};
inline constexpr Need streams = {
    [](const TestDevice &device) { return device.kind == "cuda" || device.kind == "rocm"; },
    "the vendor's interface has no streams"};
inline constexpr Need noStreams = {[](const TestDevice &device) { return !streams.isMet(device); },
                                   "the vendor's interface has streams"};

} // namespace needs

/// The devices of testDevices() that meet the need; the others are printed as left out of `suite`.
std::vector<TestDevice> testDevicesFor(const char *suite, const Need &need);

/// A device opened for a test, with the probe of a separate one.
struct OpenedDevice {
  Device device;
  std::shared_ptr<SeparateDeviceProbe> probe; // null for real devices
};
OpenedDevice openTestDevice(const TestDevice &which, double hangSeconds = 60);

/// The package with code for this kind of device instead of the CPU's.
PackageMaker madeFor(const TestDevice &which, PackageMaker maker);

/// A test that runs on every device. `load` gives a module for it.
class OnDevice : public testing::TestWithParam<TestDevice> {
protected:
  OnDevice() : opened(openTestDevice(GetParam())), device(opened.device) {}

  PackageMaker made(const PackageMaker &maker) const { return madeFor(GetParam(), maker); }
  Loaded load(const PackageMaker &maker) { return test::load(made(maker), &device); }

  OpenedDevice opened;
  Device &device;
};

std::string testDeviceName(const testing::TestParamInfo<TestDevice> &info);

/// Instantiates a suite of OnDevice.
#define HEED_ON_EVERY_DEVICE(suite)                                                                                    \
  INSTANTIATE_TEST_SUITE_P(Devices, suite, testing::ValuesIn(heed::test::testDevices()), heed::test::testDeviceName)

/// Instantiates a suite of OnDevice on the devices that meet a need. There may be none.
#define HEED_ON_DEVICES_WITH(suite, need)                                                                              \
  GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(suite);                                                                \
  INSTANTIATE_TEST_SUITE_P(Devices, suite, testing::ValuesIn(heed::test::testDevicesFor(#suite, need)),                \
                           heed::test::testDeviceName)

} // namespace heed::test

#endif // HEED_TESTS_RUNTIME_TESTDEVICES_H
