// Cuts strided copies into blocks that a device's own copies can do.
#ifndef HEED_RUNTIME_COPYBLOCKS_H
#define HEED_RUNTIME_COPYBLOCKS_H

#include "runtime/Driver.h"

#include <cstdint>
#include <limits>

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

/// Makes the dimension whose elements become the rows of blocks the last but one, and says whether there is one: the
/// longest whose strides on both sides are pitches, at least a row and at most `maxPitch`.
bool moveRowsInward(CopyLoops &list, uint64_t maxPitch);

/// Calls body(block) for blocks that together are the copy, as few as pitches of at most `maxPitch` allow; a dense copy
/// is one block of height 1. Stops at the first failure.
template <typename Body>
Status forEachCopyBlock(const StridedCopy &copy, Body body, uint64_t maxPitch = std::numeric_limits<uint64_t>::max()) {
  CopyLoops list = simplifyCopy(copy);
  CopyBlock block{copy.source, copy.destination, static_cast<uint64_t>(list.loops[list.count - 1].size)};
  size_t outer = list.count - 1;
  if (moveRowsInward(list, maxPitch)) {
    const CopyLoop &rows = list.loops[--outer];
    block.height = static_cast<uint64_t>(rows.size);
    block.sourcePitch = static_cast<uint64_t>(rows.sourceStride);
    block.destinationPitch = static_cast<uint64_t>(rows.destinationStride);
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
