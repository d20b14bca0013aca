/// Groups of warps that go through the keys of their own rows only.
///
///   program     keys that some of its rows see, block after block: what is copied
///   group       skips the blocks before those of its rows, goes through these, skips what is left
///
/// The group's rows also decide which of its blocks need the mask. A program of 192 rows and a window of 1024 keys goes
/// through 10 blocks of 128, each of its groups of 64 through 9; of 5 with a mask, 2 are left.
#include "compiler/kernel/AttendSkeleton.h"

using namespace mlir;
using namespace heed;

/// Groups differ by whole blocks of keys where rows are more than keys are, or where labels end anywhere.
bool AttendSkeleton::goesByShares(const KeyBounds &bounds) {
  return step == AttendStep::Whole && blocks.groups > 1 && bounds.exact && !attend.getBlocks() && attend.hasKeep() &&
         mask.dependsOnRows() && (labelBounds || blocks.rows > blocks.keys);
}

/// Of the loop over these keys.
Value AttendSkeleton::roundsOf(const KeyBounds &bounds) {
  Value keysOfAll = kernel.max(kernel.constant(0), kernel.sub(bounds.high, bounds.low));
  return kernel.divideCounts(kernel.add(keysOfAll, kernel.constant(blocks.keys - 1)), kernel.constant(blocks.keys));
}

/// Blocks of `whole` that the rows of those see who run the code: at least one if there are any, so that everyone
/// begins and ends as the loop is arranged to.
AttendSkeleton::KeyBounds AttendSkeleton::boundShare(const KeyBounds &whole) {
  auto share = tile::ShareOp::create(at, blocks.rows);
  Value one = kernel.constant(1), step = kernel.constant(blocks.keys), last = lastRow();
  Value first = kernel.add(firstRow, share.getFirst()), end = kernel.sub(kernel.add(first, share.getRows()), one);
  Value exists = arith::CmpIOp::create(at, arith::CmpIPredicate::sle, first, last);
  KeyBounds seen = boundKeys(kernel.min(first, last), kernel.min(end, last));
  Value high = arith::SelectOp::create(at, exists, kernel.min(whole.high, seen.high), whole.low);
  Value rounds = kernel.max(one, roundsOf(whole));
  Value lastBlock = kernel.add(whole.low, kernel.mul(kernel.sub(rounds, one), step));
  Value blocksBefore = kernel.divideCounts(kernel.max(kernel.constant(0), kernel.sub(seen.low, whole.low)), step);
  Value low = kernel.min(kernel.add(whole.low, kernel.mul(blocksBefore, step)), lastBlock);
  return {low, kernel.max(high, kernel.min(kernel.add(low, one), whole.high)), true};
}

FailureOr<AttendSkeleton::RowState> AttendSkeleton::visitShare(const KeyBounds &whole) {
  KeyBounds own = boundShare(whole);
  Value before = kernel.divideCounts(kernel.sub(own.low, whole.low), kernel.constant(blocks.keys));
  Value behind = kernel.sub(kernel.sub(roundsOf(whole), before), roundsOf(own));
  tile::SkipOp::create(at, before);
  FailureOr<RowState> state = visitRange(own, firstState());
  tile::SkipOp::create(at, behind);
  return state;
}
