/// Slice, Split and Concat.
#include "compiler/import/Registry.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/Sequence.h"

#include <algorithm>

using namespace mlir;
using namespace heed::importer;

//===- Slice ---------------------------------------------------------------------------------------------------===//

/// A bound of a slice as ONNX means it: counted from the end when negative, then clamped to [low, high]. Whether a
/// bound that depends on symbols is inside cannot be seen here; it is then required of the call.
static FailureOr<Size> resolveBound(Node &node, Size bound, Size dim, Size low, Size high) {
  Sizes &sizes = node.sizes();
  Size zero = sizes.constant(0);
  // Numbers like 2^31 - 1 and -2^63 mean the ends of the axis whatever its size.
  constexpr int64_t farEnd = (int64_t(1) << 31) - 1;
  if (auto number = constantOf(bound); number && (*number >= farEnd || *number <= -farEnd))
    return *number > 0 ? high : low;
  if (sizes.isAtLeast(sizes.constant(-1), bound))
    bound = sizes.add(bound, dim);
  else if (failed(node.requireAtLeast(bound, zero, "a bound of the slice")))
    return failure();
  if (sizes.isAtLeast(low, bound))
    return low;
  if (sizes.isAtLeast(bound, high))
    return high;
  if (failed(node.requireAtLeast(bound, low, "a bound of the slice")) ||
      failed(node.requireAtLeast(high, bound, "the size of the sliced dimension")))
    return failure();
  return bound;
}

static FailureOr<Tensor> sliceAxis(Node &node, const Tensor &x, int64_t axis, Size start, Size end, int64_t step) {
  Sizes &sizes = node.sizes();
  Size dim = x.shape[axis], zero = sizes.constant(0), one = sizes.constant(1), minusOne = sizes.constant(-1);
  if (step == 0 || step == INT64_MIN)
    return node.error() << "a step of the slice is " << step;
  bool isForward = step > 0;
  // Forwards both bounds lie in [0, dim]; backwards the start in [0, dim - 1] and the end in [-1, dim - 1].
  Size last = sizes.subtract(dim, one);
  FailureOr<Size> first = resolveBound(node, start, dim, zero, isForward ? dim : last);
  FailureOr<Size> bound = resolveBound(node, end, dim, isForward ? zero : minusOne, isForward ? dim : last);
  if (failed(first) || failed(bound))
    return failure();
  Size length = isForward ? sizes.subtract(*bound, *first) : sizes.subtract(*first, *bound);
  if (sizes.isAtLeast(zero, length)) {
    length = zero;
    first = zero; // an offset at the very end would be out of bounds, even of an empty slice
  } else if (failed(node.requireAtLeast(length, zero, "the length of the slice")))
    return failure();
  int64_t stride = isForward ? step : -step;
  Size extent = sizes.floorDivide(sizes.add(length, sizes.constant(stride - 1)), sizes.constant(stride));
  if (!extent)
    return node.error() << "the size of the slice overflows";
  return node.build().slice(x, axis, *first, extent, step);
}

static LogicalResult buildSlice(Node &node) {
  const Tensor &x = node.input(0);
  FailureOr<SmallVector<Size>> starts = node.sizesFrom(1, "the starts (input 1)");
  FailureOr<SmallVector<Size>> ends = node.sizesFrom(2, "the ends (input 2)");
  if (failed(starts) || failed(ends))
    return failure();
  SmallVector<int64_t> axes = llvm::to_vector(llvm::seq<int64_t>(0, starts->size())), steps(starts->size(), 1);
  for (auto [index, values, name] :
       {std::tuple(3, &axes, "the axes (input 3)"), std::tuple(4, &steps, "the steps (input 4)")})
    if (node.has(index)) {
      FailureOr<SmallVector<int64_t>> given = node.integersFrom(index, name);
      if (failed(given))
        return failure();
      *values = *given;
    }
  if (ends->size() != starts->size() || axes.size() != starts->size() || steps.size() != starts->size())
    return node.error() << "starts, ends, axes and steps must have one length";
  Tensor result = x;
  SmallVector<int64_t> seen;
  for (auto [start, end, axis, step] : llvm::zip_equal(*starts, *ends, axes, steps)) {
    FailureOr<int64_t> position = node.resolveAxis(axis, x.rank(), "an axis of the slice");
    if (failed(position))
      return failure();
    if (llvm::is_contained(seen, *position))
      return node.error() << "dimension " << *position << " is sliced twice";
    seen.push_back(*position);
    FailureOr<Tensor> sliced = sliceAxis(node, result, *position, start, end, step);
    if (failed(sliced))
      return failure();
    result = *sliced;
  }
  node.set(0, result);
  return success();
}

