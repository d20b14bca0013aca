/// Attention of few rows in one launch: the program that stores the last part of a block of rows merges them all.
///
/// Parts of a block of rows count themselves when their states are in memory. Who finds that all others have come reads
/// the states, which a cache still has, and does what the end of attention is in one kernel. Nobody waits, so programs
/// may run in any order. A launch of its own for this would have to see the end of the parts first.
///
/// One workgroup reads what all parts have stored, so what counts is how much it asks for at a time: all references
/// and sums first, from which the weights of the parts follow, then values, as many as its lanes have registers for.
#include "compiler/kernel/AttendSkeleton.h"

#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;
using namespace heed;

/// Rows that are merged together, and parts that are weighed.
constexpr int64_t mostRowsTogether = 4, partsTogether = 64;

namespace {
/// Dimensions of what is read: lanes share out the values of a part first, then rows, so that each adds up parts by
/// itself.
enum PartDimension : int64_t { KeyParts = 0, RowsOfParts = 1, Values = 2 };
} // namespace

/// Parts of a block of rows that store a state: those with keys, or the first of a sequence without any.
Value AttendSkeleton::partsThatStore() { return kernel.max(kernel.constant(1), partsWithKeys()); }

/// What follows the parts' states: counting, and merging when all have come.
LogicalResult AttendSkeleton::storeAndMerge(const RowState &state) {
  std::optional<OpBuilder::InsertionGuard> guard;
  if (attend.getKvLength()) {
    guard.emplace(at);
    Value stores = arith::CmpIOp::create(at, arith::CmpIPredicate::slt, part, partsThatStore());
    auto branch = scf::IfOp::create(at, TypeRange(), stores, /*withElseRegion=*/false);
    at.setInsertionPoint(branch.thenBlock()->getTerminator());
  }
  if (failed(storePart(state)))
    return failure();
  Value last = tile::ArriveOp::create(at, kernel.scratchMemory(AttendParts::Counter),
                                      ValueRange{batch, keyHead, rowBlock}, partsThatStore());
  auto branch = scf::IfOp::create(at, TypeRange(), last, /*withElseRegion=*/false);
  OpBuilder::InsertionGuard inside(at);
  at.setInsertionPoint(branch.thenBlock()->getTerminator());
  return mergeBlockOfRows();
}

/// Rows of a block are merged a few at a time: rows of a head, or heads of a row.
LogicalResult AttendSkeleton::mergeBlockOfRows() {
  TileDomain &domain = emitter.getDomain();
  int64_t group = parts->group, most = group == 1 ? blocks.rows : group;
  if (auto known = dyn_cast<AffineConstantExpr>(rows); known && group == 1)
    most = std::min(most, known.getValue());
  domain.sizes[Rows] = std::min<int64_t>(mostRowsTogether, int64_t(llvm::PowerOf2Ceil(uint64_t(most))));
  Value zero = kernel.constant(0), one = kernel.constant(1), together = kernel.constant(domain.sizes[Rows]);
  Value end = kernel.add(lastRow(), one);
  auto forEach = [&](Value low, Value high, Value step, function_ref<LogicalResult(Value)> body) {
    auto loop = scf::ForOp::create(at, low, high, step);
    OpBuilder::InsertionGuard guard(at);
    at.setInsertionPointToStart(loop.getBody());
    return body(loop.getInductionVar());
  };
  if (group == 1)
    return forEach(firstRow, end, together, [&](Value row) {
      domain.origins[Rows] = row;
      domain.extents[Rows] = kernel.sub(end, row);
      return mergeRows(row);
    });
  // Of the first and the last row other blocks may have some of the heads.
  Value heads = kernel.constant(group);
  return forEach(kernel.floorDiv(firstRow, group), kernel.add(kernel.floorDiv(lastRow(), group), one), one,
                 [&](Value row) {
                   Value before = kernel.mul(row, heads), low = kernel.max(zero, kernel.sub(firstRow, before));
                   Value high = kernel.min(heads, kernel.sub(end, before));
                   return forEach(low, high, together, [&](Value first) {
                     mergedRow = row;
                     domain.origins[Rows] = kernel.add(kernel.mul(keyHead, heads), first);
                     domain.extents[Rows] = kernel.sub(high, first);
                     return mergeRows(kernel.add(before, first));
                   });
                 });
}

/// Merges as many rows as the domain has, the first of them row `first` of the key head. The first values are asked for
/// before the weights of parts are known, but behind what these are made of.
LogicalResult AttendSkeleton::mergeRows(Value first) {
  TileDomain rowsAlone;
  rowsAlone.addDimension(partsTogether, Value(), Value());
  rowsAlone.addDimension(emitter.getDomain().sizes[Rows], first, emitter.getDomain().extents[Rows]);
  rowsAlone.addDimension(1, kernel.constant(0), Value());
  TileEmitter reader(kernel, rowsAlone), valueReader(kernel, rowsAlone);
  Value zero = kernel.constant(0), count = partsThatStore();
  RowState started = firstState(), known = readWeights(reader, zero), state;
  int64_t start = 0;
  for (auto [chunk, depth] : llvm::enumerate(valueDepths)) {
    Value together = enterValues(valueReader, depth, start);
    start += depth;
    Value values = readStates(valueReader, zero, AttendParts::Accumulator);
    Value references = readReferences(valueReader, zero);
    if (chunk == 0) {
      Value weighed = kernel.constant(partsTogether);
      FailureOr<RowState> all =
          loop(weighed, count, weighed, weighParts(reader, known, ValueRange(started).take_front(2)),
               [&](Value part, ValueRange carried) -> FailureOr<RowState> {
                 return weighParts(reader, readWeights(reader, part), carried);
               });
      if (failed(all))
        return failure();
      state = *all;
    }
    Value sum = addParts(valueReader, values, references, state[0], started[2 + chunk]);
    FailureOr<RowState> sums =
        loop(together, count, together, sum, [&](Value part, ValueRange carried) -> FailureOr<RowState> {
          Value next = readStates(valueReader, part, AttendParts::Accumulator);
          return RowState{addParts(valueReader, next, readReferences(valueReader, part), state[0], carried[0])};
        });
    if (failed(sums))
      return failure();
    state.push_back(sums->front());
  }
  return storeResults(state);
}

