/// Norms, softmax and reductions: a block of rows, each combined along its columns.
///
/// A row that fits into one block of columns is read once and stays in a tile; a longer one is read again by every
/// sweep over it.
#include "compiler/kernel/Skeletons.h"
#include "compiler/kernel/TileEmitter.h"
#include "dialects/attn/Attn.h"

#include "mlir/Analysis/SliceAnalysis.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

#include <numbers>

using namespace mlir;
using namespace heed;

namespace {
/// Domain dimensions of a row kernel.
enum Dimension : int64_t { Rows = 0, Columns = 1 };

/// Rows and columns of a tensor, chosen among its dimensions, and the sweeps over a row.
class RowFrame {
public:
  RowFrame(KernelBuilder &kernel, RowBlocks blocks, ArrayRef<AffineExpr> sizes, unsigned columnDim)
      : kernel(kernel), at(kernel.at()), blocks(blocks), emitter(kernel, TileDomain()), sizes(sizes),
        columnDim(columnDim) {
    open();
  }

  /// Indices of the block in the tensor the frame was made for.
  ArrayRef<Piece> indices() const { return iteration; }
  bool isOneBlock() const {
    auto columns = dyn_cast<AffineConstantExpr>(sizes[columnDim]);
    return columns && columns.getValue() <= blocks.columns;
  }
  RankedTensorType rowType() { return emitter.tileType(at.getF32Type(), {Rows}); }
  RankedTensorType blockType() { return emitter.tileType(at.getF32Type(), {Rows, Columns}); }
  Value splat(double value, RankedTensorType type) {
    return arith::ConstantOp::create(at, DenseElementsAttr::get(type, at.getF32FloatAttr(static_cast<float>(value))));
  }
  Value overColumns(Value rowTile) { return emitter.spread(TileEmitter::tile(rowTile, {Rows}), {Rows, Columns}); }
  Value columnExtent() { return emitter.getDomain().extents[Columns]; }
  Value reduce(tile::Combine combine, Value block) {
    return tile::ReduceOp::create(at, rowType(), combine, block, 1, columnExtent());
  }
  FailureOr<Value> readFloat(Value tensor, ArrayRef<Piece> at);

  /// Runs `body` for each block of columns with the carried row tiles; in place when there is one block.
  FailureOr<SmallVector<Value>> sweep(ValueRange carried,
                                      llvm::function_ref<FailureOr<SmallVector<Value>>(ValueRange)> body);
  /// Stores the kernel's results for the block of columns at hand.
  LogicalResult store();
  void finish(AffineExpr flopsPerElement);

  KernelBuilder &kernel;
  ImplicitLocOpBuilder &at;
  RowBlocks blocks;
  TileEmitter emitter;

private:
  void open();

  SmallVector<AffineExpr> sizes;
  unsigned columnDim;
  std::optional<unsigned> rowDim;
  SmallVector<unsigned> outer;
  SmallVector<Piece> iteration;
};
} // namespace

void RowFrame::open() {
  unsigned rank = sizes.size();
  for (unsigned dim = rank; dim-- > 0;)
    if (dim != columnDim && !rowDim)
      rowDim = dim;
  iteration.resize(rank);
  TileDomain &domain = emitter.getDomain();
  Value firstRow = kernel.mul(tile::ProgramIdOp::create(at, 0), kernel.constant(blocks.rows));
  Value rows = rowDim ? kernel.value(sizes[*rowDim]) : kernel.constant(1);
  domain.addDimension(rowDim ? blocks.rows : 1, firstRow, kernel.sub(rows, firstRow));
  if (isOneBlock())
    blocks.columns = cast<AffineConstantExpr>(sizes[columnDim]).getValue();
  domain.addDimension(blocks.columns, kernel.constant(0), Value());
  if (rowDim)
    iteration[*rowDim] = emitter.coordinate(Rows);
  iteration[columnDim] = emitter.coordinate(Columns);
  SmallVector<AffineExpr> outerSizes;
  for (unsigned dim = 0; dim < rank; ++dim)
    if (dim != columnDim && dim != rowDim) {
      outer.push_back(dim);
      outerSizes.push_back(sizes[dim]);
    }
  if (outer.empty())
    return;
  for (auto [dim, value] : llvm::zip_equal(outer, kernel.delinearise(tile::ProgramIdOp::create(at, 1), outerSizes)))
    iteration[dim] = Piece::uniform(value);
}

