/// Attention of few rows.
///
/// Such a call reads keys and values and computes little, so two things matter: to read them once, and to have enough
/// programs to ask for them. The query heads that share a key head fill the rows of a block together, and the keys are
/// cut into parts: a program sees one block of rows and one part of the keys, and stores the row state it ends with. A
/// second kernel merges the states of each row's parts, in their order, and does what the end of attention is in one
/// kernel: the sink, the division, the results. A part without keys leaves a state without weight. On some machines
/// one kernel does both (AttendMerge.cpp).
///
/// Rows that are known at run time only decide there: the kernel for many rows has an empty grid where rows are few,
/// and the two for few have one where they are many.
#include "compiler/kernel/AttendParts.h"

#include "compiler/kernel/AttendSkeleton.h"

using namespace mlir;
using namespace heed;

/// Elements of f32 that machines move at once.
constexpr int64_t scratchGranule = 4;
/// More rows and more keys than there are.
constexpr int64_t manyRows = int64_t(1) << 31, manyKeys = int64_t(1) << 40;

AttendParts heed::cutIntoParts(plan::KernelOp source, attn::AttendOp attend, const FewRowBlocks &few) {
  SymbolicShapes shapes = shapesInside(source);
  auto size = [&](Value tensor, unsigned dim) { return shapes.shapeOf(tensor)[dim]; };
  auto fixed = [&](int64_t value) { return shapes.constant(value); };
  AffineExpr batch = size(attend.getQuery(), 0), keys = size(attend.getKey(), 2);
  if (Value pages = attend.getPages())
    keys = keys * size(pages, 1);
  int64_t keyHeads = attend.getKeyType().getDimSize(1);
  auto simple = [&](AffineExpr expr) { return simplifyAffineExpr(expr, 0, shapes.getNumSymbols()); };

  AttendParts parts;
  parts.group = attend.getQueryType().getDimSize(1) / keyHeads;
  parts.mostRows = few.mostRows;
  parts.rows = simple(size(attend.getQuery(), 2) * parts.group);
  parts.isFew = simple(fixed(1) - (parts.rows - few.mostRows).ceilDiv(manyRows));
  parts.rowBlocks = simple(parts.rows.ceilDiv(few.blocks.rows));
  // Where programs abound, a part is what each would have if keys were dealt out evenly.
  AffineExpr shares = (keys * batch * parts.rowBlocks * keyHeads).floorDiv(few.programs);
  parts.keysOfPart = (shares + few.leastKeys).ceilDiv(few.blocks.keys) * few.blocks.keys;
  // One part stores the results even where there are no keys.
  AffineExpr oneAtLeast = few.valuesTogether == 0 ? keys : keys + 1 - keys.ceilDiv(manyKeys);
  parts.count = simple(oneAtLeast.ceilDiv(parts.keysOfPart));

  Type f32 = Float32Type::get(source.getContext());
  // States of a row are a whole number of vectors apart.
  AffineExpr places = simple(parts.count.ceilDiv(scratchGranule) * scratchGranule);
  SmallVector<AffineExpr> sizes{batch * parts.isFew, fixed(keyHeads), parts.rows, places};
  parts.scratch = {{f32, sizes}, {f32, sizes}};
  sizes.push_back(fixed(attend.getValueType().getDimSize(3)));
  parts.scratch.push_back({f32, sizes});
  parts.valuesTogether = few.valuesTogether;
  if (parts.lastMerges()) {
    Scratch counter{IntegerType::get(source.getContext(), 32), {batch * parts.isFew, fixed(keyHeads), parts.rowBlocks}};
    counter.isZeroed = true;
    parts.scratch.push_back(counter);
  }
  return parts;
}

//===- Where a program is -----------------------------------------------------------------------------------------===//

void AttendSkeleton::locatePart() {
  SmallVector<Value> place = kernel.delinearise(tile::ProgramIdOp::create(at, 0), {parts->count, parts->rowBlocks});
  part = place[0];
  rowBlock = place[1];
  keyHead = tile::ProgramIdOp::create(at, 1);
  batch = tile::ProgramIdOp::create(at, 2);
  if (parts->group == 1)
    head = keyHead;
}

