/// Terms of distances: a product may start from them, since tiles of them are cheap (compiler/tile/ShareDistances.cpp).
#include "compiler/kernel/ScoreTerms.h"

#include "compiler/DistanceDependence.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "llvm/ADT/DenseMap.h"

using namespace mlir;
using namespace heed;

namespace {

/// Of a number of the region: columns are keys.
using Dependence = DistanceDependence;

class Dependences {
public:
  Dependence of(Value value) {
    auto known = memo.find(value);
    if (known != memo.end())
      return known->second;
    Dependence found =
        value.getDefiningOp() ? find(value.getDefiningOp()) : ofArgument(cast<BlockArgument>(value).getArgNumber());
    memo[value] = found;
    return found;
  }

private:
  static Dependence ofArgument(unsigned number) {
    switch (number) {
    case attn::ScoreArgument::Score:
      return {};
    case attn::ScoreArgument::Row:
    case attn::ScoreArgument::Position:
      return Dependence::linear(1, 0);
    case attn::ScoreArgument::Key:
      return Dependence::linear(0, 1);
    default:
      return Dependence::linear();
    }
  }

  Dependence find(Operation *op) {
    if (isa<arith::IndexCastOp, arith::ExtSIOp>(op))
      return of(op->getOperand(0));
    if (isa<arith::AddIOp, arith::SubIOp>(op)) {
      Dependence left = of(op->getOperand(0)), right = of(op->getOperand(1));
      if (left.kind == Dependence::Kind::Linear && right.kind == Dependence::Kind::Linear)
        return left.plus(right, isa<arith::AddIOp>(op) ? 1 : -1);
    }
    bool isPlain = op->getNumRegions() == 0 && isa<arith::ArithDialect, math::MathDialect>(op->getDialect());
    if (!isPlain && !isa<tensor::ExtractOp>(op))
      return {};
    return Dependence::join(llvm::map_range(op->getOperands(), [&](Value operand) { return of(operand); }));
  }

  DenseMap<Value, Dependence> memo;
};

} // namespace

bool heed::addsTermOfDistance(attn::AttendOp attend) {
  if (!attend.hasScore())
    return false;
  Block &block = attend.getScore().front();
  Dependences dependences;
  Value sum = block.getTerminator()->getOperand(0), score = block.getArgument(attn::ScoreArgument::Score);
  bool hasTerm = false;
  while (sum != score) {
    Operation *op = sum.getDefiningOp();
    if (!op || !isa<arith::AddFOp, arith::SubFOp>(op))
      return false;
    // The side of the score, which is no function of the distance, and the term's.
    bool isRight = isa<arith::AddFOp>(op) && dependences.of(op->getOperand(0)).isOfDistance();
    Dependence term = dependences.of(op->getOperand(isRight ? 0 : 1));
    if (!term.isOfDistance())
      return false;
    hasTerm |= !term.isUniform();
    sum = op->getOperand(isRight ? 1 : 0);
  }
  return hasTerm;
}
