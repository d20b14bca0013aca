#include "runtime/CopyBlocks.h"

#include <utility>

namespace heed::rt {

CopyLoops simplifyCopy(const StridedCopy &copy) {
  CopyLoops list;
  auto append = [&](CopyLoop loop) {
    if (loop.size == 1)
      return;
    if (list.count > 0) {
      const CopyLoop &last = list.loops[list.count - 1];
      if (last.sourceStride == loop.size * loop.sourceStride &&
          last.destinationStride == loop.size * loop.destinationStride) {
        loop.size *= last.size;
        --list.count;
      }
    }
    list.loops[list.count++] = loop;
  };
  for (uint32_t i = 0; i < copy.rank; ++i)
    append({copy.sizes[i], copy.sourceStrides[i] * copy.elementBytes, copy.destinationStrides[i] * copy.elementBytes});
  append({copy.elementBytes, 1, 1});
  if (list.count == 0) // one element of one byte
    list.loops[list.count++] = {1, 1, 1};
  // A single byte under strided bytes: the innermost loop must be contiguous.
  const CopyLoop &last = list.loops[list.count - 1];
  if (last.sourceStride != 1 || last.destinationStride != 1)
    list.loops[list.count++] = {1, 1, 1};
  return list;
}

bool moveRowsInward(CopyLoops &list, uint64_t maxPitch) {
  size_t inner = list.count - 1, longest = inner;
  auto isPitch = [&](int64_t stride) {
    return stride >= list.loops[inner].size && static_cast<uint64_t>(stride) <= maxPitch;
  };
  for (size_t dim = 0; dim < inner; ++dim)
    if (isPitch(list.loops[dim].sourceStride) && isPitch(list.loops[dim].destinationStride) &&
        (longest == inner || list.loops[dim].size >= list.loops[longest].size))
      longest = dim;
  if (longest == inner)
    return false;
  std::swap(list.loops[longest], list.loops[inner - 1]);
  return true;
}

} // namespace heed::rt
