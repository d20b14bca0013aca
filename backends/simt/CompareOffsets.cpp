#include "backends/simt/CompareOffsets.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "llvm/ADT/MapVector.h"

#include <limits>

using namespace mlir;
using namespace heed;
using namespace heed::simt;

/// Fewer comparisons with a bound cost less as they are.
constexpr size_t leastComparisons = 8;

namespace {

/// base + offset, compared with a bound.
struct Comparison {
  arith::CmpIOp op;
  Value base, bound;
  int64_t offset;
  bool isUpper; ///< base + offset <= bound, or < where it is strict; else >= or >
  bool isStrict;

  unsigned kind() const { return 2 * isUpper + isStrict; }
};

/// What comparisons share, in a block.
using Shared = std::tuple<Block *, Value, Value>;

class OffsetComparer {
public:
  void collect(KernelOp kernel);
  void rewrite();
  void mergeBounds(KernelOp kernel);

private:
  void collect(arith::CmpIOp op);
  Value limitOf(const Comparison &comparison);
  Value merge(Value one, Value other, arith::AndIOp at);

  llvm::MapVector<Shared, SmallVector<Comparison>> groups;
  llvm::DenseMap<std::tuple<Block *, Value, Value, unsigned>, Value> limits; ///< by kind
  llvm::DenseSet<Value> ours;                                                ///< those, and the stricter of two
  llvm::DenseMap<std::tuple<Block *, Value, Value>, Value> stricter;
};

} // namespace

/// A number with a constant added to it; without one, itself and 0. None for constants.
static std::optional<std::pair<Value, int64_t>> split(Value value) {
  if (matchPattern(value, m_Constant()))
    return std::nullopt;
  IntegerAttr added;
  if (auto sum = value.getDefiningOp<arith::AddIOp>(); sum && matchPattern(sum.getRhs(), m_Constant(&added)))
    return std::pair(sum.getLhs(), added.getInt());
  return std::pair(value, int64_t(0));
}

static std::optional<std::pair<bool, bool>> upperAndStrict(arith::CmpIPredicate predicate) {
  switch (predicate) {
  case arith::CmpIPredicate::slt:
    return std::pair(true, true);
  case arith::CmpIPredicate::sle:
    return std::pair(true, false);
  case arith::CmpIPredicate::sgt:
    return std::pair(false, true);
  case arith::CmpIPredicate::sge:
    return std::pair(false, false);
  default:
    return std::nullopt;
  }
}

void OffsetComparer::collect(arith::CmpIOp op) {
  auto kind = upperAndStrict(op.getPredicate());
  auto left = split(op.getLhs());
  if (!kind || !left || !op.getLhs().getType().isInteger(32) || !split(op.getRhs()))
    return;
  groups[{op->getBlock(), left->first, op.getRhs()}].push_back(
      {op, left->first, op.getRhs(), left->second, kind->first, kind->second});
}

void OffsetComparer::collect(KernelOp kernel) {
  kernel.walk([&](arith::CmpIOp op) { collect(op); });
}

/// bound - base, less or more by one where the comparison is strict, at the first comparison of the block.
Value OffsetComparer::limitOf(const Comparison &comparison) {
  arith::CmpIOp op = comparison.op;
  Value &limit = limits[{op->getBlock(), comparison.base, comparison.bound, comparison.kind()}];
  if (limit)
    return limit;
  OpBuilder b(op);
  Location loc = op.getLoc();
  auto wide = [&](Value value) { return arith::ExtSIOp::create(b, loc, b.getI64Type(), value).getResult(); };
  auto number = [&](int64_t value) { return arith::ConstantOp::create(b, loc, b.getI64IntegerAttr(value)); };
  Value difference = arith::SubIOp::create(b, loc, wide(comparison.bound), wide(comparison.base));
  if (comparison.isStrict)
    difference = arith::AddIOp::create(b, loc, difference, number(comparison.isUpper ? -1 : 1));
  difference = arith::MaxSIOp::create(b, loc, difference, number(std::numeric_limits<int32_t>::min()));
  difference = arith::MinSIOp::create(b, loc, difference, number(std::numeric_limits<int32_t>::max()));
  return limit = arith::TruncIOp::create(b, loc, b.getI32Type(), difference);
}

