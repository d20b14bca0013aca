/// Index-mapped work without a reduction: one block of the result, computed from whatever its body reads.
#include "compiler/kernel/Skeletons.h"
#include "compiler/kernel/TileEmitter.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"

using namespace mlir;
using namespace heed;

/// Whether the graph has a result in place of this argument of it.
static bool isState(Value value) {
  auto argument = dyn_cast<BlockArgument>(value);
  auto graph = argument ? dyn_cast<func::FuncOp>(argument.getOwner()->getParentOp()) : func::FuncOp();
  if (!graph)
    return false;
  for (unsigned result = 0; result < graph.getNumResults(); ++result)
    if (auto alias = graph.getResultAttrOfType<IntegerAttr>(result, plan::aliasAttrName);
        alias && alias.getInt() == argument.getArgNumber())
      return true;
  return false;
}

/// The operand that the kernel's one result may be in place of: state that an op starts from and reads nowhere else, as
/// it is.
static std::optional<unsigned> stateOf(plan::KernelOp kernel) {
  auto root = kernel.getNumResults() == 1
                  ? kernel.getBody().front().getTerminator()->getOperand(0).getDefiningOp<linalg::GenericOp>()
                  : linalg::GenericOp();
  if (!root || root.getNumDpsInits() != 1 || !root.getIndexingMapsArray().back().isIdentity())
    return std::nullopt;
  auto init = dyn_cast<BlockArgument>(root.getDpsInits()[0]);
  if (!init || !init.hasOneUse() || !root.payloadUsesValueFromOperand(root.getDpsInitOperand(0)))
    return std::nullopt;
  unsigned operand = init.getArgNumber();
  Value state = kernel.getOperands()[operand];
  bool isSame = kernel.getOperandViews()[operand] == kernel.getResultViews()[0] &&
                kernel.getOperandSizes()[operand] == kernel.getResultSizes()[0] &&
                llvm::count(kernel.getOperands(), state) == 1;
  return isSame && isState(state) ? std::optional(operand) : std::nullopt;
}

/// Tiles the last dimension and the one before it; the grid walks the rest.
LogicalResult heed::buildMap(KernelBuilder &kernel, const Backend &backend) {
  ImplicitLocOpBuilder &at = kernel.at();
  const StoredView &result = kernel.resultView(0);
  auto type = cast<RankedTensorType>(kernel.yielded(0).getType());
  int64_t rank = type.getRank();
  TileEmitter emitter(kernel, TileDomain());
  SmallVector<Piece> indices(rank);

  RowBlocks blocks = backend.mapBlocks(rank > 0 ? type.getDimSize(rank - 1) : 1, storageType(type.getElementType()));
  SmallVector<AffineExpr> grid(3, kernel.expression(1));
  auto block = [&](int64_t dim, unsigned gridDim, int64_t size) {
    Value origin = kernel.mul(tile::ProgramIdOp::create(at, gridDim), kernel.constant(size));
    unsigned tileDim =
        emitter.getDomain().addDimension(size, origin, kernel.sub(kernel.value(result.sizes[dim]), origin));
    indices[dim] = emitter.coordinate(tileDim);
    grid[gridDim] = result.sizes[dim].ceilDiv(size);
  };
  if (rank >= 2)
    block(rank - 2, 1, blocks.rows);
  if (rank >= 1)
    block(rank - 1, 0, blocks.columns);
  if (rank >= 3) {
    ArrayRef<AffineExpr> outer = ArrayRef(result.sizes).drop_back(2);
    for (auto [dim, value] : llvm::enumerate(kernel.delinearise(tile::ProgramIdOp::create(at, 2), outer)))
      indices[dim] = Piece::uniform(value);
    for (AffineExpr size : outer)
      grid[2] = grid[2] * size;
  }

  AffineExpr elements = kernel.expression(1);
  for (AffineExpr size : result.sizes)
    elements = elements * size;
  for (unsigned position = 0; position < kernel.source().getNumResults(); ++position) {
    FailureOr<Piece> piece = emitter.read(kernel.yielded(position), indices);
    if (failed(piece) || failed(emitter.write(position, *piece, indices)))
      return failure();
  }
  if (std::optional<unsigned> state = stateOf(kernel.source()))
    kernel.tie(*state);
  kernel.finish(grid, elements,
                {at.getNamedAttr("block_rows", at.getI64IntegerAttr(rank >= 2 ? blocks.rows : 1)),
                 at.getNamedAttr("block_columns", at.getI64IntegerAttr(blocks.columns))});
  return success();
}
