/// Registers of a lane that are neighbours along a dimension, so that one access can move them.
#pragma once

#include "dialects/tile/Layout.h"

namespace heed::simt {

/// `width` registers of a list from position `first` on.
struct Run {
  size_t first;
  int64_t width;
};

/// Splits a list of registers, in order, into runs of consecutive positions along `dim`. Widths are powers of two of at
/// most `widest`; every lane's run starts at a multiple of its width.
llvm::SmallVector<Run> runsAlong(const tile::Layout &layout, llvm::ArrayRef<int64_t> registers, unsigned dim,
                                 int64_t widest);

/// 0, 1, .. for all registers of a layout.
llvm::SmallVector<int64_t> allRegisters(const tile::Layout &layout);

} // namespace heed::simt
