// Shapes and strides of tensors that callers bind, and the memory they cover.
#ifndef HEED_RUNTIME_TENSOR_H
#define HEED_RUNTIME_TENSOR_H

#include "runtime/Driver.h"
#include "runtime/PlanModel.h"
#include "runtime/Status.h"

#include <array>
#include <string>

namespace heed::rt {

using Extents = std::array<int64_t, maxRank>;

/// A tensor in memory: of the device, or of the host when the device has memory of its own. Sizes and strides count
/// elements.
struct Tensor {
  ElementType type = ElementType::f32;
  uint32_t rank = 0;
  Extents sizes = {};
  Extents strides = {};
  DevicePointer memory;
  /// Set instead of `memory` when the device cannot use it there: the runtime copies.
  void *host = nullptr;
  /// Bytes that may be used from the first element on; 0 means as many as sizes and strides cover.
  uint64_t capacityBytes = 0;
};

/// The bytes a view covers relative to its first element: [low, high). Both are 0 for an empty view.
struct ByteRange {
  int64_t low = 0;
  int64_t high = 0;
};

/// Fails on a negative size or when a byte offset does not fit into 64 bits.
Status coveredBytes(uint32_t rank, const Extents &sizes, const Extents &strides, int64_t elementBytes,
                    ByteRange &range);

/// Row-major strides of a dense tensor; fails when its size in bytes does not fit into 64 bits.
Status denseStrides(uint32_t rank, const Extents &sizes, int64_t elementBytes, Extents &strides, int64_t &bytes);

/// Whether the elements lie as in a dense row-major tensor. Strides of dimensions of size 1 do not matter.
bool isDense(const Tensor &tensor);

/// Whether the view covers no more bytes than its elements have: reading it all moves nothing in vain.
bool isCompact(const Tensor &tensor);

/// Whether no two elements of the view share an address.
bool elementsDistinct(uint32_t rank, const Extents &sizes, const Extents &strides);

bool isEmpty(uint32_t rank, const Extents &sizes);

/// "[2, 3]".
std::string printExtents(uint32_t rank, const Extents &extents);

} // namespace heed::rt

#endif // HEED_RUNTIME_TENSOR_H
