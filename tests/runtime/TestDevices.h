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
  bool isGpu() const { return kind != "cpu" && !isSeparate(); }
};

void PrintTo(const TestDevice &device, std::ostream *stream);

const std::vector<TestDevice> &testDevices();

/// llvmpipe (Mesa 22) leaves every loop of a program once it made 65535 rounds in all.
inline constexpr const char *endsLoops = "llvmpipe ends the loops of a program after 65535 rounds";

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

} // namespace heed::test

#endif // HEED_TESTS_RUNTIME_TESTDEVICES_H
