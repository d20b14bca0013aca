// Copies of strided tensors in host memory.
#ifndef HEED_RUNTIME_HOSTCOPY_H
#define HEED_RUNTIME_HOSTCOPY_H

#include <cstddef>
#include <cstdint>

namespace heed::rt {

/// Copies every element of a view of `rank` (at most maxRank) dimensions. Strides count elements of 1, 2, 4 or 8 bytes
/// and may be zero or negative on the source side. The views must not overlap. Addresses may be unaligned.
void copyOnHost(uint32_t rank, const int64_t *sizes, uint32_t elementBytes, const std::byte *source,
                const int64_t *sourceStrides, std::byte *destination, const int64_t *destinationStrides);

} // namespace heed::rt

#endif // HEED_RUNTIME_HOSTCOPY_H
