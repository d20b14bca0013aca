/// Attention of one block of query rows: a loop over key blocks with an online normaliser.
///
///   for each block of keys the mask lets the rows see:
///     scores    S = Q K^T
///     mask      S = scale S, the score region, the mask
///     normalise m' = max(m, rowmax S); P = 2^(S - m'); l = l 2^(m - m') + rowsum P
///     product   O = O 2^(m - m') + P V
///   out = O / l
///
/// with powers of two for exponentials: log2(e), and the scale when nothing comes between it and the maximum, multiply
/// the difference from the maximum. Multiplying the scores themselves would round large ones before the difference is
/// taken, unless product and difference are rounded as one. Where lanes hold the sums, m may stay behind the maximum by
/// some powers of two, so that most blocks leave l and O alone. A masked score is far below where the running maximum
/// starts, so its weight is 0 even in a row that has seen nothing.
#include "compiler/kernel/AttendSkeleton.h"

#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

#include <numeric>

using namespace mlir;
using namespace heed;

Value AttendSkeleton::readPerBatch(Value tensor) {
  FailureOr<Piece> piece = emitter.read(tensor, {Piece::uniform(batch)});
  return failed(piece) ? Value() : arith::IndexCastOp::create(at, at.getIndexType(), piece->value).getResult();
}

void AttendSkeleton::openProgram() {
  rows = kernel.sizesOf(attend.getQuery())[2];
  SmallVector<AffineExpr> keySizes = kernel.sizesOf(attend.getKey());
  keys = attend.getPages() ? keySizes[2] * kernel.sizesOf(attend.getPages())[1] : keySizes[2];
  depths = blocks.chunksOf(attend.getQueryType().getDimSize(3), /*isOfValues=*/false);
  valueDepths = blocks.chunksOf(attend.getValueType().getDimSize(3), /*isOfValues=*/true);

  if (step == AttendStep::Part)
    rows = parts->rows;
  locateProgram();
  firstRow = kernel.mul(rowBlock, kernel.constant(blocks.rows));
  if (!keyHead)
    keyHead = kernel.floorDiv(head, attend.getQueryType().getDimSize(1) / attend.getKeyType().getDimSize(1));

  Value none = kernel.constant(0);
  TileDomain &domain = emitter.getDomain();
  domain.addDimension(blocks.rows, firstRow, kernel.sub(kernel.value(rows), firstRow));
  domain.addDimension(depths[0], none, Value());
  domain.addDimension(blocks.keys, none, Value());
  domain.addDimension(valueDepths[0], none, Value());
  domain.addDimension(partsOfSum, none, Value());

  length = kernel.value(keys);
  if (Value operand = attend.getKvLength())
    length = kernel.max(none, kernel.min(length, readPerBatch(operand)));
  offset = attend.getQOffset() ? readPerBatch(attend.getQOffset()) : Value();
}

/// Makes tiles cover `size` elements of a head width from `start` on; a padded chunk reaches beyond the width.
void AttendSkeleton::enterChunk(Dimension dim, int64_t size, int64_t start) {
  TileDomain &domain = emitter.getDomain();
  int64_t width = (dim == Depth ? attend.getQueryType() : attend.getValueType()).getDimSize(3);
  domain.sizes[dim] = size;
  domain.origins[dim] = kernel.constant(start);
  domain.extents[dim] = start + size > width ? kernel.constant(width - start) : Value();
}

LogicalResult AttendSkeleton::loadQuery() {
  int64_t start = 0;
  for (int64_t depth : depths) {
    enterChunk(Depth, depth, start);
    FailureOr<Piece> piece =
        emitter.read(attend.getQuery(), {Piece::uniform(batch), headPiece(), rowPiece(), emitter.coordinate(Depth)});
    if (failed(piece))
      return failure();
    query.push_back(emitter.spread(*piece, {Rows, Depth}));
    start += depth;
  }
  return success();
}

/// Of a row that has seen nothing. Terms may be as low as scores may.
double AttendSkeleton::firstReference() {
  double first = attn::maskedScore * (sumStart == Start::Term ? log2e : unit) / referenceUnit();
  return std::max<double>(first, std::numeric_limits<float>::lowest());
}

AttendSkeleton::RowState AttendSkeleton::firstState() {
  RowState state{splat(firstReference(), {Rows}), followsLate() ? splat(0, {Rows, Parts}) : splat(0, {Rows})};
  for (int64_t depth : valueDepths) {
    emitter.getDomain().sizes[ValueDepth] = depth;
    state.push_back(splat(0, {Rows, ValueDepth}));
  }
  return state;
}

