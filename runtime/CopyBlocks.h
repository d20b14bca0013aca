// Cuts strided copies into blocks that a device's own copies can do.
#ifndef HEED_RUNTIME_COPYBLOCKS_H
#define HEED_RUNTIME_COPYBLOCKS_H

#include "runtime/Driver.h"

#include <cstdint>

namespace heed::rt {

/// `height` rows of `width` contiguous bytes; rows lie a pitch apart. Pitches are at least `width` unless height is 1.
struct CopyBlock {
  DevicePointer source;
  DevicePointer destination;
  uint64_t width = 0;
  uint64_t height = 1;
  uint64_t sourcePitch = 0;
  uint64_t destinationPitch = 0;
};

/// One dimension of a copy, strides in bytes.
struct CopyLoop {
  int64_t size, sourceStride, destinationStride;
};

/// The dimensions that matter, outermost first: sizes of 1 vanish, and dimensions that continue each other on both
/// sides become one. The last is contiguous on both sides: an element is a dimension of `elementBytes` bytes.
struct CopyLoops {
  std::array<CopyLoop, maxRank + 1> loops;
  size_t count = 0;
};
CopyLoops simplifyCopy(const StridedCopy &copy);

/// Calls body(block) for blocks that together are the copy; a dense copy is one block of height 1. Stops at the first
/// failure.
template <typename Body> Status forEachCopyBlock(const StridedCopy &copy, Body body) {
  CopyLoops list = simplifyCopy(copy);
  CopyBlock block{copy.source, copy.destination, static_cast<uint64_t>(list.loops[list.count - 1].size)};
  size_t outer = list.count - 1;
  if (outer > 0) {
    const CopyLoop &rows = list.loops[outer - 1];
    auto width = static_cast<int64_t>(block.width);
    if (rows.sourceStride >= width && rows.destinationStride >= width) {
      block.height = static_cast<uint64_t>(rows.size);
      block.sourcePitch = static_cast<uint64_t>(rows.sourceStride);
      block.destinationPitch = static_cast<uint64_t>(rows.destinationStride);
      --outer;
    }
  }
  std::array<int64_t, maxRank + 1> index = {};
  for (;;) {
    HEED_TRY(body(static_cast<const CopyBlock &>(block)));
    size_t dim = outer;
    for (;;) {
      if (dim == 0)
        return {};
      const CopyLoop &loop = list.loops[--dim];
      block.source.offset += loop.sourceStride;
      block.destination.offset += loop.destinationStride;
      if (++index[dim] < loop.size)
        break;
      block.source.offset -= loop.sourceStride * loop.size;
      block.destination.offset -= loop.destinationStride * loop.size;
      index[dim] = 0;
    }
  }
}

} // namespace heed::rt

#endif // HEED_RUNTIME_COPYBLOCKS_H
