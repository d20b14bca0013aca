#include "backends/simt/SimtBackend.h"

#include "llvm/Support/MathExtras.h"

#include <algorithm>

using namespace mlir;
using namespace heed;
using namespace heed::simt;

/// `size` when it is known and smaller than `block`, rounded up to a power of two; else `block`.
static int64_t fit(int64_t block, int64_t size) {
  if (ShapedType::isDynamic(size))
    return block;
  return std::min<int64_t>(block, llvm::PowerOf2Ceil(std::max<int64_t>(size, 1)));
}

/// Elements of the output that a lane may hold: more than these spill, or take minutes to compile for.
constexpr int64_t outputsOfLane = 64;
/// The widest value whose 64 rows fit the registers of a group beside their scores.
constexpr int64_t mostGroupDepth = 256;

/// Registers that a lane of a group needs at least: its sums, scores of the next block, 16-bit weights of this one, and
/// what addresses and rows take. Beside sums that take half of the registers, which lie one behind the other, none was
/// seen to do with fewer than 56 for that.
static int64_t leastRegisters(const AttendBlocks &blocks, int64_t valueDepth, const tile::Atom &atom,
                              const SimtTarget &chip) {
  int64_t lanes = atom.warps() * chip.lanes, scores = atom.m * blocks.keys / lanes;
  int64_t sums = atom.m * blocks.wholeWidth(valueDepth, /*isOfValues=*/true) / lanes;
  int64_t others = 2 * sums > chip.registersOfRoles(blocks.warps).consumer ? 56 : 28;
  return sums + scores + scores / 2 + others;
}

/// Elements that a row takes of shared memory: panels of 64, of which the last one may be narrower where instructions
/// do not read across.
static int64_t widthInPanels(int64_t width, bool isReadAcross) {
  constexpr int64_t panel = 64, narrowest = 16;
  int64_t rest = std::max<int64_t>(llvm::PowerOf2Ceil(width % panel), narrowest);
  if (width % panel == 0 || (isReadAcross && width > panel))
    return llvm::alignTo(width, panel);
  return width / panel * panel + rest;
}

/// Shared memory that its queries and two blocks of keys and values need at least.
static int64_t leastSharedBytes(const AttendBlocks &blocks, int64_t keyDepth, int64_t valueDepth, Type element) {
  int64_t ofKey = widthInPanels(keyDepth, /*isReadAcross=*/false),
          ofValue = widthInPanels(valueDepth, /*isReadAcross=*/true);
  int64_t elements = blocks.rows * ofKey + 2 * blocks.keys * (ofKey + ofValue);
  return elements * element.getIntOrFloatBitWidth() / 8;
}

/// Where groups of warps multiply: the rows of one instruction for each group. None where the rows do not fill the
/// groups, or registers hold no such rows.
SmallVector<AttendBlocks> SimtBackend::largerAttendBlocks(int64_t rows, int64_t keyDepth, int64_t valueDepth,
                                                          Type element) const {
  const SimtTarget &chip = chips().front();
  const tile::Atom *atom = chip.groupAtomFor(element);
  if (!atom)
    return {};
  int64_t depth = std::max(keyDepth, valueDepth), usual = chip.warps / atom->warps();
  if (depth > mostGroupDepth)
    return {};
  SmallVector<AttendBlocks> choices;
  auto add = [&](int64_t groups, int64_t keys, int64_t copyingRegisters) {
    AttendBlocks blocks{.rows = atom->m * groups,
                        .keys = keys,
                        .depthGranule = 16,
                        .valueGranule = 8,
                        .wholeDepth = mostGroupDepth,
                        .warps = groups * atom->warps(),
                        .copyingRegisters = copyingRegisters,
                        .groups = groups};
    int64_t registers = chip.registersOfRoles(blocks.warps, copyingRegisters).consumer;
    bool isShort = !ShapedType::isDynamic(rows) && rows <= blocks.rows / 2;
    if (!isShort && leastRegisters(blocks, valueDepth, *atom, chip) <= registers &&
        leastSharedBytes(blocks, keyDepth, valueDepth, element) <= chip.sharedBytes)
      choices.push_back(blocks);
  };
  // Narrow heads leave registers for a third group, which hides the exponentials of the others: beside as many keys as
  // may fit, and, for what masks and scores need, beside fewer. Each try costs the assembler's time.
  if (depth <= 80) {
    for (int64_t keys : {128, 112})
      if (choices.empty())
        add(usual + 1, keys, /*copyingRegisters=*/0);
    add(usual + 1, 96, /*copyingRegisters=*/0);
  }
  // Registers are short where the lanes multiply, or, with lengths and masks, where they copy.
  const RoleRegisters &ofUsual = chip.registersOfRoles(chip.warps);
  for (int64_t keys : {128, 64, 48, 32, 16}) {
    add(usual, keys, /*copyingRegisters=*/0);
    for (const RoleRegisters &other : chip.roleRegisters)
      if (other.warps == ofUsual.warps && other.producer != ofUsual.producer)
        add(usual, keys, other.producer);
  }
  return choices;
}

