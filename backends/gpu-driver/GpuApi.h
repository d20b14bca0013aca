// The functions that CUDA's driver library and HIP have in common: other names, same parameters and numbers. Declared
// here so that no vendor's headers are needed; the names are in the tables of backends/cuda/driver and
// backends/rocm/driver.
#ifndef HEED_BACKENDS_GPU_DRIVER_GPUAPI_H
#define HEED_BACKENDS_GPU_DRIVER_GPUAPI_H

#include <cstddef>
#include <cstdint>

namespace heed::rt {

/// Streams, events, modules, functions and graphs are opaque pointers in both libraries.
using GpuHandle = void *;

/// CUresult and hipError_t agree on these.
enum GpuResult : int {
  gpuSuccess = 0,
  gpuInvalidValue = 1,
  gpuOutOfMemory = 2,
  gpuNotInitialized = 3,
  gpuDeinitialized = 4,
  gpuNoDevice = 100,
  gpuInvalidDevice = 101,
  gpuInvalidImage = 200,
  gpuInvalidContext = 201,
  gpuNoBinaryForDevice = 209,
  gpuUncorrectableMemory = 214,
  gpuInvalidPtx = 218,
  gpuLinkUncorrectable = 220,
  gpuNoJitCompiler = 221,
  gpuUnsupportedPtxVersion = 222,
  gpuJitDisabled = 223,
  gpuInvalidHandle = 400,
  gpuNotFound = 500,
  gpuNotReady = 600,
  gpuIllegalAddress = 700,
  gpuLaunchOutOfResources = 701,
  gpuLaunchTimeout = 702,
  gpuContextDestroyed = 709,
  gpuAssert = 710,
  gpuHardwareStack = 714,
  gpuIllegalInstruction = 715,
  gpuMisalignedAddress = 716,
  gpuInvalidAddressSpace = 717,
  gpuInvalidProgramCounter = 718,
  gpuLaunchFailed = 719,
  gpuNotSupported = 801,
  gpuCaptureUnsupported = 900,
  gpuCapturedEvent = 907,
  gpuUnknown = 999,
};

enum GpuFlags : unsigned {
  gpuStreamNonBlocking = 1, // not ordered after the default stream
  gpuEventNoTiming = 2,
  gpuHostPortable = 1, // pinned for every device
  gpuCaptureThreadLocal = 1,
};

/// Attributes of functions and pointers have equal numbers too; those of devices do not.
enum GpuAttribute : int {
  gpuFunctionMaxThreads = 0,
  gpuFunctionSharedBytes = 1, // static
  gpuFunctionMaxDynamicShared = 8,
  gpuFunctionSharedCarveout = 9, // percent of what a processor can have
  gpuPointerMemoryType = 2,
  gpuPointerDevice = 9,
};

/// Functions marked optional are null when the library lacks them.
struct GpuApi {
  int (*init)(unsigned flags);
  int (*driverVersion)(int *version);
  int (*deviceCount)(int *count);
  int (*device)(int *device, int ordinal);
  int (*deviceName)(char *name, int bytes, int device);
  int (*deviceAttribute)(int *value, int attribute, int device);
  int (*memoryInfo)(size_t *unused, size_t *total);

  int (*allocate)(uint64_t *address, size_t bytes);
  int (*free)(uint64_t address);
  int (*allocateHost)(void **address, size_t bytes, unsigned flags);
  int (*freeHost)(void *address);
  int (*pointerAttribute)(void *value, int attribute, uint64_t address); // optional
  int (*copyToDevice)(uint64_t destination, const void *source, size_t bytes, GpuHandle stream);
  int (*copyToHost)(void *destination, uint64_t source, size_t bytes, GpuHandle stream);
  int (*copyOnDevice)(uint64_t destination, uint64_t source, size_t bytes, GpuHandle stream);

  int (*createStream)(GpuHandle *stream, unsigned flags);
  int (*destroyStream)(GpuHandle stream);
  int (*queryStream)(GpuHandle stream);
  int (*createEvent)(GpuHandle *event, unsigned flags);
  int (*destroyEvent)(GpuHandle event);
  int (*recordEvent)(GpuHandle event, GpuHandle stream);
  int (*queryEvent)(GpuHandle event);
  int (*elapsed)(float *milliseconds, GpuHandle start, GpuHandle end);

  int (*unloadModule)(GpuHandle module);
  int (*function)(GpuHandle *function, GpuHandle module, const char *name);
  int (*functionAttribute)(int *value, int attribute, GpuHandle function);
  int (*launch)(GpuHandle function, unsigned gridX, unsigned gridY, unsigned gridZ, unsigned blockX, unsigned blockY,
                unsigned blockZ, unsigned sharedBytes, GpuHandle stream, void **params, void **extra);

  // All of these are there, or recording is not offered.
  int (*isCapturing)(GpuHandle stream, int *status);                                   // optional
  int (*beginCapture)(GpuHandle stream, int mode);                                     // optional
  int (*endCapture)(GpuHandle stream, GpuHandle *graph);                               // optional
  int (*instantiateGraph)(GpuHandle *exec, GpuHandle graph, unsigned long long flags); // optional
  int (*launchGraph)(GpuHandle exec, GpuHandle stream);                                // optional
  int (*destroyExec)(GpuHandle exec);                                                  // optional
  int (*destroyGraph)(GpuHandle graph);                                                // optional
};

} // namespace heed::rt

#endif // HEED_BACKENDS_GPU_DRIVER_GPUAPI_H
