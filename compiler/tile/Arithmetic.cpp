#include "compiler/tile/Arithmetic.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;

namespace heed::tile {

/// A constant of a scalar or vector type with this value in every lane.
static Value constantOf(OpBuilder &b, Location loc, Type type, TypedAttr value) {
  if (auto vector = dyn_cast<VectorType>(type))
    value = SplatElementsAttr::get(vector, Attribute(value));
  return arith::ConstantOp::create(b, loc, value);
}

Value combine(OpBuilder &b, Location loc, Combine kind, Value x, Value y) {
  bool isFloat = isa<FloatType>(getElementTypeOrSelf(x.getType()));
  switch (kind) {
  case Combine::Add:
    return isFloat ? Value(arith::AddFOp::create(b, loc, x, y)) : Value(arith::AddIOp::create(b, loc, x, y));
  case Combine::Mul:
    return isFloat ? Value(arith::MulFOp::create(b, loc, x, y)) : Value(arith::MulIOp::create(b, loc, x, y));
  case Combine::And:
    return arith::AndIOp::create(b, loc, x, y);
  case Combine::Or:
    return arith::OrIOp::create(b, loc, x, y);
  case Combine::Max:
  case Combine::Min:
    break;
  }
  bool isMax = kind == Combine::Max;
  Value first;
  if (isFloat)
    first = arith::CmpFOp::create(b, loc, isMax ? arith::CmpFPredicate::OGT : arith::CmpFPredicate::OLT, x, y);
  else
    first = arith::CmpIOp::create(b, loc, isMax ? arith::CmpIPredicate::sgt : arith::CmpIPredicate::slt, x, y);
  return arith::SelectOp::create(b, loc, first, x, y);
}

static APFloat neutralFloat(Combine kind, const llvm::fltSemantics &semantics) {
  if (kind == Combine::Mul)
    return APFloat(semantics, 1);
  if (kind == Combine::Max || kind == Combine::Min)
    return APFloat::getLargest(semantics, /*Negative=*/kind == Combine::Max);
  return APFloat::getZero(semantics);
}

static APInt neutralInteger(Combine kind, unsigned width) {
  if (kind == Combine::Mul)
    return APInt(width, 1);
  if (kind == Combine::And)
    return APInt::getAllOnes(width);
  if (kind == Combine::Max)
    return APInt::getSignedMinValue(width);
  if (kind == Combine::Min)
    return APInt::getSignedMaxValue(width);
  return APInt::getZero(width);
}

Value neutral(OpBuilder &b, Location loc, Combine kind, Type type) {
  Type element = getElementTypeOrSelf(type);
  if (auto floating = dyn_cast<FloatType>(element))
    return constantOf(b, loc, type, FloatAttr::get(element, neutralFloat(kind, floating.getFloatSemantics())));
  return constantOf(b, loc, type, IntegerAttr::get(element, neutralInteger(kind, element.getIntOrFloatBitWidth())));
}

Value castInteger(OpBuilder &b, Location loc, Value value, Type type, bool isUnsigned) {
  unsigned from = getElementTypeOrSelf(value.getType()).getIntOrFloatBitWidth();
  unsigned to = getElementTypeOrSelf(type).getIntOrFloatBitWidth();
  if (from == to)
    return value;
  if (from > to)
    return arith::TruncIOp::create(b, loc, type, value);
  return isUnsigned ? Value(arith::ExtUIOp::create(b, loc, type, value))
                    : Value(arith::ExtSIOp::create(b, loc, type, value));
}

bool isDivision(Operation *op) {
  return isa<arith::DivSIOp, arith::DivUIOp, arith::RemSIOp, arith::RemUIOp, arith::CeilDivSIOp, arith::CeilDivUIOp,
             arith::FloorDivSIOp>(op);
}

Value divide(OpBuilder &builder, Operation *op, Value dividend, Value divisor) {
  ImplicitLocOpBuilder b(op->getLoc(), builder);
  Type type = divisor.getType();
  auto number = [&](int64_t value) {
    return constantOf(b, b.getLoc(), type, b.getIntegerAttr(getElementTypeOrSelf(type), value));
  };
  auto equals = [&](int64_t value) -> Value {
    return arith::CmpIOp::create(b, arith::CmpIPredicate::eq, divisor, number(value));
  };
  auto create = [&](Value safe) {
    OperationState state(b.getLoc(), op->getName(), {dividend, safe}, {type}, op->getAttrs());
    return b.create(state)->getResult(0);
  };
  APInt known;
  if (matchPattern(divisor, m_ConstantInt(&known)) && !known.isZero() && !known.isAllOnes())
    return create(divisor);
  bool isSigned = !isa<arith::DivUIOp, arith::RemUIOp, arith::CeilDivUIOp>(op);
  Value isMinusOne = isSigned ? equals(-1) : Value();
  Value unsafe = equals(0);
  if (isSigned)
    unsafe = arith::OrIOp::create(b, unsafe, isMinusOne);
  Value result = create(arith::SelectOp::create(b, unsafe, number(1), divisor));
  if (!isSigned || isa<arith::RemSIOp>(op))
    return result;
  Value negated = arith::SubIOp::create(b, number(0), dividend);
  return arith::SelectOp::create(b, isMinusOne, negated, result);
}

} // namespace heed::tile
