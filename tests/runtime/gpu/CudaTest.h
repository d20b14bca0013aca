// What the tests of CUDA's driver share: a fake libcuda with kernels that run on the host.
#ifndef HEED_TESTS_RUNTIME_GPU_CUDATEST_H
#define HEED_TESTS_RUNTIME_GPU_CUDATEST_H

#include "tests/runtime/gpu/FakeCuda.h"
#include "tests/runtime/gpu/GpuTest.h"

#include <atomic>
#include <cstdlib>
#include <dlfcn.h>
#include <thread>

namespace heed::test {

inline constexpr int illegalAddress = 700;

inline const std::string ptx =
    ".version 8.0 .target sm_80 .entry scale .entry fault .entry stall .entry shape .entry big .entry box";

inline std::atomic<bool> stalled;

template <typename T> T *pointer(uint64_t word) { return reinterpret_cast<T *>(word); }

/// y = 2 x over n numbers; words: y, x, n, grid.
inline int scale(const FakeLaunch &launch) {
  auto *y = pointer<float>(launch.words[0]);
  auto *x = pointer<float>(launch.words[1]);
  for (uint64_t i = 0; i < launch.words[2]; ++i)
    y[i] = 2 * x[i];
  return 0;
}
inline int fault(const FakeLaunch &) { return illegalAddress; }
inline int stall(const FakeLaunch &) {
  while (stalled)
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  return 0;
}
/// Writes the launch's shape and the grid's words; words: out, grid.
inline int shape(const FakeLaunch &launch) {
  auto *out = pointer<int64_t>(launch.words[0]);
  const int64_t values[] = {launch.grid[0],
                            launch.grid[1],
                            launch.block[0],
                            launch.sharedBytes,
                            static_cast<int64_t>(launch.words[1]),
                            static_cast<int64_t>(launch.words[2]),
                            static_cast<int64_t>(launch.words[3])};
  std::copy(std::begin(values), std::end(values), out);
  return 0;
}

/// Copies box (1, 1, 1) of the map, numbers outside the tensor being zeros; words: out, grid.
inline int box(const FakeLaunch &launch) {
  auto *out = pointer<uint16_t>(launch.words[0]);
  const FakeTensorMap &map = launch.maps[1];
  for (uint64_t i = 0; i < map.box[2]; ++i)
    for (uint64_t j = 0; j < map.box[1]; ++j)
      for (uint64_t k = 0; k < map.box[0]; ++k) {
        uint64_t place = map.address + (i + 1) * map.strides[1] + (j + 1) * map.strides[0] + (k + 1) * 2;
        bool inside = i + 1 < map.sizes[2] && j + 1 < map.sizes[1] && k + 1 < map.sizes[0];
        *out++ = inside ? *pointer<uint16_t>(place) : 0;
      }
  return map.type == 1 && map.rank == 3 && map.swizzle == 3 ? 0 : illegalAddress;
}

class CudaDriver : public testing::Test {
protected:
  void SetUp() override { useLibrary(HEED_FAKE_CUDA); }

  void useLibrary(const char *path) {
    ::setenv("HEED_CUDA_LIBRARY", path, 1);
    void *library = ::dlopen(path, RTLD_NOW);
    ASSERT_NE(library, nullptr) << ::dlerror();
    fake = reinterpret_cast<const FakeCuda *(*)()>(::dlsym(library, fakeCudaSymbol))();
    fake->reset();
    fake->define("scale", 6, scale);
    fake->define("fault", 3, fault);
    fake->define("stall", 3, stall);
    fake->define("shape", 4, shape);
    fake->define("box", 4, box);
    fake->defineMaps("box", 2);
    stalled = true;
  }

  void TearDown() override {
    stalled = false;
    EXPECT_EQ(fake->currentContexts(), 0) << "the thread's contexts were not put back";
    if (hung) // nothing of a device that hangs is given back
      reinterpret_cast<int (*)(int)>(::dlsym(::dlopen(HEED_FAKE_CUDA, RTLD_NOW), "cuDevicePrimaryCtxRelease_v2"))(0);
    EXPECT_EQ(fake->alive(), 0) << "something was not given back";
    ::unsetenv("HEED_CUDA_LIBRARY");
    ::unsetenv("HEED_GPU_SYNCHRONOUS");
    ::unsetenv("HEED_GPU_OVERLAP");
  }

  std::unique_ptr<rt::DriverKernel> kernel(OpenDevice &device, const char *name, uint64_t sharedBytes = 0) {
    return device.find(section(rt::CodeFormat::ptx, ptx), name, 128, sharedBytes);
  }

  /// y = 2 x on the device, checked.
  void expectScales(OpenDevice &device, size_t count = 1000) {
    auto scale = kernel(device, "scale");
    DeviceArray x(*device.driver, 4 * count), y(*device.driver, 4 * count);
    std::vector<float> values = counting<float>(count);
    x.write(*device.queue, values);
    ASSERT_STATUS(device.launch(*scale, "scale", {y.memory, x.memory}, {static_cast<int64_t>(count)}, 1));
    for (float &value : values)
      value *= 2;
    EXPECT_EQ(y.read<float>(*device.queue), values);
  }

  const FakeCuda *fake = nullptr;
  bool hung = false;
};

} // namespace heed::test

#endif // HEED_TESTS_RUNTIME_GPU_CUDATEST_H