FailureOr<Value> RowFrame::readFloat(Value tensor, ArrayRef<Piece> indices) {
  FailureOr<Piece> piece = emitter.read(tensor, indices);
  if (failed(piece))
    return failure();
  Value value = emitter.spread(*piece, {Rows, Columns});
  if (getElementTypeOrSelf(value.getType()).getIntOrFloatBitWidth() < 32)
    value = arith::ExtFOp::create(at, blockType(), value);
  return value;
}

FailureOr<SmallVector<Value>> RowFrame::sweep(ValueRange carried,
                                              llvm::function_ref<FailureOr<SmallVector<Value>>(ValueRange)> body) {
  if (isOneBlock())
    return body(carried);
  TileDomain &domain = emitter.getDomain();
  auto loop = scf::ForOp::create(at, kernel.constant(0), kernel.value(sizes[columnDim]),
                                 kernel.constant(blocks.columns), carried);
  OpBuilder::InsertionGuard guard(at);
  at.setInsertionPointToStart(loop.getBody());
  domain.origins[Columns] = loop.getInductionVar();
  domain.extents[Columns] = kernel.sub(kernel.value(sizes[columnDim]), loop.getInductionVar());
  FailureOr<SmallVector<Value>> next = body(loop.getRegionIterArgs());
  if (failed(next))
    return failure();
  if (!carried.empty())
    scf::YieldOp::create(at, *next);
  return SmallVector<Value>(loop.getResults());
}

LogicalResult RowFrame::store() {
  for (unsigned result = 0; result < kernel.source().getNumResults(); ++result) {
    FailureOr<Piece> piece = emitter.read(kernel.yielded(result), iteration);
    if (failed(piece) || failed(emitter.write(result, *piece, iteration)))
      return failure();
  }
  return success();
}

void RowFrame::finish(AffineExpr flopsPerElement) {
  AffineExpr flops = flopsPerElement, grid = kernel.expression(1);
  for (AffineExpr size : sizes)
    flops = flops * size;
  for (unsigned dim : outer)
    grid = grid * sizes[dim];
  AffineExpr rowGrid = rowDim ? sizes[*rowDim].ceilDiv(blocks.rows) : kernel.expression(1);
  kernel.finish({rowGrid, grid}, flops,
                {at.getNamedAttr("block_rows", at.getI64IntegerAttr(rowDim ? blocks.rows : 1)),
                 at.getNamedAttr("block_columns", at.getI64IntegerAttr(blocks.columns))});
}

//===- Norms ------------------------------------------------------------------------------------------------------===//

namespace {
class NormSkeleton {
public:
  NormSkeleton(RowFrame &frame, attn::NormOp norm, AffineExpr columns)
      : frame(frame), at(frame.at), norm(norm), columns(columns) {}

  LogicalResult build();

private:
  FailureOr<Value> input() {
    if (wholeRow)
      return wholeRow;
    return frame.readFloat(norm.getInput(), frame.indices());
  }
  FailureOr<Value> rowMean(llvm::function_ref<Value(Value)> term);
  LogicalResult normalise(Value mean, Value inverse);

  RowFrame &frame;
  ImplicitLocOpBuilder &at;
  attn::NormOp norm;
  AffineExpr columns;
  Value wholeRow;
};
} // namespace

