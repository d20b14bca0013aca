// What the tests of the Vulkan driver share. They run under the validation layer: every message of it fails a call.
#ifndef HEED_TESTS_RUNTIME_VULKANTEST_H
#define HEED_TESTS_RUNTIME_VULKANTEST_H

#include "backends/vulkan/driver/VulkanDevice.h"
#include "runtime/Devices.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <iterator>

#define EXPECT_OK(expression)                                                                                          \
  do {                                                                                                                 \
    Status status_ = (expression);                                                                                     \
    EXPECT_TRUE(status_.ok()) << status_.message();                                                                    \
  } while (false)

namespace heed::test {

using namespace heed::rt;

inline std::vector<std::byte> readModule(const std::string &name) {
  std::ifstream file(HEED_TEST_VULKAN_KERNELS + name + ".spv", std::ios::binary);
  std::vector<char> text{std::istreambuf_iterator<char>(file), {}};
  auto bytes = std::as_bytes(std::span(text));
  return {bytes.begin(), bytes.end()};
}

inline std::string failure(const Status &status, Code code) {
  EXPECT_EQ(status.code(), code) << status.message();
  return std::string(status.message());
}

/// A test on the first Vulkan device; with the parameter, as if the host could not see its memory.
class VulkanTest : public testing::TestWithParam<bool> {
protected:
  void SetUp() override {
    setenv("HEED_VULKAN_VALIDATION", "1", 1);
    setenv("HEED_VULKAN_DISCRETE", GetParam() ? "1" : "0", 1);
    open();
  }

  void open() {
    context.reset();
    queue.reset();
    driver.reset();
    Status status = openDevice("vulkan", options, driver);
    ASSERT_TRUE(status.ok()) << status.message();
    ASSERT_TRUE(driver->createQueue(queue).ok());
    ASSERT_TRUE(driver->createContext(0, context).ok());
  }

  DevicePointer allocate(uint64_t bytes) {
    DevicePointer memory;
    EXPECT_OK(driver->allocate(bytes, memory));
    return memory;
  }

  /// A buffer with these floats.
  DevicePointer make(const std::vector<float> &values) {
    DevicePointer memory = allocate(values.size() * sizeof(float));
    EXPECT_OK(driver->upload(*queue, memory, values.data(), values.size() * sizeof(float)));
    EXPECT_OK(queue->synchronize());
    return memory;
  }

  std::vector<float> read(DevicePointer memory, size_t count) {
    std::vector<float> values(count, -99);
    EXPECT_OK(driver->download(*queue, values.data(), memory, count * sizeof(float)));
    EXPECT_OK(queue->synchronize());
    return values;
  }

  Status findKernel(const std::string &name, Variant variant, std::unique_ptr<DriverKernel> &found) {
    std::vector<std::byte> bytes = readModule(name);
    std::shared_ptr<DriverCode> code;
    EXPECT_OK(driver->loadCode({"test", CodeFormat::spirv, bytes}, code));
    if (variant.symbol.empty())
      variant.symbol = name;
    return code->findKernel(variant, found);
  }

  std::unique_ptr<DriverKernel> kernel(const std::string &name) {
    std::unique_ptr<DriverKernel> found;
    EXPECT_OK(findKernel(name, {}, found));
    return found;
  }

  Status launch(const std::unique_ptr<DriverKernel> &kernel, std::vector<DevicePointer> operands,
                std::array<int64_t, 3> grid, std::vector<int64_t> params = {}) {
    return context->launch(*queue, {kernel.get(), "probe", operands, params, grid, 0});
  }

  DriverOptions options;
  std::shared_ptr<Driver> driver;
  std::unique_ptr<DriverQueue> queue;
  std::unique_ptr<DriverContext> context;
};

/// On devices whose memory the host sees, and as if it did not.
inline std::string memoryName(const testing::TestParamInfo<bool> &info) { return info.param ? "Staged" : "Shared"; }

} // namespace heed::test

#endif // HEED_TESTS_RUNTIME_VULKANTEST_H
