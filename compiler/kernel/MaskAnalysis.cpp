#include "compiler/kernel/MaskAnalysis.h"

#include "dialects/attn/Attn.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;
using namespace heed;

//===- The block --------------------------------------------------------------------------------------------------===//

void MaskAnalysis::setBatchAndHead(Value batch, Interval heads) {
  blockArguments[keep.getArgument(0)] = {batch, batch};
  blockArguments[keep.getArgument(1)] = heads;
  known.clear();
}

void MaskAnalysis::setRows(Interval rows, Interval positions) {
  blockArguments[keep.getArgument(2)] = rows;
  blockArguments[keep.getArgument(4)] = positions;
  known.clear();
}

void MaskAnalysis::setKeys(Interval keys) {
  blockArguments[keep.getArgument(3)] = keys;
  known.clear();
}

//===- Intervals of integers --------------------------------------------------------------------------------------===//

Value MaskAnalysis::index(Value value) {
  if (!value || value.getType().isIndex())
    return value;
  return arith::IndexCastOp::create(kernel.at(), kernel.at().getIndexType(), value);
}

Interval MaskAnalysis::interval(Value value) {
  if (auto argument = blockArguments.find(value); argument != blockArguments.end())
    return argument->second;
  if (auto found = known.find(value); found != known.end())
    return found->second;
  Interval result;
  APInt constant;
  if (matchPattern(value, m_ConstantInt(&constant)) && constant.getSignificantBits() <= 64) {
    Value single = kernel.constant(constant.getSExtValue());
    result = {single, single};
  } else if (Operation *op = value.getDefiningOp()) {
    result = intervalOf(op);
  }
  known[value] = result;
  return result;
}

Interval MaskAnalysis::intervalOf(Operation *op) {
  auto operand = [&](unsigned position) { return interval(op->getOperand(position)); };
  if (isa<arith::IndexCastOp, arith::ExtSIOp>(op))
    return operand(0);
  if (isa<arith::AddIOp>(op))
    return {add(operand(0).low, operand(1).low), add(operand(0).high, operand(1).high)};
  if (isa<arith::SubIOp>(op))
    return {sub(operand(0).low, operand(1).high), sub(operand(0).high, operand(1).low)};
  if (isa<arith::MinSIOp, arith::MaxSIOp>(op)) {
    Interval a = operand(0), b = operand(1);
    if (!a.low || !a.high || !b.low || !b.high)
      return {};
    bool lesser = isa<arith::MinSIOp>(op);
    return {lesser ? kernel.min(a.low, b.low) : kernel.max(a.low, b.low),
            lesser ? kernel.min(a.high, b.high) : kernel.max(a.high, b.high)};
  }
  APInt factor;
  if (isa<arith::MulIOp, arith::FloorDivSIOp>(op) && matchPattern(op->getOperand(1), m_ConstantInt(&factor)) &&
      factor.isStrictlyPositive()) {
    Interval a = operand(0);
    auto scale = [&](Value end) -> Value {
      if (!end)
        return {};
      return isa<arith::MulIOp>(op) ? kernel.mul(end, kernel.constant(factor.getSExtValue()))
                                    : kernel.floorDiv(end, factor.getSExtValue());
    };
    return {scale(a.low), scale(a.high)};
  }
  if (isa<math::AbsIOp>(op)) {
    Interval a = operand(0);
    if (!a.low || !a.high)
      return {};
    Value zero = kernel.constant(0), negatedLow = kernel.sub(zero, a.low), negatedHigh = kernel.sub(zero, a.high);
    return {kernel.max(zero, kernel.max(a.low, negatedHigh)), kernel.max(a.high, negatedLow)};
  }
  if (auto extract = dyn_cast<tensor::ExtractOp>(op)) {
    auto argument = dyn_cast<BlockArgument>(extract.getTensor());
    SmallVector<Value> indices;
    for (Value position : extract.getIndices()) {
      Interval at = interval(position);
      if (!at.isExact())
        return {};
      indices.push_back(at.low);
    }
    if (!argument || !isa<IntegerType>(extract.getType()) || extract.getType().isInteger(1))
      return {};
    Value value = index(readCapture(argument.getArgNumber() - attn::AttendOp::numIndexArguments, indices));
    return {value, value};
  }
  return {};
}

