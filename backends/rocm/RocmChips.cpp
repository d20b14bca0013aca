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

/// CDNA: a compute unit. RDNA: two of them, over which a workgroup may spread; each of the four units has registers for
/// waves of 32 lanes.
static simt::Processor processorOf(const RocmChip &chip) {
  bool isCdna = chip.lanes == 64;
  simt::Processor processor;
  processor.schedulers = 4;
  processor.registers = isCdna ? 512 : 1536;
  processor.registerGranule = isCdna ? 8 : 24;
  processor.warps = isCdna ? 8 : 16;
  processor.workgroups = isCdna ? 16 : 32;
  processor.sharedBytes = chip.sharedKiB * 1024 * (isCdna ? 1 : 2);
  processor.sharedGranule = chip.sharedKiB > 64 ? 1280 : isCdna ? 512 : 1024;
  return processor;
}

simt::SimtTarget heed::rocm::describe(const RocmChip &chip) {
  simt::SimtTarget target;
  target.chip = chip.name.str();
  target.lanes = chip.lanes;
  target.maximumThreads = 1024;
  target.sharedBytes = chip.sharedKiB * 1024;
  target.registers = 160;
  target.abilities.warpBarriers = true;
  target.abilities.fusedMultiplyAdd = true;
  target.abilities.infinities = true;
  target.atoms = atomsOf(chip.name);
  target.processor = processorOf(chip);
  return target;
}
