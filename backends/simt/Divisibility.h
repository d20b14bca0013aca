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
      : view(op.getView()), indices(op.getIndices()), dims(op.getDims()), extents(op.getExtents()), tile(op.getType()) {
  }
  explicit ViewAccess(tile::StoreOp op)
      : view(op.getView()), indices(op.getIndices()), dims(op.getDims()), extents(op.getExtents()),
        tile(llvm::cast<mlir::RankedTensorType>(op.getTile().getType())) {}

  mlir::MemRefType viewType() const { return llvm::cast<mlir::MemRefType>(view.getType()); }
  /// The tile dimension whose elements are neighbours in the view, if there is one.
  std::optional<unsigned> contiguousDim() const;

  mlir::Value view;
  mlir::OperandRange indices;
  llvm::ArrayRef<int64_t> dims;
  mlir::OperandRange extents;
  mlir::RankedTensorType tile;
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
  int64_t compute(mlir::Value number) const;
  int64_t ofArgument(mlir::BlockArgument argument) const;
  int64_t ofCarried(mlir::Value carried, mlir::Value first, mlir::Value next) const;

  int64_t baseAlignment;
  mutable llvm::DenseMap<mlir::Value, int64_t> known;
};

} // namespace heed::simt
