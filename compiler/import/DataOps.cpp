/// Operators that make tensors: Constant, ConstantOfShape, Range, Tile, Pad, Trilu, EyeLike.
#include "compiler/import/GraphImporter.h"
#include "compiler/import/Registry.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "llvm/ADT/STLExtras.h"

using namespace mlir;
using namespace heed::importer;

/// A float literal of rank 0 or 1.
static Tensor floatsLiteral(Node &node, ArrayRef<double> values, bool isScalar) {
  auto literal = std::make_shared<Literal>();
  for (double value : values)
    literal->floats.push_back(llvm::APFloat(static_cast<float>(value)));
  Tensor tensor;
  tensor.kind = ElementKind::f32;
  if (!isScalar)
    tensor.shape.push_back(node.sizes().constant(values.size()));
  tensor.literal = std::move(literal);
  return tensor;
}

static Tensor integersLiteral(Node &node, ArrayRef<int64_t> values, bool isScalar) {
  SmallVector<Size> elements, shape;
  for (int64_t value : values)
    elements.push_back(node.sizes().constant(value));
  if (!isScalar)
    shape.push_back(node.sizes().constant(values.size()));
  return node.build().integers(ElementKind::i64, shape, elements);
}

static LogicalResult buildConstant(Node &node) {
  constexpr StringLiteral forms[] = {"value", "value_float", "value_int", "value_floats", "value_ints"};
  if (llvm::count_if(forms, [&](StringRef name) { return node.hasAttribute(name); }) != 1)
    return node.error()
           << "needs exactly one of the attributes value, value_float, value_int, value_floats, value_ints";
  if (const onnx::TensorProto *proto = node.tensorAttribute("value")) {
    // Constants of the main graph and of functions may share a name; that of the value is unique enough.
    FailureOr<Tensor> tensor =
        node.getImporter().getFile().readTensor(*proto, "constant '" + node.getProto().output(0) + "'", node.build());
    if (failed(tensor))
      return failure();
    node.set(0, *tensor);
  } else if (auto values = node.floatsAttribute("value_floats")) {
    node.set(0, floatsLiteral(node, *values, false));
  } else if (auto values = node.intsAttribute("value_ints")) {
    node.set(0, integersLiteral(node, *values, false));
  } else if (node.hasAttribute("value_float")) {
    node.set(0, floatsLiteral(node, node.floatAttribute("value_float", 0), true));
  } else {
    node.set(0, integersLiteral(node, node.intAttribute("value_int", 0), true));
  }
  return success();
}

static LogicalResult buildConstantOfShape(Node &node) {
  FailureOr<SmallVector<Size>> shape = node.sizesFrom(0, "the shape (input 0)");
  if (failed(shape))
    return failure();
  for (Size size : *shape)
    if (failed(node.requireAtLeast(size, node.sizes().constant(0), "a size of the shape")))
      return failure();
  Tensor value = node.build().scalar(ElementKind::f32, 0);
  if (const onnx::TensorProto *proto = node.tensorAttribute("value")) {
    FailureOr<Tensor> tensor = node.getImporter().getFile().readTensor(*proto, "attribute 'value'", node.build());
    if (failed(tensor))
      return failure();
    if (tensor->count() != 1)
      return node.error() << "attribute 'value' must have one element, got " << describe(*tensor, node.sizes());
    value = node.build().reshape(*tensor, {});
  }
  node.set(0, node.build().broadcast(value, *shape));
  return success();
}

//===- Range ---------------------------------------------------------------------------------------------------===//

