/// The AMD chips kernels can be made for.
#pragma once

#include "backends/simt/SimtTarget.h"

namespace heed::rocm {

/// What lanes can say to each other without shared memory.
enum class LaneExchange {
  cdna,  ///< DPP within rows of 16 lanes, swizzles
  cdna4, ///< and swaps of halves of the wave
  rdna,  ///< DPP with any mask within rows, exchange of rows
};

struct RocmChip {
  llvm::StringRef name; ///< "gfx942"
  int64_t lanes;        ///< of a wave
  int64_t sharedKiB;    ///< a workgroup may use
  LaneExchange exchange;
};

llvm::ArrayRef<RocmChip> rocmChips();
/// "gfx90a, gfx942, ..".
std::string rocmChipNames();

simt::SimtTarget describe(const RocmChip &chip);

} // namespace heed::rocm
