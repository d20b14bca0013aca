// What tests ask of the fake libcuda beyond CUDA's own functions. They find these functions with dlsym in the library
// that they name in HEED_CUDA_LIBRARY.
#ifndef HEED_TESTS_RUNTIME_GPU_FAKECUDA_H
#define HEED_TESTS_RUNTIME_GPU_FAKECUDA_H

#include <cstddef>
#include <cstdint>

namespace heed::test {

/// What the fake's cuTensorMapEncodeTiled writes: its arguments.
struct alignas(64) FakeTensorMap {
  uint64_t address;
  uint64_t sizes[5], strides[4]; // innermost first; strides in bytes, from the second dimension on
  uint8_t type, swizzle;
  uint16_t rank;
  uint16_t box[5];
};
static_assert(sizeof(FakeTensorMap) == 128);

/// One launch as a "kernel", a function of the host, sees it.
struct FakeLaunch {
  const uint64_t *words;
  unsigned grid[3], block[3];
  unsigned sharedBytes;
  const FakeTensorMap *maps;
};
/// Returns 0, or the CUresult that the device is to fail with from now on.
using FakeKernel = int (*)(const FakeLaunch &launch);

struct FakeCuda {
  /// Everything as it is at the start: two devices of 1 GiB (9.0 and 8.0), CUDA 12.4. All work must be done.
  void (*reset)();
  /// Settings: "devices", "version", "memory" (bytes of each device), "threads" (most of a workgroup).
  void (*set)(const char *setting, long value);
  /// The named function returns `result` once, after `skip` calls that work.
  void (*fail)(const char *function, int result, int skip);
  /// Kernels are found by name in modules that mention them.
  void (*define)(const char *name, int words, FakeKernel kernel);
  /// A kernel defined before takes so many tensor maps behind its words.
  void (*defineMaps)(const char *name, int maps);
  /// Calls of a CUDA function so far.
  long (*calls)(const char *function);
  /// Things not yet given back: allocations, pinned memory, streams, events, modules, graphs, references to contexts.
  long (*alive)();
  /// Depth of the calling thread's stack of contexts.
  long (*currentContexts)();
};

inline constexpr const char *fakeCudaSymbol = "fakeCuda"; // const FakeCuda *fakeCuda(void)

} // namespace heed::test

#endif // HEED_TESTS_RUNTIME_GPU_FAKECUDA_H
