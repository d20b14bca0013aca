// Kernels that never end and kernels that fault, on every device where that ends no more than the device: the error is
// typed, every later call fails at once, other devices go on.
#include "tests/runtime/TestDevices.h"

#include <cstdio>
#include <unistd.h>

using namespace heed;
using namespace heed::test;

namespace {

class LostDevice : public OnDevice {};
HEED_ON_DEVICES_WITH(LostDevice, needs::ownExecution);

/// One launch of a kernel on x and y, four floats each, with the parameters given.
PackageMaker oneLaunch(const std::string &kernel, const std::vector<int64_t> &params) {
  PackageMaker maker;
  maker.input("x", {maker.constant(4)});
  maker.output("y", {maker.constant(4)});
  std::vector<rt::ExprId> list;
  for (int64_t param : params)
    list.push_back(maker.constant(param));
  uint32_t x = maker.buffer(rt::Buffer::input(0)), y = maker.buffer(rt::Buffer::output(0));
  uint32_t wrong = maker.kernel(kernel, {rt::Access::read, rt::Access::write}, static_cast<uint32_t>(params.size()),
                                maker.constant(1));
  maker.launch(wrong, {x, y}, list);
  return maker;
}

/// After a loss, everything on the device fails at once and other devices go on. Returns what went wrong, "" for
/// nothing.
std::string checkLost(OpenedDevice &opened, Call &call, Queue &queue, heed_code firstCode, const std::string &name) {
  Status first = call.run();
  // A faulted queue of Vulkan may just never end (NVIDIA's driver in a container).
  if (first.code() == HEED_TIMEOUT && opened.device.kind() == "vulkan")
    firstCode = HEED_TIMEOUT;
  if (first.code() != firstCode)
    return "the run gives " + std::to_string(first.code()) + ": " + std::string(first.message());
  if (firstCode == HEED_TIMEOUT && first.message().find(name) == std::string_view::npos)
    return "the kernel's name is not in: " + std::string(first.message());
  const std::pair<const char *, heed_code> later[] = {
      {"run", call.run().code()},
      {"enqueue", call.enqueue(queue).code()},
      {"synchronize", queue.synchronize().code()},
      {"allocate", Buffer::allocate(opened.device, 16).code()},
      {"queue", Queue::create(opened.device).code()},
  };
  for (auto [what, code] : later)
    if (code != HEED_DEVICE_LOST)
      return std::string(what) + " gives " + std::to_string(code);
  Status again = call.run();
  if (again.message().find("is lost") == std::string_view::npos)
    return "no word of the loss in: " + std::string(again.message());
  Loaded cpu = load(addConstantTwice());
  Call other = cpu.module.createCall().value();
  float x[4] = {};
  if (!other.bindInput("x", view(x, {4})).ok() || !other.run().ok())
    return "the CPU does not go on";
  return "";
}

/// Runs in a process of its own: a fault may end more than the device.
std::string loseTheDevice(const TestDevice &which, const std::string &kernel, heed_code code) {
  OpenedDevice opened = openTestDevice(which, code == HEED_TIMEOUT ? 1.5 : 10);
  // A separate device goes wrong by itself, with any kernel.
  std::vector<int64_t> params;
  if (opened.probe || kernel == "wild")
    params = {4};
  PackageMaker maker = oneLaunch(opened.probe ? "sum" : kernel, params);
  Loaded loaded = test::load(madeFor(which, maker), &opened.device);
  Call call = loaded.module.createCall().value();
  Queue queue = Queue::create(opened.device).value();
  float x[4] = {}, y[4] = {};
  if (!call.bindInput("x", view(x, {4})).ok() || !call.bindOutput("y", view(y, {4})).ok())
    return "cannot bind";
  if (opened.probe)
    (code == HEED_TIMEOUT ? opened.probe->hangNext : opened.probe->faultNext) = true;
  return checkLost(opened, call, queue, code, opened.probe ? "sum" : kernel);
}

void inOwnProcess(const TestDevice &which, const std::string &kernel, heed_code code) {
  testing::FLAGS_gtest_death_test_style = "threadsafe";
  EXPECT_EXIT(
      {
        std::string wrong = loseTheDevice(which, kernel, code);
        std::fprintf(stderr, "%s\n", wrong.empty() ? "as expected" : wrong.c_str());
        _exit(wrong.empty() ? 0 : 1);
      },
      testing::ExitedWithCode(0), "as expected");
}

TEST_P(LostDevice, AKernelThatNeverEndsIsNamed) { inOwnProcess(GetParam(), "spin", HEED_TIMEOUT); }

TEST_P(LostDevice, AFaultLosesTheDeviceOnly) { inOwnProcess(GetParam(), "wild", HEED_DEVICE_LOST); }

} // namespace
