#include "backends/gpu-driver/GpuStaging.h"

#include "backends/gpu-driver/GpuDriver.h"
#include "backends/gpu-driver/GpuQueue.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace heed::rt {

Status GpuStaging::upload(GpuQueue &queue, uint64_t destination, const std::byte *source, uint64_t bytes) {
  while (bytes > 0) {
    uint64_t piece = std::min<uint64_t>(bytes, chunkBytes);
    Chunk *chunk;
    HEED_TRY(take(chunk));
    std::memcpy(chunk->memory, source, piece);
    Status status =
        driver.check(driver.api().copyToDevice(destination, chunk->memory, piece, queue.stream()), "upload");
    if (status.ok())
      status = mark(queue, *chunk);
    giveBack(*chunk);
    HEED_TRY(std::move(status));
    source += piece;
    destination += piece;
    bytes -= piece;
  }
  return {};
}

// The device fills one chunk while the host empties the other.
Status GpuStaging::download(GpuQueue &queue, std::byte *destination, uint64_t source, uint64_t bytes) {
  struct Piece {
    Chunk *chunk = nullptr;
    std::byte *destination = nullptr;
    uint64_t bytes = 0;
  } ahead, behind;
  Status status;
  auto drain = [&](Piece &piece) {
    if (!piece.chunk)
      return;
    if (status.ok())
      status = await(*piece.chunk);
    if (status.ok())
      std::memcpy(piece.destination, piece.chunk->memory, piece.bytes);
    giveBack(*piece.chunk);
    piece = {};
  };
  while (bytes > 0 && status.ok()) {
    ahead = {nullptr, destination, std::min<uint64_t>(bytes, chunkBytes)};
    status = take(ahead.chunk);
    if (!status.ok())
      break;
    status =
        driver.check(driver.api().copyToHost(ahead.chunk->memory, source, ahead.bytes, queue.stream()), "download");
    if (status.ok())
      status = mark(queue, *ahead.chunk);
    drain(behind);
    destination += ahead.bytes;
    source += ahead.bytes;
    bytes -= ahead.bytes;
    behind = std::exchange(ahead, {});
  }
  drain(behind);
  return status;
}

Status GpuStaging::take(Chunk *&chunk) {
  Chunk *busy = nullptr;
  {
    std::scoped_lock guard(lock);
    for (const std::unique_ptr<Chunk> &candidate : chunks) {
      if (candidate->taken)
        continue;
      if (candidate->pending && driver.api().queryEvent(candidate->event) == gpuSuccess)
        candidate->pending = false;
      if (!candidate->pending) {
        candidate->taken = true;
        chunk = candidate.get();
        return {};
      }
      if (!busy)
        busy = candidate.get();
    }
    if (!busy || chunks.size() < enoughChunks)
      return create(chunk);
    busy->taken = true;
  }
  Status status = await(*busy);
  if (!status.ok()) {
    giveBack(*busy);
    return status;
  }
  chunk = busy;
  return {};
}

Status GpuStaging::create(Chunk *&chunk) {
  auto created = std::make_unique<Chunk>();
  void *memory = nullptr;
  HEED_TRY(driver.check(driver.api().allocateHost(&memory, chunkBytes, gpuHostPortable), "pinned host memory"));
  created->memory = static_cast<std::byte *>(memory);
  Status status = driver.check(driver.api().createEvent(&created->event, gpuEventNoTiming), "event");
  if (!status.ok()) {
    (void)driver.api().freeHost(memory);
    return status;
  }
  created->taken = true;
  chunk = chunks.emplace_back(std::move(created)).get();
  return {};
}

void GpuStaging::giveBack(Chunk &chunk) {
  std::scoped_lock guard(lock);
  chunk.taken = false;
}

Status GpuStaging::mark(GpuQueue &queue, Chunk &chunk) {
  chunk.log = queue.log();
  chunk.pending = true;
  return driver.check(driver.api().recordEvent(chunk.event, queue.stream()), "event");
}

Status GpuStaging::await(Chunk &chunk) {
  HEED_TRY(driver.await(driver.api().queryEvent, chunk.event, *chunk.log));
  chunk.pending = false;
  return {};
}

void GpuStaging::release() {
  for (const std::unique_ptr<Chunk> &chunk : chunks) {
    (void)driver.api().destroyEvent(chunk->event);
    (void)driver.api().freeHost(chunk->memory);
  }
  chunks.clear();
}

} // namespace heed::rt
