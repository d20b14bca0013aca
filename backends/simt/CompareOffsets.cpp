#include "backends/simt/CompareOffsets.h"

#include "backends/simt/Sums.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

#include <cstdlib>
#include <limits>
#include <vector>

using namespace mlir;
using namespace heed;
using namespace heed::simt;

/// Fewer comparisons with a bound cost less as they are.
constexpr size_t leastComparisons = 8;
/// Offsets of tiles are far smaller.
constexpr int64_t largestOffset = 1 << 20;

namespace {

/// offset <= limit.
struct Comparison {
  arith::CmpIOp op;
  int64_t offset;
};

/// Comparisons of a block that share the limit.
struct Group {
  Block *block;
  Numbers numbers;
  Sum limit;
  SmallVector<Comparison> comparisons;
};

class OffsetComparer {
public:
  void collect(KernelOp kernel);
  void rewrite();
  void mergeBounds(KernelOp kernel);

private:
  void collect(arith::CmpIOp op);
  void rewrite(const Group &group);
  Value merge(Value one, Value other, arith::AndIOp at);

  std::vector<Group> groups;
  llvm::DenseSet<Value> bases;           ///< to which constants are added
  llvm::DenseMap<Value, Numbers> limits; ///< of groups, and the stricter of two
  llvm::DenseMap<std::tuple<Block *, Value, Value, int64_t>, Value> stricter;
};

} // namespace

/// Of x <= y, with one more where they must not be equal, what is known of x - y against what is not of y - x.
void OffsetComparer::collect(arith::CmpIOp op) {
  Value less = op.getLhs(), greater = op.getRhs();
  arith::CmpIPredicate predicate = op.getPredicate();
  bool isStrict = predicate == arith::CmpIPredicate::slt || predicate == arith::CmpIPredicate::sgt;
  if (predicate == arith::CmpIPredicate::sgt || predicate == arith::CmpIPredicate::sge)
    std::swap(less, greater);
  else if (predicate != arith::CmpIPredicate::slt && predicate != arith::CmpIPredicate::sle)
    return;
  Sum limit;
  // What is compared with constants already needs nothing.
  if (!less.getType().isInteger(32) || matchPattern(less, m_Constant()) || matchPattern(greater, m_Constant()))
    return;
  limit.add(greater, /*isSubtracted=*/false, bases);
  limit.add(less, /*isSubtracted=*/true, bases);
  limit.cancel();
  int64_t offset = (isStrict ? 1 : 0) - limit.constant;
  if ((limit.added.empty() && limit.subtracted.empty()) || std::abs(offset) > largestOffset)
    return;
  Numbers numbers = limit.numbers();
  auto group =
      llvm::find_if(groups, [&](const Group &each) { return each.block == op->getBlock() && each.numbers == numbers; });
  if (group == groups.end()) {
    groups.push_back({op->getBlock(), numbers, limit, {}});
    group = std::prev(groups.end());
  }
  group->comparisons.push_back({op, offset});
}

void OffsetComparer::collect(KernelOp kernel) {
  kernel.walk([&](arith::AddIOp op) {
    if (matchPattern(op.getRhs(), m_Constant()))
      bases.insert(op.getLhs());
  });
  kernel.walk([&](arith::CmpIOp op) { collect(op); });
}

/// The sum or difference, or the number of 32 bits that is closest to it.
static Value saturate(OpBuilder &b, Location loc, Value one, Value other, bool isDifference) {
  auto wide = [&](Value value) { return arith::ExtSIOp::create(b, loc, b.getI64Type(), value).getResult(); };
  auto number = [&](int64_t value) { return arith::ConstantOp::create(b, loc, b.getI64IntegerAttr(value)); };
  Value left = wide(one), right = wide(other);
  Value exact = isDifference ? arith::SubIOp::create(b, loc, left, right).getResult()
                             : arith::AddIOp::create(b, loc, left, right).getResult();
  exact = arith::MaxSIOp::create(b, loc, exact, number(std::numeric_limits<int32_t>::min()));
  exact = arith::MinSIOp::create(b, loc, exact, number(std::numeric_limits<int32_t>::max()));
  return arith::TruncIOp::create(b, loc, b.getI32Type(), exact);
}

