#include "compiler/kernel/ScoreRamps.h"

#include "dialects/attn/Attn.h"

#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/Builders.h"

using namespace mlir;
using namespace heed;

using Argument = attn::ScoreArgument;

/// All that `value` is made of.
static SetVector<Value> sourcesOf(Value value) {
  SetVector<Value> sources;
  sources.insert(value);
  for (size_t next = 0; next < sources.size(); ++next)
    if (Operation *op = sources[next].getDefiningOp())
      sources.insert(op->operand_begin(), op->operand_end());
  return sources;
}

static bool isUniform(Value value, Region &score) {
  SetVector<Value> sources = sourcesOf(value);
  return llvm::none_of(
      std::initializer_list<unsigned>{Argument::Score, Argument::Row, Argument::Key, Argument::Position},
      [&](unsigned argument) { return sources.contains(score.getArgument(argument)); });
}

static bool isOfPlaces(Value value, Region &score) {
  return llvm::all_of(sourcesOf(value), [&](Value source) {
    if (auto argument = dyn_cast<BlockArgument>(source))
      return argument.getOwner() == &score.front() && argument.getArgNumber() != Argument::Score &&
             argument.getArgNumber() < Argument::FirstCapture;
    Operation *op = source.getDefiningOp();
    return op->getNumRegions() == 0 && isa<arith::ArithDialect, math::MathDialect>(op->getDialect());
  });
}

std::optional<ScoreRamp> heed::findRamp(Region &score) {
  if (score.empty())
    return std::nullopt;
  BlockArgument given = score.getArgument(Argument::Score);
  Operation *last = cast<attn::YieldOp>(score.front().getTerminator()).getValue().getDefiningOp();
  if (!given.hasOneUse() || !given.getType().isF32() || !isa_and_nonnull<arith::AddFOp, arith::SubFOp>(last))
    return std::nullopt;
  bool isSubtracted = isa<arith::SubFOp>(last), isSecond = last->getOperand(1) == given;
  auto product = last->getOperand(isSecond ? 0 : 1).getDefiningOp<arith::MulFOp>();
  if (!product || last->getOperand(isSecond ? 1 : 0) != given || (isSubtracted && isSecond))
    return std::nullopt;
  for (unsigned factor : {0, 1})
    if (isUniform(product->getOperand(factor), score) && isOfPlaces(product->getOperand(1 - factor), score))
      return ScoreRamp{product, factor, isSubtracted};
  return std::nullopt;
}

void heed::yieldFactor(Region &part, double scale) {
  ScoreRamp ramp = *findRamp(part);
  Operation *end = part.front().getTerminator();
  OpBuilder builder(end);
  auto number = builder.getF32FloatAttr(float((ramp.isSubtracted ? -1 : 1) / scale));
  Value share = arith::ConstantOp::create(builder, end->getLoc(), number);
  end->setOperand(0, arith::MulFOp::create(builder, end->getLoc(), ramp.product->getOperand(ramp.factor), share));
}

void heed::yieldRamp(Region &part) {
  ScoreRamp ramp = *findRamp(part);
  ramp.product->setOperand(ramp.factor, part.getArgument(Argument::Score));
  part.front().getTerminator()->setOperand(0, ramp.product.getResult());
}