MachineTraits SimtBackend::traits() const {
  const SimtTarget &chip = chips().front();
  return {.fusedMultiplyAdd = chip.abilities.fusedMultiplyAdd,
          .sharedCacheBytes = chip.cacheBytes,
          .processors = chip.processors,
          .infinities = chip.abilities.infinities,
          .boundsLabels = true,
          .overlapsLaunches = chip.abilities.overlappingLaunches};
}

/// Whether lanes multiply such operands by themselves.
static bool usesMultiplyAdds(const SimtTarget &chip, Type element) {
  auto isFor = [&](const tile::Atom &each) { return each.operand == tile::elementOf(element); };
  return llvm::none_of(chip.atoms, isFor) && llvm::none_of(chip.groupAtoms, isFor);
}

/// The depth is staged in chunks; the query, a block of keys or values, and the weights share the memory. Wide heads
/// have fewer rows a block. Lanes that multiply by themselves are few, so that each has many scores for what it reads.
AttendBlocks SimtBackend::attendBlocks(int64_t rows, int64_t keyDepth, int64_t valueDepth, Type element) const {
  const SimtTarget &chip = chips().front();
  auto depth = std::min<int64_t>(llvm::PowerOf2Ceil(std::max(keyDepth, valueDepth)), 128);
  int64_t block = 64;
  while (block > 16 && 4 * 4 * block * std::max(depth, block) > chip.sharedBytes)
    block /= 2;
  constexpr int64_t fewWarps = 4;
  int64_t warps = usesMultiplyAdds(chip, element) ? std::min(chip.warps, fewWarps) : chip.warps;
  int64_t rowBlock = block;
  while (rowBlock > 16 && rowBlock * valueDepth > outputsOfLane * chip.lanes * warps)
    rowBlock /= 2;
  // Scores and operands share the registers that outputs leave. Two narrow elements come in one, so more are at hand.
  if (int64_t width = std::max(keyDepth, valueDepth); width > 128)
    block = std::min<int64_t>(block, width > 256 && element.getIntOrFloatBitWidth() <= 16 ? 16 : 32);
  AttendBlocks blocks{fit(rowBlock, rows), block, /*depthGranule=*/16};
  blocks.warps = warps == chip.warps ? 0 : warps;
  return blocks;
}

/// One instruction in rows. A processor has several such programs, so that loads of some are on their way while others
/// compute; of parts there are several times as many, so that the last ones end about together.
std::optional<FewRowBlocks> SimtBackend::fewRowBlocks(int64_t rows, int64_t keyDepth, int64_t valueDepth,
                                                      Type element) const {
  constexpr int64_t rowsOfBlock = 16, mostBlocks = 4, usualProcessors = 64, programsOfProcessor = 48;
  const SimtTarget &chip = chips().front();
  bool hasAtoms = llvm::any_of(
      chip.atoms, [&](const tile::Atom &each) { return each.operand == tile::elementOf(element) && each.m <= 16; });
  AttendBlocks blocks = attendBlocks(rowsOfBlock, keyDepth, valueDepth, element);
  blocks.warps = 0;
  blocks.rows = hasAtoms ? rowsOfBlock : fit(rowsOfBlock, rows);
  // Fragments of scores and weights take what is left of the registers beside so many outputs.
  int64_t outputs = blocks.rows * valueDepth, most = outputsOfLane * chip.lanes * chip.warps;
  if (hasAtoms ? outputs >= most : outputs > most) {
    blocks.warps = 2 * chip.warps;
    // Without matrix instructions a lane also holds what it multiplies.
    if (!hasAtoms)
      blocks.keys /= 2;
  }
  if (hasAtoms && chip.fewRows.warps != 0 && std::max(keyDepth, valueDepth) <= 128) {
    // What so few warps hold of scores beside outputs; and more programs copy ahead then.
    blocks.keys = std::min(blocks.keys, chip.fewRows.keys);
    blocks.warps = chip.fewRows.warps;
  }
  int64_t processors = chip.processors == 0 ? usualProcessors : chip.processors;
  int64_t lanes = chip.lanes * (blocks.warps == 0 ? chip.warps : blocks.warps);
  return FewRowBlocks{blocks, mostBlocks * rowsOfBlock, processors * programsOfProcessor, chip.fewRows.keysOfPart,
                      chip.abilities.arrivals ? chip.fewRows.mergedValues * lanes : 0};
}

/// Blocks with the time they take; at a depth that is not known, as for a usual one.
static MatmulBlocks timed(const SimtTarget &chip, const TimedBlocks &blocks, int64_t depth) {
  constexpr int64_t usualDepth = 2048;
  int64_t steps = llvm::divideCeil(ShapedType::isDynamic(depth) ? usualDepth : depth, blocks.depth);
  MatmulBlocks result{blocks.rows, blocks.columns, blocks.depth};
  result.time = steps * blocks.stepTime + chip.blockTime;
  result.atOnce = blocks.atOnce * chip.processors;
  result.workgroups = blocks.atOnce;
  return result;
}

