/// Attention of one block of query rows: a loop over key blocks with an online normaliser.
///
///   for each block of keys the mask lets the rows see:
///     scores    S = scale Q K^T, the score region, the mask
///     normalise m' = max(m, rowmax S); P = 2^(S - m'); l = l 2^(m - m') + rowsum P
///     product   O = O 2^(m - m') + P V
///   out = O / l
///
/// with powers of two for exponentials: log2(e), and the scale when nothing comes between it and the maximum, multiply
/// the difference from the maximum. Multiplying the scores themselves would round large ones before the difference is
/// taken. A masked score is far below where the running maximum starts, so its weight is 0 even in a row that has seen
/// nothing.
#include "compiler/kernel/MaskAnalysis.h"
#include "compiler/kernel/Skeletons.h"
#include "compiler/kernel/TileEmitter.h"
#include "dialects/attn/Attn.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

#include <numbers>
#include <numeric>

using namespace mlir;
using namespace heed;

SmallVector<int64_t> heed::depthChunks(int64_t depth, int64_t granule) {
  if (depth <= 128)
    return {int64_t(llvm::alignTo(depth, granule))};
  SmallVector<int64_t> chunks(depth / 64, 64);
  if (depth % 64 != 0)
    chunks.push_back(llvm::alignTo(depth % 64, granule));
  return chunks;
}

namespace {
/// Domain dimensions of an attend kernel.
enum Dimension : int64_t { Rows = 0, Depth = 1, Keys = 2, ValueDepth = 3 };

constexpr double log2e = std::numbers::log2e;
/// What a masked score is set to: far below the start of the running maximum, finite with a score added.
constexpr double maskedLogit = -2.0e38;

class AttendSkeleton {
public:
  AttendSkeleton(KernelBuilder &kernel, attn::AttendOp attend, AttendBlocks blocks)
      : kernel(kernel), at(kernel.at()), attend(attend), blocks(blocks), emitter(kernel, TileDomain()),
        mask(kernel, attend.getKeep(),
             [this](unsigned capture, ValueRange indices) { return readCapture(capture, indices); }) {
    double scale = attend.getScale().convertToDouble();
    scaleIsLate = isSoftmax() && !attend.hasScore() && scale > 0;
    unit = scaleIsLate ? scale * log2e : log2e;
  }

  LogicalResult build();

private:
  /// The row state, as loop-carried tiles: m, l, then one accumulator per chunk of the value width.
  using RowState = SmallVector<Value>;
  /// Keys that may be visible to the rows of the program; whether every block between has some that are.
  struct KeyBounds {
    Value low, high;
    bool exact;
  };

  void openProgram();
  void enterChunk(Dimension dim, int64_t size, int64_t start);
  LogicalResult loadQuery();
  RowState firstState();
  FailureOr<RowState> visitKeys();
  KeyBounds boundKeys();
  FailureOr<RowState> visitRange(KeyBounds bounds, ValueRange state);
  Value readListed(Value entry);
  Value listEnd();
  FailureOr<RowState> loop(Value low, Value high, Value step, ValueRange state,
                           llvm::function_ref<FailureOr<RowState>(Value, ValueRange)> body);
  FailureOr<RowState> visitBlock(Value firstKey, ValueRange state);
  FailureOr<Value> scores();
  FailureOr<Value> applyMask(Value logits, Value firstKey);
  FailureOr<RowState> accumulate(Value logits, ValueRange state);
  LogicalResult storeResults(RowState state);

  SmallVector<Piece> keyIndices(Value tensor, Dimension depth);
  SmallVector<Piece> regionArguments(std::optional<Piece> scalar);
  FailureOr<Piece> runRegion(Region &region, std::optional<Piece> scalar);
  DenseMap<Value, Value> regionCaptures(Region &region);
  Value readCapture(unsigned capture, ValueRange indices);
  Value readPerBatch(Value tensor);