static LogicalResult buildFloatRange(Node &node) {
  double bounds[3] = {};
  for (size_t index = 0; index < 3; ++index) {
    const Tensor &bound = node.input(index);
    if (!bound.isScalarConstant())
      return node.error() << "bounds that are floats must be constants";
    llvm::APFloat value = bound.floating(0);
    bool lost = false;
    value.convert(llvm::APFloat::IEEEdouble(), llvm::APFloat::rmNearestTiesToEven, &lost);
    bounds[index] = value.convertToDouble();
  }
  double count = std::ceil((bounds[1] - bounds[0]) / bounds[2]);
  if (bounds[2] == 0 || !(count < 1e12))
    return node.error() << "start, limit and delta do not give a number of elements";
  GraphBuilder &build = node.build();
  node.set(0,
           build.generate(node.input(0).kind, node.sizes().constant(std::max<int64_t>(0, static_cast<int64_t>(count))),
                          [&](ScalarBuilder &s, ValueRange index) {
                            Value position =
                                s.getBuilder().createOrFold<arith::IndexCastOp>(s.getBuilder().getI64Type(), index[0]);
                            position = s.convert(position, ElementKind::i64, s.getKind());
                            return s.add(s.constant(bounds[0]), s.multiply(s.constant(bounds[2]), position));
                          }));
  return success();
}

static LogicalResult buildRange(Node &node) {
  for (size_t index = 0; index < 3; ++index)
    if (node.input(index).count() != 1 || failed(node.requireSameKind(0, index)))
      return node.error() << "start, limit and delta must be scalars of one type";
  ElementKind kind = node.input(0).kind;
  if (isFloat(kind))
    return buildFloatRange(node);
  FailureOr<SmallVector<Size>> start = node.sizesFrom(0, "the start (input 0)"),
                               limit = node.sizesFrom(1, "the limit (input 1)");
  FailureOr<SmallVector<int64_t>> delta = node.integersFrom(2, "the delta (input 2)");
  if (failed(start) || failed(limit) || failed(delta))
    return failure();
  int64_t step = delta->front();
  if (step == 0 || step == INT64_MIN)
    return node.error() << "the delta (input 2) is " << step;
  Sizes &sizes = node.sizes();
  Size zero = sizes.constant(0), first = start->front();
  Size span = step > 0 ? sizes.subtract(limit->front(), first) : sizes.subtract(first, limit->front());
  if (sizes.isAtLeast(zero, span))
    span = zero;
  else if (failed(node.requireAtLeast(span, zero, "the span of the range")))
    return failure();
  int64_t stride = step > 0 ? step : -step;
  Size count = sizes.floorDivide(sizes.add(span, sizes.constant(stride - 1)), sizes.constant(stride));
  if (!count)
    return node.error() << "the number of elements overflows";
  GraphBuilder &build = node.build();
  if (auto number = constantOf(count); number && *number <= maxLiteralElements) {
    SmallVector<Size> elements;
    for (int64_t i = 0; i < *number; ++i)
      elements.push_back(sizes.add(first, sizes.multiply(sizes.constant(i), sizes.constant(step))));
    if (llvm::all_of(elements, [](Size size) { return static_cast<bool>(size); })) {
      node.set(0, build.integers(kind, count, elements));
      return success();
    }
  }
  node.set(0, build.generate(kind, count, [&](ScalarBuilder &s, ValueRange index) {
    ImplicitLocOpBuilder &body = s.getBuilder();
    Value position = body.createOrFold<arith::IndexCastOp>(s.getType(), index[0]);
    return s.add(build.sizeInBody(body, first, s.getType()),
                 s.multiply(build.sizeInBody(body, sizes.constant(step), s.getType()), position));
  }));
  return success();
}

//===- Tile, Pad, Trilu ----------------------------------------------------------------------------------------===//

/// x[r0, d0, r1, d1, ..] with r the repetitions, then the pairs as one dimension each.
static LogicalResult buildTile(Node &node) {
  const Tensor &x = node.input(0);
  FailureOr<SmallVector<Size>> repeats = node.sizesFrom(1, "the repeats (input 1)");
  if (failed(repeats))
    return failure();
  if (static_cast<int64_t>(repeats->size()) != x.rank())
    return node.error() << "needs one repeat a dimension of " << describe(x, node.sizes()) << ", got "
                        << repeats->size();
  Sizes &sizes = node.sizes();
  SmallVector<Size> spread, repeated, shape;
  for (auto [size, repeat] : llvm::zip_equal(x.shape, *repeats)) {
    if (failed(node.requireAtLeast(repeat, sizes.constant(0), "a repeat")))
      return failure();
    spread.append({sizes.constant(1), size});
    repeated.append({repeat, size});
    shape.push_back(sizes.multiply(size, repeat));
    if (!shape.back())
      return node.error() << "the shape of the result overflows";
  }
  GraphBuilder &build = node.build();
  node.set(0, build.reshape(build.broadcast(build.reshape(x, spread), repeated), shape));
  return success();
}