//===- Conditions over a block ------------------------------------------------------------------------------------===//

Value MaskAnalysis::bit(bool value) { return arith::ConstantOp::create(kernel.at(), kernel.at().getBoolAttr(value)); }
Value MaskAnalysis::both(Value a, Value b) { return kernel.at().createOrFold<arith::AndIOp>(a, b); }
Truth MaskAnalysis::both(Truth a, Truth b) {
  return {a.may && b.may ? both(a.may, b.may) : (a.may ? a.may : b.may),
          a.must && b.must ? both(a.must, b.must) : Value()};
}
Value MaskAnalysis::either(Value a, Value b) { return kernel.at().createOrFold<arith::OrIOp>(a, b); }
Value MaskAnalysis::lessEqual(Value a, Value b) {
  return arith::CmpIOp::create(kernel.at(), arith::CmpIPredicate::sle, a, b);
}

/// Whether the block of keys reaches into those that have the rows' labels, or lies within them.
Truth MaskAnalysis::compareLabels() {
  Interval keys = blockArguments.lookup(keep.getArgument(3));
  Value lastLabelled = kernel.sub(labelKeys.high, kernel.constant(1));
  Value within = both(lessEqual(labelKeys.low, keys.low), lessEqual(keys.high, lastLabelled));
  return {both(lessEqual(keys.low, lastLabelled), lessEqual(labelKeys.low, keys.high)), both(labelsAreWhole, within)};
}

Truth MaskAnalysis::compare(arith::CmpIOp op) {
  if (op == labelCondition)
    return compareLabels();
  Interval a = interval(op.getLhs()), b = interval(op.getRhs());
  arith::CmpIPredicate predicate = op.getPredicate();
  if (predicate == arith::CmpIPredicate::sge || predicate == arith::CmpIPredicate::sgt) {
    std::swap(a, b);
    predicate = predicate == arith::CmpIPredicate::sge ? arith::CmpIPredicate::sle : arith::CmpIPredicate::slt;
  }
  if (!a.low || !a.high || !b.low || !b.high)
    return {};
  switch (predicate) {
  case arith::CmpIPredicate::sle:
    return {lessEqual(a.low, b.high), lessEqual(a.high, b.low)};
  case arith::CmpIPredicate::slt: {
    Value one = kernel.constant(1);
    return {lessEqual(kernel.add(a.low, one), b.high), lessEqual(kernel.add(a.high, one), b.low)};
  }
  case arith::CmpIPredicate::eq: {
    Value overlap = both(lessEqual(a.low, b.high), lessEqual(b.low, a.high));
    return {overlap, both(lessEqual(a.high, b.low), lessEqual(b.high, a.low))};
  }
  case arith::CmpIPredicate::ne: {
    Value same = both(lessEqual(a.high, b.low), lessEqual(b.high, a.low));
    Value overlap = both(lessEqual(a.low, b.high), lessEqual(b.low, a.high));
    return {arith::XOrIOp::create(kernel.at(), same, bit(true)),
            arith::XOrIOp::create(kernel.at(), overlap, bit(true))};
  }
  default:
    return {};
  }
}

Truth MaskAnalysis::truth(Value value) {
  APInt constant;
  if (matchPattern(value, m_ConstantInt(&constant)))
    return {bit(!constant.isZero()), bit(!constant.isZero())};
  Operation *op = value.getDefiningOp();
  if (auto comparison = dyn_cast_or_null<arith::CmpIOp>(op))
    return compare(comparison);
  if (isa_and_nonnull<arith::AndIOp, arith::OrIOp>(op)) {
    Truth a = truth(op->getOperand(0)), b = truth(op->getOperand(1));
    if (isa<arith::AndIOp>(op))
      return both(a, b);
    return {a.may && b.may ? either(a.may, b.may) : Value(),
            a.must && b.must ? either(a.must, b.must) : (a.must ? a.must : b.must)};
  }
  if (auto flip = dyn_cast_or_null<arith::XOrIOp>(op); flip && matchPattern(flip.getRhs(), m_One())) {
    Truth inner = truth(flip.getLhs());
    auto negate = [&](Value end) { return end ? arith::XOrIOp::create(kernel.at(), end, bit(true)).getResult() : end; };
    return {negate(inner.must), negate(inner.may)};
  }
  return {};
}

