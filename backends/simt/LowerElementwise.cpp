/// One elementwise op on scalars. f16 and bf16 are computed in f32 and rounded after every op.
#include "backends/simt/TileLowering.h"

#include "mlir/Dialect/Math/IR/Math.h"

using namespace mlir;
using namespace heed;
using namespace heed::simt;

static bool isSmallFloat(Type type) { return type.isF16() || type.isBF16(); }

Value TileLowering::widen(Value value) {
  return isSmallFloat(value.getType()) ? arith::ExtFOp::create(b, b.getF32Type(), value).getResult() : value;
}

Value TileLowering::narrow(Value value, Type type) {
  return value.getType() == type ? value : arith::TruncFOp::create(b, type, value).getResult();
}

/// Integer division as ONNX-like graphs need it from a compiler: nothing undefined for a zero divisor or for the lowest
/// value over -1. Padding holds anything, so this also keeps it harmless.
Value TileLowering::emitDivision(Operation *op, Value dividend, Value divisor) {
  Type type = divisor.getType();
  auto create = [&](Value safe) {
    OperationState state(b.getLoc(), op->getName(), {dividend, safe}, {type}, op->getAttrs());
    return b.create(state)->getResult(0);
  };
  if (auto known = divisor.getDefiningOp<arith::ConstantOp>())
    if (auto value = dyn_cast<IntegerAttr>(known.getValue()); value && value.getInt() != 0 && value.getInt() != -1)
      return create(divisor);
  auto equals = [&](int64_t value) {
    return arith::CmpIOp::create(b, arith::CmpIPredicate::eq, divisor, constant(type, value));
  };
  bool isSigned = !isa<arith::DivUIOp, arith::RemUIOp, arith::CeilDivUIOp>(op);
  Value unsafe = equals(0), isMinusOne;
  if (isSigned) {
    isMinusOne = equals(-1);
    unsafe = arith::OrIOp::create(b, unsafe, isMinusOne);
  }
  Value result = create(arith::SelectOp::create(b, unsafe, constant(type, 1), divisor));
  if (!isSigned || isa<arith::RemSIOp>(op))
    return result;
  Value negated = arith::SubIOp::create(b, constant(type, 0), dividend);
  return arith::SelectOp::create(b, isMinusOne, negated, result);
}

/// Casts between indices (64 bits here) and integers.
static Value castIndex(ImplicitLocOpBuilder &b, Operation *op, Value value, Type type) {
  unsigned from = value.getType().getIntOrFloatBitWidth(), to = type.getIntOrFloatBitWidth();
  if (from == to)
    return value;
  if (from > to)
    return arith::TruncIOp::create(b, type, value);
  return isa<arith::IndexCastUIOp>(op) ? Value(arith::ExtUIOp::create(b, type, value))
                                       : Value(arith::ExtSIOp::create(b, type, value));
}

