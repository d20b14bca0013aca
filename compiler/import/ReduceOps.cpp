/// Reductions over axes, Softmax and LogSoftmax.
#include "compiler/import/Registry.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/Sequence.h"

#include <cmath>

using namespace mlir;
using namespace heed::importer;

namespace {
/// prepare each element, combine into the accumulator, finish with the number of elements reduced.
struct Reduction {
  double identity = 0;
  std::function<Value(ScalarBuilder &, Value)> prepare;
  std::function<Value(ScalarBuilder &, Value, Value)> combine;
  std::function<Value(ScalarBuilder &, Value, Value)> finish = nullptr;
  bool floatsOnly = false;
  bool isExtreme = false; ///< the identity is the lowest value of the type when negative, else the highest
};
} // namespace

static Value keep(ScalarBuilder &, Value x) { return x; }
static Value square(ScalarBuilder &s, Value x) { return s.multiply(x, x); }
static Value magnitude(ScalarBuilder &s, Value x) { return s.absolute(x); }
static Value sum(ScalarBuilder &s, Value a, Value b) { return s.add(a, b); }

static Reduction maximumReduction() {
  return {-1, keep, [](ScalarBuilder &s, Value a, Value b) { return s.maximum(a, b); }, nullptr, false, true};
}

static TypedAttr identityOf(const Reduction &reduction, ElementKind kind, MLIRContext *context) {
  if (reduction.isExtreme)
    return extremeOf(kind, reduction.identity > 0, context);
  Type type = computeType(kind, context);
  if (isFloat(kind))
    return FloatAttr::get(type, reduction.identity);
  return IntegerAttr::get(type,
                          APInt(type.getIntOrFloatBitWidth(), static_cast<int64_t>(reduction.identity), true, true));
}

/// The axes: an attribute until the operator's version took an input; all when there are none.
static FailureOr<std::optional<SmallVector<int64_t>>> reductionAxes(Node &node, int64_t axesInputSince) {
  int64_t rank = node.input(0).rank();
  std::optional<SmallVector<int64_t>> axes;
  bool doesNothing = false;
  if (node.getOpset() < axesInputSince) {
    axes = node.intsAttribute("axes");
    if (node.has(1))
      return node.error() << "axes are an attribute in this opset";
  } else {
    doesNothing = node.flagAttribute("noop_with_empty_axes", false);
    if (node.has(1)) {
      FailureOr<SmallVector<int64_t>> given = node.integersFrom(1, "the axes (input 1)");
      if (failed(given))
        return failure();
      axes = *given;
    }
  }
  if (!axes || axes->empty()) {
    if (doesNothing)
      return std::optional<SmallVector<int64_t>>();
    return std::optional(llvm::to_vector(llvm::seq<int64_t>(0, rank)));
  }
  FailureOr<SmallVector<int64_t>> resolved = node.resolveAxes(*axes, rank);
  if (failed(resolved))
    return failure();
  return std::optional(*resolved);
}

static Tensor reduceOver(GraphBuilder &build, const Tensor &x, ArrayRef<int64_t> axes, bool keepDims,
                         const Reduction &reduction) {
  Sizes &sizes = build.getSizes();
  Size count = sizes.constant(1);
  for (int64_t axis : axes)
    count = sizes.multiply(count, x.shape[axis]);
  Tensor result = build.reduce(
      x, axes, keepDims, identityOf(reduction, x.kind, build.getContext()),
      [&](ScalarBuilder &s, ValueRange v) { return reduction.prepare(s, v[0]); },
      [&](ScalarBuilder &s, Value accumulator, Value element) { return reduction.combine(s, accumulator, element); });
  if (reduction.finish) {
    Tensor number = build.cast(build.integers(ElementKind::i64, {}, count), result.kind);
    result = build.elementwise(x.kind, result.kind, result.shape, {result, number},
                               [&](ScalarBuilder &s, ValueRange v) { return reduction.finish(s, v[0], v[1]); });
  }
  return build.cast(result, x.kind);
}

