/// Reductions: any generic with reduction loops. Parallel loops are tiled, reduction loops run in the program; when the
/// innermost loop is a reduction with a known combination it is tiled too.
#include "compiler/kernel/Skeletons.h"
#include "compiler/kernel/TileEmitter.h"

#include "mlir/Analysis/SliceAnalysis.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;
using namespace heed;

namespace {
/// Domain dimensions of such a kernel.
enum Dimension : int64_t { Rows = 0, Columns = 1 };

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
  auto sizeOf = [&](std::optional<unsigned> loop) { return loop ? root.getStaticLoopRanges()[*loop] : 1; };
  blocks = backend.rowBlocks({sizeOf(rowLoop), sizeOf(columnLoop), tiledCombine.has_value()});
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

LogicalResult heed::buildReduction(KernelBuilder &kernel, linalg::GenericOp root, const Backend &backend) {
  return ReductionSkeleton(kernel, root, backend).build();
}
