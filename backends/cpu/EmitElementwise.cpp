/// One elementwise op on scalars or vectors, in compute representation: f16 and bf16 are f32 rounded after every op.
#include "backends/cpu/KernelEmitter.h"
#include "compiler/tile/Arithmetic.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace heed;
using namespace heed::cpu;

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
  auto rounded = [&](Value value) { return tile::isSmallFloat(original) ? b.round(value, original) : value; };
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
  if (isa<arith::BitcastOp>(op) &&
      (tile::isSmallFloat(original) || tile::isSmallFloat(getElementTypeOrSelf(op->getOperand(0))))) {
    fail(op, "bit casts of f16 and bf16 are not supported");
    return b.constant(type, int64_t(0));
  }
  if (isVector && isa<arith::IndexCastOp, arith::IndexCastUIOp>(op))
    return tile::castInteger(b, b.loc, operands[0], type, isa<arith::IndexCastUIOp>(op));
  if (tile::isDivision(op))
    return tile::divide(b, op, operands[0], operands[1]);
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
    vector = tile::combine(b, b.loc, kind, a, c);
  }
  return vector::ExtractOp::create(b, b.loc, vector, ArrayRef<int64_t>{0});
}
