#include "backends/simt/ConvertOffsets.h"

#include "backends/simt/Sums.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/Dominance.h"

#include <cstdlib>
#include <vector>

using namespace mlir;
using namespace heed;
using namespace heed::simt;

/// Fewer conversions cost less as they are.
constexpr size_t leastConversions = 8;
/// Offsets of tiles are far smaller; with larger ones sums might be less exact than promised.
constexpr int64_t largestOffset = 1 << 16;

namespace {

/// What conversions share, in a block.
struct Group {
  Sum base;
  SmallVector<std::pair<arith::SIToFPOp, int64_t>> conversions;
};

} // namespace

/// The number that all conversions are multiplied with and used for nothing else, where products may be made from each
/// other and it is known to all; else null.
static Value commonFactor(const Group &group) {
  Value factor;
  for (auto [op, offset] : group.conversions) {
    auto product = op->hasOneUse() ? dyn_cast<arith::MulFOp>(*op->user_begin()) : arith::MulFOp();
    if (!product || !arith::bitEnumContainsAll(product.getFastmath(), arith::FastMathFlags::reassoc))
      return {};
    Value other = product.getLhs() == op.getResult() ? product.getRhs() : product.getLhs();
    if (factor && other != factor)
      return {};
    factor = other;
  }
  return DominanceInfo().dominates(factor, group.conversions.front().first) ? factor : Value();
}

/// The sum stands in the order of its first conversion, which is the same in every compilation.
static void rewrite(const Group &group) {
  arith::SIToFPOp first = group.conversions.front().first;
  OpBuilder b(first);
  Location loc = first.getLoc();
  Value base;
  for (Value value : group.base.added)
    base = base ? arith::AddIOp::create(b, loc, base, value).getResult() : value;
  for (Value value : group.base.subtracted)
    base = arith::SubIOp::create(b, loc, base, value);
  Value converted = arith::SIToFPOp::create(b, loc, first.getType(), base);
  Value factor = commonFactor(group);
  Value product = factor ? arith::MulFOp::create(b, loc, converted, factor).getResult() : Value();
  for (auto [op, offset] : group.conversions) {
    b.setInsertionPoint(op);
    Value number = arith::ConstantOp::create(b, loc, b.getFloatAttr(op.getType(), double(offset)));
    if (factor) {
      Operation *user = *op->user_begin();
      user->getResult(0).replaceAllUsesWith(math::FmaOp::create(b, loc, number, factor, product));
      user->erase();
    } else {
      op.replaceAllUsesWith(arith::AddFOp::create(b, loc, converted, number).getResult());
    }
    op.erase();
  }
}

void simt::convertOffsets(KernelOp kernel) {
  using Key = std::pair<Block *, Numbers>;
  std::vector<std::pair<Key, Group>> groups;
  kernel.walk([&](arith::SIToFPOp op) {
    Sum sum;
    if (!op.getIn().getType().isInteger(32) || !op.getType().isF32())
      return;
    sum.add(op.getIn(), /*isSubtracted=*/false);
    sum.cancel();
    if (sum.added.empty() || std::abs(sum.constant) > largestOffset)
      return;
    Key key{op->getBlock(), sum.numbers()};
    auto group = llvm::find_if(groups, [&](const auto &each) { return each.first == key; });
    if (group == groups.end()) {
      groups.push_back({key, {sum, {}}});
      group = std::prev(groups.end());
    }
    group->second.conversions.push_back({op, sum.constant});
  });
  for (auto &[key, group] : groups)
    if (group.conversions.size() >= leastConversions)
      rewrite(group);
}
