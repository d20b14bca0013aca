#include "compiler/graph/Conditions.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;

Value heed::makeTruth(OpBuilder &builder, Location location, bool value) {
  return arith::ConstantOp::create(builder, location, builder.getBoolAttr(value));
}

std::optional<bool> heed::truthOf(Value condition) {
  APInt value;
  return matchPattern(condition, m_ConstantInt(&value)) ? std::optional(!value.isZero()) : std::nullopt;
}

Value heed::makeNot(OpBuilder &builder, Value condition) {
  Location location = condition.getLoc();
  if (std::optional<bool> truth = truthOf(condition))
    return makeTruth(builder, location, !*truth);
  Operation *op = condition.getDefiningOp();
  if (auto compare = dyn_cast_or_null<arith::CmpIOp>(op))
    return arith::CmpIOp::create(builder, location, arith::invertPredicate(compare.getPredicate()), compare.getLhs(),
                                 compare.getRhs());
  if (auto both = dyn_cast_or_null<arith::AndIOp>(op))
    return makeOr(builder, makeNot(builder, both.getLhs()), makeNot(builder, both.getRhs()));
  if (auto either = dyn_cast_or_null<arith::OrIOp>(op))
    return makeAnd(builder, makeNot(builder, either.getLhs()), makeNot(builder, either.getRhs()));
  if (auto differ = dyn_cast_or_null<arith::XOrIOp>(op))
    if (truthOf(differ.getRhs()) == true)
      return differ.getLhs();
  return arith::XOrIOp::create(builder, location, condition, makeTruth(builder, location, true));
}

/// Whether both compute the same from the same values.
static bool isSame(Value left, Value right) {
  if (left == right)
    return true;
  Operation *a = left.getDefiningOp(), *b = right.getDefiningOp();
  if (!a || !b || a->getName() != b->getName() || a->getNumOperands() != b->getNumOperands() ||
      a->getPropertiesAsAttribute() != b->getPropertiesAsAttribute())
    return false;
  return isa<arith::CmpIOp, arith::ConstantOp>(a) &&
         llvm::all_of(llvm::zip_equal(a->getOperands(), b->getOperands()),
                      [](auto pair) { return isSame(std::get<0>(pair), std::get<1>(pair)); });
}

/// Whether the condition is one of those that make up a conjunction.
static bool isPartOf(Value condition, Value conjunction) {
  auto both = conjunction.getDefiningOp<arith::AndIOp>();
  return isSame(condition, conjunction) ||
         (both && (isPartOf(condition, both.getLhs()) || isPartOf(condition, both.getRhs())));
}

Value heed::makeAnd(OpBuilder &builder, Value left, Value right) {
  if (std::optional<bool> truth = truthOf(left))
    return *truth ? right : left;
  if (std::optional<bool> truth = truthOf(right))
    return *truth ? left : right;
  if (isPartOf(left, right))
    return right;
  if (isPartOf(right, left))
    return left;
  return arith::AndIOp::create(builder, left.getLoc(), left, right);
}

Value heed::makeOr(OpBuilder &builder, Value left, Value right) {
  if (std::optional<bool> truth = truthOf(left))
    return *truth ? left : right;
  if (std::optional<bool> truth = truthOf(right))
    return *truth ? right : left;
  return isSame(left, right) ? left : Value(arith::OrIOp::create(builder, left.getLoc(), left, right));
}

Value heed::makeChoice(OpBuilder &builder, Value condition, Value yes, Value no) {
  if (std::optional<bool> truth = truthOf(condition))
    return *truth ? yes : no;
  std::optional<bool> whenTrue = truthOf(yes), whenFalse = truthOf(no);
  if (whenTrue)
    return *whenTrue ? makeOr(builder, condition, no) : makeAnd(builder, makeNot(builder, condition), no);
  if (whenFalse)
    return *whenFalse ? makeOr(builder, makeNot(builder, condition), yes) : makeAnd(builder, condition, yes);
  return arith::SelectOp::create(builder, condition.getLoc(), condition, yes, no);
}
