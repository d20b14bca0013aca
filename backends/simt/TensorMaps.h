/// Tiles that a program can have copied as boxes of a tensor: operands that are tensors of up to five dimensions, read
/// up to their ends.
#pragma once

#include "backends/simt/Divisibility.h"
#include "dialects/simt/Simt.h"
#include "dialects/tile/SharedLayout.h"

#include <optional>

namespace heed::simt {

/// A tile as boxes, one a panel of its layout in shared memory; a box has all rows of a panel.
struct TensorBoxes {
  /// Panels of one width.
  struct Run {
    TensorMapAttr map;
    int64_t first;         ///< element of a row
    int64_t panels;        ///< boxes, one behind the other
    int64_t panelElements; ///< from the first element of a box to that of the next
  };
  llvm::SmallVector<Run, 2> runs;    ///< one behind the other
  llvm::SmallVector<unsigned> order; ///< dimensions of the view, as the maps have them

  int64_t bytes() const {
    int64_t sum = 0;
    for (const Run &run : runs)
      sum += run.panels * run.map.boxBytes();
    return sum;
  }
};

/// The boxes that bring the tile which `load` reads, as `layout` has it in shared memory. None when the view is no
/// tensor by the kernel's parameters alone, when the tile may end before the view does, or is filled with something
/// else than zeros there, or when no box lies as the layout wants it.
std::optional<TensorBoxes> planTensorBoxes(tile::KernelOp kernel, tile::LoadOp load, const tile::SharedLayout &layout);

/// Whether a scalar is a constant, positive zero.
bool isZero(mlir::Value scalar);

} // namespace heed::simt