  RankedTensorType floatTile(ArrayRef<int64_t> dims) { return emitter.tileType(at.getF32Type(), dims); }
  Value splat(double value, ArrayRef<int64_t> dims) {
    return arith::ConstantOp::create(
        at, DenseElementsAttr::get(floatTile(dims), at.getF32FloatAttr(static_cast<float>(value))));
  }
  Value overRows(Value rowTile, int64_t dim) { return emitter.spread(TileEmitter::tile(rowTile, {Rows}), {Rows, dim}); }
  /// The greater of two tiles. Any NaN reaches the weights anyway, so the cheapest form will do.
  Value greater(Value a, Value b) {
    Value wins = arith::CmpFOp::create(at, arith::CmpFPredicate::OGT, a, b);
    return arith::SelectOp::create(at, wins, a, b);
  }
  /// The weight of a difference of scores.
  Value power(Value difference, ArrayRef<int64_t> dims) {
    return math::Exp2Op::create(at, arith::MulFOp::create(at, difference, splat(unit, dims)));
  }
  bool isSoftmax() { return attend.getNormaliser() == attn::Normaliser::Softmax; }

  KernelBuilder &kernel;
  ImplicitLocOpBuilder &at;
  attn::AttendOp attend;
  AttendBlocks blocks;
  TileEmitter emitter;
  MaskAnalysis mask;

  Value batch, head, keyHead, firstRow, length, offset;
  AffineExpr rows, keys;
  bool scaleIsLate; ///< logits are unscaled dot products; the scale is part of `unit`
  double unit;      ///< a difference of logits times this is a difference of binary logarithms of weights
  SmallVector<int64_t> depths, valueDepths;
  SmallVector<Value> query;
};
} // namespace

Value AttendSkeleton::readPerBatch(Value tensor) {
  FailureOr<Piece> piece = emitter.read(tensor, {Piece::uniform(batch)});
  return failed(piece) ? Value() : arith::IndexCastOp::create(at, at.getIndexType(), piece->value).getResult();
}

void AttendSkeleton::openProgram() {
  rows = kernel.sizesOf(attend.getQuery())[2];
  SmallVector<AffineExpr> keySizes = kernel.sizesOf(attend.getKey());
  keys = attend.getPages() ? keySizes[2] * kernel.sizesOf(attend.getPages())[1] : keySizes[2];
  depths = depthChunks(attend.getQueryType().getDimSize(3), blocks.depthGranule);
  valueDepths = depthChunks(attend.getValueType().getDimSize(3), blocks.depthGranule);

  firstRow = kernel.mul(tile::ProgramIdOp::create(at, 0), kernel.constant(blocks.rows));
  head = tile::ProgramIdOp::create(at, 1);
  batch = tile::ProgramIdOp::create(at, 2);
  keyHead = kernel.floorDiv(head, attend.getQueryType().getDimSize(1) / attend.getKeyType().getDimSize(1));

  Value none = kernel.constant(0);
  TileDomain &domain = emitter.getDomain();
  domain.addDimension(blocks.rows, firstRow, kernel.sub(kernel.value(rows), firstRow));
  domain.addDimension(depths[0], none, Value());
  domain.addDimension(blocks.keys, none, Value());
  domain.addDimension(valueDepths[0], none, Value());

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
    FailureOr<Piece> piece = emitter.read(attend.getQuery(), {Piece::uniform(batch), Piece::uniform(head),
                                                              emitter.coordinate(Rows), emitter.coordinate(Depth)});
    if (failed(piece))
      return failure();
    query.push_back(emitter.spread(*piece, {Rows, Depth}));
    start += depth;
  }
  return success();
}

AttendSkeleton::RowState AttendSkeleton::firstState() {
  RowState state{splat(attn::maskedScore, {Rows}), splat(0, {Rows})};
  for (int64_t depth : valueDepths) {
    emitter.getDomain().sizes[ValueDepth] = depth;
    state.push_back(splat(0, {Rows, ValueDepth}));
  }
  return state;
}

//===-- Regions
//----------------------------------------------------------------------------------------------------===//

DenseMap<Value, Value> AttendSkeleton::regionCaptures(Region &region) {
  DenseMap<Value, Value> captures;
  unsigned first = region.getNumArguments() - attend.getCaptures().size();
  for (auto [position, capture] : llvm::enumerate(attend.getCaptures()))
    captures[region.getArgument(first + position)] = capture;
  return captures;
}