//===- The loop over keys -----------------------------------------------------------------------------------------===//

/// The state that the scores of a block lead to.
FailureOr<AttendSkeleton::RowState> AttendSkeleton::accumulate(Value logits, ValueRange state) {
  RowState next(state);
  FailureOr<SmallVector<Value>> normalised = kernel.part("normalise", [&] { return normalise(logits, state); });
  if (failed(normalised))
    return failure();
  Value weights = normalised->front(), decay;
  RowState before(state);
  if (isSoftmax()) {
    next[0] = (*normalised)[1];
    next[1] = (*normalised)[2];
    decay = (*normalised)[3];
  }
  if (followsLate()) {
    Value some = (*normalised)[4];
    auto rescaled = kernel.part(
        "rescale", [&]() -> FailureOr<SmallVector<Value>> { return rescale(some, decay, state.drop_front(2)); });
    llvm::copy(*rescaled, before.begin() + 2);
    decay = Value();
  }
  int64_t start = 0;
  for (auto [chunk, depth] : llvm::enumerate(valueDepths)) {
    FailureOr<SmallVector<Value>> sum = kernel.part("product", [&]() -> FailureOr<SmallVector<Value>> {
      enterChunk(ValueDepth, depth, start);
      FailureOr<Value> added = product(weights, decay, before[2 + chunk]);
      if (failed(added))
        return failure();
      return SmallVector<Value>{*added};
    });
    if (failed(sum))
      return failure();
    next[2 + chunk] = sum->front();
    start += depth;
  }
  return next;
}

FailureOr<AttendSkeleton::RowState> AttendSkeleton::visitBlock(Value firstKey, ValueRange state) {
  emitter.getDomain().origins[Keys] = firstKey;
  emitter.getDomain().extents[Keys] = kernel.sub(length, firstKey);
  FailureOr<SmallVector<Value>> products = kernel.part("scores", [&]() -> FailureOr<SmallVector<Value>> {
    tile::CountOp::create(at, tile::Counter::KeyBlocks, kernel.constant(1));
    FailureOr<Value> made = multiplyKeys();
    if (failed(made))
      return failure();
    return SmallVector<Value>{*made};
  });
  if (failed(products))
    return failure();
  FailureOr<SmallVector<Value>> logits = kernel.part("mask", [&]() -> FailureOr<SmallVector<Value>> {
    FailureOr<Value> visible = scores(products->front());
    if (succeeded(visible))
      visible = applyMask(*visible, firstKey);
    if (failed(visible))
      return failure();
    return SmallVector<Value>{*visible};
  });
  if (failed(logits))
    return failure();
  return accumulate(logits->front(), state);
}

/// Tells the mask what a kernel before has found of the labels of these rows.
void AttendSkeleton::readLabelBounds(Interval rowRange) {
  constexpr int64_t granule = AttendBounds::rowsOfEntry;
  // Blocks that do not start with an entry may reach into one more.
  int64_t most = blocks.rows % granule == 0 ? blocks.rows / granule : (blocks.rows + granule - 2) / granule + 1;
  Value first, end, isWhole, last = kernel.floorDiv(rowRange.high, granule);
  auto equal = [&](Value a, Value b) { return arith::CmpIOp::create(at, arith::CmpIPredicate::eq, a, b).getResult(); };
  for (int64_t number = 0; number < most; ++number) {
    Value entry = kernel.min(kernel.add(kernel.floorDiv(rowRange.low, granule), kernel.constant(number)), last);
    auto read = [&](AttendBounds::Field field) {
      Piece piece = emitter.readMemory(kernel.scratchMemory(field), at.getI32Type(),
                                       {Piece::uniform(batch), Piece::uniform(entry)});
      return arith::IndexCastOp::create(at, at.getIndexType(), piece.value).getResult();
    };
    Value itsFirst = read(AttendBounds::First), itsEnd = read(AttendBounds::End);
    Value itIsWhole = equal(read(AttendBounds::IsWhole), kernel.constant(1));
    if (first) {
      // Entries with the same keys have the same label.
      Value isSame = arith::AndIOp::create(at, equal(first, itsFirst), equal(end, itsEnd));
      itIsWhole = arith::AndIOp::create(at, arith::AndIOp::create(at, isWhole, itIsWhole), isSame);
      itsFirst = kernel.min(first, itsFirst);
      itsEnd = kernel.max(end, itsEnd);
    }
    first = itsFirst;
    end = itsEnd;
    isWhole = itIsWhole;
  }
  mask.setLabelKeys(first, end, isWhole);
}

