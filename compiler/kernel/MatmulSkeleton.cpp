/// One block of a matrix product: a loop over chunks of the contracted dimension, then the epilogue.
#include "compiler/kernel/Contraction.h"
#include "compiler/kernel/Skeletons.h"
#include "compiler/kernel/TileEmitter.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;
using namespace heed;

namespace {
/// Domain dimensions of a matmul kernel.
enum Dimension : int64_t { Rows = 0, Depth = 1, Columns = 2 };

class MatmulSkeleton {
public:
  MatmulSkeleton(KernelBuilder &kernel, linalg::GenericOp root, const MatmulBlocks &blocks)
      : kernel(kernel), at(kernel.at()), root(root), roles(*matchContraction(root)), emitter(kernel, TileDomain()),
        blocks(blocks) {}

  LogicalResult build();

private:
  void openProgram();
  FailureOr<Value> depthLoop(Type sumType);
  FailureOr<Value> step(Value firstDepth, Value sum);
  FailureOr<Value> operandTile(OpOperand &operand, ArrayRef<int64_t> dims);

  KernelBuilder &kernel;
  ImplicitLocOpBuilder &at;
  linalg::GenericOp root;
  Contraction roles;
  TileEmitter emitter;
  MatmulBlocks blocks;
  SmallVector<AffineExpr> sizes;
  SmallVector<Piece> iteration;
};
} // namespace

void MatmulSkeleton::openProgram() {
  sizes = kernel.loopSizes(root);
  iteration.resize(root.getNumLoops());
  TileDomain &domain = emitter.getDomain();
  auto addBlocked = [&](unsigned grid, int64_t block, unsigned loop) {
    Value origin = kernel.mul(tile::ProgramIdOp::create(at, grid), kernel.constant(block));
    domain.addDimension(block, origin, kernel.extent(sizes[loop], block, origin));
  };
  addBlocked(0, blocks.rows, roles.row);
  domain.addDimension(blocks.depth, Value(), Value());
  addBlocked(1, blocks.columns, roles.column);
  iteration[roles.row] = emitter.coordinate(Rows);
  iteration[roles.column] = emitter.coordinate(Columns);
  iteration[roles.depth] = emitter.coordinate(Depth);
  SmallVector<AffineExpr> outer = llvm::map_to_vector(roles.outer, [&](unsigned loop) { return sizes[loop]; });
  if (outer.empty())
    return;
  SmallVector<Value> walked = kernel.delinearise(tile::ProgramIdOp::create(at, 2), outer);
  for (auto [loop, value] : llvm::zip_equal(roles.outer, walked))
    iteration[loop] = Piece::uniform(value);
}

FailureOr<Value> MatmulSkeleton::operandTile(OpOperand &operand, ArrayRef<int64_t> dims) {
  SmallVector<Piece> indices;
  for (AffineExpr expression : root.getMatchingIndexingMap(&operand).getResults())
    indices.push_back(emitter.apply(expression, iteration));
  FailureOr<Piece> piece = emitter.read(operand.get(), indices);
  if (failed(piece))
    return failure();
  return emitter.spread(*piece, dims);
}

FailureOr<Value> MatmulSkeleton::step(Value firstDepth, Value sum) {
  TileDomain &domain = emitter.getDomain();
  domain.origins[Depth] = firstDepth;
  domain.extents[Depth] = kernel.extent(sizes[roles.depth], blocks.depth, firstDepth);
  FailureOr<SmallVector<Value>> operands = kernel.part("operands", [&]() -> FailureOr<SmallVector<Value>> {
    FailureOr<Value> left = operandTile(*root.getDpsInputOperand(0), {Rows, Depth});
    FailureOr<Value> right = operandTile(*root.getDpsInputOperand(1), {Depth, Columns});
    if (failed(left) || failed(right))
      return failure();
    return SmallVector<Value>{*left, *right};
  });
  if (failed(operands))
    return failure();
  FailureOr<SmallVector<Value>> product = kernel.part("multiply", [&]() -> FailureOr<SmallVector<Value>> {
    return SmallVector<Value>{tile::DotOp::create(at, (*operands)[0], (*operands)[1], sum)};
  });
  return product->front();
}