static LogicalResult buildReduction(Node &node, const Reduction &reduction, int64_t axesInputSince) {
  const Tensor &x = node.input(0);
  bool keepDims = node.flagAttribute("keepdims", true);
  auto axes = reductionAxes(node, axesInputSince);
  if (failed(axes))
    return failure();
  if ((reduction.floatsOnly && !isFloat(x.kind)) || (x.kind == ElementKind::boolean && !reduction.isExtreme))
    return node.error() << "elements of type " << elementTypeName(x.kind) << " are not supported by this operator";
  if (!*axes) { // nothing is reduced: the element alone is prepared and finished
    node.set(0, node.build().elementwise(x.kind, x.kind, x.shape, x, [&](ScalarBuilder &s, ValueRange v) {
      Value element = reduction.prepare(s, v[0]);
      return reduction.finish ? reduction.finish(s, element, s.constant(1)) : element;
    }));
    return success();
  }
  node.set(0, reduceOver(node.build(), x, **axes, keepDims, reduction));
  return success();
}

/// log(sum(exp(x))), by way of the maximum so that no exponential overflows.
static LogicalResult buildLogSumExp(Node &node) {
  const Tensor &x = node.input(0);
  bool keepDims = node.flagAttribute("keepdims", true);
  auto axes = reductionAxes(node, 18);
  if (failed(axes) || failed(node.requireFloat(0)))
    return failure();
  GraphBuilder &build = node.build();
  ElementKind kind = x.kind == ElementKind::f64 ? ElementKind::f64 : ElementKind::f32;
  if (!*axes) {
    node.set(0, x);
    return success();
  }
  Tensor wide = build.cast(x, kind), peak = reduceOver(build, wide, **axes, true, maximumReduction());
  // A row of -inf or with +inf: subtract nothing, and the sum says it all.
  Tensor shift = build.elementwise(kind, kind, peak.shape, peak, [](ScalarBuilder &s, ValueRange v) {
    Value isFinite = s.compare(ScalarBuilder::Order::less, s.absolute(v[0]), s.constant(INFINITY));
    return s.select(isFinite, v[0], s.constant(0));
  });
  Tensor shifted = build.elementwise(kind, kind, x.shape, {wide, shift}, [](ScalarBuilder &s, ValueRange v) {
    return s.apply<math::ExpOp>(s.subtract(v[0], v[1]));
  });
  Tensor total = reduceOver(build, shifted, **axes, true, {0, keep, sum});
  Tensor result = build.elementwise(x.kind, kind, total.shape, {total, shift}, [](ScalarBuilder &s, ValueRange v) {
    return s.add(s.apply<math::LogOp>(v[0]), v[1]);
  });
  SmallVector<Size> shape;
  for (auto [dim, size] : llvm::enumerate(result.shape))
    if (keepDims || !llvm::is_contained(**axes, static_cast<int64_t>(dim)))
      shape.push_back(size);
  node.set(0, build.reshape(result, shape));
  return success();
}

//===- Softmax -------------------------------------------------------------------------------------------------===//

static Tensor softmax(GraphBuilder &build, const Tensor &x, int64_t axis) {
  ElementKind kind = x.kind == ElementKind::f64 ? ElementKind::f64 : ElementKind::f32;
  Tensor wide = build.cast(x, kind);
  Value input = build.materialise(wide);
  Value init = build.empty(storageType(kind, build.getContext()), x.shape);
  auto op = linalg::SoftmaxOp::create(build.getBuilder(), TypeRange(build.typeOf(wide)), input, init, axis);
  return build.cast(build.wrap(op->getResult(0), kind, x.shape), x.kind);
}

