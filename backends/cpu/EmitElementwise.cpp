/// One elementwise op on scalars or vectors, in compute representation: f16 and bf16 are f32 rounded after every op.
#include "backends/cpu/KernelEmitter.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace heed;
using namespace heed::cpu;

static bool isSmallFloat(Type type) { return type.isF16() || type.isBF16(); }

/// Integer division as ONNX-like graphs need it from a compiler: no trap for a zero divisor or for the lowest value
/// over -1. Padding lanes hold anything, so this also keeps them harmless.
Value KernelEmitter::emitDivision(Operation *op, Value dividend, Value divisor) {
  Type type = divisor.getType();
  auto number = [&](int64_t value) -> Value {
    if (type.isIndex())
      return arith::ConstantIndexOp::create(b, b.loc, value);
    return b.constant(type, value);
  };
  auto equals = [&](int64_t value) {
    return arith::CmpIOp::create(b, b.loc, arith::CmpIPredicate::eq, divisor, number(value));
  };
  Value one = number(1);
  Value isZero = equals(0);
  bool isSigned = !isa<arith::DivUIOp, arith::RemUIOp, arith::CeilDivUIOp>(op);
  Value isMinusOne = isSigned ? Value(equals(-1)) : Value();
  Value unsafe = isSigned ? Value(arith::OrIOp::create(b, b.loc, isZero, isMinusOne)) : isZero;
  Value safe = arith::SelectOp::create(b, b.loc, unsafe, one, divisor);
  IRMapping mapping;
  mapping.map(op->getOperand(0), dividend);
  mapping.map(op->getOperand(1), safe);
  Operation *clone = b.clone(*op, mapping);
  // A divisor used twice maps once; set both explicitly.
  clone->setOperand(0, dividend);
  clone->setOperand(1, safe);
  Value result = clone->getResult(0);
  result.setType(type);
  if (!isSigned || isa<arith::RemSIOp>(op))
    return result;
  Value negated = arith::SubIOp::create(b, b.loc, number(0), dividend);
  return arith::SelectOp::create(b, b.loc, isMinusOne, negated, result);
}

/// fma(x, y, -(x * y)): what rounding took from a product, for which a product rounded again would give nothing.
static bool isProductError(math::FmaOp op) {
  auto negated = op.getC().getDefiningOp<arith::NegFOp>();
  auto product = negated ? negated.getOperand().getDefiningOp<arith::MulFOp>() : nullptr;
  return product && product.getLhs() == op.getA() && product.getRhs() == op.getB();
}

Value KernelEmitter::emitElementwise(Operation *op, ValueRange operands, Type like) {
  Type original = getElementTypeOrSelf(op->getResult(0).getType());
  bool isVector = isa<VectorType>(like);
  Type element = original.isIndex() && !isVector ? original : computeType(original);
  Type type = withElement(like, element);
  auto rounded = [&](Value value) { return isSmallFloat(original) ? b.round(value, original) : value; };
  if (isa<tile::ConvertOp>(op))
    return operands[0];
  if (isa<arith::ExtFOp, arith::TruncFOp>(op)) {
    Value value = operands[0];
    int64_t from = getElementTypeOrSelf(value.getType()).getIntOrFloatBitWidth();
    int64_t to = element.getIntOrFloatBitWidth();
    if (from < to)
      value = arith::ExtFOp::create(b, b.loc, type, value);
    else if (from > to)
      value = arith::TruncFOp::create(b, b.loc, type, value);
    return rounded(value);
  }
  if (isa<arith::BitcastOp>(op) && (isSmallFloat(original) || isSmallFloat(getElementTypeOrSelf(op->getOperand(0))))) {
    fail(op, "bit casts of f16 and bf16 are not supported");
    return b.constant(type, int64_t(0));
  }
  if (isVector && isa<arith::IndexCastOp, arith::IndexCastUIOp>(op)) {
    int64_t from = getElementTypeOrSelf(operands[0].getType()).getIntOrFloatBitWidth();
    int64_t to = element.getIntOrFloatBitWidth();
    if (from == to)
      return operands[0];
    if (from > to)
      return arith::TruncIOp::create(b, b.loc, type, operands[0]);
    return isa<arith::IndexCastUIOp>(op) ? Value(arith::ExtUIOp::create(b, b.loc, type, operands[0]))
                                         : Value(arith::ExtSIOp::create(b, b.loc, type, operands[0]));
  }
  if (isa<arith::DivSIOp, arith::DivUIOp, arith::RemSIOp, arith::RemUIOp, arith::CeilDivSIOp, arith::CeilDivUIOp,
          arith::FloorDivSIOp>(op))
    return emitDivision(op, operands[0], operands[1]);
  if (isa<arith::MaximumFOp, arith::MinimumFOp>(op)) {
    // One max or min instruction returns its second operand for a NaN, so only the first needs a look.
    auto predicate = isa<arith::MaximumFOp>(op) ? arith::CmpFPredicate::OGT : arith::CmpFPredicate::OLT;
    Value chosen = arith::SelectOp::create(
        b, b.loc, arith::CmpFOp::create(b, b.loc, predicate, operands[0], operands[1]), operands[0], operands[1]);
    Value isNan = arith::CmpFOp::create(b, b.loc, arith::CmpFPredicate::UNO, operands[0], operands[0]);
    return arith::SelectOp::create(b, b.loc, isNan, operands[0], chosen);
  }
  if (auto fma = dyn_cast<math::FmaOp>(op))
    return rounded(isProductError(fma) && !b.isa.hasFma ? b.productError(operands[0], operands[1], operands[2])
                                                        : b.multiplyAdd(operands[0], operands[1], operands[2]));
  OperationState state(b.loc, op->getName(), operands, {type}, op->getAttrs());
  return rounded(b.create(state)->getResult(0));
}