/// The mean of `term` over each row.
FailureOr<Value> NormSkeleton::rowMean(llvm::function_ref<Value(Value)> term) {
  FailureOr<SmallVector<Value>> sum =
      frame.sweep({frame.splat(0, frame.rowType())}, [&](ValueRange carried) -> FailureOr<SmallVector<Value>> {
        FailureOr<Value> x = input();
        if (failed(x))
          return failure();
        Value partial = frame.reduce(tile::Combine::Add, term(*x));
        return SmallVector<Value>{arith::AddFOp::create(at, carried[0], partial)};
      });
  if (failed(sum))
    return failure();
  Value count = arith::IndexCastOp::create(at, at.getI64Type(), frame.kernel.value(columns));
  Value inverse = arith::DivFOp::create(at, arith::ConstantOp::create(at, at.getF32FloatAttr(1.0f)),
                                        arith::SIToFPOp::create(at, at.getF32Type(), count));
  return arith::MulFOp::create(at, (*sum)[0], frame.emitter.spread(Piece::uniform(inverse), {Rows})).getResult();
}

LogicalResult NormSkeleton::normalise(Value mean, Value inverse) {
  return frame.sweep({}, [&](ValueRange) -> FailureOr<SmallVector<Value>> {
    FailureOr<Value> x = input();
    if (failed(x))
      return failure();
    Value y = *x;
    if (mean)
      y = arith::SubFOp::create(at, y, frame.overColumns(mean));
    y = arith::MulFOp::create(at, y, frame.overColumns(inverse));
    ArrayRef<Piece> column = frame.indices().take_back(1);
    for (auto [operand, isScale] : {std::pair(norm.getScale(), true), std::pair(norm.getBias(), false)}) {
      if (!operand)
        continue;
      FailureOr<Value> piece = frame.readFloat(operand, column);
      if (failed(piece))
        return failure();
      y = isScale ? arith::MulFOp::create(at, y, *piece).getResult() : arith::AddFOp::create(at, y, *piece).getResult();
    }
    Type element = getElementTypeOrSelf(norm.getResult().getType());
    if (element != at.getF32Type())
      y = arith::TruncFOp::create(at, frame.emitter.tileType(element, {Rows, Columns}), y);
    frame.emitter.define(norm.getResult(), TileEmitter::tile(y, {Rows, Columns}));
    if (failed(frame.store()))
      return failure();
    return SmallVector<Value>{};
  });
}

LogicalResult NormSkeleton::build() {
  if (frame.isOneBlock()) {
    FailureOr<Value> row = input();
    if (failed(row))
      return failure();
    wholeRow = *row;
  }
  Value mean;
  if (norm.getKind() == attn::NormKind::Layer) {
    FailureOr<Value> rowMeanValue = rowMean([](Value x) { return x; });
    if (failed(rowMeanValue))
      return failure();
    mean = *rowMeanValue;
  }
  FailureOr<Value> variance = rowMean([&](Value x) -> Value {
    Value difference = mean ? arith::SubFOp::create(at, x, frame.overColumns(mean)).getResult() : x;
    return arith::MulFOp::create(at, difference, difference);
  });
  if (failed(variance))
    return failure();
  Value shifted =
      arith::AddFOp::create(at, *variance, frame.splat(norm.getEpsilon().convertToDouble(), frame.rowType()));
  Value root = math::SqrtOp::create(at, shifted);
  Value inverse = arith::DivFOp::create(at, frame.splat(1, frame.rowType()), root);
  if (failed(normalise(mean, inverse)))
    return failure();
  frame.finish(frame.kernel.expression(8));
  return success();
}

//===- Softmax ----------------------------------------------------------------------------------------------------===//