/// Of the program.
Value AttendSkeleton::lastRow() {
  Value end = kernel.min(kernel.add(firstRow, kernel.constant(blocks.rows)), kernel.value(rows));
  return kernel.sub(end, kernel.constant(1));
}

/// What the first key of a program is a multiple of. Blocks that start where its rows begin to see are fewer than those
/// that start at a multiple of their size: 8 of 128 for a document of 1000 keys, wherever it starts, instead of
/// nearly 9. Pages, lists of blocks, and parts cut keys at multiples of a block.
int64_t AttendSkeleton::granuleOfKeys() {
  constexpr int64_t keysOfVector = 8; // 16 bytes of 16 bits
  bool isCut = step != AttendStep::Whole || attend.getPages() || attend.getBlocks();
  return isCut ? blocks.keys : std::gcd(keysOfVector, blocks.keys);
}

/// The keys that the lengths and the keep region let these rows see.
AttendSkeleton::KeyBounds AttendSkeleton::boundKeys(Value first, Value last) {
  KeyBounds bounds{kernel.constant(0), length, true};
  if (!attend.hasKeep())
    return bounds;
  Value zero = bounds.low;
  int64_t heads = head ? 1 : parts->group;
  Interval rowRange{kernel.floorDiv(first, heads), kernel.floorDiv(last, heads)}, positions = rowRange;
  if (offset)
    positions = {kernel.add(rowRange.low, offset), kernel.add(rowRange.high, offset)};
  mask.setBatchAndHead(batch, headInterval());
  mask.setRows(rowRange, positions);
  if (labelBounds)
    readLabelBounds(rowRange);
  KeyRange visible = mask.visibleKeys();
  if (visible.high)
    bounds.high = kernel.min(length, visible.high);
  if (visible.low) {
    int64_t granule = granuleOfKeys();
    bounds.low = kernel.max(zero, kernel.mul(kernel.floorDiv(visible.low, granule), kernel.constant(granule)));
    // The first visible key may lie behind the last one, in a block that starts before it.
    Value some = arith::CmpIOp::create(at, arith::CmpIPredicate::slt, visible.low, bounds.high);
    bounds.high = arith::SelectOp::create(at, some, bounds.high, zero);
  }
  bounds.exact = visible.exact;
  return bounds;
}

FailureOr<AttendSkeleton::RowState>
AttendSkeleton::loop(Value low, Value high, Value step, ValueRange state,
                     llvm::function_ref<FailureOr<RowState>(Value, ValueRange)> body) {
  auto loop = scf::ForOp::create(at, low, high, step, state);
  OpBuilder::InsertionGuard guard(at);
  at.setInsertionPointToStart(loop.getBody());
  FailureOr<RowState> next = body(loop.getInductionVar(), loop.getRegionIterArgs());
  if (failed(next))
    return failure();
  scf::YieldOp::create(at, *next);
  return RowState(loop.getResults());
}

/// Visits the blocks of keys from `bounds.low`, where a block starts, on.
FailureOr<AttendSkeleton::RowState> AttendSkeleton::visitRange(KeyBounds bounds, ValueRange state) {
  Value step = kernel.constant(blocks.keys);
  return loop(bounds.low, bounds.high, step, state, [&](Value firstKey, ValueRange carried) -> FailureOr<RowState> {
    Value may;
    if (!bounds.exact) {
      mask.setKeys({firstKey, kernel.sub(kernel.min(kernel.add(firstKey, step), length), kernel.constant(1))});
      may = mask.classify().may;
    }
    if (!may)
      return visitBlock(firstKey, carried);
    auto branch = scf::IfOp::create(at, carried.getTypes(), may, /*withElse=*/true);
    OpBuilder::InsertionGuard guard(at);
    at.setInsertionPointToStart(branch.elseBlock());
    scf::YieldOp::create(at, carried);
    at.setInsertionPointToStart(branch.thenBlock());
    FailureOr<RowState> next = visitBlock(firstKey, carried);
    if (failed(next))
      return failure();
    scf::YieldOp::create(at, *next);
    return RowState(branch.getResults());
  });
}

Value AttendSkeleton::readListed(Value entry) {
  Value queryBlock = kernel.floorDiv(firstRow, (*attend.getBlockSize())[0]);
  FailureOr<Piece> piece = emitter.read(attend.getBlocks(), {Piece::uniform(batch), Piece::uniform(head),
                                                             Piece::uniform(queryBlock), Piece::uniform(entry)});
  return failed(piece) ? Value() : arith::IndexCastOp::create(at, at.getIndexType(), piece->value).getResult();
}

