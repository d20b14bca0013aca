/// One elementwise op on scalars. f16 and bf16 are computed in f32 and rounded after every op.
#include "backends/simt/TileLowering.h"
#include "compiler/tile/Arithmetic.h"

#include "mlir/Dialect/Math/IR/Math.h"

using namespace mlir;
using namespace heed;
using namespace heed::simt;

Value TileLowering::widen(Value value) {
  return tile::isSmallFloat(value.getType()) ? arith::ExtFOp::create(b, b.getF32Type(), value).getResult() : value;
}

Value TileLowering::narrow(Value value, Type type) {
  return value.getType() == type ? value : arith::TruncFOp::create(b, type, value).getResult();
}

Value TileLowering::emitElementwise(Operation *op, ValueRange operands) {
  Type type = registerType(getElementTypeOrSelf(op->getResult(0).getType()));
  if (isa<arith::IndexCastOp, arith::IndexCastUIOp>(op))
    return tile::castInteger(b, b.getLoc(), operands[0], type, isa<arith::IndexCastUIOp>(op));
  if (tile::isDivision(op))
    return tile::divide(b, op, operands[0], operands[1]);
  auto create = [&](ValueRange values, Type result) {
    OperationState state(b.getLoc(), op->getName(), values, {result}, op->getAttrs());
    return b.create(state)->getResult(0);
  };
  if (isa<arith::ExtFOp, arith::TruncFOp>(op)) {
    // f64 to f16 and back go through f32, which is what machines have.
    Value value = type.isF64() ? widen(operands[0]) : operands[0];
    if (value.getType().isF64() && tile::isSmallFloat(type))
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
  return narrow(create(wide, tile::isSmallFloat(type) ? b.getF32Type() : type), type);
}

Value TileLowering::combine(tile::Combine kind, Value x, Value y) {
  Value combined = tile::combine(b, b.getLoc(), kind, widen(x), widen(y));
  // Reductions say nothing about NaN, so a machine may use its own instruction for the greater of two.
  if (auto select = combined.getDefiningOp<arith::SelectOp>())
    select->setAttr(extremeAttrName, b.getUnitAttr());
  return narrow(combined, x.getType());
}
