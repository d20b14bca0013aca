#include "runtime/HostCopy.h"

#include "runtime/PlanModel.h"

#include <array>
#include <cstring>

namespace heed::rt {
namespace {

/// One dimension of a copy, strides in bytes.
struct Loop {
  int64_t size, sourceStride, destinationStride;
};

template <size_t width> void copyElements(const Loop &loop, const std::byte *source, std::byte *destination) {
  for (int64_t i = 0; i < loop.size; ++i)
    std::memcpy(destination + i * loop.destinationStride, source + i * loop.sourceStride, width);
}

void copyInnermost(const Loop &loop, uint32_t width, const std::byte *source, std::byte *destination) {
  if (loop.sourceStride == width && loop.destinationStride == width) {
    std::memcpy(destination, source, static_cast<size_t>(loop.size) * width);
    return;
  }
  switch (width) {
  case 1:
    return copyElements<1>(loop, source, destination);
  case 2:
    return copyElements<2>(loop, source, destination);
  case 4:
    return copyElements<4>(loop, source, destination);
  default:
    return copyElements<8>(loop, source, destination);
  }
}

} // namespace

void copyOnHost(uint32_t rank, const int64_t *sizes, uint32_t elementBytes, const std::byte *source,
                const int64_t *sourceStrides, std::byte *destination, const int64_t *destinationStrides) {
  // Outermost first; dimensions of size 1 vanish and dimensions that continue each other on both sides become one.
  std::array<Loop, maxRank + 1> loops;
  size_t count = 0;
  for (uint32_t i = 0; i < rank; ++i) {
    if (sizes[i] <= 0)
      return;
    if (sizes[i] == 1)
      continue;
    Loop loop{sizes[i], sourceStrides[i] * elementBytes, destinationStrides[i] * elementBytes};
    if (count > 0 && loops[count - 1].sourceStride == loop.size * loop.sourceStride &&
        loops[count - 1].destinationStride == loop.size * loop.destinationStride) {
      loop.size *= loops[count - 1].size;
      --count;
    }
    loops[count++] = loop;
  }
  if (count == 0)
    loops[count++] = {1, elementBytes, elementBytes};

  std::array<int64_t, maxRank + 1> index = {};
  for (;;) {
    copyInnermost(loops[count - 1], elementBytes, source, destination);
    size_t dim = count - 1;
    for (;;) {
      if (dim == 0)
        return;
      --dim;
      source += loops[dim].sourceStride;
      destination += loops[dim].destinationStride;
      if (++index[dim] < loops[dim].size)
        break;
      source -= loops[dim].sourceStride * loops[dim].size;
      destination -= loops[dim].destinationStride * loops[dim].size;
      index[dim] = 0;
    }
  }
}

} // namespace heed::rt
