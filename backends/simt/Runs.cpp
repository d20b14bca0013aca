#include "backends/simt/Runs.h"

#include "llvm/ADT/STLExtras.h"

using namespace heed;
using namespace heed::simt;
using tile::Layout;

static bool isRun(const Layout &layout, llvm::ArrayRef<int64_t> registers, unsigned dim) {
  tile::Coordinates expected = layout.registerOffset(registers[0]);
  if (expected[dim] % int64_t(registers.size()) != 0)
    return false;
  for (int64_t reg : registers) {
    if (layout.registerOffset(reg) != expected)
      return false;
    ++expected[dim];
  }
  return true;
}

llvm::SmallVector<Run> simt::runsAlong(const Layout &layout, llvm::ArrayRef<int64_t> registers, unsigned dim,
                                       int64_t widest) {
  auto startsAligned = [&](const tile::Coordinates &base) { return base[dim] % widest == 0; };
  while (widest > 1 && !(layout.isSeparable() && llvm::all_of(layout.laneBases(), startsAligned) &&
                         llvm::all_of(layout.warpBases(), startsAligned)))
    widest /= 2;
  llvm::SmallVector<Run> runs;
  for (size_t first = 0; first < registers.size(); first += runs.back().width) {
    int64_t width = widest;
    while (width > 1 && (first + width > registers.size() || !isRun(layout, registers.slice(first, width), dim)))
      width /= 2;
    runs.push_back({first, width});
  }
  return runs;
}

llvm::SmallVector<int64_t> simt::allRegisters(const Layout &layout) {
  return llvm::to_vector(llvm::seq<int64_t>(0, layout.numRegisters()));
}