/// The rows of one head: blocks of one row keep what a program reads together.
void AttendSkeleton::locateMerge() {
  rowBlock = tile::ProgramIdOp::create(at, 0);
  head = tile::ProgramIdOp::create(at, 1);
  batch = tile::ProgramIdOp::create(at, 2);
}

SmallVector<AffineExpr> AttendSkeleton::gridOfParts() {
  SmallVector<AffineExpr> sizes = kernel.sizesOf(attend.getQuery());
  if (step == AttendStep::Merge)
    return {rows, sizes[1], sizes[0] * parts->isFew};
  return {parts->rowBlocks * parts->count, kernel.expression(attend.getKeyType().getDimSize(1)),
          sizes[0] * parts->isFew};
}

Piece AttendSkeleton::headPiece() {
  if (head)
    return Piece::uniform(head);
  Piece first = Piece::uniform(kernel.mul(keyHead, kernel.constant(parts->group)));
  return emitter.binary<arith::AddIOp>(
      first, emitter.binary<arith::RemUIOp>(emitter.coordinate(Rows), Piece::uniform(kernel.constant(parts->group))));
}

Piece AttendSkeleton::rowPiece() {
  if (head)
    return emitter.coordinate(Rows);
  return emitter.binary<arith::DivUIOp>(emitter.coordinate(Rows), Piece::uniform(kernel.constant(parts->group)));
}

/// The heads of the block's rows.
Interval AttendSkeleton::headInterval() {
  if (head)
    return {head, head};
  Value first = kernel.mul(keyHead, kernel.constant(parts->group));
  return {first, kernel.add(first, kernel.constant(parts->group - 1))};
}

/// Parts that may have keys: of a sequence with a length, no more than that has.
Value AttendSkeleton::partsWithKeys() {
  Value count = kernel.value(parts->count);
  if (!attend.getKvLength())
    return count;
  Value keysOfPart = kernel.value(parts->keysOfPart), one = kernel.constant(1);
  return kernel.divideCounts(kernel.add(length, kernel.sub(keysOfPart, one)), keysOfPart);
}

/// The keys of the program's part among those between the bounds.
AttendSkeleton::KeyBounds AttendSkeleton::boundPart(KeyBounds bounds) {
  Value keysOfPart = kernel.value(parts->keysOfPart);
  bounds.low = kernel.add(bounds.low, kernel.mul(part, keysOfPart));
  bounds.high = kernel.min(bounds.high, kernel.add(bounds.low, keysOfPart));
  return bounds;
}

//===- States between kernels -------------------------------------------------------------------------------------===//

/// Parts behind the keys of their sequence store nothing, and are not read.
LogicalResult AttendSkeleton::storePart(RowState state) {
  if (attend.getKvLength() && !parts->lastMerges()) {
    Value hasKeys = arith::CmpIOp::create(at, arith::CmpIPredicate::slt, part, partsWithKeys());
    Value &extent = emitter.getDomain().extents[Rows];
    extent = arith::SelectOp::create(at, hasKeys, extent, kernel.constant(0));
  }
  SmallVector<Piece> indices{Piece::uniform(batch), Piece::uniform(keyHead), emitter.coordinate(Rows),
                             Piece::uniform(part)};
  for (AttendParts::State each : {AttendParts::Reference, AttendParts::Sum})
    if (failed(emitter.write(kernel.scratchResult(each), TileEmitter::tile(state[each], {Rows}), indices)))
      return failure();
  indices.push_back(emitter.coordinate(ValueDepth));
  int64_t start = 0;
  for (auto [chunk, depth] : llvm::enumerate(valueDepths)) {
    enterChunk(ValueDepth, depth, start);
    Piece sum = TileEmitter::tile(state[AttendParts::Accumulator + chunk], {Rows, ValueDepth});
    if (failed(emitter.write(kernel.scratchResult(AttendParts::Accumulator), sum, indices)))
      return failure();
    start += depth;
  }
  return success();
}