/// The element of the input that output index `index` of a padded dimension shows, and whether it lies outside.
static Value paddedSource(GraphBuilder &build, ScalarBuilder &s, StringRef mode, Value index, Size low, Size dim,
                          Value &isOutside) {
  ImplicitLocOpBuilder &body = s.getBuilder();
  ScalarBuilder indices(body, ElementKind::i64);
  Type type = body.getIndexType();
  Value zero = arith::ConstantIndexOp::create(body, 0);
  Value last = build.sizeInBody(body, build.getSizes().subtract(dim, build.getSizes().constant(1)), type);
  Value source = indices.subtract(index, build.sizeInBody(body, low, type));
  if (mode == "wrap") {
    Value extent = build.sizeInBody(body, dim, type);
    Value rest = body.createOrFold<arith::RemSIOp>(source, extent);
    Value isNegative = body.createOrFold<arith::CmpIOp>(arith::CmpIPredicate::slt, rest, zero);
    return s.select(isNegative, indices.add(rest, extent), rest);
  }
  if (mode == "reflect") {
    // The path to the next mirror and back has 2 (dim - 1) steps.
    Value period = indices.maximum(indices.add(last, last), arith::ConstantIndexOp::create(body, 1));
    Value distance = body.createOrFold<math::AbsIOp>(source);
    distance = body.createOrFold<arith::RemSIOp>(distance, period);
    return indices.minimum(distance, indices.subtract(period, distance));
  }
  Value clamped = indices.minimum(indices.maximum(source, zero), last);
  if (mode == "constant") {
    Value outside = body.createOrFold<arith::CmpIOp>(arith::CmpIPredicate::ne, clamped, source);
    isOutside = isOutside ? body.createOrFold<arith::OrIOp>(isOutside, outside) : outside;
  }
  return clamped;
}

/// Pads per dimension, before and after: of all dimensions, or of the given axes.
static FailureOr<std::pair<SmallVector<Size>, SmallVector<Size>>> readPads(Node &node, int64_t rank) {
  Sizes &sizes = node.sizes();
  FailureOr<SmallVector<Size>> pads = node.sizesFrom(1, "the pads (input 1)");
  if (failed(pads))
    return failure();
  SmallVector<int64_t> axes = llvm::to_vector(llvm::seq<int64_t>(0, rank));
  if (node.has(3)) {
    FailureOr<SmallVector<int64_t>> given = node.integersFrom(3, "the axes (input 3)");
    if (failed(given))
      return failure();
    axes = *given;
  }
  if (pads->size() != 2 * axes.size())
    return node.error() << "needs two pads a padded dimension, got " << pads->size();
  SmallVector<Size> before(rank, sizes.constant(0)), after(rank, sizes.constant(0));
  for (auto [position, axis] : llvm::enumerate(axes)) {
    FailureOr<int64_t> dim = node.resolveAxis(axis, rank, "an axis");
    if (failed(dim))
      return failure();
    before[*dim] = (*pads)[position];
    after[*dim] = (*pads)[axes.size() + position];
  }
  return std::pair(before, after);
}

