#include "runtime/Tensor.h"

#include <algorithm>

namespace heed::rt {

bool isEmpty(uint32_t rank, const Extents &sizes) {
  return std::any_of(sizes.begin(), sizes.begin() + rank, [](int64_t size) { return size == 0; });
}

std::string printExtents(uint32_t rank, const Extents &extents) {
  std::string text = "[";
  for (uint32_t i = 0; i < rank; ++i)
    text += concat(i == 0 ? "" : ", ", extents[i]);
  return text + "]";
}

static Status tooLarge(uint32_t rank, const Extents &sizes, const Extents &strides) {
  return error(Code::invalidArgument, "a tensor of sizes ", printExtents(rank, sizes), " and strides ",
               printExtents(rank, strides), " does not fit into 64-bit offsets");
}

static Status checkSizes(uint32_t rank, const Extents &sizes) {
  for (uint32_t i = 0; i < rank; ++i)
    if (sizes[i] < 0)
      return error(Code::invalidArgument, "size ", sizes[i], " of dimension ", i, " is negative");
  return {};
}

Status coveredBytes(uint32_t rank, const Extents &sizes, const Extents &strides, int64_t elementBytes,
                    ByteRange &range) {
  range = {};
  HEED_TRY(checkSizes(rank, sizes));
  if (isEmpty(rank, sizes))
    return {};
  range.high = elementBytes;
  for (uint32_t i = 0; i < rank; ++i) {
    int64_t reach;
    if (__builtin_mul_overflow(sizes[i] - 1, strides[i], &reach) || __builtin_mul_overflow(reach, elementBytes, &reach))
      return tooLarge(rank, sizes, strides);
    int64_t &side = reach < 0 ? range.low : range.high;
    if (__builtin_add_overflow(side, reach, &side))
      return tooLarge(rank, sizes, strides);
  }
  return {};
}

Status denseStrides(uint32_t rank, const Extents &sizes, int64_t elementBytes, Extents &strides, int64_t &bytes) {
  HEED_TRY(checkSizes(rank, sizes));
  int64_t stride = 1;
  bool overflow = false;
  for (uint32_t i = rank; i-- > 0;) {
    strides[i] = stride;
    // Empty dimensions count as 1 here, so that the strides of an empty tensor are those of its neighbours.
    overflow |= __builtin_mul_overflow(stride, std::max<int64_t>(sizes[i], 1), &stride);
  }
  overflow |= __builtin_mul_overflow(stride, elementBytes, &bytes);
  if (overflow)
    return tooLarge(rank, sizes, strides);
  if (isEmpty(rank, sizes))
    bytes = 0;
  return {};
}

bool isDense(const Tensor &tensor) {
  if (isEmpty(tensor.rank, tensor.sizes))
    return true;
  int64_t expected = 1;
  for (uint32_t i = tensor.rank; i-- > 0;) {
    if (tensor.sizes[i] != 1 && tensor.strides[i] != expected)
      return false;
    if (__builtin_mul_overflow(expected, tensor.sizes[i], &expected))
      return false;
  }
  return true;
}

bool isCompact(const Tensor &tensor) {
  ByteRange range;
  if (!coveredBytes(tensor.rank, tensor.sizes, tensor.strides, byteWidth(tensor.type), range).ok())
    return false;
  int64_t bytes = byteWidth(tensor.type);
  for (uint32_t i = 0; i < tensor.rank; ++i)
    if (__builtin_mul_overflow(bytes, tensor.sizes[i], &bytes))
      return false;
  return range.high - range.low <= bytes;
}

bool elementsDistinct(uint32_t rank, const Extents &sizes, const Extents &strides) {
  if (isEmpty(rank, sizes))
    return true;
  std::array<uint32_t, maxRank> order;
  uint32_t count = 0;
  for (uint32_t i = 0; i < rank; ++i)
    if (sizes[i] > 1)
      order[count++] = i;
  auto magnitude = [&](uint32_t dim) { return strides[dim] < 0 ? -strides[dim] : strides[dim]; };
  std::sort(order.begin(), order.begin() + count, [&](uint32_t a, uint32_t b) { return magnitude(a) < magnitude(b); });
  // From the finest dimension outwards, each step must jump over all that lies inside it.
  int64_t inner = 0;
  for (uint32_t i = 0; i < count; ++i) {
    int64_t stride = magnitude(order[i]), reach;
    if (stride <= inner || __builtin_mul_overflow(stride, sizes[order[i]] - 1, &reach) ||
        __builtin_add_overflow(inner, reach, &inner))
      return false;
  }
  return true;
}

} // namespace heed::rt