/// Enters a chunk of the values; returns how many parts are read together.
Value AttendSkeleton::enterValues(TileEmitter &reader, int64_t depth, int64_t start) {
  enterChunk(ValueDepth, depth, start);
  const TileDomain &domain = emitter.getDomain();
  TileDomain &read = reader.getDomain();
  auto most = int64_t(llvm::bit_floor(uint64_t(parts->valuesTogether / (depth * domain.sizes[Rows]))));
  read.sizes[KeyParts] = std::clamp<int64_t>(most, 1, partsTogether);
  read.sizes[Values] = depth;
  read.origins[Values] = domain.origins[ValueDepth];
  read.extents[Values] = domain.extents[ValueDepth];
  return kernel.constant(read.sizes[KeyParts]);
}

/// What parts from `first` on know of the rows, as far as there are so many: tiles {KeyParts, Rows} or with {..,
/// Values}.
Value AttendSkeleton::readStates(TileEmitter &reader, Value first, AttendParts::State which) {
  TileDomain &domain = reader.getDomain();
  domain.origins[KeyParts] = first;
  domain.extents[KeyParts] = kernel.sub(partsThatStore(), first);
  SmallVector<Piece> indices{Piece::uniform(batch), Piece::uniform(keyHead), reader.coordinate(RowsOfParts),
                             reader.coordinate(KeyParts)};
  SmallVector<int64_t> dims{KeyParts, RowsOfParts};
  if (which == AttendParts::Accumulator) {
    indices.push_back(reader.coordinate(Values));
    dims.push_back(Values);
  }
  return reader.spread(reader.readMemory(kernel.scratchMemory(which), at.getF32Type(), indices), dims);
}

/// References of parts; of those that do not exist one without weight.
Value AttendSkeleton::readReferences(TileEmitter &reader, Value first) {
  Value references = readStates(reader, first, AttendParts::Reference);
  auto type = cast<RankedTensorType>(references.getType());
  Value exists =
      arith::CmpIOp::create(at, arith::CmpIPredicate::slt, reader.spread(reader.coordinate(KeyParts), {KeyParts}),
                            reader.spread(Piece::uniform(partsThatStore()), {KeyParts}));
  exists = reader.spread(TileEmitter::tile(exists, {KeyParts}), {KeyParts, RowsOfParts});
  auto none = at.getF32FloatAttr(static_cast<float>(firstReference()));
  return arith::SelectOp::create(at, exists, references,
                                 arith::ConstantOp::create(at, DenseElementsAttr::get(type, Attribute(none))));
}

/// The weights of parts that have these references, relative to the rows' own.
Value AttendSkeleton::weightsOfParts(TileEmitter &reader, Value references, Value reference) {
  Value ofRows = reader.spread(TileEmitter::tile(reference, {RowsOfParts}), {KeyParts, RowsOfParts});
  Value exponent = arith::SubFOp::create(at, references, ofRows);
  if (!machine.fusedMultiplyAdd) {
    auto type = cast<RankedTensorType>(exponent.getType());
    auto factor = DenseElementsAttr::get(type, Attribute(at.getF32FloatAttr(static_cast<float>(unit))));
    exponent = arith::MulFOp::create(at, exponent, arith::ConstantOp::create(at, factor));
  }
  return math::Exp2Op::create(at, exponent);
}

/// References and sums of parts from `first` on.
AttendSkeleton::RowState AttendSkeleton::readWeights(TileEmitter &reader, Value first) {
  Value sums = readStates(reader, first, AttendParts::Sum);
  return {readReferences(reader, first), sums};
}

/// Reference and sum of the rows with those of parts.
AttendSkeleton::RowState AttendSkeleton::weighParts(TileEmitter &reader, const RowState &read, ValueRange state) {
  Value references = read[0], sums = read[1];
  Value greatest = tile::ReduceOp::create(at, floatTile({Rows}), tile::Combine::Max, references, KeyParts, Value());
  Value reference = greater(state[0], greatest), shrink = rebase(state[0], reference, {Rows});
  Value weighed = arith::MulFOp::create(at, sums, weightsOfParts(reader, references, reference));
  Value sum = tile::ReduceOp::create(at, floatTile({Rows}), tile::Combine::Add, weighed, KeyParts, Value());
  return {reference, arith::AddFOp::create(at, arith::MulFOp::create(at, state[1], shrink), sum)};
}

/// A chunk of values with those of parts that have these references.
Value AttendSkeleton::addParts(TileEmitter &reader, Value values, Value references, Value reference, Value sum) {
  Value weights = weightsOfParts(reader, references, reference);
  weights = reader.spread(TileEmitter::tile(weights, {KeyParts, RowsOfParts}), {KeyParts, RowsOfParts, Values});
  Value weighed = arith::MulFOp::create(at, values, weights);
  Value added =
      tile::ReduceOp::create(at, floatTile({Rows, ValueDepth}), tile::Combine::Add, weighed, KeyParts, Value());
  return arith::AddFOp::create(at, sum, added);
}