/// Whether blocks waste little of a dimension; of one that is known at run time only it is hoped.
static bool divides(int64_t block, int64_t size) {
  constexpr int64_t mostWaste = 8; // one part in so many
  return ShapedType::isDynamic(size) || int64_t(llvm::alignTo(size, block)) - size <= size / mostWaste;
}

/// For few rows, which do not fill matrix instructions: programs read as much as keeps memory busy, and there are as
/// many as fill a machine. Elements that are neighbours in memory stay together.
static std::optional<MatmulBlocks> sumsOfLanes(const SimtTarget &chip, const MatmulShape &shape) {
  constexpr int64_t mostRows = 4, elements = 8192;
  bool isDynamic = ShapedType::isDynamic(shape.rows);
  if (!isDynamic && (shape.rows < 1 || shape.rows > mostRows))
    return std::nullopt;
  MatmulBlocks blocks{isDynamic ? 1 : shape.rows, /*columns=*/chip.warps, 0};
  blocks.areSumsOfLanes = true;
  blocks.mostRows = mostRows;
  if (!shape.isDepthContiguous) {
    bool isNarrow = !ShapedType::isDynamic(shape.columns) && shape.columns < 64 * chip.processors;
    blocks.columns = fit(isNarrow ? 16 : 64, shape.columns);
  }
  int64_t sums = blocks.rows * shape.products;
  blocks.depth = fit(elements / blocks.columns / int64_t(llvm::PowerOf2Ceil(sums)), shape.depth);
  return blocks;
}

SmallVector<MatmulBlocks> SimtBackend::matmulBlocks(const MatmulShape &shape) const {
  const SimtTarget &chip = chips().front();
  SmallVector<MatmulBlocks> choices;
  if (std::optional<MatmulBlocks> few = sumsOfLanes(chip, shape)) {
    choices.push_back(*few);
    if (few->rows == shape.rows)
      return choices;
  }
  bool usesLanes = shape.element.isF32() && !chip.laneBlocks.empty();
  ArrayRef<TimedBlocks> larger = usesLanes ? chip.laneBlocks.drop_back() : ArrayRef<TimedBlocks>();
  if (chip.groupAtomFor(shape.element))
    larger = chip.groupBlocks;
  bool isWhole = false; // in wider blocks
  for (TimedBlocks each : larger) {
    each.columns /= shape.products;
    bool wastesNothing = !ShapedType::isDynamic(shape.columns) && shape.columns % each.columns == 0;
    bool fitsColumns = wastesNothing || (!isWhole && divides(each.columns, shape.columns));
    isWhole |= wastesNothing;
    if (fitsColumns && divides(each.rows, shape.rows) && divides(each.depth, shape.depth))
      choices.push_back(timed(chip, each, shape.depth));
  }
  MatmulBlocks others = timed(chip, usesLanes ? chip.laneBlocks.back() : chip.blocks, shape.depth);
  others.columns /= shape.products;
  others.rows = fit(others.rows, shape.rows);
  others.columns = fit(others.columns, shape.columns);
  others.depth = fit(others.depth, shape.depth);
  choices.push_back(others);
  // Beside that many sums the assembler would rather load early than leave registers to another workgroup.
  if (!usesLanes)
    for (MatmulBlocks &each : choices)
      each.workgroups = 0;
  return choices;
}

/// Rows that registers hold are loaded once, by as many lanes as there are.
RowBlocks SimtBackend::rowBlocks(const RowShape &shape) const {
  constexpr int64_t ofLane = 16, mostOfLane = 32;
  const SimtTarget &chip = chips().front();
  int64_t lanes = chip.lanes * chip.warps, whole = llvm::PowerOf2Ceil(uint64_t(std::max<int64_t>(shape.columns, 1)));
  if (!shape.areReduced || ShapedType::isDynamic(shape.columns) || whole > mostOfLane * lanes)
    return {chip.warps, fit(8 * chip.lanes, shape.columns)};
  int64_t rows = fit(std::clamp<int64_t>(ofLane * lanes / whole, 1, chip.warps), shape.rows);
  // What is left of the last power of two are registers of their own, which lanes should share evenly.
  bool isEven = rows * (shape.columns & -shape.columns) >= 2 * lanes;
  return {rows, isEven ? shape.columns : whole};
}

/// A vector a lane.
RowBlocks SimtBackend::mapBlocks(int64_t columns, Type element) const {
  const SimtTarget &chip = chips().front();
  int64_t ofLane = std::max<int64_t>(4, 8 * chip.vectorBytes / element.getIntOrFloatBitWidth());
  int64_t elements = ofLane * chip.lanes * chip.warps, block = fit(elements, columns);
  return {elements / block, block};
}
