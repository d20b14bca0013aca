/// The part of GraphBuilder that combines elements: reductions, contractions, searches.
#include "compiler/import/GraphBuilder.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"

#include <cmath>

using namespace mlir;
using namespace heed::importer;

TypedAttr heed::importer::extremeOf(ElementKind kind, bool isLargest, MLIRContext *context) {
  Type type = computeType(kind, context);
  if (isFloat(kind))
    return FloatAttr::get(type, isLargest ? INFINITY : -INFINITY);
  unsigned width = type.getIntOrFloatBitWidth();
  if (isUnsigned(kind))
    return IntegerAttr::get(type, isLargest ? APInt::getMaxValue(width) : APInt::getMinValue(width));
  return IntegerAttr::get(type, isLargest ? APInt::getSignedMaxValue(width) : APInt::getSignedMinValue(width));
}

/// The kind accumulators of a kind have.
static ElementKind accumulatorKind(ElementKind kind) {
  return kind == ElementKind::f16 || kind == ElementKind::bf16 ? ElementKind::f32 : kind;
}

Tensor GraphBuilder::reduce(const Tensor &tensor, ArrayRef<int64_t> axes, bool keepDims, TypedAttr identity,
                            ScalarBody prepare, CombineBody combine) {
  ElementKind kind = accumulatorKind(tensor.kind);
  SmallVector<utils::IteratorType> iterators(tensor.rank(), utils::IteratorType::parallel);
  for (int64_t axis : axes)
    iterators[axis] = utils::IteratorType::reduction;
  SmallVector<Size> shape, keptShape;
  SmallVector<AffineExpr> results;
  for (auto [position, size] : llvm::enumerate(tensor.shape)) {
    bool isReduced = iterators[position] == utils::IteratorType::reduction;
    keptShape.push_back(isReduced ? sizes.constant(1) : size);
    if (isReduced)
      continue;
    shape.push_back(size);
    results.push_back(builder.getAffineDimExpr(position));
  }
  auto outMap = AffineMap::get(tensor.rank(), 0, results, getContext());
  Value operand = materialise(tensor);
  auto generic =
      linalg::GenericOp::create(builder, TypeRange(typeOf(identity.getType(), shape)), operand, filled(identity, shape),
                                ArrayRef<AffineMap>{builder.getMultiDimIdentityMap(tensor.rank()), outMap}, iterators,
                                [&](OpBuilder &nested, Location location, ValueRange arguments) {
                                  ImplicitLocOpBuilder local(location, nested);
                                  ScalarBuilder scalars(local, tensor.kind);
                                  Value element = prepare(scalars, scalars.widen(arguments[0]));
                                  linalg::YieldOp::create(local, combine(scalars, arguments[1], element));
                                });
  Tensor result = wrap(generic.getResult(0), kind, shape);
  return keepDims ? reshape(result, keptShape) : result;
}

Tensor GraphBuilder::contract(const Tensor &a, const Tensor &b, AffineMap aMap, AffineMap bMap, AffineMap outMap,
                              ArrayRef<utils::IteratorType> iterators, ArrayRef<Size> shape) {
  Type accumulator = computeType(a.kind, getContext());
  SmallVector<Value> operands = {materialise(a), materialise(b)};
  Value zero = filled(builder.getZeroAttr(accumulator), shape);
  auto generic = linalg::GenericOp::create(
      builder, TypeRange(typeOf(accumulator, shape)), operands, zero, ArrayRef<AffineMap>{aMap, bMap, outMap},
      iterators, [&](OpBuilder &nested, Location location, ValueRange arguments) {
        ImplicitLocOpBuilder local(location, nested);
        ScalarBuilder scalars(local, a.kind);
        Value product = scalars.multiply(scalars.widen(arguments[0]), scalars.widen(arguments[1]));
        linalg::YieldOp::create(local, scalars.add(arguments[2], product));
      });
  return cast(wrap(generic.getResult(0), accumulatorKind(a.kind), shape), a.kind);
}

Tensor GraphBuilder::accumulate(const Tensor &tensor, AffineMap inputMap, AffineMap outMap,
                                ArrayRef<utils::IteratorType> iterators, ArrayRef<Size> shape, CombineBody combine) {
  Type accumulator = computeType(tensor.kind, getContext());
  Value operand = materialise(tensor);
  auto generic = linalg::GenericOp::create(
      builder, TypeRange(typeOf(accumulator, shape)), operand, filled(builder.getZeroAttr(accumulator), shape),
      ArrayRef<AffineMap>{inputMap, outMap}, iterators,
      [&](OpBuilder &nested, Location location, ValueRange arguments) {
        ImplicitLocOpBuilder local(location, nested);
        ScalarBuilder scalars(local, tensor.kind);
        linalg::YieldOp::create(local, combine(scalars, arguments[1], scalars.widen(arguments[0])));
      });
  return cast(wrap(generic.getResult(0), accumulatorKind(tensor.kind), shape), tensor.kind);
}

Tensor GraphBuilder::findExtreme(const Tensor &tensor, int64_t axis, bool isMaximum, bool takesLast, bool keepDims) {
  SmallVector<utils::IteratorType> iterators(tensor.rank(), utils::IteratorType::parallel);
  iterators[axis] = utils::IteratorType::reduction;
  SmallVector<Size> shape(tensor.shape), keptShape(tensor.shape);
  shape.erase(shape.begin() + axis);
  keptShape[axis] = sizes.constant(1);
  AffineMap identity = builder.getMultiDimIdentityMap(tensor.rank()), outMap = identity.dropResult(axis);
  TypedAttr worst = extremeOf(tensor.kind, !isMaximum, getContext());
  Value best = filled(worst, shape), place = filled(builder.getI64IntegerAttr(0), shape), operand = materialise(tensor);
  auto generic = linalg::GenericOp::create(
      builder, TypeRange{best.getType(), place.getType()}, operand, ValueRange{best, place},
      ArrayRef<AffineMap>{identity, outMap, outMap}, iterators,
      [&](OpBuilder &nested, Location location, ValueRange arguments) {
        ImplicitLocOpBuilder local(location, nested);
        ScalarBuilder scalars(local, tensor.kind);
        Value element = scalars.widen(arguments[0]);
        using Order = ScalarBuilder::Order;
        Order order = isMaximum   ? (takesLast ? Order::greaterOrEqual : Order::greater)
                      : takesLast ? Order::lessOrEqual
                                  : Order::less;
        Value isBetter = scalars.compare(order, element, arguments[1]);
        Value index = arith::IndexCastOp::create(local, local.getI64Type(), linalg::IndexOp::create(local, axis));
        linalg::YieldOp::create(local, ValueRange{scalars.select(isBetter, element, arguments[1]),
                                                  scalars.select(isBetter, index, arguments[2])});
      });
  Tensor result = wrap(generic.getResult(1), ElementKind::i64, shape);
  return keepDims ? reshape(result, keptShape) : result;
}
