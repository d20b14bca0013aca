/// Operators on shapes, and those that give the same elements another shape.
#include "compiler/import/Registry.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/Sequence.h"

#include <algorithm>

using namespace mlir;
using namespace heed::importer;

static LogicalResult buildShape(Node &node) {
  const Tensor &x = node.input(0);
  int64_t rank = x.rank(), start = node.intAttribute("start", 0), end = node.intAttribute("end", rank);
  auto clamp = [&](int64_t position) {
    return std::clamp<int64_t>(position < 0 ? position + rank : position, 0, rank);
  };
  start = clamp(start);
  end = std::max(start, clamp(end));
  ArrayRef<Size> dims = ArrayRef(x.shape).slice(start, end - start);
  node.set(0, node.build().integers(ElementKind::i64, node.sizes().constant(dims.size()), dims));
  return success();
}

static LogicalResult buildSize(Node &node) {
  Size count = node.sizes().product(node.input(0).shape);
  if (!count)
    return node.error() << "the number of elements overflows";
  node.set(0, node.build().integers(ElementKind::i64, {}, count));
  return success();
}

//===- Reshape and its relatives -------------------------------------------------------------------------------===//

/// The size that makes the element counts equal, in place of -1.
static LogicalResult inferSize(Node &node, ArrayRef<Size> from, SmallVectorImpl<Size> &shape, size_t inferred) {
  Sizes &sizes = node.sizes();
  shape[inferred] = sizes.constant(1);
  Size total = sizes.product(from), rest = sizes.product(shape);
  if (auto quotient = sizes.divideExactly(total, rest)) {
    shape[inferred] = *quotient;
    return success();
  }
  Size quotient = sizes.floorDivide(total, rest);
  if (!quotient ||
      !sizes.requireEqual(sizes.multiply(quotient, rest), total, node.reason("the size that -1 stands for")))
    return node.error() << "the size -1 stands for cannot be found: " << describe(total, sizes)
                        << " elements are no multiple of " << describe(rest, sizes);
  shape[inferred] = quotient;
  return success();
}

static LogicalResult buildReshape(Node &node) {
  const Tensor &x = node.input(0);
  bool allowZero = node.flagAttribute("allowzero", false);
  FailureOr<SmallVector<Size>> wanted = node.sizesFrom(1, "the shape (input 1)");
  if (failed(wanted))
    return failure();
  Sizes &sizes = node.sizes();
  SmallVector<Size> shape(*wanted);
  std::optional<size_t> inferred;
  for (auto [position, size] : llvm::enumerate(shape)) {
    if (isConstant(size, -1)) {
      if (inferred)
        return node.error() << "the shape has more than one -1";
      inferred = position;
    } else if (isConstant(size, 0) && !allowZero) {
      if (static_cast<int64_t>(position) >= x.rank())
        return node.error() << "the shape copies dimension " << position << ", but the input is " << describe(x, sizes);
      size = x.shape[position];
    } else if (constantOf(size).value_or(0) < 0) {
      return node.error() << "the shape has the size " << describe(size, sizes);
    }
  }
  if (inferred) {
    if (failed(inferSize(node, x.shape, shape, *inferred)))
      return failure();
  } else if (!sizes.requireEqual(sizes.product(shape), sizes.product(x.shape),
                                 node.reason("the numbers of elements"))) {
    return node.error() << describe(x, sizes) << " cannot take the shape " << describe(ArrayRef(shape), sizes)
                        << ": the numbers of elements differ";
  }
  node.set(0, node.build().reshape(x, shape));
  return success();
}

static LogicalResult buildFlatten(Node &node) {
  const Tensor &x = node.input(0);
  int64_t axis = node.intAttribute("axis", 1);
  if (axis < -x.rank() || axis > x.rank())
    return node.error() << "axis is " << axis << ", must be in [" << -x.rank() << ", " << x.rank() << "]";
  if (axis < 0)
    axis += x.rank();
  Sizes &sizes = node.sizes();
  SmallVector<Size> shape = {sizes.product(ArrayRef(x.shape).take_front(axis)),
                             sizes.product(ArrayRef(x.shape).drop_front(axis))};
  if (!shape[0] || !shape[1])
    return node.error() << "the number of elements overflows";
  node.set(0, node.build().reshape(x, shape));
  return success();
}

