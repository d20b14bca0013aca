// Pinned host memory through which pageable memory reaches the device and comes back.
#ifndef HEED_BACKENDS_GPU_DRIVER_GPUSTAGING_H
#define HEED_BACKENDS_GPU_DRIVER_GPUSTAGING_H

#include "backends/gpu-driver/GpuLaunchLog.h"
#include "runtime/Status.h"

#include <cstddef>
#include <memory>
#include <mutex>
#include <vector>

namespace heed::rt {

class GpuDriver;
class GpuQueue;

/// One pool a device: chunks are handed out again once the device is done with them. The libraries' own copies of
/// pageable memory would wait inside the library, where a hang cannot be noticed. Thread-safe.
class GpuStaging {
public:
  explicit GpuStaging(GpuDriver &driver) : driver(driver) {}

  /// The source is read before it returns; the device copies later.
  Status upload(GpuQueue &queue, uint64_t destination, const std::byte *source, uint64_t bytes);
  /// Returns when the queue got there and the bytes are in place.
  Status download(GpuQueue &queue, std::byte *destination, uint64_t source, uint64_t bytes);

  /// Gives the memory back. The device must be current and idle.
  void release();

private:
  static constexpr size_t chunkBytes = size_t(1) << 20;
  /// Chunks beyond which an upload waits for the device instead of taking more pinned memory.
  static constexpr size_t enoughChunks = 32;

  struct Chunk {
    std::byte *memory = nullptr;
    GpuHandle event = nullptr;         // recorded behind the copy that uses the chunk
    std::shared_ptr<GpuLaunchLog> log; // of the queue of that copy
    bool taken = false;                // a thread fills or empties it
    bool pending = false;              // the device may still use it
  };

  /// A chunk that nobody uses, taken.
  Status take(Chunk *&chunk);
  Status create(Chunk *&chunk);
  void giveBack(Chunk &chunk);
  /// Notes that the device uses the chunk up to this point of the queue.
  Status mark(GpuQueue &queue, Chunk &chunk);
  Status await(Chunk &chunk);

  GpuDriver &driver;
  std::mutex lock;
  std::vector<std::unique_ptr<Chunk>> chunks;
};

} // namespace heed::rt

#endif // HEED_BACKENDS_GPU_DRIVER_GPUSTAGING_H