SmallVector<Piece> AttendSkeleton::regionArguments(std::optional<Piece> scalar) {
  SmallVector<Piece> arguments;
  if (scalar)
    arguments.push_back(*scalar);
  Piece row = emitter.coordinate(Rows), position = row;
  if (offset)
    position = emitter.binary<arith::AddIOp>(row, Piece::uniform(offset));
  llvm::append_range(
      arguments, ArrayRef<Piece>{Piece::uniform(batch), Piece::uniform(head), row, emitter.coordinate(Keys), position});
  for (Value capture : attend.getCaptures()) {
    Piece piece; // tensors are read through regionCaptures
    if (!isa<RankedTensorType>(capture.getType()))
      piece = Piece::uniform(kernel.scalar(capture));
    arguments.push_back(piece);
  }
  return arguments;
}

FailureOr<Piece> AttendSkeleton::runRegion(Region &region, std::optional<Piece> scalar) {
  FailureOr<SmallVector<Piece>> yields =
      emitter.inlineBlock(region.front(), regionArguments(scalar), {}, regionCaptures(region));
  if (failed(yields))
    return failure();
  return yields->front();
}

Value AttendSkeleton::readCapture(unsigned capture, ValueRange indices) {
  SmallVector<Piece> pieces = llvm::map_to_vector(indices, [](Value index) { return Piece::uniform(index); });
  FailureOr<Piece> piece = emitter.read(attend.getCaptures()[capture], pieces);
  return failed(piece) ? Value() : piece->value;
}

//===-- The loop over keys
//-----------------------------------------------------------------------------------------===//

/// Indices of a key or value block; through the page table when there is one.
SmallVector<Piece> AttendSkeleton::keyIndices(Value tensor, Dimension depth) {
  Piece key = emitter.coordinate(Keys), first = Piece::uniform(batch);
  if (Value pages = attend.getPages()) {
    Piece pageSize = Piece::uniform(kernel.constant(cast<RankedTensorType>(tensor.getType()).getDimSize(2)));
    Piece page = emitter.binary<arith::FloorDivSIOp>(key, pageSize);
    first = *emitter.read(pages, {first, page});
    key = emitter.binary<arith::RemSIOp>(key, pageSize);
  }
  return {first, Piece::uniform(keyHead), key, emitter.coordinate(depth)};
}

FailureOr<Value> AttendSkeleton::scores() {
  Value logits = splat(0, {Rows, Keys});
  int64_t start = 0;
  for (auto [depth, queryTile] : llvm::zip_equal(depths, query)) {
    enterChunk(Depth, depth, start);
    FailureOr<Piece> key = emitter.read(attend.getKey(), keyIndices(attend.getKey(), Depth));
    if (failed(key))
      return failure();
    logits = tile::DotOp::create(at, queryTile, emitter.spread(*key, {Depth, Keys}), logits);
    start += depth;
  }
  if (scaleIsLate)
    return logits;
  Value scaled = arith::MulFOp::create(at, logits, splat(attend.getScale().convertToDouble(), {Rows, Keys}));
  if (!attend.hasScore())
    return scaled;
  FailureOr<Piece> changed = runRegion(attend.getScore(), TileEmitter::tile(scaled, {Rows, Keys}));
  if (failed(changed))
    return failure();
  Value result = emitter.spread(*changed, {Rows, Keys});
  // A bias of minus infinity becomes a finite masked score; comparing this way keeps a NaN.
  Value floor = splat(maskedLogit, {Rows, Keys});
  Value below = arith::CmpFOp::create(at, arith::CmpFPredicate::OLT, result, floor);
  return arith::SelectOp::create(at, below, floor, result).getResult();
}

