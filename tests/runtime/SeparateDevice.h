// A device with memory of its own, made from the CPU's driver: what the runtime must get right on a GPU, tested without
// one.
//
//  * Host code that touches device memory faults: pointers and device addresses lie in pages without access rights;
//    kernels and copies see the same pages through a second mapping.
//  * Work is done later: a queue's thread works off what was enqueued, and until then host memory is really in use.
//  * Kernels get their arguments as the words that GPU kernels get.
//  * It records, it runs out of memory, and on request a launch faults or never ends.
#ifndef HEED_TESTS_RUNTIME_SEPARATEDEVICE_H
#define HEED_TESTS_RUNTIME_SEPARATEDEVICE_H

#include "runtime/Driver.h"

#include <atomic>
#include <memory>

namespace heed::test {

struct SeparateDeviceOptions {
  uint64_t memoryBytes = uint64_t(1) << 30;
  double hangSeconds = 60;
};

/// What the device did, and what it shall do wrong.
struct SeparateDeviceProbe {
  std::atomic<int64_t> allocations = 0, allocated = 0; // ever, and now
  std::atomic<int64_t> uploads = 0, downloads = 0, waits = 0, launches = 0;
  std::atomic<int64_t> recordings = 0, replays = 0;
  std::atomic<int64_t> madeMaps = 0;                 // tensor maps, ever
  std::atomic<int64_t> mapAddress = 0, mapOuter = 0; // of the first tensor map of the last launch; its outer size
  std::atomic<bool> faultNext = false;               // the next launch makes the device fail
  std::atomic<bool> hangNext = false;                // the next launch never ends
  std::atomic<bool> refuseRecording = false;
};

/// Of kind "separate"; its code sections are those of the CPU. The probe lives as long as the driver.
std::shared_ptr<rt::Driver> openSeparateDevice(const SeparateDeviceOptions &options,
                                               std::shared_ptr<SeparateDeviceProbe> probe);

} // namespace heed::test

#endif // HEED_TESTS_RUNTIME_SEPARATEDEVICE_H
