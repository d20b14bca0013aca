// What a queue was given lately and what of it is known to be done, so that faults and hangs can be named.
#ifndef HEED_BACKENDS_GPU_DRIVER_GPULAUNCHLOG_H
#define HEED_BACKENDS_GPU_DRIVER_GPULAUNCHLOG_H

#include "backends/gpu-driver/GpuApi.h"

#include <array>
#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>

namespace heed::rt {

/// Launches are numbered from 1. A marker (an event of the device) follows every eighth, so that progress is seen while
/// a queue is busy, at little cost. Thread-safe. Allocates in its constructor only.
class GpuLaunchLog {
public:
  GpuLaunchLog(const GpuApi &api, GpuHandle stream) : api(api), stream(stream) {}
  GpuLaunchLog(const GpuLaunchLog &) = delete;
  GpuLaunchLog &operator=(const GpuLaunchLog &) = delete;

  /// The stream is about to go. The device's context must be current, and no work in flight.
  void close();

  /// Notes a launch just enqueued. With `mark`, a marker follows when one is due; returns what the device
  /// says to that.
  int note(std::string_view name, bool mark);
  /// Whether a marker was due behind the last launch.
  bool endsInMarker() const;
  /// Looks at the markers. True when something finished since the last look.
  bool progressed();
  /// The number of the last launch so far, and that everything up to a number has finished.
  uint64_t last() const;
  void finish(uint64_t upTo);
  bool hasFinished(uint64_t launch) const;
  /// Puts an event behind all there is in the stream; `isClosed` tells that the stream is gone, with nothing in flight.
  int recordEvent(GpuHandle event, bool &isClosed);

  /// Adds the names of launches that are not known to have finished; returns how many launches these are.
  uint64_t addUnfinished(std::string &names) const;

private:
  static constexpr uint64_t markerInterval = 8;
  static constexpr uint64_t kept = 64;
  static constexpr size_t nameBytes = 120;

  struct Marker {
    GpuHandle event = nullptr;
    uint64_t launch = 0;
  };

  const GpuApi &api;
  GpuHandle stream;
  mutable std::mutex lock;
  bool isClosed = false;
  uint64_t noted = 0, finished = 0;
  std::array<std::array<char, nameBytes>, kept> names = {}; // of launch n at n % kept, zero terminated
  std::array<Marker, kept / markerInterval> markers;
  size_t oldest = 0, pending = 0; // of markers
};

} // namespace heed::rt

#endif // HEED_BACKENDS_GPU_DRIVER_GPULAUNCHLOG_H