/// Masks the scores where the block is not entirely visible.
FailureOr<Value> AttendSkeleton::applyMask(Value logits, Value firstKey) {
  Value lastKey =
      kernel.sub(kernel.min(kernel.add(firstKey, kernel.constant(blocks.keys)), length), kernel.constant(1));
  Value reachesEnd = arith::CmpIOp::create(at, arith::CmpIPredicate::slt, emitter.getDomain().extents[Keys],
                                           kernel.constant(blocks.keys));
  Value needed = reachesEnd;
  if (attend.hasKeep()) {
    mask.setKeys({firstKey, lastKey});
    Value must = mask.classify().must;
    Value yes = arith::ConstantOp::create(at, at.getBoolAttr(true));
    needed = must ? at.createOrFold<arith::OrIOp>(reachesEnd, at.createOrFold<arith::XOrIOp>(must, yes)) : yes;
  }
  auto branch = scf::IfOp::create(at, logits.getType(), needed, /*withElse=*/true);
  OpBuilder::InsertionGuard guard(at);
  at.setInsertionPointToStart(branch.elseBlock());
  scf::YieldOp::create(at, logits);
  at.setInsertionPointToStart(branch.thenBlock());
  Piece visible =
      Piece{arith::CmpIOp::create(at, arith::CmpIPredicate::slt, emitter.spread(emitter.coordinate(Keys), {Keys}),
                                  emitter.spread(Piece::uniform(length), {Keys})),
            {Keys},
            std::nullopt};
  if (attend.hasKeep()) {
    FailureOr<Piece> kept = runRegion(attend.getKeep(), std::nullopt);
    if (failed(kept))
      return failure();
    visible = emitter.binary<arith::AndIOp>(visible, *kept);
  }
  Value masked =
      arith::SelectOp::create(at, emitter.spread(visible, {Rows, Keys}), logits, splat(maskedLogit, {Rows, Keys}));
  scf::YieldOp::create(at, masked);
  return branch.getResult(0);
}

/// The weights of a block and the state they lead to.
FailureOr<AttendSkeleton::RowState> AttendSkeleton::accumulate(Value logits, ValueRange state) {
  RowState next(state);
  Value weights, decay;
  SmallVector<Value> normalised = kernel.part("normalise", [&]() -> SmallVector<Value> {
    if (!isSoftmax()) {
      Value zero = splat(0, {Rows, Keys}), one = splat(1, {Rows, Keys});
      if (attend.getNormaliser() == attn::Normaliser::Relu)
        return {greater(logits, zero)};
      Value grown = math::ExpOp::create(at, arith::NegFOp::create(at, logits));
      return {arith::DivFOp::create(at, one, arith::AddFOp::create(at, one, grown))};
    }
    Value blockMaximum = tile::ReduceOp::create(at, floatTile({Rows}), tile::Combine::Max, logits, 1, Value());
    Value maximum = greater(state[0], blockMaximum);
    Value p = power(arith::SubFOp::create(at, logits, overRows(maximum, Keys)), {Rows, Keys});
    Value shrink = power(arith::SubFOp::create(at, state[0], maximum), {Rows});
    Value blockSum = tile::ReduceOp::create(at, floatTile({Rows}), tile::Combine::Add, p, 1, Value());
    Value sum = arith::AddFOp::create(at, arith::MulFOp::create(at, state[1], shrink), blockSum);
    return {p, maximum, sum, shrink};
  });
  weights = normalised[0];
  if (isSoftmax()) {
    next[0] = normalised[1];
    next[1] = normalised[2];
    decay = normalised[3];
  }
  if (attend.hasProb()) {
    FailureOr<Piece> changed = runRegion(attend.getProb(), TileEmitter::tile(weights, {Rows, Keys}));
    if (failed(changed))
      return failure();
    weights = emitter.spread(*changed, {Rows, Keys});
  }
  Type valueType = attend.getValueType().getElementType();
  if (valueType != at.getF32Type() && !valueType.isF64())
    weights = arith::TruncFOp::create(at, emitter.tileType(valueType, {Rows, Keys}), weights);

  int64_t start = 0;
  for (auto [chunk, depth] : llvm::enumerate(valueDepths)) {
    enterChunk(ValueDepth, depth, start);
    FailureOr<Piece> value = emitter.read(attend.getValue(), keyIndices(attend.getValue(), ValueDepth));
    if (failed(value))
      return failure();
    Value valueTile = emitter.spread(*value, {Keys, ValueDepth});
    Value accumulator = state[2 + chunk];
    next[2 + chunk] = kernel.part("product", [&]() -> SmallVector<Value> {
      Value kept =
          decay ? arith::MulFOp::create(at, accumulator, overRows(decay, ValueDepth)).getResult() : accumulator;
      return {tile::DotOp::create(at, weights, valueTile, kept)};
    })[0];
    start += depth;
  }
  return next;
}