static LogicalResult buildSoftmax(RowFrame &frame, linalg::SoftmaxOp softmax) {
  ImplicitLocOpBuilder &at = frame.at;
  Value lowest = frame.splat(std::numeric_limits<float>::lowest(), frame.rowType());
  Value log2e = frame.splat(std::numbers::log2e, frame.blockType());
  auto greater = [&](Value a, Value b) -> Value { return arith::MaxNumFOp::create(at, a, b); };
  auto weights = [&](Value x, Value maximum) -> Value {
    Value difference = arith::SubFOp::create(at, x, frame.overColumns(maximum));
    return math::Exp2Op::create(at, arith::MulFOp::create(at, difference, log2e));
  };
  FailureOr<SmallVector<Value>> state =
      frame.sweep({lowest, frame.splat(0, frame.rowType())}, [&](ValueRange carried) -> FailureOr<SmallVector<Value>> {
        FailureOr<Value> x = frame.readFloat(softmax.getInput(), frame.indices());
        if (failed(x))
          return failure();
        Value maximum = greater(carried[0], frame.reduce(tile::Combine::Max, *x));
        Value shrink =
            math::Exp2Op::create(at, arith::MulFOp::create(at, arith::SubFOp::create(at, carried[0], maximum),
                                                           frame.splat(std::numbers::log2e, frame.rowType())));
        Value sum = arith::AddFOp::create(at, arith::MulFOp::create(at, carried[1], shrink),
                                          frame.reduce(tile::Combine::Add, weights(*x, maximum)));
        return SmallVector<Value>{maximum, sum};
      });
  if (failed(state))
    return failure();
  Value inverse = arith::DivFOp::create(at, frame.splat(1, frame.rowType()), (*state)[1]);
  FailureOr<SmallVector<Value>> stored = frame.sweep({}, [&](ValueRange) -> FailureOr<SmallVector<Value>> {
    FailureOr<Value> x = frame.readFloat(softmax.getInput(), frame.indices());
    if (failed(x))
      return failure();
    Value y = arith::MulFOp::create(at, weights(*x, (*state)[0]), frame.overColumns(inverse));
    Type element = getElementTypeOrSelf(softmax->getResult(0).getType());
    if (element != at.getF32Type())
      y = arith::TruncFOp::create(at, frame.emitter.tileType(element, {Rows, Columns}), y);
    frame.emitter.define(softmax->getResult(0), TileEmitter::tile(y, {Rows, Columns}));
    if (failed(frame.store()))
      return failure();
    return SmallVector<Value>{};
  });
  if (failed(stored))
    return failure();
  frame.finish(frame.kernel.expression(8));
  return success();
}

//===- Reductions -------------------------------------------------------------------------------------------------===//

namespace {
/// Any generic with reduction loops: parallel loops are tiled, reduction loops run in the program. When the innermost
/// loop is a reduction with a known combination it is tiled too.
class ReductionSkeleton {
public:
  ReductionSkeleton(KernelBuilder &kernel, linalg::GenericOp root, const Backend &backend)
      : kernel(kernel), at(kernel.at()), root(root), emitter(kernel, TileDomain()), backend(backend) {}

  LogicalResult build();

private:
  void chooseLoops();
  void open();
  FailureOr<SmallVector<Value>> reduceOver(ArrayRef<unsigned> loops, ValueRange carried);
  FailureOr<SmallVector<Value>> combineBlock(ValueRange carried);
  FailureOr<SmallVector<Piece>> runBody(ArrayRef<Piece> accumulators);
  LogicalResult store(ValueRange results);
  std::optional<tile::Combine> combination();

  KernelBuilder &kernel;
  ImplicitLocOpBuilder &at;
  linalg::GenericOp root;
  TileEmitter emitter;
  const Backend &backend;
  RowBlocks blocks;
  SmallVector<AffineExpr> sizes;
  SmallVector<Piece> iteration;
  SmallVector<unsigned> sequential, outer;
  std::optional<unsigned> rowLoop, columnLoop;
  std::optional<tile::Combine> tiledCombine; ///< set when the column loop is a reduction
  SmallVector<int64_t> resultDims;           ///< domain dimensions of the accumulators
};
} // namespace

