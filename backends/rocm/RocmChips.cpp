#include "backends/rocm/RocmChips.h"

#include "backends/rocm/Atoms.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"

using namespace heed;
using namespace heed::rocm;

llvm::ArrayRef<RocmChip> heed::rocm::rocmChips() {
  static constexpr RocmChip chips[] = {
      {"gfx90a", 64, 64, LaneExchange::cdna},   {"gfx942", 64, 64, LaneExchange::cdna},
      {"gfx950", 64, 160, LaneExchange::cdna4}, {"gfx1100", 32, 64, LaneExchange::rdna},
      {"gfx1151", 32, 64, LaneExchange::rdna},  {"gfx1200", 32, 64, LaneExchange::rdna},
      {"gfx1201", 32, 64, LaneExchange::rdna},
  };
  return chips;
}

std::string heed::rocm::rocmChipNames() {
  return llvm::join(llvm::map_range(rocmChips(), [](const RocmChip &chip) { return chip.name; }), ", ");
}

simt::SimtTarget heed::rocm::describe(const RocmChip &chip) {
  simt::SimtTarget target;
  target.chip = chip.name.str();
  target.lanes = chip.lanes;
  target.maximumThreads = 1024;
  target.sharedBytes = chip.sharedKiB * 1024;
  target.registers = 160;
  target.abilities.fusedMultiplyAdd = true;
  target.atoms = atomsOf(chip.name);
  return target;
}
