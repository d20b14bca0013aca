/// What programs have in common that combine the rows of a tensor along their columns: the block that a program is at,
/// and the sweeps over its columns.
///
/// A row that fits into one block of columns is read once and stays in a tile; a longer one is read again by every
/// sweep over it.
#pragma once

#include "backends/Backend.h"
#include "compiler/kernel/KernelBuilder.h"
#include "compiler/kernel/TileEmitter.h"

namespace heed {

/// Rows and columns of a tensor, chosen among its dimensions, and the sweeps over a row.
class RowFrame {
public:
  /// Domain dimensions of a row kernel.
  enum Dimension : int64_t { Rows = 0, Columns = 1 };

  RowFrame(KernelBuilder &kernel, RowBlocks blocks, llvm::ArrayRef<mlir::AffineExpr> sizes, unsigned columnDim)
      : kernel(kernel), at(kernel.at()), blocks(blocks), emitter(kernel, TileDomain()), sizes(sizes),
        columnDim(columnDim) {
    open();
  }

  /// Indices of the block in the tensor the frame was made for.
  llvm::ArrayRef<Piece> indices() const { return iteration; }
  bool isOneBlock() const {
    auto columns = mlir::dyn_cast<mlir::AffineConstantExpr>(sizes[columnDim]);
    return columns && columns.getValue() <= blocks.columns;
  }
  mlir::RankedTensorType rowType() { return emitter.tileType(at.getF32Type(), {Rows}); }
  mlir::RankedTensorType blockType() { return emitter.tileType(at.getF32Type(), {Rows, Columns}); }
  mlir::Value splat(double value, mlir::RankedTensorType type);
  mlir::Value overColumns(mlir::Value rowTile) {
    return emitter.spread(TileEmitter::tile(rowTile, {Rows}), {Rows, Columns});
  }
  mlir::Value columnExtent() { return emitter.getDomain().extents[Columns]; }
  mlir::Value reduce(tile::Combine combine, mlir::Value block);
  /// What lies at `indices` of the tensor, in f32, over the whole block.
  mlir::FailureOr<mlir::Value> readFloat(mlir::Value tensor, llvm::ArrayRef<Piece> indices);

  /// Runs `body` for each block of columns with the carried row tiles; in place when there is one block.
  mlir::FailureOr<llvm::SmallVector<mlir::Value>>
  sweep(mlir::ValueRange carried,
        llvm::function_ref<mlir::FailureOr<llvm::SmallVector<mlir::Value>>(mlir::ValueRange)> body);
  /// Stores the kernel's results for the block of columns at hand.
  mlir::LogicalResult store();
  /// Ends the kernel.
  void finish(mlir::AffineExpr flopsPerElement);

  KernelBuilder &kernel;
  mlir::ImplicitLocOpBuilder &at;
  RowBlocks blocks;
  TileEmitter emitter;

private:
  void open();

  llvm::SmallVector<mlir::AffineExpr> sizes;
  unsigned columnDim;
  std::optional<unsigned> rowDim;
  llvm::SmallVector<unsigned> outer;
  llvm::SmallVector<Piece> iteration;
};

} // namespace heed