Value KernelEmitter::combine(tile::Combine kind, Value x, Value y) {
  bool isFloat = isa<FloatType>(getElementTypeOrSelf(x.getType()));
  switch (kind) {
  case tile::Combine::Add:
    return isFloat ? Value(arith::AddFOp::create(b, b.loc, x, y)) : Value(arith::AddIOp::create(b, b.loc, x, y));
  case tile::Combine::Mul:
    return isFloat ? Value(arith::MulFOp::create(b, b.loc, x, y)) : Value(arith::MulIOp::create(b, b.loc, x, y));
  case tile::Combine::And:
    return arith::AndIOp::create(b, b.loc, x, y);
  case tile::Combine::Or:
    return arith::OrIOp::create(b, b.loc, x, y);
  case tile::Combine::Max:
  case tile::Combine::Min:
    break;
  }
  bool isMax = kind == tile::Combine::Max;
  Value first;
  if (isFloat)
    first = arith::CmpFOp::create(b, b.loc, isMax ? arith::CmpFPredicate::OGT : arith::CmpFPredicate::OLT, x, y);
  else
    first = arith::CmpIOp::create(b, b.loc, isMax ? arith::CmpIPredicate::sgt : arith::CmpIPredicate::slt, x, y);
  return arith::SelectOp::create(b, b.loc, first, x, y);
}

Value KernelEmitter::neutral(tile::Combine kind, Type type) {
  Type element = getElementTypeOrSelf(type);
  if (auto floating = dyn_cast<FloatType>(element)) {
    APFloat value = APFloat::getZero(floating.getFloatSemantics());
    if (kind == tile::Combine::Mul)
      value = APFloat(floating.getFloatSemantics(), 1);
    if (kind == tile::Combine::Max || kind == tile::Combine::Min)
      value = APFloat::getLargest(floating.getFloatSemantics(), kind == tile::Combine::Max);
    TypedAttr attribute = FloatAttr::get(element, value);
    if (auto vector = dyn_cast<VectorType>(type))
      attribute = SplatElementsAttr::get(vector, Attribute(attribute));
    return arith::ConstantOp::create(b, b.loc, attribute);
  }
  unsigned width = element.getIntOrFloatBitWidth();
  APInt value = APInt::getZero(width);
  if (kind == tile::Combine::Mul)
    value = APInt(width, 1);
  if (kind == tile::Combine::And)
    value = APInt::getAllOnes(width);
  if (kind == tile::Combine::Max)
    value = APInt::getSignedMinValue(width);
  if (kind == tile::Combine::Min)
    value = APInt::getSignedMaxValue(width);
  TypedAttr attribute = IntegerAttr::get(element, value);
  if (auto vector = dyn_cast<VectorType>(type))
    attribute = SplatElementsAttr::get(vector, Attribute(attribute));
  return arith::ConstantOp::create(b, b.loc, attribute);
}

/// Combines the lanes of a vector in a fixed tree of halves: the same result on every run.
Value KernelEmitter::across(tile::Combine kind, Value vector) {
  for (int64_t lanes = cast<VectorType>(vector.getType()).getDimSize(0); lanes > 1; lanes /= 2) {
    SmallVector<int64_t> low, high;
    for (int64_t lane = 0; lane < lanes / 2; ++lane) {
      low.push_back(lane);
      high.push_back(lane + lanes / 2);
    }
    Value a = vector::ShuffleOp::create(b, b.loc, vector, vector, low);
    Value c = vector::ShuffleOp::create(b, b.loc, vector, vector, high);
    vector = combine(kind, a, c);
  }
  return vector::ExtractOp::create(b, b.loc, vector, ArrayRef<int64_t>{0});
}
