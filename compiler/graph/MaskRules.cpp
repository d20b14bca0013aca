#include "compiler/graph/MaskRules.h"

#include "compiler/graph/Conditions.h"
#include "compiler/graph/SizeAlgebra.h"

#include "dialects/attn/Attn.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/Matchers.h"

#include <cmath>

using namespace mlir;
using namespace heed;

/// Rules are a few operations deep; a hostile graph must not make this slow.
constexpr unsigned depthLimit = 12;

static std::optional<double> numberOf(Value scalar) {
  APFloat value(0.0f);
  if (!matchPattern(scalar, m_ConstantFloat(&value)))
    return std::nullopt;
  return value.convertToDouble();
}

static bool isLow(Value scalar) {
  std::optional<double> value = numberOf(scalar);
  return value && *value <= attn::maskedScore;
}

namespace {

/// Whole numbers written as integer, index or float code, as affine expressions over the values they are made of.
class WholeNumbers {
public:
  explicit WholeNumbers(MLIRContext *context) : context(context) {}

  /// Null when the scalar is not affine in whole numbers.
  AffineExpr of(Value scalar, unsigned depth = 0) {
    if (depth == depthLimit)
      return {};
    APInt integer;
    if (matchPattern(scalar, m_ConstantInt(&integer)))
      return integer.isSignedIntN(32) ? constant(integer.getSExtValue()) : AffineExpr();
    if (std::optional<double> number = numberOf(scalar))
      return std::floor(*number) == *number && std::abs(*number) < (1 << 24) ? constant(static_cast<int64_t>(*number))
                                                                             : AffineExpr();
    Operation *op = scalar.getDefiningOp();
    if (isa_and_nonnull<arith::IndexCastOp, arith::ExtSIOp, arith::ExtUIOp, arith::SIToFPOp, arith::UIToFPOp>(op))
      return isa<arith::ExtSIOp, arith::SIToFPOp>(op) && op->getOperand(0).getType().isInteger(1)
                 ? AffineExpr() // a signed truth value is -1
                 : of(op->getOperand(0), depth + 1);
    if (isa_and_nonnull<arith::AddIOp, arith::AddFOp, arith::SubIOp, arith::SubFOp, arith::MulIOp, arith::MulFOp>(op))
      return ofBinary(op, depth + 1);
    return isa<FloatType>(scalar.getType()) ? AffineExpr() : leaf(scalar);
  }

  Value leafAt(unsigned position) { return leaves[position]; }
  unsigned size() const { return leaves.size(); }
  std::optional<unsigned> positionOf(Value value) {
    auto found = llvm::find(leaves, value);
    return found == leaves.end() ? std::nullopt : std::optional<unsigned>(found - leaves.begin());
  }

  /// Writes the expression as index arithmetic.
  Value emit(OpBuilder &builder, Location location, AffineExpr expression) {
    if (auto number = dyn_cast<AffineConstantExpr>(expression))
      return arith::ConstantIndexOp::create(builder, location, number.getValue());
    if (auto dim = dyn_cast<AffineDimExpr>(expression)) {
      Value value = leaves[dim.getPosition()];
      return value.getType().isIndex()
                 ? value
                 : Value(arith::IndexCastOp::create(builder, location, builder.getIndexType(), value));
    }
    auto binary = cast<AffineBinaryOpExpr>(expression);
    Value left = emit(builder, location, binary.getLHS());
    auto product = dyn_cast<AffineBinaryOpExpr>(binary.getRHS());
    if (expression.getKind() == AffineExprKind::Add && product && product.getKind() == AffineExprKind::Mul &&
        product.getRHS() == constant(-1))
      return arith::SubIOp::create(builder, location, left, emit(builder, location, product.getLHS()));
    Value right = emit(builder, location, binary.getRHS());
    if (expression.getKind() == AffineExprKind::Add)
      return arith::AddIOp::create(builder, location, left, right);
    return arith::MulIOp::create(builder, location, left, right);
  }