/// Axes are an attribute before opset 13 and an input from then on.
static FailureOr<std::optional<SmallVector<int64_t>>> readAxes(Node &node) {
  if (node.getOpset() < 13)
    return node.intsAttribute("axes");
  if (!node.has(1))
    return std::optional<SmallVector<int64_t>>();
  FailureOr<SmallVector<int64_t>> axes = node.integersFrom(1, "axes (input 1)");
  if (failed(axes))
    return failure();
  return std::optional(*axes);
}

static LogicalResult buildSqueeze(Node &node) {
  const Tensor &x = node.input(0);
  Sizes &sizes = node.sizes();
  auto given = readAxes(node);
  if (failed(given))
    return failure();
  SmallVector<int64_t> axes;
  if (*given) {
    FailureOr<SmallVector<int64_t>> resolved = node.resolveAxes(**given, x.rank());
    if (failed(resolved))
      return failure();
    axes = *resolved;
    for (int64_t axis : axes)
      if (failed(node.requireEqual(x.shape[axis], sizes.constant(1), "a squeezed dimension and 1")))
        return failure();
  } else {
    // Without axes the rank would depend on which symbols are 1 in a call.
    for (auto [position, size] : llvm::enumerate(x.shape)) {
      if (isConstant(size, 1))
        axes.push_back(position);
      else if (!constantOf(size))
        return node.error() << "without axes the rank of the result depends on " << describe(size, sizes)
                            << ": give the axes";
    }
  }
  SmallVector<Size> shape;
  for (auto [position, size] : llvm::enumerate(x.shape))
    if (!llvm::is_contained(axes, static_cast<int64_t>(position)))
      shape.push_back(size);
  node.set(0, node.build().reshape(x, shape));
  return success();
}

static LogicalResult buildUnsqueeze(Node &node) {
  const Tensor &x = node.input(0);
  auto given = readAxes(node);
  if (failed(given))
    return failure();
  if (!*given)
    return node.error() << "the axes are missing";
  int64_t rank = x.rank() + (*given)->size();
  FailureOr<SmallVector<int64_t>> axes = node.resolveAxes(**given, rank);
  if (failed(axes))
    return failure();
  SmallVector<Size> shape(x.shape);
  for (int64_t axis : *axes)
    shape.insert(shape.begin() + axis, node.sizes().constant(1));
  node.set(0, node.build().reshape(x, shape));
  return success();
}

static LogicalResult buildTranspose(Node &node) {
  const Tensor &x = node.input(0);
  SmallVector<int64_t> permutation(llvm::reverse(llvm::seq<int64_t>(0, x.rank())));
  if (auto given = node.intsAttribute("perm"))
    permutation = *given;
  SmallVector<int64_t> sorted(permutation);
  llvm::sort(sorted);
  if (!llvm::equal(sorted, llvm::seq<int64_t>(0, x.rank())))
    return node.error() << "attribute 'perm' must be a permutation of the " << x.rank() << " dimensions";
  node.set(0, node.build().transpose(x, permutation));
  return success();
}

static LogicalResult buildExpand(Node &node) {
  FailureOr<SmallVector<Size>> wanted = node.sizesFrom(1, "the shape (input 1)");
  if (failed(wanted))
    return failure();
  Tensor target;
  target.shape = *wanted;
  FailureOr<SmallVector<Size>> shape = node.broadcastShape({node.input(0), target});
  if (failed(shape))
    return failure();
  node.set(0, node.build().broadcast(node.input(0), *shape));
  return success();
}

void heed::importer::registerShapeOperators(OperatorRegistry &registry) {
  registry.add("Shape", {.since = 1, .minInputs = 1, .maxInputs = 1, .build = buildShape});
  registry.add("Size", {.since = 1, .minInputs = 1, .maxInputs = 1, .build = buildSize});
  registry.add("Reshape", {.since = 5, .minInputs = 2, .maxInputs = 2, .build = buildReshape});
  registry.add("Flatten", {.since = 1, .minInputs = 1, .maxInputs = 1, .build = buildFlatten});
  registry.add("Squeeze", {.since = 1, .minInputs = 1, .maxInputs = 2, .build = buildSqueeze});
  registry.add("Unsqueeze", {.since = 1, .minInputs = 1, .maxInputs = 2, .build = buildUnsqueeze});
  registry.add("Transpose", {.since = 1, .minInputs = 1, .maxInputs = 1, .build = buildTranspose});
  registry.add("Expand", {.since = 8, .minInputs = 2, .maxInputs = 2, .build = buildExpand});
}