/// x - max - log(sum(exp(x - max))), in f32.
static Tensor logSoftmax(GraphBuilder &build, const Tensor &x, int64_t axis) {
  ElementKind kind = x.kind == ElementKind::f64 ? ElementKind::f64 : ElementKind::f32;
  Tensor wide = build.cast(x, kind);
  Tensor peak = reduceOver(build, wide, axis, true, maximumReduction());
  Tensor shifted = build.elementwise(kind, kind, x.shape, {wide, peak},
                                     [](ScalarBuilder &s, ValueRange v) { return s.subtract(v[0], v[1]); });
  Reduction sumOfExp{0, [](ScalarBuilder &s, Value v) { return s.apply<math::ExpOp>(v); }, sum, nullptr, true};
  Tensor total = reduceOver(build, shifted, axis, true, sumOfExp);
  return build.elementwise(x.kind, kind, x.shape, {shifted, total},
                           [](ScalarBuilder &s, ValueRange v) { return s.subtract(v[0], s.apply<math::LogOp>(v[1])); });
}

static LogicalResult buildSoftmax(Node &node, Tensor (*apply)(GraphBuilder &, const Tensor &, int64_t)) {
  const Tensor &x = node.input(0);
  bool isCoerced = node.getOpset() < 13; // the trailing dimensions from the axis on count as one
  if (failed(node.requireFloat(0)))
    return failure();
  FailureOr<int64_t> axis = node.resolveAxis(node.intAttribute("axis", isCoerced ? 1 : -1), x.rank());
  if (failed(axis))
    return failure();
  GraphBuilder &build = node.build();
  if (!isCoerced || *axis + 1 == x.rank()) {
    node.set(0, apply(build, x, *axis));
    return success();
  }
  SmallVector<Size> flat(ArrayRef(x.shape).take_front(*axis));
  flat.push_back(node.sizes().product(ArrayRef(x.shape).drop_front(*axis)));
  if (!flat.back())
    return node.error() << "the number of elements overflows";
  node.set(0, build.reshape(apply(build, build.reshape(x, flat), *axis), x.shape));
  return success();
}

void heed::importer::registerReduceOperators(OperatorRegistry &registry) {
  auto add = [&](const std::string &name, int64_t axesInputSince, Reduction reduction) {
    registry.add(name, {.since = 1, .minInputs = 1, .maxInputs = 2, .build = [=](Node &node) {
                          return buildReduction(node, reduction, axesInputSince);
                        }});
  };
  auto divide = [](ScalarBuilder &s, Value total, Value count) { return s.divide(total, count); };
  auto root = [](ScalarBuilder &s, Value total, Value) { return s.apply<math::SqrtOp>(total); };
  auto logarithm = [](ScalarBuilder &s, Value total, Value) { return s.apply<math::LogOp>(total); };
  add("ReduceSum", 13, {0, keep, sum});
  add("ReduceMean", 18, {0, keep, sum, divide});
  add("ReduceMax", 18, maximumReduction());
  add("ReduceMin", 18,
      {1, keep, [](ScalarBuilder &s, Value a, Value b) { return s.minimum(a, b); }, nullptr, false, true});
  add("ReduceProd", 18, {1, keep, [](ScalarBuilder &s, Value a, Value b) { return s.multiply(a, b); }});
  add("ReduceL1", 18, {0, magnitude, sum});
  add("ReduceL2", 18, {0, square, sum, root, true});
  add("ReduceSumSquare", 18, {0, square, sum});
  add("ReduceLogSum", 18, {0, keep, sum, logarithm, true});
  registry.add("ReduceLogSumExp", {.since = 1, .minInputs = 1, .maxInputs = 2, .build = buildLogSumExp});
  registry.add("Softmax", {.since = 1, .minInputs = 1, .maxInputs = 1, .build = [](Node &node) {
                             return buildSoftmax(node, softmax);
                           }});
  registry.add("LogSoftmax", {.since = 1, .minInputs = 1, .maxInputs = 1, .build = [](Node &node) {
                                return buildSoftmax(node, logSoftmax);
                              }});
}