/// The combination of the root's only result, when its body is f(inputs) combined with the accumulator.
std::optional<tile::Combine> ReductionSkeleton::combination() {
  SmallVector<Operation *> combiners;
  if (root.getNumResults() != 1 || !matchReduction(root.getRegionOutputArgs(), 0, combiners) || combiners.size() != 1)
    return std::nullopt;
  return llvm::TypeSwitch<Operation *, std::optional<tile::Combine>>(combiners[0])
      .Case<arith::AddFOp, arith::AddIOp>([](Operation *) { return tile::Combine::Add; })
      .Case<arith::MulFOp, arith::MulIOp>([](Operation *) { return tile::Combine::Mul; })
      .Case<arith::MaximumFOp, arith::MaxNumFOp, arith::MaxSIOp>([](Operation *) { return tile::Combine::Max; })
      .Case<arith::MinimumFOp, arith::MinNumFOp, arith::MinSIOp>([](Operation *) { return tile::Combine::Min; })
      .Case<arith::AndIOp>([](Operation *) { return tile::Combine::And; })
      .Case<arith::OrIOp>([](Operation *) { return tile::Combine::Or; })
      .Default([](Operation *) { return std::nullopt; });
}

void ReductionSkeleton::chooseLoops() {
  SmallVector<utils::IteratorType> kinds = root.getIteratorTypesArray();
  SmallVector<unsigned> parallel;
  for (AffineExpr expression : root.getIndexingMapsArray().back().getResults())
    parallel.push_back(cast<AffineDimExpr>(expression).getPosition());
  unsigned last = root.getNumLoops() - 1;
  if (kinds[last] == utils::IteratorType::reduction)
    tiledCombine = combination();
  if (tiledCombine)
    columnLoop = last;
  else if (!parallel.empty())
    columnLoop = parallel.pop_back_val();
  if (!parallel.empty())
    rowLoop = parallel.pop_back_val();
  outer = parallel;
  for (unsigned loop = 0; loop < root.getNumLoops(); ++loop)
    if (kinds[loop] == utils::IteratorType::reduction && loop != columnLoop)
      sequential.push_back(loop);
}

void ReductionSkeleton::open() {
  sizes = kernel.loopSizes(root);
  iteration.resize(root.getNumLoops());
  blocks = backend.rowBlocks(columnLoop ? root.getStaticLoopRanges()[*columnLoop] : 1);
  TileDomain &domain = emitter.getDomain();
  auto addBlocked = [&](std::optional<unsigned> loop, unsigned grid, int64_t block) {
    Value origin = kernel.mul(tile::ProgramIdOp::create(at, grid), kernel.constant(block));
    unsigned dim = domain.addDimension(loop ? block : 1, loop ? origin : kernel.constant(0),
                                       loop ? kernel.sub(kernel.value(sizes[*loop]), origin) : Value());
    if (loop)
      iteration[*loop] = emitter.coordinate(dim);
  };
  addBlocked(rowLoop, 0, blocks.rows);
  if (rowLoop)
    resultDims.push_back(Rows);
  if (tiledCombine) {
    domain.addDimension(blocks.columns, Value(), Value());
    iteration[*columnLoop] = emitter.coordinate(Columns);
  } else {
    addBlocked(columnLoop, 1, blocks.columns);
    if (columnLoop)
      resultDims.push_back(Columns);
  }
  SmallVector<AffineExpr> outerSizes = llvm::map_to_vector(outer, [&](unsigned loop) { return sizes[loop]; });
  if (outer.empty())
    return;
  for (auto [loop, value] : llvm::zip_equal(outer, kernel.delinearise(tile::ProgramIdOp::create(at, 2), outerSizes)))
    iteration[loop] = Piece::uniform(value);
}