/// The limit is made at the first comparison, where all that it is made of is known.
void OffsetComparer::rewrite(const Group &group) {
  arith::CmpIOp first = group.comparisons.front().op;
  OpBuilder b(first);
  Location loc = first.getLoc();
  auto sum = [&](ArrayRef<Value> values) {
    Value all;
    for (Value value : values)
      all = all ? saturate(b, loc, all, value, /*isDifference=*/false) : value;
    return all ? all : arith::ConstantOp::create(b, loc, b.getI32IntegerAttr(0)).getResult();
  };
  Value added = sum(group.limit.added);
  Value limit = group.limit.subtracted.empty()
                    ? added
                    : saturate(b, loc, added, sum(group.limit.subtracted), /*isDifference=*/true);
  limits[limit] = group.numbers;
  for (auto [op, offset] : group.comparisons) {
    b.setInsertionPoint(op);
    Value constant = arith::ConstantOp::create(b, loc, b.getI32IntegerAttr(int32_t(offset)));
    op.replaceAllUsesWith(
        arith::CmpIOp::create(b, op.getLoc(), arith::CmpIPredicate::sge, limit, constant).getResult());
    op.erase();
  }
}

void OffsetComparer::rewrite() {
  for (const Group &group : groups) {
    llvm::SmallDenseSet<int64_t> offsets;
    for (const Comparison &comparison : group.comparisons)
      offsets.insert(comparison.offset);
    if (offsets.size() >= leastComparisons)
      rewrite(group);
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

/// Whether both bound the same coordinates from the same side, so that many elements have the same difference of
/// offsets.
static bool areAlike(const Numbers &one, const Numbers &other) {
  auto meet = [](ArrayRef<Value> some, ArrayRef<Value> others) {
    return llvm::any_of(some, [&](Value value) { return llvm::is_contained(others, value); });
  };
  return (meet(one.first, other.first) || meet(one.second, other.second)) && !meet(one.first, other.second) &&
         !meet(one.second, other.first);
}

/// The stricter of two limits, the other one for the offset of the one, if both are such.
Value OffsetComparer::merge(Value one, Value other, arith::AndIOp at) {
  auto left = one.getDefiningOp<arith::CmpIOp>(), right = other.getDefiningOp<arith::CmpIOp>();
  IntegerAttr offset, otherOffset;
  if (!left || !right || left->getBlock() != at->getBlock() || right->getBlock() != at->getBlock() ||
      !limits.contains(left.getLhs()) || !limits.contains(right.getLhs()) ||
      !areAlike(limits.lookup(left.getLhs()), limits.lookup(right.getLhs())) ||
      !matchPattern(left.getRhs(), m_Constant(&offset)) || !matchPattern(right.getRhs(), m_Constant(&otherOffset)))
    return {};
  OpBuilder b(at);
  Location loc = at.getLoc();
  int64_t further = otherOffset.getInt() - offset.getInt();
  Value &limit = stricter[{at->getBlock(), left.getLhs(), right.getLhs(), further}];
  if (!limit) {
    Value moved = right.getLhs();
    if (further != 0)
      moved = saturate(b, loc, moved, arith::ConstantOp::create(b, loc, b.getI32IntegerAttr(int32_t(further))),
                       /*isDifference=*/true);
    limit = arith::MinSIOp::create(b, loc, left.getLhs(), moved);
    limits[limit] = limits.lookup(left.getLhs());
  }
  return arith::CmpIOp::create(b, loc, arith::CmpIPredicate::sge, limit, left.getRhs());
}

/// Of several limits of one offset the strictest decides.
void OffsetComparer::mergeBounds(KernelOp kernel) {
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