void OffsetComparer::rewrite() {
  for (auto &[shared, comparisons] : groups) {
    llvm::SmallDenseSet<int64_t> offsets;
    for (const Comparison &comparison : comparisons)
      offsets.insert(comparison.offset);
    if (offsets.size() < leastComparisons)
      continue;
    for (const Comparison &comparison : comparisons) {
      arith::CmpIOp op = comparison.op;
      Value limit = limitOf(comparison);
      OpBuilder b(op);
      Location loc = op.getLoc();
      Value offset = arith::ConstantOp::create(b, loc, b.getI32IntegerAttr(comparison.offset));
      auto predicate = comparison.isUpper ? arith::CmpIPredicate::sle : arith::CmpIPredicate::sge;
      op.replaceAllUsesWith(arith::CmpIOp::create(b, loc, predicate, offset, limit).getResult());
      op.erase();
    }
  }
}

/// What a conjunction is made of.
static void collectParts(arith::AndIOp both, SmallVectorImpl<Value> &parts) {
  for (Value operand : both->getOperands()) {
    auto inner = operand.getDefiningOp<arith::AndIOp>();
    if (inner && inner->hasOneUse() && inner->getBlock() == both->getBlock())
      collectParts(inner, parts);
    else
      parts.push_back(operand);
  }
}

static bool isPartOfAnother(arith::AndIOp both) {
  auto outer = both->hasOneUse() ? dyn_cast<arith::AndIOp>(*both->user_begin()) : arith::AndIOp();
  return outer && outer->getBlock() == both->getBlock();
}

/// The stricter of two limits of one offset, if both are such.
Value OffsetComparer::merge(Value one, Value other, arith::AndIOp at) {
  auto left = one.getDefiningOp<arith::CmpIOp>(), right = other.getDefiningOp<arith::CmpIOp>();
  IntegerAttr offset, otherOffset;
  if (!left || !right || left.getPredicate() != right.getPredicate() || left->getBlock() != at->getBlock() ||
      right->getBlock() != at->getBlock() || !ours.contains(left.getRhs()) || !ours.contains(right.getRhs()) ||
      !matchPattern(left.getLhs(), m_Constant(&offset)) || !matchPattern(right.getLhs(), m_Constant(&otherOffset)) ||
      offset != otherOffset)
    return {};
  OpBuilder b(at);
  Location loc = at.getLoc();
  Value &limit = stricter[{at->getBlock(), left.getRhs(), right.getRhs()}];
  if (!limit && left.getPredicate() == arith::CmpIPredicate::sle)
    limit = arith::MinSIOp::create(b, loc, left.getRhs(), right.getRhs());
  else if (!limit)
    limit = arith::MaxSIOp::create(b, loc, left.getRhs(), right.getRhs());
  ours.insert(limit);
  return arith::CmpIOp::create(b, loc, left.getPredicate(), left.getLhs(), limit);
}

/// Of several limits of one offset the strictest decides.
void OffsetComparer::mergeBounds(KernelOp kernel) {
  for (auto &[key, limit] : limits)
    ours.insert(limit);
  kernel.walk([&](arith::AndIOp all) {
    if (isPartOfAnother(all))
      return;
    SmallVector<Value> parts, kept;
    collectParts(all, parts);
    for (Value part : parts) {
      Value merged;
      for (Value &other : kept)
        if (!merged && (merged = merge(other, part, all)))
          other = merged;
      if (!merged)
        kept.push_back(part);
    }
    if (kept.size() == parts.size())
      return;
    OpBuilder b(all);
    Value result = kept.front();
    for (Value part : ArrayRef(kept).drop_front())
      result = arith::AndIOp::create(b, all.getLoc(), result, part);
    all.replaceAllUsesWith(result);
    all.erase();
  });
}

void simt::compareOffsets(KernelOp kernel) {
  OffsetComparer comparer;
  comparer.collect(kernel);
  comparer.rewrite();
  comparer.mergeBounds(kernel);
}
