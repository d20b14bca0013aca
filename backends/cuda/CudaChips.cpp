#include "backends/cuda/CudaChips.h"

#include "backends/cuda/Atoms.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"

using namespace heed;
using namespace heed::cuda;

llvm::ArrayRef<CudaChip> heed::cuda::cudaChips() {
  static constexpr CudaChip chips[] = {
      {"sm_80", 70, 163, 108, 24, 64, 32},   {"sm_86", 71, 99, 84, 2, 48, 16},
      {"sm_87", 74, 163, 16, 4, 48, 16},     {"sm_89", 78, 99, 128, 24, 48, 24},
      {"sm_90", 78, 227, 132, 50, 64, 32},   {"sm_90a", 80, 227, 132, 50, 64, 32},
      {"sm_100", 86, 227, 148, 126, 64, 32}, {"sm_100a", 86, 227, 148, 126, 64, 32},
      {"sm_120", 87, 99, 170, 24, 48, 24},   {"sm_120a", 87, 99, 170, 24, 48, 24},
  };
  return chips;
}

const CudaChip *heed::cuda::findCudaChip(llvm::StringRef name) {
  auto *chip = llvm::find_if(cudaChips(), [&](const CudaChip &each) { return each.name == name; });
  return chip == cudaChips().end() ? nullptr : chip;
}

std::string heed::cuda::cudaChipNames() {
  return llvm::join(llvm::map_range(cudaChips(), [](const CudaChip &chip) { return chip.name; }), ", ");
}

static simt::Processor processorOf(const CudaChip &chip) {
  simt::Processor processor;
  processor.schedulers = 4;
  processor.registers = 512;
  processor.registerGranule = 8;
  processor.warps = chip.warps / processor.schedulers;
  processor.workgroups = chip.workgroups;
  processor.sharedReserve = 1024;
  processor.sharedBytes = chip.sharedKiB * 1024 + processor.sharedReserve;
  processor.sharedGranule = 128;
  return processor;
}

/// Clocks of a processor that has so many: products wait for shared memory no longer, whose vectors serve eight rows
/// and eight columns of a lane (tests/perf/NOTES.md). Where there is little of it, two slots of short steps.
static llvm::ArrayRef<simt::TimedBlocks> laneBlocksOf(const CudaChip &chip) {
  static const simt::TimedBlocks ofFourWarps[] = {{128, 64, 32, 15400, 3}, {64, 64, 32, 11700, 4}},
                                 ofLittleMemory[] = {{128, 64, 16, 4900, 3}, {64, 64, 16, 4100, 4}},
                                 ofEightWarps[] = {
                                     {128, 128, 32, 10400, 2}, {128, 96, 32, 8000, 2}, {64, 64, 32, 4800, 2}};
  if (!warpgroupAtomsOf(chip.name).empty())
    return ofEightWarps;
  if (chip.sharedKiB < 128)
    return ofLittleMemory;
  return ofFourWarps;
}

/// As measured on an H100 (tests/perf/NOTES.md); others have what was measured before launches merged parts by
/// themselves.
static simt::FewRows fewRowsOf(const CudaChip &chip) {
  if (llvm::StringRef(chip.name).starts_with("sm_90"))
    return {.warps = 4, .keys = 64, .keysOfPart = 224, .mergedValues = 128};
  return {.warps = 2};
}

simt::SimtTarget heed::cuda::describe(const CudaChip &chip) {
  simt::SimtTarget target;
  target.chip = chip.name.str();
  target.lanes = 32;
  target.maximumThreads = 1024;
  target.sharedBytes = chip.sharedKiB * 1024;
  target.registers = 160;
  target.processors = chip.processors;
  // The large ones are two halves, and what both halves' processors read is in both.
  target.cacheBytes = (chip.cacheMiB << 20) / 2;
  // Chips of a name that ends in a letter have what only that generation has. 8.0 is the first version of PTX with the
  // instructions of barriers that count bytes.
  bool isHopperOrLater = chip.ptx >= 80;
  target.abilities = {.asynchronousCopies = true,
                      .loadMatrix = true,
                      .namedBarriers = true,
                      .warpBarriers = true,
                      .votes = true,
                      .sharedBarriers = isHopperOrLater,
                      .tensorCopies = isHopperOrLater,
                      .movableRegisters = isHopperOrLater && chip.name.ends_with("a"),
                      .residentWorkgroups = true,
                      .overlappingLaunches = isHopperOrLater,
                      .arrivals = true,
                      .fusedMultiplyAdd = true,
                      .infinities = true};
  target.fewRows = fewRowsOf(chip);
  target.laneBlocks = laneBlocksOf(chip);
  target.processor = processorOf(chip);
  target.atoms = atomsOf(chip.name);
  target.groupAtoms = warpgroupAtomsOf(chip.name);
  if (!target.groupAtoms.empty()) {
    // Two or three groups that multiply and one that copies share the 64 Ki registers of a processor.
    static const simt::RoleRegisters registers[] = {{8, 56, 224}, {8, 24, 240}, {8, 40, 232}, {12, 32, 160}};
    target.warps = 8;
    target.producerWarps = 4;
    target.roleRegisters = registers;
    // Clocks on an H100, as products of whole rounds took (tests/perf/NOTES.md).
    static const simt::TimedBlocks blocks[] = {{128, 256, 64, 1345, 1}, {128, 128, 64, 790, 1}, {128, 64, 64, 840, 1}};
    target.groupBlocks = blocks;
    target.blockTime = 6000;
    target.blocks = {64, 64, 32, 780, 2};
    // The last weights are multiplied with values while the lanes make weights of the next scores, and the products of
    // one group run under the exponentials of the other. Sums are rescaled when nothing runs, before the group's turn.
    static const tile::PartSchedule schedule[] = {{"scores", 0, /*takesTurn=*/true},
                                                  {"product", 1, /*takesTurn=*/true},
                                                  {"mask", 0},
                                                  {"normalise", 0},
                                                  {"rescale", 0}};
    target.schedule = schedule;
  }
  return target;
}
