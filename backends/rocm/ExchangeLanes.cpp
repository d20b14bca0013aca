/// Shuffles by a fixed mask: within a row of 16 lanes they are operands of ordinary instructions (DPP), which cost
/// nothing; others go through the swizzle of the shared memory's crossbar, or swaps of rows.
#include "backends/rocm/RocmLowering.h"

using namespace mlir;
using namespace heed::simt;
using namespace heed::rocm;

namespace {
/// Builders of the ways to exchange.
struct Exchange {
  OpBuilder &builder;
  Location location;
  Value value;

  Value constant(int64_t number, unsigned bits = 32) { return constantInt(builder, location, bits, number); }

  /// A DPP operand: `control` says which lane of the row is read.
  Value permuteRow(int64_t control) {
    return callIntrinsic(builder, location, "llvm.amdgcn.update.dpp", builder.getI32Type(),
                         {LLVM::PoisonOp::create(builder, location, builder.getI32Type()), value, constant(control),
                          constant(15), constant(15), constant(1, 1)});
  }
  Value swizzle(int64_t mask) {
    constexpr int64_t keepAll = 0x1f;
    return callIntrinsic(builder, location, "llvm.amdgcn.ds.swizzle", builder.getI32Type(),
                         {value, constant(mask << 10 | keepAll)});
  }
  /// Rows 0 and 1 of each half of the wave change places, each lane keeping its place in the row.
  Value exchangeRows() {
    Type word = builder.getI32Type();
    return callIntrinsic(builder, location, "llvm.amdgcn.permlanex16", word,
                         {LLVM::PoisonOp::create(builder, location, word), value, constant(0x76543210),
                          constant(static_cast<int32_t>(0xfedcba98)), constant(0, 1), constant(1, 1)});
  }
  /// Any lane, through the crossbar.
  Value gather(Value lane) {
    Value bytes = LLVM::ShlOp::create(builder, location, lane, constant(2));
    return callIntrinsic(builder, location, "llvm.amdgcn.ds.bpermute", builder.getI32Type(), {bytes, value});
  }
  /// The two halves of the wave, or of its halves, change places.
  Value swapHalves(StringRef intrinsic, int64_t half);
  Value ownLane();
};
} // namespace

/// The number of this lane in its wave: set bits of the mask of lower lanes.
Value Exchange::ownLane() {
  Type word = builder.getI32Type();
  Value low = callIntrinsic(builder, location, "llvm.amdgcn.mbcnt.lo", word, {constant(-1), constant(0)});
  return callIntrinsic(builder, location, "llvm.amdgcn.mbcnt.hi", word, {constant(-1), low});
}

/// The instruction exchanges the upper part of its first operand with the lower part of its second. With the same value
/// in both, the first result has the lower part twice, and the second the upper part twice.
Value Exchange::swapHalves(StringRef intrinsic, int64_t half) {
  Type word = builder.getI32Type();
  Type pair = LLVM::LLVMStructType::getLiteral(builder.getContext(), {word, word});
  Value swapped = callIntrinsic(builder, location, intrinsic, pair, {value, value, constant(0, 1), constant(1, 1)});
  Value lower = LLVM::ExtractValueOp::create(builder, location, swapped, 0);
  Value upper = LLVM::ExtractValueOp::create(builder, location, swapped, 1);
  Value isUpper = LLVM::ICmpOp::create(builder, location, LLVM::ICmpPredicate::ne,
                                       LLVM::AndOp::create(builder, location, ownLane(), constant(half)), constant(0));
  return LLVM::SelectOp::create(builder, location, isUpper, lower, upper);
}

Value heed::rocm::exchangeLanes(OpBuilder &builder, Location location, const RocmChip &chip, Value value,
                                int64_t mask) {
  Exchange exchange{builder, location, value};
  constexpr int64_t mirrorHalfRow = 0x141, mirrorRow = 0x140, rotateRow = 0x120, maskRow = 0x160;
  if (mask == 0)
    return value;
  if (mask < 4) {
    int64_t control = 0; // lane i of four reads lane i xor mask
    for (int64_t lane = 0; lane < 4; ++lane)
      control |= (lane ^ mask) << (2 * lane);
    return exchange.permuteRow(control);
  }
  if (chip.exchange == LaneExchange::rdna) {
    if (mask < 16)
      return exchange.permuteRow(maskRow | mask);
    if (mask == 16)
      return exchange.exchangeRows();
    return exchange.swizzle(mask);
  }
  if (mask == 7)
    return exchange.permuteRow(mirrorHalfRow);
  if (mask == 15)
    return exchange.permuteRow(mirrorRow);
  if (mask == 8)
    return exchange.permuteRow(rotateRow | 8);
  if (chip.exchange == LaneExchange::cdna4 && mask == 16)
    return exchange.swapHalves("llvm.amdgcn.permlane16.swap", 16);
  if (chip.exchange == LaneExchange::cdna4 && mask == 32)
    return exchange.swapHalves("llvm.amdgcn.permlane32.swap", 32);
  if (mask < 32)
    return exchange.swizzle(mask);
  return exchange.gather(
      LLVM::XOrOp::create(builder, location, exchange.ownLane(), constantInt(builder, location, 32, mask)));
}