  AffineExpr constant(int64_t value) { return getAffineConstantExpr(value, context); }

private:
  AffineExpr leaf(Value scalar) {
    std::optional<unsigned> position = positionOf(scalar);
    if (!position) {
      position = leaves.size();
      leaves.push_back(scalar);
    }
    return getAffineDimExpr(*position, context);
  }

  AffineExpr ofBinary(Operation *op, unsigned depth) {
    AffineExpr left = of(op->getOperand(0), depth), right = left ? of(op->getOperand(1), depth) : AffineExpr();
    if (!right)
      return {};
    if (isa<arith::AddIOp, arith::AddFOp>(op))
      return left + right;
    if (isa<arith::SubIOp, arith::SubFOp>(op))
      return left - right;
    if (!isa<AffineConstantExpr>(left) && !isa<AffineConstantExpr>(right))
      return {};
    return left * right;
  }

  MLIRContext *context;
  SmallVector<Value> leaves;
};

using Predicate = arith::CmpIPredicate;

std::optional<Predicate> integerPredicate(Operation *op) {
  if (auto compare = dyn_cast_or_null<arith::CmpIOp>(op))
    switch (compare.getPredicate()) {
    case Predicate::eq:
    case Predicate::ne:
    case Predicate::slt:
    case Predicate::sle:
    case Predicate::sgt:
    case Predicate::sge:
      return compare.getPredicate();
    default:
      return std::nullopt;
    }
  auto compare = dyn_cast_or_null<arith::CmpFOp>(op);
  if (!compare)
    return std::nullopt;
  switch (compare.getPredicate()) { // whole numbers are never NaN
  case arith::CmpFPredicate::OEQ:
  case arith::CmpFPredicate::UEQ:
    return Predicate::eq;
  case arith::CmpFPredicate::ONE:
  case arith::CmpFPredicate::UNE:
    return Predicate::ne;
  case arith::CmpFPredicate::OLT:
  case arith::CmpFPredicate::ULT:
    return Predicate::slt;
  case arith::CmpFPredicate::OLE:
  case arith::CmpFPredicate::ULE:
    return Predicate::sle;
  case arith::CmpFPredicate::OGT:
  case arith::CmpFPredicate::UGT:
    return Predicate::sgt;
  case arith::CmpFPredicate::OGE:
  case arith::CmpFPredicate::UGE:
    return Predicate::sge;
  default:
    return std::nullopt;
  }
}

Predicate flipped(Predicate predicate) {
  switch (predicate) {
  case Predicate::slt:
    return Predicate::sgt;
  case Predicate::sle:
    return Predicate::sge;
  case Predicate::sgt:
    return Predicate::slt;
  case Predicate::sge:
    return Predicate::sle;
  default:
    return predicate;
  }
}

bool holds(Predicate predicate, int64_t left, int64_t right) {
  switch (predicate) {
  case Predicate::eq:
    return left == right;
  case Predicate::ne:
    return left != right;
  case Predicate::slt:
    return left < right;
  case Predicate::sle:
    return left <= right;
  case Predicate::sgt:
    return left > right;
  default:
    return left >= right;
  }
}

/// One comparison of whole numbers, brought to the form "pivot <predicate> bound".
class Comparison {
public:
  Comparison(OpBuilder &builder, Operation *op, Value key)
      : builder(builder), op(op), key(key), numbers(op->getContext()) {}