Truth MaskAnalysis::classify() { return truth(cast<attn::YieldOp>(keep.front().getTerminator()).getValue()); }

Truth MaskAnalysis::classify(ArrayRef<Value> conditions) {
  Truth all = truth(conditions.front());
  for (Value condition : conditions.drop_front())
    all = both(all, truth(condition));
  return all;
}

MaskAnalysis::Conjuncts MaskAnalysis::conjuncts() {
  Conjuncts all;
  SmallVector<Value> open{cast<attn::YieldOp>(keep.front().getTerminator()).getValue()};
  while (!open.empty()) {
    Value condition = open.pop_back_val();
    if (auto both = condition.getDefiningOp<arith::AndIOp>()) {
      open.append({both.getRhs(), both.getLhs()});
      continue;
    }
    KeyRange keys = range(condition);
    if (condition.getDefiningOp() == labelCondition && labelCondition)
      all.labels.push_back(condition);
    else
      (keys.low && !keys.high ? all.below : keys.high && !keys.low ? all.above : all.others).push_back(condition);
  }
  return all;
}

//===- Visible keys -----------------------------------------------------------------------------------------------===//

std::optional<MaskAnalysis::Linear> MaskAnalysis::linear(Value value) {
  if (value == keep.getArgument(3)) {
    Value zero = kernel.constant(0);
    return Linear{1, {zero, zero}};
  }
  Operation *op = value.getDefiningOp();
  if (isa_and_nonnull<arith::IndexCastOp, arith::ExtSIOp>(op))
    return linear(op->getOperand(0));
  if (isa_and_nonnull<arith::AddIOp, arith::SubIOp>(op)) {
    auto a = linear(op->getOperand(0)), b = linear(op->getOperand(1));
    if (!a || !b)
      return std::nullopt;
    if (isa<arith::AddIOp>(op))
      return Linear{a->coefficient + b->coefficient, {add(a->rest.low, b->rest.low), add(a->rest.high, b->rest.high)}};
    return Linear{a->coefficient - b->coefficient, {sub(a->rest.low, b->rest.high), sub(a->rest.high, b->rest.low)}};
  }
  // Anything else must not depend on the key; its interval then needs no key block.
  llvm::SmallVector<Value> work{value};
  while (!work.empty()) {
    Value current = work.pop_back_val();
    if (current == keep.getArgument(3))
      return std::nullopt;
    if (Operation *definition = current.getDefiningOp())
      llvm::append_range(work, definition->getOperands());
  }
  Interval rest = interval(value);
  if (!rest.low || !rest.high)
    return std::nullopt;
  return Linear{0, rest};
}

KeyRange MaskAnalysis::rangeOfComparison(arith::CmpIOp op) {
  if (op == labelCondition)
    return labelKeys;
  auto a = linear(op.getLhs()), b = linear(op.getRhs());
  if (!a || !b)
    return {};
  int64_t coefficient = a->coefficient - b->coefficient;
  Interval rest{sub(a->rest.low, b->rest.high), sub(a->rest.high, b->rest.low)};
  Value one = kernel.constant(1), zero = kernel.constant(0);
  // coefficient * key + rest `predicate` 0, for some value of rest.
  arith::CmpIPredicate predicate = op.getPredicate();
  bool upper = predicate == arith::CmpIPredicate::sle || predicate == arith::CmpIPredicate::slt;
  bool lower = predicate == arith::CmpIPredicate::sge || predicate == arith::CmpIPredicate::sgt;
  if (coefficient == -1) {
    std::swap(upper, lower);
    rest = {sub(zero, rest.high), sub(zero, rest.low)};
  }
  if (coefficient != 1 && coefficient != -1)
    return {};
  bool strict = predicate == arith::CmpIPredicate::slt || predicate == arith::CmpIPredicate::sgt;
  Value lowKey = kernel.sub(zero, rest.high), highKey = kernel.sub(zero, rest.low);
  if (upper)
    return {Value(), strict ? highKey : kernel.add(highKey, one), true};
  if (lower)
    return {strict ? kernel.add(lowKey, one) : lowKey, Value(), true};
  if (predicate == arith::CmpIPredicate::eq)
    return {lowKey, kernel.add(highKey, one), true};
  return {};
}