FailureOr<Value> MatmulSkeleton::depthLoop(Type sumType) {
  RankedTensorType type = emitter.tileType(sumType, {Rows, Columns});
  Value zero = arith::ConstantOp::create(at, at.getZeroAttr(type));
  auto loop = scf::ForOp::create(at, kernel.constant(0), kernel.value(sizes[roles.depth]),
                                 kernel.constant(blocks.depth), ValueRange{zero});
  OpBuilder::InsertionGuard guard(at);
  at.setInsertionPointToStart(loop.getBody());
  FailureOr<Value> next = step(loop.getInductionVar(), loop.getRegionIterArg(0));
  if (failed(next))
    return failure();
  scf::YieldOp::create(at, *next);
  return loop.getResult(0);
}

LogicalResult MatmulSkeleton::build() {
  openProgram();
  FailureOr<Value> sum = depthLoop(getElementTypeOrSelf(root.getResult(0).getType()));
  if (failed(sum))
    return failure();
  emitter.define(root.getResult(0), TileEmitter::tile(*sum, {Rows, Columns}));
  SmallVector<Piece> indices;
  for (AffineExpr expression : root.getIndexingMapsArray().back().getResults())
    indices.push_back(iteration[cast<AffineDimExpr>(expression).getPosition()]);
  for (unsigned result = 0; result < kernel.source().getNumResults(); ++result) {
    FailureOr<Piece> piece = emitter.read(kernel.yielded(result), indices);
    if (failed(piece) || failed(emitter.write(result, *piece, indices)))
      return failure();
  }
  AffineExpr flops = kernel.expression(2), outer = kernel.expression(1);
  for (AffineExpr size : sizes)
    flops = flops * size;
  for (unsigned loop : roles.outer)
    outer = outer * sizes[loop];
  kernel.finish({sizes[roles.row].ceilDiv(blocks.rows), sizes[roles.column].ceilDiv(blocks.columns), outer}, flops,
                {at.getNamedAttr("block_m", at.getI64IntegerAttr(blocks.rows)),
                 at.getNamedAttr("block_n", at.getI64IntegerAttr(blocks.columns)),
                 at.getNamedAttr("block_k", at.getI64IntegerAttr(blocks.depth))});
  return success();
}

static linalg::GenericOp rootOf(plan::KernelOp kernel) {
  linalg::GenericOp root;
  for (linalg::GenericOp op : kernel.getBody().front().getOps<linalg::GenericOp>())
    if (matchContraction(op))
      root = op;
  return root;
}

/// Whether elements of the right operand that are neighbours along a loop are neighbours in memory.
static bool isAlong(linalg::GenericOp root, unsigned loop) {
  auto right = dyn_cast<BlockArgument>(root.getDpsInputs()[1]);
  std::optional<unsigned> dim =
      root.getIndexingMapsArray()[1].getResultPosition(getAffineDimExpr(loop, root.getContext()));
  if (!right || !dim)
    return false;
  auto kernel = cast<plan::KernelOp>(root->getParentOp());
  AffineMap view = cast<AffineMapAttr>(kernel.getOperandViews()[right.getArgNumber()]).getValue();
  auto stride = dyn_cast<AffineConstantExpr>(view.getResult(1 + *dim)); // behind the offset
  return stride && stride.getValue() == 1;
}

FailureOr<SmallVector<MatmulBlocks>> heed::matmulChoices(plan::KernelOp kernel, const Backend &backend) {
  linalg::GenericOp root = rootOf(kernel);
  if (!root)
    return kernel.emitOpError("has no contraction for its root");
  Contraction roles = *matchContraction(root);
  SmallVector<int64_t> ranges = root.getStaticLoopRanges();
  Type left = getElementTypeOrSelf(root.getDpsInputs()[0]), right = getElementTypeOrSelf(root.getDpsInputs()[1]);
  Type element = left == right ? left : getElementTypeOrSelf(root.getResult(0));
  MatmulShape shape{ranges[roles.row], ranges[roles.column], ranges[roles.depth], element, isAlong(root, roles.depth)};
  return backend.matmulBlocks(shape);
}

LogicalResult heed::buildMatmul(KernelBuilder &kernel, const MatmulBlocks &blocks, const MachineTraits &machine) {
  linalg::GenericOp root = rootOf(kernel.source());
  return blocks.areSumsOfLanes ? buildFewRows(kernel, root, blocks, machine)
                               : MatmulSkeleton(kernel, root, blocks).build();
}