FailureOr<SmallVector<Piece>> ReductionSkeleton::runBody(ArrayRef<Piece> accumulators) {
  SmallVector<Piece> arguments;
  for (OpOperand *input : root.getDpsInputOperands()) {
    SmallVector<Piece> indices;
    for (AffineExpr expression : root.getMatchingIndexingMap(input).getResults())
      indices.push_back(emitter.apply(expression, iteration));
    FailureOr<Piece> piece = emitter.read(input->get(), indices);
    if (failed(piece))
      return failure();
    arguments.push_back(*piece);
  }
  llvm::append_range(arguments, accumulators);
  return emitter.inlineBlock(*root.getBody(), arguments, iteration);
}

static TypedAttr neutral(tile::Combine combine, Type type) {
  if (auto floating = dyn_cast<FloatType>(type)) {
    const llvm::fltSemantics &semantics = floating.getFloatSemantics();
    switch (combine) {
    case tile::Combine::Max:
      return FloatAttr::get(type, APFloat::getInf(semantics, /*Negative=*/true));
    case tile::Combine::Min:
      return FloatAttr::get(type, APFloat::getInf(semantics));
    default:
      return FloatAttr::get(type, combine == tile::Combine::Mul ? 1.0 : 0.0);
    }
  }
  unsigned width = type.getIntOrFloatBitWidth();
  switch (combine) {
  case tile::Combine::Max:
    return IntegerAttr::get(type, APInt::getSignedMinValue(width));
  case tile::Combine::Min:
    return IntegerAttr::get(type, APInt::getSignedMaxValue(width));
  case tile::Combine::And:
    return IntegerAttr::get(type, APInt::getAllOnes(width));
  default:
    return IntegerAttr::get(type, combine == tile::Combine::Mul ? 1 : 0);
  }
}

FailureOr<SmallVector<Value>> ReductionSkeleton::combineBlock(ValueRange carried) {
  if (!tiledCombine) {
    SmallVector<Piece> accumulators;
    for (Value value : carried)
      accumulators.push_back({value, resultDims, std::nullopt});
    FailureOr<SmallVector<Piece>> next = runBody(accumulators);
    if (failed(next))
      return failure();
    return llvm::map_to_vector(*next, [&](const Piece &piece) { return emitter.spread(piece, resultDims); });
  }
  // The body applied to the neutral element is what one element contributes.
  Type type = getElementTypeOrSelf(root.getResult(0).getType());
  Value start = arith::ConstantOp::create(at, neutral(*tiledCombine, type));
  FailureOr<SmallVector<Piece>> contribution = runBody({Piece::uniform(start)});
  if (failed(contribution))
    return failure();
  Value block = emitter.spread(contribution->front(), {Rows, Columns});
  Value partial = tile::ReduceOp::create(at, emitter.tileType(type, {Rows}), *tiledCombine, block, 1,
                                         emitter.getDomain().extents[Columns]);
  SmallVector<Operation *> combiners;
  matchReduction(root.getRegionOutputArgs(), 0, combiners);
  FailureOr<Piece> sum =
      emitter.emit(combiners[0], {TileEmitter::tile(carried[0], {Rows}), TileEmitter::tile(partial, {Rows})});
  if (failed(sum))
    return failure();
  return SmallVector<Value>{sum->value};
}

FailureOr<SmallVector<Value>> ReductionSkeleton::reduceOver(ArrayRef<unsigned> loops, ValueRange carried) {
  bool columns = loops.empty();
  if (columns && !tiledCombine)
    return combineBlock(carried);
  unsigned loop = columns ? *columnLoop : loops.front();
  Value size = kernel.value(sizes[loop]), step = kernel.constant(columns ? blocks.columns : 1);
  auto nest = scf::ForOp::create(at, kernel.constant(0), size, step, carried);
  OpBuilder::InsertionGuard guard(at);
  at.setInsertionPointToStart(nest.getBody());
  if (columns) {
    emitter.getDomain().origins[Columns] = nest.getInductionVar();
    emitter.getDomain().extents[Columns] = kernel.sub(size, nest.getInductionVar());
  } else {
    iteration[loop] = Piece::uniform(nest.getInductionVar());
  }
  FailureOr<SmallVector<Value>> next =
      columns ? combineBlock(nest.getRegionIterArgs()) : reduceOver(loops.drop_front(), nest.getRegionIterArgs());
  if (failed(next))
    return failure();
  scf::YieldOp::create(at, *next);
  return SmallVector<Value>(nest.getResults());
}