/// What a block of parts knows of the row: a tile {Rows, Keys} or {Keys, ValueDepth}.
Value AttendSkeleton::readParts(AttendParts::State which) {
  Value ofHead = arith::RemUIOp::create(at, head, kernel.constant(parts->group));
  Value row = kernel.add(kernel.mul(rowBlock, kernel.constant(parts->group)), ofHead);
  SmallVector<Piece> indices{Piece::uniform(batch), Piece::uniform(keyHead), Piece::uniform(row),
                             emitter.coordinate(Keys)};
  auto read = [&] { return emitter.readMemory(kernel.scratchMemory(which), at.getF32Type(), indices); };
  if (which == AttendParts::Accumulator) {
    indices.push_back(emitter.coordinate(ValueDepth));
    return emitter.spread(read(), {Keys, ValueDepth});
  }
  // As a block of one row, which is read where it stands; a vector would be where it is needed.
  TileDomain &domain = emitter.getDomain();
  domain.sizes[Depth] = 1;
  domain.origins[Depth] = row;
  domain.extents[Depth] = Value();
  indices[2] = emitter.coordinate(Depth);
  return read().value;
}

/// The state with the parts from `firstPart` on, as many as a block has.
AttendSkeleton::RowState AttendSkeleton::mergeBlock(Value firstPart, ValueRange state) {
  TileDomain &domain = emitter.getDomain();
  domain.origins[Keys] = firstPart;
  Value count = partsWithKeys();
  domain.extents[Keys] = kernel.sub(count, firstPart);
  RowState next(state);
  auto readValues = [&](int64_t depth, int64_t start) {
    enterChunk(ValueDepth, depth, start);
    return readParts(AttendParts::Accumulator);
  };
  // All that is read is asked for before anything is waited for.
  Value references = readParts(AttendParts::Reference), sums = readParts(AttendParts::Sum);
  Value values = readValues(valueDepths[0], 0);
  Value exists = arith::CmpIOp::create(at, arith::CmpIPredicate::slt, emitter.spread(emitter.coordinate(Keys), {Keys}),
                                       emitter.spread(Piece::uniform(count), {Keys}));
  exists = emitter.spread(TileEmitter::tile(exists, {Keys}), {Rows, Keys});
  references = arith::SelectOp::create(at, exists, references, splat(firstReference(), {Rows, Keys}));

  Value greatest = tile::ReduceOp::create(at, floatTile({Rows}), tile::Combine::Max, references, 1, Value());
  next[0] = greater(state[0], greatest);
  Value shrink = rebase(state[0], next[0], {Rows}), weights = rebase(references, overRows(next[0], Keys), {Rows, Keys});
  Value sum = tile::ReduceOp::create(at, floatTile({Rows}), tile::Combine::Add,
                                     arith::MulFOp::create(at, sums, weights), 1, Value());
  next[1] = arith::AddFOp::create(at, arith::MulFOp::create(at, state[1], shrink), sum);
  int64_t start = 0;
  for (auto [chunk, depth] : llvm::enumerate(valueDepths)) {
    if (chunk != 0)
      values = readValues(depth, start);
    enterChunk(ValueDepth, depth, start);
    Value weight = emitter.spread(TileEmitter::tile(weights, {Rows, Keys}), {Keys, ValueDepth});
    Value added = tile::ReduceOp::create(at, floatTile({ValueDepth}), tile::Combine::Add,
                                         arith::MulFOp::create(at, values, weight), 0, Value());
    Value kept = arith::MulFOp::create(at, state[2 + chunk], overRows(shrink, ValueDepth));
    next[2 + chunk] =
        arith::AddFOp::create(at, kept, emitter.spread(TileEmitter::tile(added, {ValueDepth}), {Rows, ValueDepth}));
    start += depth;
  }
  return next;
}

FailureOr<AttendSkeleton::RowState> AttendSkeleton::mergeParts() {
  emitter.getDomain().sizes[Keys] = blocks.keys;
  return loop(kernel.constant(0), partsWithKeys(), kernel.constant(blocks.keys), firstState(),
              [&](Value first, ValueRange state) -> FailureOr<RowState> { return mergeBlock(first, state); });
}
