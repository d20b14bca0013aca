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

  llvm::MapVector<Shared, SmallVector<Comparison>> groups;
  llvm::DenseMap<std::tuple<Block *, Value, Value, unsigned>, Value> limits; ///< by kind
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

/// Of two limits of one offset the stricter one decides.
void OffsetComparer::mergeBounds(KernelOp kernel) {
  llvm::DenseMap<std::tuple<Block *, Value, Value>, Value> stricter;
  llvm::DenseSet<Value> ours;
  for (auto &[key, limit] : limits)
    ours.insert(limit);
  kernel.walk([&](arith::AndIOp both) {
    auto left = both.getLhs().getDefiningOp<arith::CmpIOp>(), right = both.getRhs().getDefiningOp<arith::CmpIOp>();
    if (!left || !right || left.getPredicate() != right.getPredicate() || left->getBlock() != both->getBlock() ||
        right->getBlock() != both->getBlock() || !ours.contains(left.getRhs()) || !ours.contains(right.getRhs()))
      return;
    IntegerAttr offset, other;
    if (!matchPattern(left.getLhs(), m_Constant(&offset)) || !matchPattern(right.getLhs(), m_Constant(&other)) ||
        offset != other)
      return;
    OpBuilder b(both);
    Location loc = both.getLoc();
    Value &limit = stricter[{both->getBlock(), left.getRhs(), right.getRhs()}];
    if (!limit && left.getPredicate() == arith::CmpIPredicate::sle)
      limit = arith::MinSIOp::create(b, loc, left.getRhs(), right.getRhs());
    else if (!limit)
      limit = arith::MaxSIOp::create(b, loc, left.getRhs(), right.getRhs());
    ours.insert(limit);
    both.replaceAllUsesWith(arith::CmpIOp::create(b, loc, left.getPredicate(), left.getLhs(), limit).getResult());
    both.erase();
  });
}

void simt::compareOffsets(KernelOp kernel) {
  OffsetComparer comparer;
  comparer.collect(kernel);
  comparer.rewrite();
  comparer.mergeBounds(kernel);
}