  /// Null when it is not a comparison of whole numbers or has no simpler form.
  Value simplify() {
    std::optional<Predicate> found = integerPredicate(op);
    if (!found)
      return {};
    AffineExpr left = numbers.of(op->getOperand(0));
    AffineExpr right = left ? numbers.of(op->getOperand(1)) : AffineExpr();
    if (!right)
      return {};
    predicate = *found;
    AffineExpr difference = simplifySize(left - right);
    if (auto constant = dyn_cast<AffineConstantExpr>(difference))
      return makeTruth(builder, op->getLoc(), holds(predicate, constant.getValue(), 0));
    std::optional<unsigned> pivot = choosePivot(difference);
    if (!pivot || !isolate(difference, *pivot))
      return {};
    return emit(numbers.leafAt(*pivot));
  }

private:
  /// The key where it takes part, else the first value with factor 1 or -1.
  std::optional<unsigned> choosePivot(AffineExpr difference) {
    std::optional<unsigned> position = numbers.positionOf(key);
    if (position && difference.isFunctionOfDim(*position))
      return position;
    for (unsigned leaf = 0; leaf < numbers.size(); ++leaf)
      if (difference.isFunctionOfDim(leaf) && isUnitFactor(difference, leaf))
        return leaf;
    return std::nullopt;
  }

  bool isUnitFactor(AffineExpr difference, unsigned leaf) {
    AffineExpr dim = getAffineDimExpr(leaf, op->getContext());
    return !simplifySize(difference - dim).isFunctionOfDim(leaf) ||
           !simplifySize(difference + dim).isFunctionOfDim(leaf);
  }

  /// pivot + rest ? 0 is pivot ? -rest; rest - pivot ? 0 is pivot flipped-? rest.
  bool isolate(AffineExpr difference, unsigned pivot) {
    AffineExpr dim = getAffineDimExpr(pivot, op->getContext());
    AffineExpr positive = simplifySize(difference - dim), negative = simplifySize(difference + dim);
    if (!positive.isFunctionOfDim(pivot)) {
      bound = simplifySize(-positive);
    } else if (!negative.isFunctionOfDim(pivot)) {
      bound = negative;
      predicate = flipped(predicate);
    } else {
      return false;
    }
    return true;
  }

  Value emit(Value pivot) {
    Location location = op->getLoc();
    auto constant = dyn_cast<AffineConstantExpr>(bound);
    if (pivot.getType().isInteger(1)) {
      if (!constant)
        return {};
      bool atZero = holds(predicate, 0, constant.getValue()), atOne = holds(predicate, 1, constant.getValue());
      if (atZero == atOne)
        return makeTruth(builder, location, atOne);
      Value truth = simplifyCondition(builder, pivot, key);
      return atOne ? truth : makeNot(builder, truth);
    }
    // Strict bounds become inclusive ones, so that a rule has one form.
    if (predicate == Predicate::slt || predicate == Predicate::sgt) {
      bound = simplifySize(bound + (predicate == Predicate::slt ? -1 : 1));
      predicate = predicate == Predicate::slt ? Predicate::sle : Predicate::sge;
      constant = dyn_cast<AffineConstantExpr>(bound);
    }
    if (constant && !pivot.getType().isIndex()) {
      Value limit =
          arith::ConstantOp::create(builder, location, builder.getIntegerAttr(pivot.getType(), constant.getValue()));
      return arith::CmpIOp::create(builder, location, predicate, pivot, limit);
    }
    for (unsigned leaf = 0; leaf < numbers.size(); ++leaf)
      if (bound.isFunctionOfDim(leaf) && numbers.leafAt(leaf).getType().isInteger(1))
        return {};
    Value left = numbers.emit(builder, location, getAffineDimExpr(*numbers.positionOf(pivot), op->getContext()));
    return arith::CmpIOp::create(builder, location, predicate, left, numbers.emit(builder, location, bound));
  }

  OpBuilder &builder;
  Operation *op;
  Value key;
  WholeNumbers numbers;
  Predicate predicate = Predicate::eq;
  AffineExpr bound;
};

/// Finds, for a term that is always 0 or low, the condition under which it is 0.
class MaskTerm {
public:
  explicit MaskTerm(OpBuilder &builder) : builder(builder) {}