/// Before opset 10 the bounds are attributes.
static LogicalResult buildSliceAttributes(Node &node) {
  auto starts = node.intsAttribute("starts"), ends = node.intsAttribute("ends"), given = node.intsAttribute("axes");
  if (!starts || !ends || starts->size() != ends->size() || (given && given->size() != starts->size()))
    return node.error() << "attributes 'starts', 'ends' and 'axes' must have one length";
  Tensor result = node.input(0);
  for (size_t i = 0; i < starts->size(); ++i) {
    FailureOr<int64_t> axis = node.resolveAxis(given ? (*given)[i] : i, result.rank(), "an axis of the slice");
    if (failed(axis))
      return failure();
    FailureOr<Tensor> sliced =
        sliceAxis(node, result, *axis, node.sizes().constant((*starts)[i]), node.sizes().constant((*ends)[i]), 1);
    if (failed(sliced))
      return failure();
    result = *sliced;
  }
  node.set(0, result);
  return success();
}

//===- Split, Concat -------------------------------------------------------------------------------------------===//

/// The sizes of the parts: given, or equal but for a smaller last one.
static FailureOr<SmallVector<Size>> splitSizes(Node &node, Size dim) {
  Sizes &sizes = node.sizes();
  SmallVector<Size> parts;
  if (node.getOpset() < 13) {
    if (auto given = node.intsAttribute("split")) {
      for (int64_t part : *given)
        parts.push_back(sizes.constant(part));
      return parts;
    }
  } else if (node.has(1)) {
    return node.sizesFrom(1, "the split (input 1)");
  }
  auto count = static_cast<int64_t>(node.numOutputs());
  if (node.getOpset() >= 18)
    count = node.intAttribute("num_outputs", count);
  if (count != static_cast<int64_t>(node.numOutputs()))
    return node.error() << "attribute 'num_outputs' is " << count << ", the node has " << node.numOutputs();
  if (auto part = sizes.divideExactly(dim, sizes.constant(count)))
    return SmallVector<Size>(count, *part);
  auto number = constantOf(dim);
  if (!number || node.getOpset() < 18)
    return node.error() << "a dimension of size " << describe(dim, sizes) << " cannot be split into " << count
                        << " equal parts: give the sizes";
  int64_t part = (*number + count - 1) / count;
  for (int64_t i = 0; i < count; ++i)
    parts.push_back(sizes.constant(std::clamp<int64_t>(*number - i * part, 0, part)));
  return parts;
}

static LogicalResult buildSplit(Node &node) {
  const Tensor &x = node.input(0);
  FailureOr<int64_t> axis = node.resolveAxis(node.intAttribute("axis", 0), x.rank());
  if (failed(axis))
    return failure();
  Sizes &sizes = node.sizes();
  Size dim = x.shape[*axis];
  FailureOr<SmallVector<Size>> parts = splitSizes(node, dim);
  if (failed(parts))
    return failure();
  if (parts->size() != node.numOutputs())
    return node.error() << "is split into " << parts->size() << " parts, the node has " << node.numOutputs()
                        << " outputs";
  Size offset = sizes.constant(0);
  for (auto [index, part] : llvm::enumerate(*parts)) {
    if (failed(node.requireAtLeast(part, sizes.constant(0), "a part's size")))
      return failure();
    node.set(index, node.build().slice(x, *axis, offset, part, 1));
    offset = sizes.add(offset, part);
  }
  return node.requireEqual(offset, dim, "the sum of the parts and the dimension");
}

static LogicalResult buildConcat(Node &node) {
  SmallVector<Tensor> inputs = node.allInputs();
  const Tensor &first = inputs[0];
  FailureOr<int64_t> axis = node.resolveAxis(node.intAttribute("axis", 0), first.rank());
  if (failed(axis))
    return failure();
  for (const Tensor &input : ArrayRef(inputs).drop_front()) {
    if (input.kind != first.kind || input.rank() != first.rank())
      return node.error() << "all inputs must have one element type and rank, got " << describe(first, node.sizes())
                          << " and " << describe(input, node.sizes());
    for (int64_t dim = 0; dim < first.rank(); ++dim)
      if (dim != *axis &&
          failed(node.requireEqual(first.shape[dim], input.shape[dim], "sizes of dimension " + std::to_string(dim))))
        return failure();
  }
  node.set(0, node.build().concat(inputs, *axis));
  return success();
}

void heed::importer::registerSliceOperators(OperatorRegistry &registry) {
  registry.add("Slice", {.since = 1, .until = 9, .minInputs = 1, .maxInputs = 1, .build = buildSliceAttributes});
  registry.add("Slice", {.since = 10, .minInputs = 3, .maxInputs = 5, .build = buildSlice});
  registry.add("Split", {.since = 2, .minInputs = 1, .maxInputs = 2, .maxOutputs = variadic, .build = buildSplit});
  registry.add("Concat", {.since = 4, .minInputs = 1, .maxInputs = variadic, .build = buildConcat});
}