static LogicalResult buildPad(Node &node) {
  const Tensor &x = node.input(0);
  std::string mode = node.stringAttribute("mode", "constant");
  if (mode != "constant" && mode != "edge" && mode != "reflect" && mode != "wrap")
    return node.error() << "attribute 'mode' is '" << mode << "', must be constant, edge, reflect or wrap";
  auto pads = readPads(node, x.rank());
  if (failed(pads))
    return failure();
  Sizes &sizes = node.sizes();
  GraphBuilder &build = node.build();
  Tensor fill = build.scalar(x.kind, 0);
  if (node.has(2)) {
    if (failed(node.requireSameKind(0, 2)))
      return failure();
    if (node.input(2).count() != 1)
      return node.error() << "the padding value (input 2) must be a scalar, got " << describe(node.input(2), sizes);
    fill = build.reshape(node.input(2), {});
  }
  SmallVector<Size> shape;
  for (auto [size, before, after] : llvm::zip_equal(x.shape, pads->first, pads->second)) {
    shape.push_back(sizes.add(size, sizes.add(before, after)));
    if (failed(node.requireAtLeast(shape.back(), sizes.constant(0), "a padded dimension")))
      return failure();
    bool isChanged = !isConstant(before, 0) || !isConstant(after, 0);
    if (mode != "constant" && isChanged && failed(node.requireAtLeast(size, sizes.constant(1), "a padded dimension")))
      return failure();
  }
  Value source = build.materialise(x);
  if (!fill.literal)
    fill.value = build.materialise(fill);
  // A dimension of size 0 has no element to read; everything is padding.
  if (llvm::any_of(x.shape, [](Size size) { return isConstant(size, 0); })) {
    node.set(0, build.broadcast(fill, shape));
    return success();
  }
  node.set(0, build.generate(x.kind, shape, [&](ScalarBuilder &s, ValueRange indices) -> Value {
    ImplicitLocOpBuilder &body = s.getBuilder();
    Value isOutside;
    SmallVector<Value> from;
    for (size_t dim = 0; dim < shape.size(); ++dim) {
      bool isChanged = !isConstant(pads->first[dim], 0) || !isConstant(pads->second[dim], 0);
      from.push_back(isChanged ? paddedSource(build, s, mode, indices[dim], pads->first[dim], x.shape[dim], isOutside)
                               : indices[dim]);
    }
    Value element = tensor::ExtractOp::create(body, source, from);
    if (isOutside)
      element = s.select(isOutside, build.scalarInBody(body, fill), element);
    return s.widen(element);
  }));
  return success();
}

static LogicalResult buildTrilu(Node &node) {
  const Tensor &x = node.input(0);
  bool isUpper = node.flagAttribute("upper", true);
  if (failed(node.requireRank(0, 2, 64)))
    return failure();
  int64_t diagonal = 0;
  if (node.has(1)) {
    FailureOr<SmallVector<int64_t>> given = node.integersFrom(1, "k (input 1)");
    if (failed(given) || given->size() != 1)
      return failed(given) ? failure() : LogicalResult(node.error() << "k (input 1) must be a scalar");
    diagonal = given->front();
  }
  node.set(0, node.build().elementwise(x.kind, x.kind, x.shape, x, [&](ScalarBuilder &s, ValueRange elements) {
    ImplicitLocOpBuilder &body = s.getBuilder();
    Value row = linalg::IndexOp::create(body, x.rank() - 2), column = linalg::IndexOp::create(body, x.rank() - 1);
    Value edge = body.createOrFold<arith::AddIOp>(row, arith::ConstantIndexOp::create(body, diagonal));
    auto order = isUpper ? arith::CmpIPredicate::sge : arith::CmpIPredicate::sle;
    return s.select(body.createOrFold<arith::CmpIOp>(order, column, edge), elements[0], s.constant(0));
  }));
  return success();
}

void heed::importer::registerDataOperators(OperatorRegistry &registry) {
  registry.add("Constant", {.since = 1, .minInputs = 0, .maxInputs = 0, .build = buildConstant});
  registry.add("ConstantOfShape", {.since = 9, .minInputs = 1, .maxInputs = 1, .build = buildConstantOfShape});
  registry.add("Range", {.since = 11, .minInputs = 3, .maxInputs = 3, .build = buildRange});
  registry.add("Tile", {.since = 6, .minInputs = 2, .maxInputs = 2, .build = buildTile});
  registry.add("Pad", {.since = 11, .minInputs = 2, .maxInputs = 4, .build = buildPad});
  registry.add("Trilu", {.since = 14, .minInputs = 1, .maxInputs = 2, .build = buildTrilu});
}
