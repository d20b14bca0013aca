// What the tests of CUDA's and ROCm's drivers share: a device with a queue, a context and kernels.
#ifndef HEED_TESTS_RUNTIME_GPU_GPUTEST_H
#define HEED_TESTS_RUNTIME_GPU_GPUTEST_H

#include "runtime/Devices.h"
#include "runtime/Driver.h"
#include "runtime/HostCopy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <memory>
#include <random>
#include <string>
#include <vector>

#define EXPECT_STATUS(expression)                                                                                      \
  do {                                                                                                                 \
    heed::rt::Status outcome_ = (expression);                                                                          \
    EXPECT_TRUE(outcome_.ok()) << outcome_.message();                                                                  \
  } while (false)
#define ASSERT_STATUS(expression)                                                                                      \
  do {                                                                                                                 \
    heed::rt::Status outcome_ = (expression);                                                                          \
    ASSERT_TRUE(outcome_.ok()) << outcome_.message();                                                                  \
  } while (false)
#define EXPECT_FAILURE(expression, expectedCode, matcher)                                                              \
  do {                                                                                                                 \
    heed::rt::Status outcome_ = (expression);                                                                          \
    EXPECT_EQ(outcome_.code(), heed::rt::Code::expectedCode) << outcome_.message();                                    \
    EXPECT_THAT(std::string(outcome_.message()), matcher);                                                             \
  } while (false)

namespace heed::test {

inline rt::Status openDevice(const char *name, std::shared_ptr<rt::Driver> &driver, double hangSeconds = 60) {
  rt::DriverOptions options;
  options.hangSeconds = hangSeconds;
  return rt::openDevice(name, options, driver);
}

/// Memory of the device, freed at the end.
class DeviceArray {
public:
  DeviceArray(rt::Driver &driver, size_t bytes) : driver(driver), bytes(bytes) {
    EXPECT_STATUS(driver.allocate(bytes, memory));
  }
  ~DeviceArray() { driver.free(memory); }
  DeviceArray(const DeviceArray &) = delete;
  DeviceArray &operator=(const DeviceArray &) = delete;

  template <typename T> void write(rt::DriverQueue &queue, const std::vector<T> &values) const {
    EXPECT_STATUS(driver.upload(queue, memory, values.data(), values.size() * sizeof(T)));
  }
  template <typename T> std::vector<T> read(rt::DriverQueue &queue) const {
    std::vector<T> values(bytes / sizeof(T));
    EXPECT_STATUS(driver.download(queue, values.data(), memory, values.size() * sizeof(T)));
    EXPECT_STATUS(queue.synchronize());
    return values;
  }

  rt::Driver &driver;
  size_t bytes;
  rt::DevicePointer memory;
};

/// A device with a queue and a context.
struct OpenDevice {
  explicit OpenDevice(const char *name, double hangSeconds = 60) {
    EXPECT_STATUS(openDevice(name, driver, hangSeconds));
    EXPECT_STATUS(driver->createQueue(queue));
    EXPECT_STATUS(driver->createContext(0, context));
  }

  std::unique_ptr<rt::DriverKernel> find(const rt::CodeSection &code, const std::string &symbol, uint32_t threads,
                                         uint64_t sharedBytes = 0) {
    rt::Variant variant;
    variant.symbol = symbol;
    variant.workgroup = {threads, 1, 1};
    variant.sharedBytes = sharedBytes;
    return find(code, variant);
  }

  std::unique_ptr<rt::DriverKernel> find(const rt::CodeSection &code, const rt::Variant &variant) {
    std::shared_ptr<rt::DriverCode> loaded;
    std::unique_ptr<rt::DriverKernel> kernel;
    EXPECT_STATUS(driver->loadCode(code, loaded));
    if (loaded)
      EXPECT_STATUS(loaded->findKernel(variant, kernel));
    return kernel;
  }

  rt::Status launch(const rt::DriverKernel &kernel, std::string_view name, std::vector<rt::DevicePointer> operands,
                    std::vector<int64_t> params, int64_t programs, bool opensCall = false) {
    return context->launch(*queue, {&kernel, name, operands, params, {programs, 1, 1}, 0, {}, opensCall});
  }

  std::shared_ptr<rt::Driver> driver;
  std::unique_ptr<rt::DriverQueue> queue;
  std::unique_ptr<rt::DriverContext> context;
};

inline rt::CodeSection section(rt::CodeFormat format, const std::string &bytes) {
  return {"test", format, {reinterpret_cast<const std::byte *>(bytes.data()), bytes.size()}};
}

template <typename T> std::vector<T> counting(size_t count) {
  std::vector<T> values(count);
  for (size_t i = 0; i < count; ++i)
    values[i] = static_cast<T>(i);
  return values;
}

/// Copies of random ranks, sizes, strides and widths.
inline void expectStridedCopies(OpenDevice &device, int rounds) {
  std::mt19937 random(11);
  DeviceArray from(*device.driver, 8000), to(*device.driver, 8000);
  std::vector<std::byte> source(8000), expected(8000);
  for (int round = 0; round < rounds; ++round) {
    rt::StridedCopy copy = {};
    copy.rank = static_cast<uint32_t>(random() % 5);
    copy.elementBytes = 1u << random() % 4;
    int64_t dense = 1;
    for (uint32_t dim = copy.rank; dim-- > 0;) {
      copy.sizes[dim] = 1 + static_cast<int64_t>(random() % 4);
      copy.sourceStrides[dim] = random() % 2 ? dense : static_cast<int64_t>(random() % 11) - 3;
      copy.destinationStrides[dim] = dense;
      dense *= copy.sizes[dim] + static_cast<int64_t>(random() % 2);
    }
    copy.source = from.memory.advanced(1600);
    copy.destination = to.memory.advanced(8);
    for (size_t i = 0; i < source.size(); ++i) {
      source[i] = static_cast<std::byte>(random());
      expected[i] = std::byte{1};
    }
    from.write(*device.queue, source);
    to.write(*device.queue, expected);
    ASSERT_STATUS(device.context->copy(*device.queue, copy));
    rt::copyOnHost(copy.rank, copy.sizes.data(), copy.elementBytes, source.data() + 1600, copy.sourceStrides.data(),
                   expected.data() + 8, copy.destinationStrides.data());
    ASSERT_EQ(to.read<std::byte>(*device.queue), expected);
  }
}

} // namespace heed::test

#endif // HEED_TESTS_RUNTIME_GPU_GPUTEST_H