FailureOr<AttendSkeleton::RowState> AttendSkeleton::visitBlock(Value firstKey, ValueRange state) {
  tile::CountOp::create(at, tile::Counter::KeyBlocks, kernel.constant(1));
  emitter.getDomain().origins[Keys] = firstKey;
  emitter.getDomain().extents[Keys] = kernel.sub(length, firstKey);
  FailureOr<Value> logits = failure();
  SmallVector<Value> part = kernel.part("scores", [&]() -> SmallVector<Value> {
    logits = scores();
    if (succeeded(logits))
      logits = applyMask(*logits, firstKey);
    return succeeded(logits) ? SmallVector<Value>{*logits} : SmallVector<Value>{};
  });
  if (failed(logits))
    return failure();
  return accumulate(part[0], state);
}

/// The keys that the lengths and the keep region let the block's rows see.
AttendSkeleton::KeyBounds AttendSkeleton::boundKeys() {
  KeyBounds bounds{kernel.constant(0), length, true};
  if (!attend.hasKeep())
    return bounds;
  Value zero = bounds.low, one = kernel.constant(1);
  Value lastRow = kernel.sub(kernel.min(kernel.add(firstRow, kernel.constant(blocks.rows)), kernel.value(rows)), one);
  Interval rowRange{firstRow, lastRow}, positions = rowRange;
  if (offset)
    positions = {kernel.add(firstRow, offset), kernel.add(lastRow, offset)};
  mask.setBatchAndHead(batch, head);
  mask.setRows(rowRange, positions);
  KeyRange visible = mask.visibleKeys();
  if (visible.high)
    bounds.high = kernel.min(length, visible.high);
  if (visible.low) {
    Value step = kernel.constant(blocks.keys);
    bounds.low = kernel.max(zero, kernel.mul(kernel.floorDiv(visible.low, blocks.keys), step));
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
  KeyBounds bounds = boundKeys();
  if (!attend.getBlocks())
    return visitRange(bounds, firstState());
  Value end = listEnd(), width = kernel.constant((*attend.getBlockSize())[1]);
  return loop(kernel.constant(0), end, kernel.constant(1), firstState(), [&](Value entry, ValueRange carried) {
    Value first = kernel.mul(readListed(entry), width);
    return visitRange({kernel.max(bounds.low, first), kernel.min(bounds.high, kernel.add(first, width)), bounds.exact},
                      carried);
  });
}

//===-- Results
//----------------------------------------------------------------------------------------------------===//

LogicalResult AttendSkeleton::storeResults(RowState state) {
  Value maximum = state[0], sum = state[1];
  Value rescale;
  if (Value sink = attend.getSink()) {
    FailureOr<Piece> piece = emitter.read(sink, {Piece::uniform(head)});
    if (failed(piece))
      return failure();
    Value logit = piece->value;
    if (logit.getType() != at.getF32Type())
      logit = arith::ExtFOp::create(at, at.getF32Type(), logit);
    Value sinkTile =
        arith::MulFOp::create(at, emitter.spread(Piece::uniform(logit), {Rows}), splat(log2e / unit, {Rows}));
    Value joint = greater(maximum, sinkTile);
    rescale = power(arith::SubFOp::create(at, maximum, joint), {Rows});
    sum = arith::AddFOp::create(at, arith::MulFOp::create(at, sum, rescale),
                                power(arith::SubFOp::create(at, sinkTile, joint), {Rows}));
    maximum = joint;
  }
  Value zero = splat(0, {Rows}), one = splat(1, {Rows});
  Value visible = arith::CmpFOp::create(at, arith::CmpFPredicate::UNE, sum, zero);
  Value inverse = arith::SelectOp::create(at, visible, arith::DivFOp::create(at, one, sum), zero);
  if (rescale)
    inverse = arith::MulFOp::create(at, inverse, rescale);
  if (Value lse = attend.getLse()) {
    Value reference = arith::MulFOp::create(at, maximum, splat(unit / log2e, {Rows}));
    Value logarithm = arith::MulFOp::create(at, math::Log2Op::create(at, sum), splat(std::numbers::ln2, {Rows}));
    Value natural = arith::AddFOp::create(at, reference, logarithm);
    Value stored = arith::SelectOp::create(at, visible, natural, splat(-INFINITY, {Rows}));
    emitter.define(lse, TileEmitter::tile(stored, {Rows}));
  }

  auto store = [&](unsigned result, bool hasDepth) -> LogicalResult {
    SmallVector<Piece> indices{Piece::uniform(batch), Piece::uniform(head), emitter.coordinate(Rows)};
    if (hasDepth)
      indices.push_back(emitter.coordinate(ValueDepth));
    FailureOr<Piece> piece = emitter.read(kernel.yielded(result), indices);
    return failed(piece) ? failure() : emitter.write(result, *piece, indices);
  };
  int64_t start = 0;
  for (auto [chunk, depth] : llvm::enumerate(valueDepths)) {
    enterChunk(ValueDepth, depth, start);
    Value out = state[2 + chunk];
    if (isSoftmax())
      out = arith::MulFOp::create(at, out, overRows(inverse, ValueDepth));
    Type outType = getElementTypeOrSelf(attend.getOut().getType());
    if (outType != at.getF32Type())
      out = arith::TruncFOp::create(at, emitter.tileType(outType, {Rows, ValueDepth}), out);
    emitter.define(attend.getOut(), TileEmitter::tile(out, {Rows, ValueDepth}));
    for (unsigned result = 0; result < kernel.source().getNumResults(); ++result)
      if (cast<RankedTensorType>(kernel.yielded(result).getType()).getRank() == 4 && failed(store(result, true)))
        return failure();
    start += depth;
  }
  for (unsigned result = 0; result < kernel.source().getNumResults(); ++result)
    if (cast<RankedTensorType>(kernel.yielded(result).getType()).getRank() == 3 && failed(store(result, false)))
      return failure();
  return success();
}

LogicalResult AttendSkeleton::build() {
  openProgram();
  if (failed(loadQuery()))
    return failure();
  FailureOr<RowState> state = visitKeys();
  if (failed(state) || failed(storeResults(*state)))
    return failure();

  SmallVector<AffineExpr> sizes = kernel.sizesOf(attend.getQuery());
  int64_t depth = attend.getQueryType().getDimSize(3) + attend.getValueType().getDimSize(3);
  AffineExpr seen = keys;
  if (attend.getBlocks())
    seen = kernel.sizesOf(attend.getBlocks())[3] * (*attend.getBlockSize())[1];
  AffineExpr flops = sizes[0] * sizes[1] * rows * seen * (2 * depth);
  kernel.finish({rows.ceilDiv(blocks.rows), sizes[1], sizes[0]}, flops,
                {at.getNamedAttr("block_m", at.getI64IntegerAttr(blocks.rows)),
                 at.getNamedAttr("block_n", at.getI64IntegerAttr(blocks.keys))});
  return success();
}

LogicalResult heed::buildAttend(KernelBuilder &kernel, const Backend &backend) {
  attn::AttendOp attend;
  for (attn::AttendOp op : kernel.sourceBlock().getOps<attn::AttendOp>())
    attend = op;
  if (!attend)
    return kernel.source().emitOpError("has no attn.attend for its root");
  if (attend.getQueryType().getElementType().isF64())
    return attend.emitOpError("in f64 has no kernel: scores and sums are f32, so give it f32, f16 or bf16");
  RankedTensorType query = attend.getQueryType();
  AttendBlocks blocks =
      backend.attendBlocks(query.getDimSize(2), query.getDimSize(3), attend.getValueType().getDimSize(3));
  // All rows of a program have one list, and a block of keys lies inside a listed one.
  if (std::optional<ArrayRef<int64_t>> listed = attend.getBlockSize())
    blocks = {std::gcd(blocks.rows, (*listed)[0]), std::gcd(blocks.keys, (*listed)[1])};
  return AttendSkeleton(kernel, attend, blocks).build();
}