  /// Null when the term can be anything else.
  Value visibleWhere(Value term, unsigned depth = 0) {
    if (depth == depthLimit)
      return {};
    if (isLow(term))
      return makeTruth(builder, term.getLoc(), false);
    if (numberOf(term) == 0.0)
      return makeTruth(builder, term.getLoc(), true);
    Operation *op = term.getDefiningOp();
    if (auto select = dyn_cast_or_null<arith::SelectOp>(op))
      return ofSelect(select, depth + 1);
    if (isa_and_nonnull<arith::AddFOp, arith::MinimumFOp, arith::MinNumFOp>(op)) // low as soon as one is
      return combine(op, makeAnd, depth + 1);
    if (isa_and_nonnull<arith::MaximumFOp, arith::MaxNumFOp>(op))
      return combine(op, makeOr, depth + 1);
    if (isa_and_nonnull<arith::MulFOp>(op))
      return ofProduct(op);
    return {};
  }

private:
  Value combine(Operation *op, Value (*join)(OpBuilder &, Value, Value), unsigned depth) {
    Value left = visibleWhere(op->getOperand(0), depth);
    Value right = left ? visibleWhere(op->getOperand(1), depth) : Value();
    return right ? join(builder, left, right) : Value();
  }

  Value ofSelect(arith::SelectOp select, unsigned depth) {
    Value yes = isZeroUnder(select.getCondition(), true, select.getTrueValue())
                    ? makeTruth(builder, select.getLoc(), true)
                    : visibleWhere(select.getTrueValue(), depth);
    Value no = isZeroUnder(select.getCondition(), false, select.getFalseValue())
                   ? makeTruth(builder, select.getLoc(), true)
                   : visibleWhere(select.getFalseValue(), depth);
    return yes && no ? makeChoice(builder, select.getCondition(), yes, no) : Value();
  }

  /// select(x != 0, low, x): where x is taken it is 0.
  bool isZeroUnder(Value condition, bool outcome, Value term) {
    auto compare = condition.getDefiningOp<arith::CmpFOp>();
    if (!compare || compare.getLhs() != term || numberOf(compare.getRhs()) != 0.0)
      return false;
    arith::CmpFPredicate predicate = compare.getPredicate();
    return outcome ? predicate == arith::CmpFPredicate::OEQ
                   : predicate == arith::CmpFPredicate::UNE || predicate == arith::CmpFPredicate::ONE;
  }

  /// low * c, where c is a truth value as a float: low where c holds. Minus infinity times 0 is no number, so low must
  /// be finite.
  Value ofProduct(Operation *op) {
    for (unsigned side : {0, 1}) {
      Value factor = op->getOperand(side);
      if (!isLow(factor) || !std::isfinite(*numberOf(factor)))
        continue;
      if (Value truth = asTruth(op->getOperand(1 - side)))
        return makeNot(builder, truth);
    }
    return {};
  }

  /// The condition of a float that is 1 where it holds and 0 elsewhere.
  Value asTruth(Value number) {
    Operation *op = number.getDefiningOp();
    if (isa_and_nonnull<arith::UIToFPOp, arith::SIToFPOp>(op)) {
      Value source = op->getOperand(0);
      if (auto extend = source.getDefiningOp<arith::ExtUIOp>())
        source = extend.getIn();
      else if (isa<arith::SIToFPOp>(op))
        return {}; // a signed truth value would be -1
      return source.getType().isInteger(1) ? source : Value();
    }
    if (auto difference = dyn_cast_or_null<arith::SubFOp>(op)) {
      Value truth = numberOf(difference.getLhs()) == 1.0 ? asTruth(difference.getRhs()) : Value();
      return truth ? makeNot(builder, truth) : Value();
    }
    if (auto select = dyn_cast_or_null<arith::SelectOp>(op)) {
      std::optional<double> yes = numberOf(select.getTrueValue()), no = numberOf(select.getFalseValue());
      if (yes == 1.0 && no == 0.0)
        return select.getCondition();
      if (yes == 0.0 && no == 1.0)
        return makeNot(builder, select.getCondition());
    }
    return {};
  }

