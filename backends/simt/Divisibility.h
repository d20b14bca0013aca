/// What is known to divide the numbers of a tile kernel, from which accesses of several elements at once follow.
#pragma once

#include "dialects/tile/Tile.h"

#include "llvm/ADT/DenseMap.h"

namespace heed::simt {

/// What a variant of a kernel relies on.
struct Promises {
  int64_t baseAlignment = 1; ///< of all base pointers, in bytes
  /// By number of the kernel's parameter: what divides it.
  llvm::SmallVector<std::pair<unsigned, int64_t>> parameters;
};

/// What would let a kernel move `vectorBytes` at once: aligned bases, strides that keep rows aligned, rows that end on
/// a vector.
Promises wantedPromises(tile::KernelOp kernel, int64_t vectorBytes);

/// A tile read from or written to a view.
struct ViewAccess {
  explicit ViewAccess(tile::LoadOp op)
      : view(op.getView()), indices(op.getIndices()), dims(op.getDims()), extents(op.getExtents()), fill(op.getFill()),
        tile(op.getType()) {}
  explicit ViewAccess(tile::StoreOp op)
      : view(op.getView()), indices(op.getIndices()), dims(op.getDims()), extents(op.getExtents()),
        tile(llvm::cast<mlir::RankedTensorType>(op.getTile().getType())) {}
  /// What reads `tile`: a load, or a gather of rows, whose indices along the dimension of stride one are neighbours and
  /// whose others do not change along it. None when it is anything else.
  static std::optional<ViewAccess> ofTile(mlir::Value tile);
  /// Any gather, as one of rows of which nothing is known.
  static ViewAccess ofElements(tile::GatherOp op) { return ViewAccess(op, {0, 0, {}}); }

  mlir::MemRefType viewType() const { return llvm::cast<mlir::MemRefType>(view.getType()); }
  /// The tile dimension whose elements are neighbours in the view, if there is one.
  std::optional<unsigned> contiguousDim() const;

  mlir::Value view;
  mlir::OperandRange indices;
  llvm::ArrayRef<int64_t> dims; ///< empty for a gather
  mlir::OperandRange extents;
  mlir::Value fill; ///< null: nothing is out of bounds
  mlir::RankedTensorType tile;
  /// Of a gather of rows: the dimensions of tile and view along which they run, and where they start in the view.
  struct Rows {
    unsigned tileDim, viewDim;
    mlir::Value origin;
  };
  std::optional<Rows> rows = {};

private:
  ViewAccess(tile::GatherOp op, Rows rows)
      : view(op.getView()), indices(op.getIndices()), extents(op->getOperands().take_front(0)), fill(op.getFill()),
        tile(op.getType()), rows(rows) {}
};

class Divisibility {
public:
  Divisibility(tile::KernelOp kernel, const Promises &promises);

  /// The greatest power of two known to divide the number; large for zero.
  int64_t of(mlir::Value number) const;
  /// Elements along the dimension of stride one that one access of a view may move, a power of two of at most
  /// `vectorBytes`; 1 when nothing is known.
  int64_t vectorWidth(const ViewAccess &access, int64_t vectorBytes) const;

private:
  int64_t gatherWidth(const ViewAccess &access, int64_t vectorBytes) const;
  int64_t compute(mlir::Value number) const;
  int64_t ofArgument(mlir::BlockArgument argument) const;
  int64_t ofCarried(mlir::Value carried, mlir::Value first, mlir::Value next) const;

  int64_t baseAlignment;
  mutable llvm::DenseMap<mlir::Value, int64_t> known;
};

} // namespace heed::simt