Value TileLowering::emitElementwise(Operation *op, ValueRange operands) {
  Type type = registerType(getElementTypeOrSelf(op->getResult(0).getType()));
  if (isa<arith::IndexCastOp, arith::IndexCastUIOp>(op))
    return castIndex(b, op, operands[0], type);
  if (isa<arith::DivSIOp, arith::DivUIOp, arith::RemSIOp, arith::RemUIOp, arith::CeilDivSIOp, arith::CeilDivUIOp,
          arith::FloorDivSIOp>(op))
    return emitDivision(op, operands[0], operands[1]);
  auto create = [&](ValueRange values, Type result) {
    OperationState state(b.getLoc(), op->getName(), values, {result}, op->getAttrs());
    return b.create(state)->getResult(0);
  };
  if (isa<arith::ExtFOp, arith::TruncFOp>(op)) {
    // f64 to f16 and back go through f32, which is what machines have.
    Value value = type.isF64() ? widen(operands[0]) : operands[0];
    if (value.getType().isF64() && isSmallFloat(type))
      value = arith::TruncFOp::create(b, b.getF32Type(), value);
    return value.getType() == type ? value : create(value, type);
  }
  if (isa<arith::SelectOp, arith::BitcastOp>(op))
    return create(operands, type);
  // Machines compare numbers, not truth values.
  if (type.isInteger(1) && isa<arith::MaxUIOp, arith::MinSIOp>(op))
    return arith::OrIOp::create(b, operands[0], operands[1]);
  if (type.isInteger(1) && isa<arith::MinUIOp, arith::MaxSIOp>(op))
    return arith::AndIOp::create(b, operands[0], operands[1]);
  if (isa<math::AbsIOp>(op)) {
    Value zero = constant(type, 0);
    Value isNegative = arith::CmpIOp::create(b, arith::CmpIPredicate::slt, operands[0], zero);
    return arith::SelectOp::create(b, isNegative, arith::SubIOp::create(b, zero, operands[0]), operands[0]);
  }
  SmallVector<Value> wide = llvm::map_to_vector(operands, [&](Value operand) { return widen(operand); });
  if (isa<arith::MaximumFOp, arith::MinimumFOp>(op)) {
    auto predicate = isa<arith::MaximumFOp>(op) ? arith::CmpFPredicate::OGT : arith::CmpFPredicate::OLT;
    Value wins = arith::CmpFOp::create(b, predicate, wide[0], wide[1]);
    Value isNan = arith::CmpFOp::create(b, arith::CmpFPredicate::UNO, wide[0], wide[0]);
    Value first = arith::OrIOp::create(b, wins, isNan);
    return narrow(arith::SelectOp::create(b, first, wide[0], wide[1]), type);
  }
  return narrow(create(wide, isSmallFloat(type) ? b.getF32Type() : type), type);
}

Value TileLowering::combine(tile::Combine kind, Value x, Value y) {
  Type type = x.getType();
  bool isFloat = isa<FloatType>(type);
  x = widen(x);
  y = widen(y);
  switch (kind) {
  case tile::Combine::Add:
    return isFloat ? narrow(arith::AddFOp::create(b, x, y), type) : arith::AddIOp::create(b, x, y).getResult();
  case tile::Combine::Mul:
    return isFloat ? narrow(arith::MulFOp::create(b, x, y), type) : arith::MulIOp::create(b, x, y).getResult();
  case tile::Combine::And:
    return arith::AndIOp::create(b, x, y);
  case tile::Combine::Or:
    return arith::OrIOp::create(b, x, y);
  case tile::Combine::Max:
  case tile::Combine::Min:
    break;
  }
  bool isMax = kind == tile::Combine::Max;
  Value first;
  if (isFloat)
    first = arith::CmpFOp::create(b, isMax ? arith::CmpFPredicate::OGT : arith::CmpFPredicate::OLT, x, y);
  else
    first = arith::CmpIOp::create(b, isMax ? arith::CmpIPredicate::sgt : arith::CmpIPredicate::slt, x, y);
  return narrow(arith::SelectOp::create(b, first, x, y), type);
}

Value TileLowering::neutral(tile::Combine kind, Type type) {
  if (auto floating = dyn_cast<FloatType>(type)) {
    APFloat value = APFloat::getZero(floating.getFloatSemantics());
    if (kind == tile::Combine::Mul)
      value = APFloat(floating.getFloatSemantics(), 1);
    if (kind == tile::Combine::Max || kind == tile::Combine::Min)
      value = APFloat::getLargest(floating.getFloatSemantics(), kind == tile::Combine::Max);
    return arith::ConstantOp::create(b, FloatAttr::get(type, value));
  }
  unsigned width = type.getIntOrFloatBitWidth();
  APInt value = APInt::getZero(width);
  if (kind == tile::Combine::Mul)
    value = APInt(width, 1);
  if (kind == tile::Combine::And)
    value = APInt::getAllOnes(width);
  if (kind == tile::Combine::Max)
    value = APInt::getSignedMinValue(width);
  if (kind == tile::Combine::Min)
    value = APInt::getSignedMaxValue(width);
  return arith::ConstantOp::create(b, IntegerAttr::get(type, value));
}
