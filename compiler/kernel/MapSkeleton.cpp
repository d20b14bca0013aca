/// Index-mapped work without a reduction: one block of the result, computed from whatever its body reads.
#include "compiler/kernel/Skeletons.h"
#include "compiler/kernel/TileEmitter.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"

using namespace mlir;
using namespace heed;

RowBlocks heed::mapBlocksOf(RankedTensorType type, const Backend &backend) {
  int64_t rank = type.getRank();
  RowBlocks blocks = backend.mapBlocks(rank > 0 ? type.getDimSize(rank - 1) : 1, storageType(type.getElementType()));
  if (rank >= 2 && !type.isDynamicDim(rank - 2))
    blocks.rows = std::min<int64_t>(blocks.rows, llvm::PowerOf2Ceil(std::max<int64_t>(type.getDimSize(rank - 2), 1)));
  return blocks;
}

/// Tiles the last dimension and the one before it; the grid walks the rest.
LogicalResult heed::buildMap(KernelBuilder &kernel, const Backend &backend) {
  ImplicitLocOpBuilder &at = kernel.at();
  const StoredView &result = kernel.resultView(0);
  auto type = cast<RankedTensorType>(kernel.yielded(0).getType());
  int64_t rank = type.getRank();
  TileEmitter emitter(kernel, TileDomain());
  SmallVector<Piece> indices(rank);

  RowBlocks blocks = mapBlocksOf(type, backend);
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
  kernel.finish(grid, elements,
                {at.getNamedAttr("block_rows", at.getI64IntegerAttr(rank >= 2 ? blocks.rows : 1)),
                 at.getNamedAttr("block_columns", at.getI64IntegerAttr(blocks.columns))});
  return success();
}