KeyRange MaskAnalysis::range(Value condition) {
  Operation *op = condition.getDefiningOp();
  if (auto comparison = dyn_cast_or_null<arith::CmpIOp>(op))
    return rangeOfComparison(comparison);
  if (!isa_and_nonnull<arith::AndIOp, arith::OrIOp>(op))
    return {};
  KeyRange a = range(op->getOperand(0)), b = range(op->getOperand(1));
  bool isAnd = isa<arith::AndIOp>(op);
  auto combine = [&](Value left, Value right, bool greater) -> Value {
    if (!left || !right)
      return isAnd ? (left ? left : right) : Value();
    return greater ? kernel.max(left, right) : kernel.min(left, right);
  };
  // A union leaves gaps, so only an intersection of exact ranges is exact.
  return {combine(a.low, b.low, isAnd), combine(a.high, b.high, !isAnd), isAnd && a.exact && b.exact};
}

//===- Labels -----------------------------------------------------------------------------------------------------===//

/// The extract of an integer label at the batch and argument `position` of the region, perhaps made wider.
static tensor::ExtractOp labelAt(Value value, Region &keep, unsigned position) {
  while (Operation *op = value.getDefiningOp()) {
    if (!isa<arith::IndexCastOp, arith::ExtSIOp>(op))
      break;
    value = op->getOperand(0);
  }
  auto extract = value.getDefiningOp<tensor::ExtractOp>();
  if (!extract || !isa<BlockArgument>(extract.getTensor()) || !isa<IntegerType>(extract.getType()) ||
      extract.getType().isInteger(1))
    return {};
  bool isThere = false;
  for (Value index : extract.getIndices()) {
    if (index == keep.getArgument(position))
      isThere = true;
    else if (index != keep.getArgument(0) && !matchPattern(index, m_Constant()))
      return {};
  }
  return isThere ? extract : tensor::ExtractOp();
}

std::optional<LabelMatch> MaskAnalysis::findLabels(Region &keep) {
  constexpr unsigned row = 2, key = 3;
  SmallVector<Value> needed{cast<attn::YieldOp>(keep.front().getTerminator()).getValue()};
  while (!needed.empty()) {
    Operation *op = needed.pop_back_val().getDefiningOp();
    if (auto both = dyn_cast_or_null<arith::AndIOp>(op))
      needed.append({both.getRhs(), both.getLhs()});
    auto condition = dyn_cast_or_null<arith::CmpIOp>(op);
    if (!condition || condition.getPredicate() != arith::CmpIPredicate::eq)
      continue;
    for (auto [ofRow, ofKey] :
         {std::pair{condition.getLhs(), condition.getRhs()}, std::pair{condition.getRhs(), condition.getLhs()}}) {
      LabelMatch match{condition, labelAt(ofRow, keep, row), labelAt(ofKey, keep, key)};
      if (match.ofRow && match.ofKey && match.ofRow.getType() == match.ofKey.getType())
        return match;
    }
  }
  return std::nullopt;
}

void MaskAnalysis::setLabelKeys(Value first, Value end, Value isWhole) {
  labelCondition = findLabels(keep)->condition;
  labelKeys = {first, end, /*exact=*/true};
  labelsAreWhole = isWhole;
}

bool MaskAnalysis::dependsOnRows() {
  return !keep.empty() && (!keep.getArgument(2).use_empty() || !keep.getArgument(4).use_empty());
}

KeyRange MaskAnalysis::visibleKeys() { return range(cast<attn::YieldOp>(keep.front().getTerminator()).getValue()); }
