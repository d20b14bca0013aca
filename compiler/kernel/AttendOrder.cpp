/// Which rows, head and batch a program of attention works on.
///
/// Where rows see different numbers of keys, programs are ordered so that a machine stays busy to the end, and so that
/// keys and values are found in its cache: heads take turns of as many as the cache holds. In a turn all heads' blocks
/// of rows come level by level, in one turn from the last to the first, in the next from the first to the last, in the
/// last turn ending with the shortest. Machines that start a program when another ends are filled by short ones at the
/// end; those whose workgroups take every n-th program have long and short ones cancel, as long as a turn has n at
/// least.
///
/// Batches that read the same bias or mask of rows and keys come one right behind the other: it is larger than keys and
/// values, and found in the cache by all but the first.
#include "compiler/kernel/AttendSkeleton.h"

using namespace mlir;
using namespace heed;

/// Keys and values have a third of the cache, which also holds queries and results.
constexpr int64_t cacheShares = 3;

/// Whether a region reads an element for each row and key that is the same for all batches.
static bool readsSameOfBatches(Region &region, unsigned firstIndex) {
  return region
      .walk([&](tensor::ExtractOp op) {
        auto isArgument = [&](Value index, unsigned number) {
          return index == region.getArgument(firstIndex + number);
        };
        auto has = [&](unsigned number) {
          return llvm::any_of(op.getIndices(), [&](Value index) { return isArgument(index, number); });
        };
        constexpr unsigned ofBatch = 0, ofRow = 2, ofKey = 3, ofPosition = 4;
        return !has(ofBatch) && (has(ofRow) || has(ofPosition)) && has(ofKey) ? WalkResult::interrupt()
                                                                              : WalkResult::advance();
      })
      .wasInterrupted();
}

bool AttendSkeleton::hasBatchesTogether() {
  bool isOfScore = attend.hasScore() && readsSameOfBatches(attend.getScore(), 1);
  return machine.sharedCacheBytes != 0 && (isOfScore || (attend.hasKeep() && readsSameOfBatches(attend.getKeep(), 0)));
}

SmallVector<AffineExpr> AttendSkeleton::grid() {
  if (step != AttendStep::Whole)
    return gridOfParts();
  SmallVector<AffineExpr> sizes = kernel.sizesOf(attend.getQuery());
  AffineExpr numBlocks = rows.ceilDiv(blocks.rows), batches = sizes[0];
  if (parts)
    batches = batches * (kernel.expression(1) - parts->isFew);
  if (isOrdered())
    return {numBlocks * sizes[1] * batches};
  if (hasBatchesTogether())
    return {batches, numBlocks, sizes[1]};
  return {numBlocks, sizes[1], batches};
}

void AttendSkeleton::locateProgram() {
  if (step == AttendStep::Part)
    return locatePart();
  if (step == AttendStep::Merge)
    return locateMerge();
  rowBlock = tile::ProgramIdOp::create(at, 0);
  if (isOrdered())
    return orderPrograms();
  head = tile::ProgramIdOp::create(at, 1);
  batch = tile::ProgramIdOp::create(at, 2);
  if (hasBatchesTogether())
    std::tie(batch, rowBlock, head) = std::tuple(rowBlock, head, batch);
}

/// How many of `heads` take a turn: all turns have about as many.
Value AttendSkeleton::headsOfTurn(Value heads, Value numBlocks) {
  Value one = kernel.constant(1);
  auto divideUp = [&](Value a, Value b) { return kernel.divideCounts(kernel.sub(kernel.add(a, b), one), b); };
  RankedTensorType key = attend.getKeyType(), value = attend.getValueType();
  int64_t keyBits =
      key.getDimSize(3) * key.getElementTypeBitWidth() + value.getDimSize(3) * value.getElementTypeBitWidth();
  int64_t keysInCache = machine.sharedCacheBytes / cacheShares / std::max<int64_t>(keyBits / 8, 1);
  int64_t sharers = attend.getQueryType().getDimSize(1) / key.getDimSize(1);
  Value fitting = kernel.mul(kernel.divideCounts(kernel.constant(keysInCache), kernel.max(one, kernel.value(keys))),
                             kernel.constant(sharers));
  Value least = divideUp(kernel.constant(std::max<int64_t>(machine.processors, 1)), numBlocks);
  return divideUp(heads, divideUp(heads, kernel.max(fitting, least)));
}

void AttendSkeleton::orderPrograms() {
  SmallVector<AffineExpr> sizes = kernel.sizesOf(attend.getQuery());
  Value index = rowBlock, one = kernel.constant(1), two = kernel.constant(2);
  Value lastRow = kernel.add(kernel.value(rows), kernel.constant(blocks.rows - 1)); // of a whole block
  Value numBlocks = kernel.divideCounts(lastRow, kernel.constant(blocks.rows)), numHeads = kernel.value(sizes[1]);
  Value allHeads = kernel.value(sizes[0] * sizes[1]), ofTurn = headsOfTurn(allHeads, numBlocks);
  Value lastTurn = kernel.divideCounts(kernel.sub(allHeads, one), ofTurn), programs = kernel.mul(ofTurn, numBlocks);

  auto [turn, place] = kernel.divideWithRest(index, programs);
  Value firstHead = kernel.mul(turn, ofTurn), heads = kernel.min(ofTurn, kernel.sub(allHeads, firstHead));
  auto [level, headOfTurn] = kernel.divideWithRest(place, heads);
  Value linearHead = kernel.add(firstHead, headOfTurn);
  Value isOdd = arith::RemUIOp::create(at, kernel.sub(lastTurn, turn), two);
  Value isUp = arith::CmpIOp::create(at, arith::CmpIPredicate::eq, isOdd, one);
  rowBlock = arith::SelectOp::create(at, isUp, level, kernel.sub(kernel.sub(numBlocks, one), level));
  if (hasBatchesTogether())
    std::tie(head, batch) = kernel.divideWithRest(linearHead, kernel.value(sizes[0]));
  else
    std::tie(batch, head) = kernel.divideWithRest(linearHead, numHeads);
}
