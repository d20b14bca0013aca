// The Vulkan driver, on whatever devices there are, under the validation layer: every message of it fails a call.
#include "runtime/Devices.h"
#include "tests/runtime/RuntimeTest.h"

#include <gmock/gmock.h>

#include <cstdlib>

using namespace heed;
using namespace heed::test;
using testing::HasSubstr;

namespace {

class Vulkan : public testing::Test {
protected:
  void SetUp() override {
    setenv("HEED_VULKAN_VALIDATION", "1", 1);
    rt::Status status = rt::openDevice("vulkan", options, driver);
    ASSERT_TRUE(status.ok()) << status.message();
    ASSERT_TRUE(driver->createQueue(queue).ok());
    ASSERT_TRUE(driver->createContext(0, context).ok());
  }

  rt::DevicePointer allocate(uint64_t bytes) {
    rt::DevicePointer memory;
    EXPECT_OK(driver->allocate(bytes, memory));
    return memory;
  }

  std::unique_ptr<rt::DriverKernel> kernel(const std::string &symbol, uint32_t threads = 1) {
    std::vector<std::byte> bytes = spirvOf(symbol);
    std::shared_ptr<rt::DriverCode> code;
    EXPECT_OK(driver->loadCode({"test", rt::CodeFormat::spirv, bytes}, code));
    rt::Variant variant;
    variant.symbol = symbol;
    variant.workgroup = {threads, 1, 1};
    std::unique_ptr<rt::DriverKernel> found;
    EXPECT_OK(code->findKernel(variant, found));
    return found;
  }

  rt::DriverOptions options;
  std::shared_ptr<rt::Driver> driver;
  std::unique_ptr<rt::DriverQueue> queue;
  std::unique_ptr<rt::DriverContext> context;
};

TEST_F(Vulkan, RunsAKernel) {
  constexpr int count = 1000;
  std::vector<float> a(count), b(count), sum(count, -1);
  for (int i = 0; i < count; ++i)
    a[i] = static_cast<float>(i), b[i] = 0.5f;
  uint64_t bytes = count * sizeof(float);
  rt::DevicePointer operands[] = {allocate(bytes), allocate(bytes), allocate(bytes)};
  EXPECT_OK(driver->upload(*queue, operands[0], a.data(), bytes));
  EXPECT_OK(driver->upload(*queue, operands[1], b.data(), bytes));
  std::unique_ptr<rt::DriverKernel> add = kernel("test_add");
  EXPECT_OK(context->launch(*queue, {add.get(), "add", operands, {}, {count, 1, 1}, 0}));
  EXPECT_OK(driver->download(*queue, sum.data(), operands[2], bytes));
  EXPECT_OK(queue->synchronize());
  for (int i = 0; i < count; ++i)
    ASSERT_EQ(sum[i], static_cast<float>(i) + 0.5f);
  for (rt::DevicePointer operand : operands)
    driver->free(operand);
}

TEST_F(Vulkan, RunsAPackage) {
  PackageMaker maker = twice();
  maker.targetVulkan();
  Device device = Device::open("vulkan").value();
  EXPECT_EQ(device.kind(), "vulkan");
  Loaded loaded = load(maker, &device);
  Call call = loaded.module.createCall().value();
  std::vector<float> x = {1, 2, 3, 4, 5, 6}, y(6);
  EXPECT_OK(call.bindInput("x", view(x.data(), {3, 2})));
  EXPECT_OK(call.bindOutput("y", view(y.data(), {3, 2})));
  for (int i = 0; i < 4; ++i) {
    std::fill(y.begin(), y.end(), -1.0f);
    EXPECT_OK(call.run());
    EXPECT_THAT(y, testing::ElementsAre(2, 4, 6, 8, 10, 12));
  }
}

} // namespace