  OpBuilder &builder;
};

/// Takes masks off a score from the outside in.
class MaskSplitter {
public:
  MaskSplitter(OpBuilder &builder, Location location)
      : builder(builder), terms(builder), keep(makeTruth(builder, location, true)) {}

  /// The score that is left.
  Value split(Value score, unsigned depth = 0) {
    if (depth == depthLimit)
      return score;
    Operation *op = score.getDefiningOp();
    if (auto select = dyn_cast_or_null<arith::SelectOp>(op)) {
      if (isLow(select.getFalseValue()))
        return masked(select.getCondition(), select.getTrueValue(), depth);
      if (isLow(select.getTrueValue()))
        return masked(makeNot(builder, select.getCondition()), select.getFalseValue(), depth);
      return score;
    }
    if (isa_and_nonnull<arith::AddFOp>(op)) {
      for (unsigned side : {1, 0})
        if (Value visible = terms.visibleWhere(op->getOperand(side)))
          return masked(visible, op->getOperand(1 - side), depth);
      // What was masked before a finite term is added stays masked.
      Value left = split(op->getOperand(0), depth + 1), right = split(op->getOperand(1), depth + 1);
      return left == op->getOperand(0) && right == op->getOperand(1)
                 ? score
                 : Value(arith::AddFOp::create(builder, score.getLoc(), left, right));
    }
    if (isa_and_nonnull<arith::MaximumFOp, arith::MaxNumFOp>(op)) // a clamp to what counts as masked anyway
      for (unsigned side : {0, 1})
        if (isLow(op->getOperand(side)))
          return split(op->getOperand(1 - side), depth + 1);
    return score;
  }

  Value getKeep() { return truthOf(keep) == true ? Value() : keep; }

private:
  Value masked(Value visible, Value score, unsigned depth) {
    Value rest = split(score, depth + 1);
    keep = makeAnd(builder, keep, visible);
    return rest;
  }

  OpBuilder &builder;
  MaskTerm terms;
  Value keep;
};

} // namespace

MaskedScore heed::splitMask(OpBuilder &builder, Value score, Value key) {
  MaskSplitter splitter(builder, score.getLoc());
  Value rest = splitter.split(score);
  Value keep = splitter.getKeep();
  keep = keep ? simplifyCondition(builder, keep, key) : keep;
  return {rest, keep && truthOf(keep) == true ? Value() : keep};
}

Value heed::simplifyCondition(OpBuilder &builder, Value condition, Value key) {
  Operation *op = condition.getDefiningOp();
  auto simplified = [&](unsigned operand) { return simplifyCondition(builder, op->getOperand(operand), key); };
  if (isa_and_nonnull<arith::AndIOp>(op))
    return makeAnd(builder, simplified(0), simplified(1));
  if (isa_and_nonnull<arith::OrIOp>(op))
    return makeOr(builder, simplified(0), simplified(1));
  if (isa_and_nonnull<arith::SelectOp>(op))
    return makeChoice(builder, simplified(0), simplified(1), simplified(2));
  if (isa_and_nonnull<arith::XOrIOp>(op))
    for (unsigned side : {0, 1})
      if (std::optional<bool> truth = truthOf(op->getOperand(side))) {
        Value other = simplified(1 - side);
        Value result = *truth ? makeNot(builder, other) : other;
        // The opposite of an inclusive bound is a strict one; a rule has one form.
        auto compare = result.getDefiningOp<arith::CmpIOp>();
        Value simpler = compare ? Comparison(builder, compare, key).simplify() : Value();
        return simpler ? simpler : result;
      }
  if (isa_and_nonnull<arith::CmpIOp, arith::CmpFOp>(op))
    if (Value simpler = Comparison(builder, op, key).simplify())
      return simpler;
  return condition;
}