/// Where the list of the program's rows ends: at its first negative entry. Rows that have no list see nothing.
Value AttendSkeleton::listEnd() {
  SmallVector<AffineExpr> sizes = kernel.sizesOf(attend.getBlocks());
  Value zero = kernel.constant(0), one = kernel.constant(1);
  Value queryBlock = kernel.floorDiv(firstRow, (*attend.getBlockSize())[0]);
  Value hasList = arith::CmpIOp::create(at, arith::CmpIPredicate::slt, queryBlock, kernel.value(sizes[2]));
  Value entries = arith::SelectOp::create(at, hasList, kernel.value(sizes[3]), zero);
  return (*loop(zero, entries, one, entries, [&](Value entry, ValueRange end) -> FailureOr<RowState> {
    Value ends = arith::CmpIOp::create(at, arith::CmpIPredicate::slt, readListed(entry), zero);
    return RowState{arith::SelectOp::create(at, ends, kernel.min(entry, end[0]), end[0])};
  }))[0];
}

FailureOr<AttendSkeleton::RowState> AttendSkeleton::visitKeys() {
  if (failed(readRampFactor()))
    return failure();
  KeyBounds bounds = boundKeys(firstRow, lastRow());
  if (step == AttendStep::Part)
    bounds = boundPart(bounds);
  if (goesByShares(bounds))
    return visitShare(bounds);
  if (!attend.getBlocks())
    return visitRange(bounds, firstState());
  Value end = listEnd(), width = kernel.constant((*attend.getBlockSize())[1]);
  return loop(kernel.constant(0), end, kernel.constant(1), firstState(), [&](Value entry, ValueRange carried) {
    Value first = kernel.mul(readListed(entry), width);
    return visitRange({kernel.max(bounds.low, first), kernel.min(bounds.high, kernel.add(first, width)), bounds.exact},
                      carried);
  });
}

//===- Results ----------------------------------------------------------------------------------------------------===//

/// Counts the sink, a key without a value, in the reference and the sum. Returns what earlier weights shrink by; null
/// without a sink.
FailureOr<Value> AttendSkeleton::joinSink(Value &reference, Value &sum) {
  Value sink = attend.getSink();
  if (!sink)
    return Value();
  FailureOr<Piece> piece = emitter.read(sink, {headOfResult()});
  if (failed(piece))
    return failure();
  Piece logit = *piece;
  if (Type type = logit.value.getType(); !getElementTypeOrSelf(type).isF32())
    logit.value = arith::ExtFOp::create(at, mergedRow ? Type(floatTile({Rows})) : at.getF32Type(), logit.value);
  Value sinkTile = arith::MulFOp::create(at, emitter.spread(logit, {Rows}), splat(log2e / referenceUnit(), {Rows}));
  Value joint = greater(reference, sinkTile);
  Value shrink = rebase(reference, joint, {Rows});
  sum = arith::AddFOp::create(at, arith::MulFOp::create(at, sum, shrink), rebase(sinkTile, joint, {Rows}));
  reference = joint;
  return shrink;
}

/// Stores all results of the kernel that have this rank, at where the domain is.
LogicalResult AttendSkeleton::storeRank(int64_t rank) {
  SmallVector<Piece> indices{Piece::uniform(batch), headOfResult(), rowOfResult()};
  if (rank == 4)
    indices.push_back(emitter.coordinate(ValueDepth));
  for (unsigned result = 0; result < kernel.source().getNumResults(); ++result) {
    if (cast<RankedTensorType>(kernel.yielded(result).getType()).getRank() != rank)
      continue;
    FailureOr<Piece> piece = emitter.read(kernel.yielded(result), indices);
    if (failed(piece) || failed(emitter.write(result, *piece, indices)))
      return failure();
  }
  return success();
}

