/// Terms of distances: a product may start from them, since tiles of them are cheap (compiler/tile/ShareDistances.cpp).
#include "compiler/kernel/ScoreTerms.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "llvm/ADT/DenseMap.h"

using namespace mlir;
using namespace heed;

namespace {

/// What a number of the region depends on.
struct Dependence {
  enum class Kind {
    Linear,   ///< rows times row + keys times key + what is the same for all of them
    Distance, ///< a function of the distance
    Other
  } kind = Kind::Other;
  int64_t rows = 0, keys = 0;

  bool isUniform() const { return kind == Kind::Linear && rows == 0 && keys == 0; }
  bool isOfDistance() const { return kind == Kind::Distance || (kind == Kind::Linear && rows == -keys); }
};

/// The region's arguments, in order; captures follow.
enum Argument : unsigned { Score, Batch, Head, Row, Key, Position };

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
    constexpr auto linear = Dependence::Kind::Linear;
    switch (number) {
    case Score:
      return {};
    case Row:
    case Position:
      return {linear, 1, 0};
    case Key:
      return {linear, 0, 1};
    default:
      return {linear};
    }
  }

  Dependence find(Operation *op) {
    constexpr auto linear = Dependence::Kind::Linear;
    if (isa<arith::IndexCastOp, arith::ExtSIOp>(op))
      return of(op->getOperand(0));
    if (isa<arith::AddIOp, arith::SubIOp>(op)) {
      Dependence left = of(op->getOperand(0)), right = of(op->getOperand(1));
      int64_t sign = isa<arith::AddIOp>(op) ? 1 : -1;
      if (left.kind == linear && right.kind == linear)
        return {linear, left.rows + sign * right.rows, left.keys + sign * right.keys};
    }
    bool isPlain = op->getNumRegions() == 0 && isa<arith::ArithDialect, math::MathDialect>(op->getDialect());
    if (!isPlain && !isa<tensor::ExtractOp>(op))
      return {};
    bool isUniform = true;
    for (Value operand : op->getOperands()) {
      Dependence dependence = of(operand);
      if (!dependence.isOfDistance())
        return {};
      isUniform &= dependence.isUniform();
    }
    return {isUniform ? linear : Dependence::Kind::Distance};
  }

  DenseMap<Value, Dependence> memo;
};

} // namespace

bool heed::addsTermOfDistance(attn::AttendOp attend) {
  if (!attend.hasScore())
    return false;
  Block &block = attend.getScore().front();
  Dependences dependences;
  Value sum = block.getTerminator()->getOperand(0), score = block.getArgument(Score);
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