LogicalResult ReductionSkeleton::store(ValueRange results) {
  SmallVector<Piece> indices;
  for (AffineExpr expression : root.getIndexingMapsArray().back().getResults())
    indices.push_back(iteration[cast<AffineDimExpr>(expression).getPosition()]);
  SmallVector<int64_t> dims = tiledCombine ? SmallVector<int64_t>{Rows} : resultDims;
  for (auto [result, value] : llvm::zip_equal(root.getResults(), results)) {
    emitter.define(result, Piece{value, dims, std::nullopt});
  }
  for (unsigned result = 0; result < kernel.source().getNumResults(); ++result) {
    FailureOr<Piece> piece = emitter.read(kernel.yielded(result), indices);
    if (failed(piece) || failed(emitter.write(result, *piece, indices)))
      return failure();
  }
  return success();
}

LogicalResult ReductionSkeleton::build() {
  chooseLoops();
  open();
  SmallVector<int64_t> carriedDims = tiledCombine ? SmallVector<int64_t>{Rows} : resultDims;
  SmallVector<Value> start;
  for (Value init : root.getDpsInits()) {
    FailureOr<Piece> piece = emitter.read(init, {});
    if (failed(piece) || !piece->dims.empty())
      return root.emitOpError("a reduction must start from one constant");
    start.push_back(emitter.spread(*piece, carriedDims));
  }
  FailureOr<SmallVector<Value>> results = reduceOver(sequential, start);
  if (failed(results) || failed(store(*results)))
    return failure();

  AffineExpr flops = kernel.expression(1), outerGrid = kernel.expression(1);
  for (AffineExpr size : sizes)
    flops = flops * size;
  for (unsigned loop : outer)
    outerGrid = outerGrid * sizes[loop];
  bool tiledColumns = columnLoop && !tiledCombine;
  kernel.finish({rowLoop ? sizes[*rowLoop].ceilDiv(blocks.rows) : kernel.expression(1),
                 tiledColumns ? sizes[*columnLoop].ceilDiv(blocks.columns) : kernel.expression(1), outerGrid},
                flops,
                {at.getNamedAttr("block_rows", at.getI64IntegerAttr(rowLoop ? blocks.rows : 1)),
                 at.getNamedAttr("block_columns", at.getI64IntegerAttr(blocks.columns))});
  return success();
}

LogicalResult heed::buildRow(KernelBuilder &kernel, const Backend &backend) {
  for (Operation &op : kernel.sourceBlock()) {
    if (auto norm = dyn_cast<attn::NormOp>(op)) {
      SmallVector<AffineExpr> sizes = kernel.sizesOf(norm.getInput());
      RowFrame frame(kernel, backend.rowBlocks(cast<RankedTensorType>(norm.getInput().getType()).getShape().back()),
                     sizes, sizes.size() - 1);
      return NormSkeleton(frame, norm, sizes.back()).build();
    }
    if (auto softmax = dyn_cast<linalg::SoftmaxOp>(op)) {
      SmallVector<AffineExpr> sizes = kernel.sizesOf(softmax.getInput());
      unsigned dim = softmax.getDimension();
      RowFrame frame(kernel, backend.rowBlocks(cast<RankedTensorType>(softmax.getInput().getType()).getDimSize(dim)),
                     sizes, dim);
      return buildSoftmax(frame, softmax);
    }
    if (auto generic = dyn_cast<linalg::GenericOp>(op); generic && generic.getNumReductionLoops() != 0)
      return ReductionSkeleton(kernel, generic, backend).build();
  }
  return kernel.source().emitOpError("has no norm, softmax or reduction for its root");
}