LogicalResult AttendSkeleton::storeResults(RowState state) {
  Value reference = state[0], sum = state[1];
  FailureOr<Value> shrink = joinSink(reference, sum);
  if (failed(shrink))
    return failure();
  Value zero = splat(0, {Rows}), one = splat(1, {Rows});
  Value visible = arith::CmpFOp::create(at, arith::CmpFPredicate::UNE, sum, zero);
  Value inverse = arith::SelectOp::create(at, visible, arith::DivFOp::create(at, one, sum), zero);
  if (*shrink)
    inverse = arith::MulFOp::create(at, inverse, *shrink);
  if (Value lse = attend.getLse()) {
    Value greatest = arith::MulFOp::create(at, reference, splat(referenceUnit() / log2e, {Rows}));
    Value logarithm = arith::MulFOp::create(at, math::Log2Op::create(at, sum), splat(std::numbers::ln2, {Rows}));
    Value natural = arith::AddFOp::create(at, greatest, logarithm);
    Value stored = arith::SelectOp::create(at, visible, natural, splat(-INFINITY, {Rows}));
    emitter.define(lse, TileEmitter::tile(stored, {Rows}));
  }
  Type outType = getElementTypeOrSelf(attend.getOut().getType());
  int64_t start = 0;
  for (auto [chunk, depth] : llvm::enumerate(valueDepths)) {
    enterChunk(ValueDepth, depth, start);
    Value out = state[2 + chunk];
    if (isSoftmax())
      out = arith::MulFOp::create(at, out, overRows(inverse, ValueDepth));
    if (outType != at.getF32Type())
      out = arith::TruncFOp::create(at, emitter.tileType(outType, {Rows, ValueDepth}), out);
    emitter.define(attend.getOut(), TileEmitter::tile(out, {Rows, ValueDepth}));
    if (failed(storeRank(4)))
      return failure();
    start += depth;
  }
  return storeRank(3);
}

/// Of useful work, which merging is not.
AffineExpr AttendSkeleton::flops() {
  if (step == AttendStep::Merge)
    return kernel.expression(0);
  SmallVector<AffineExpr> sizes = kernel.sizesOf(attend.getQuery());
  int64_t depth = attend.getQueryType().getDimSize(3) + attend.getValueType().getDimSize(3);
  AffineExpr seen = keys;
  if (attend.getBlocks())
    seen = kernel.sizesOf(attend.getBlocks())[3] * (*attend.getBlockSize())[1];
  return sizes[0] * sizes[1] * sizes[2] * seen * (2 * depth);
}

SmallVector<NamedAttribute> AttendSkeleton::schedule() {
  auto number = [&](StringRef name, int64_t value) { return at.getNamedAttr(name, at.getI64IntegerAttr(value)); };
  if (step == AttendStep::Merge)
    return {number("parts", blocks.keys)};
  SmallVector<NamedAttribute> choices{number("block_m", blocks.rows), number("block_n", blocks.keys)};
  if (step == AttendStep::Part)
    choices.append({number("group", parts->group), number("most_rows", parts->mostRows)});
  if (blocks.warps != 0)
    choices.push_back(number(tile::warpsScheduleName, blocks.warps));
  if (blocks.copyingRegisters != 0)
    choices.push_back(number(tile::copyingRegistersScheduleName, blocks.copyingRegisters));
  return choices;
}

LogicalResult AttendSkeleton::build() {
  openProgram();
  bool merges = step == AttendStep::Merge;
  if (!merges && failed(loadQuery()))
    return failure();
  FailureOr<RowState> state = merges ? mergeParts() : visitKeys();
  if (failed(state))
    return failure();
  if (followsLate())
    (*state)[1] = tile::ReduceOp::create(at, floatTile({Rows}), tile::Combine::Add, (*state)[1], 1, Value());
  bool isPart = step == AttendStep::Part;
  if (failed(isPart && parts->lastMerges() ? storeAndMerge(*state) : isPart ? storePart(*state) : storeResults(*state)))
    return failure();
  if (step == AttendStep::Whole && mask.dependsOnRows())
    kernel.markUneven();
  kernel.finish(grid(), flops(), schedule());
  return success();
}

SmallVector<AttendBlocks> heed::attendChoices(attn::AttendOp attend, const Backend &backend) {
  RankedTensorType query = attend.getQueryType();
  int64_t rows = query.getDimSize(2), keyDepth = query.getDimSize(3), valueDepth = attend.getValueType().getDimSize(3);
  Type element = attend.getKeyType().getElementType();
  SmallVector<AttendBlocks> choices = backend.largerAttendBlocks(rows, keyDepth, valueDepth, element);
  AttendBlocks usual = backend.attendBlocks(rows, keyDepth, valueDepth, element);
  // All rows of a program have one list, and a block of keys lies inside a listed one.
  if (std::optional<ArrayRef<int64_t>> listed = attend.getBlockSize()) {
    llvm::erase_if(choices, [&](const AttendBlocks &each) {
      return (*listed)[0] % each.rows != 0 || (*listed)[1] % each.keys != 0;
    });
    usual.rows = std::gcd(usual.rows, (*listed)[0]);
    usual.keys = std::gcd(usual.keys, (*listed)[1]);
  }
  choices.push_back(usual);
  return choices;
}
