#include "backends/simt/SimtBackend.h"

#include "backends/ShareKernels.h"
#include "backends/simt/KernelVariant.h"
#include "dialects/simt/Simt.h"
#include "dialects/tile/Tile.h"

#include "llvm/Support/MathExtras.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/raw_ostream.h"

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

/// An instruction by which groups of warps multiply such elements, or null.
static const tile::Atom *groupAtomFor(const SimtTarget &chip, Type element) {
  auto *atom =
      llvm::find_if(chip.groupAtoms, [&](const tile::Atom &each) { return each.operand == tile::elementOf(element); });
  return atom == chip.groupAtoms.end() ? nullptr : atom;
}

/// Where groups of warps multiply: the rows of one instruction for each group, and as many keys as leave room for two
/// blocks of keys and values on their way. None where the rows do not fill the groups, or registers hold no such rows.
static std::optional<AttendBlocks> groupBlocks(const SimtTarget &chip, int64_t rows, int64_t depth, Type element) {
  const tile::Atom *atom = groupAtomFor(chip, element);
  if (!atom)
    return std::nullopt;
  int64_t warps = depth <= 64 ? chip.warps + atom->warps() : chip.warps;
  int64_t block = atom->m * (warps / atom->warps());
  bool isShort = !ShapedType::isDynamic(rows) && rows <= block / 2;
  if (isShort || depth > mostGroupDepth)
    return std::nullopt;
  return AttendBlocks{block, depth > 128 ? 64 : 128, /*depthGranule=*/16, warps};
}

MachineTraits SimtBackend::traits() const {
  const SimtTarget &chip = chips().front();
  return {chip.abilities.fusedMultiplyAdd, chip.cacheBytes, chip.processors};
}

/// The depth is staged in chunks; the query, a block of keys or values, and the weights share the memory. Wide heads
/// have fewer rows a block.
AttendBlocks SimtBackend::attendBlocks(int64_t rows, int64_t keyDepth, int64_t valueDepth, Type element) const {
  const SimtTarget &chip = chips().front();
  if (std::optional<AttendBlocks> blocks = groupBlocks(chip, rows, std::max(keyDepth, valueDepth), element))
    return *blocks;
  auto depth = std::min<int64_t>(llvm::PowerOf2Ceil(std::max(keyDepth, valueDepth)), 128);
  int64_t block = 64;
  while (block > 16 && 4 * 4 * block * std::max(depth, block) > chip.sharedBytes)
    block /= 2;
  int64_t rowBlock = block;
  while (rowBlock > 16 && rowBlock * valueDepth > outputsOfLane * chip.lanes * chip.warps)
    rowBlock /= 2;
  // Scores and operands share the registers that outputs leave. Two narrow elements come in one, so more are at hand.
  if (int64_t width = std::max(keyDepth, valueDepth); width > 128)
    block = std::min<int64_t>(block, width > 256 && element.getIntOrFloatBitWidth() <= 16 ? 16 : 32);
  return {fit(rowBlock, rows), block, /*depthGranule=*/16};
}

/// One instruction in rows. A processor has several such programs, so that loads of some are on their way while others
/// compute; of parts there are several times as many, so that the last ones end about together.
std::optional<FewRowBlocks> SimtBackend::fewRowBlocks(int64_t rows, int64_t keyDepth, int64_t valueDepth,
                                                      Type element) const {
  constexpr int64_t rowsOfBlock = 16, mostBlocks = 4, usualProcessors = 64, programsOfProcessor = 32, leastKeys = 128;
  const SimtTarget &chip = chips().front();
  AttendBlocks blocks = attendBlocks(rowsOfBlock, keyDepth, valueDepth, element);
  blocks.rows = fit(rowsOfBlock, rows);
  int64_t processors = chip.processors == 0 ? usualProcessors : chip.processors;
  return FewRowBlocks{blocks, mostBlocks * rowsOfBlock, processors * programsOfProcessor, leastKeys};
}

/// Whether blocks waste little of a dimension; of one that is known at run time only it is hoped.
static bool divides(int64_t block, int64_t size) {
  constexpr int64_t mostWaste = 8; // one part in so many
  return ShapedType::isDynamic(size) || int64_t(llvm::alignTo(size, block)) - size <= size / mostWaste;
}

SmallVector<MatmulBlocks> SimtBackend::matmulBlocks(int64_t rows, int64_t columns, int64_t depth, Type element) const {
  const SimtTarget &chip = chips().front();
  SmallVector<MatmulBlocks> choices;
  if (groupAtomFor(chip, element))
    for (const MatmulBlocks &each : chip.groupBlocks)
      if (divides(each.rows, rows) && divides(each.columns, columns) && divides(each.depth, depth))
        choices.push_back(each);
  choices.push_back({fit(64, rows), fit(64, columns), fit(32, depth)});
  return choices;
}

RowBlocks SimtBackend::rowBlocks(int64_t columns) const {
  const SimtTarget &chip = chips().front();
  return {chip.warps, fit(8 * chip.lanes, columns)};
}

RowBlocks SimtBackend::mapBlocks(int64_t columns) const {
  const SimtTarget &chip = chips().front();
  int64_t elements = 4 * chip.lanes * chip.warps, block = fit(elements, columns);
  return {elements / block, block};
}

static void dump(ModuleOp module, StringRef folder, StringRef name) {
  if (folder.empty())
    return;
  llvm::SmallString<128> path(folder);
  llvm::sys::path::append(path, name);
  std::error_code error;
  llvm::raw_fd_ostream stream(path, error);
  if (!error)
    stream << module;
}

/// What goes into images of its own: everything together, or each kernel.
std::vector<OwningOpRef<ModuleOp>> SimtBackend::splitForImages(OwningOpRef<ModuleOp> lanes) const {
  std::vector<OwningOpRef<ModuleOp>> parts;
  if (!wantsImagePerKernel()) {
    parts.push_back(std::move(lanes));
    return parts;
  }
  for (auto kernel : lanes->getOps<KernelOp>()) {
    parts.push_back(ModuleOp::create(lanes->getLoc()));
    parts.back()->push_back(kernel->clone());
  }
  return parts;
}

using EntriesByKernel = std::map<std::string, std::vector<KernelEntry>>;

static EntriesByKernel entriesOf(ModuleOp lanes) {
  EntriesByKernel entries;
  for (auto kernel : lanes.getOps<KernelOp>())
    entries[entryOf(kernel).kernel].push_back(entryOf(kernel));
  return entries;
}

std::optional<int64_t> simt::workgroupsAtOnce(const Processor &processor, const KernelResources &resources,
                                              int64_t sharedBytes) {
  if (processor.schedulers == 0 || resources.warps == 0 || !resources.registers)
    return std::nullopt;
  int64_t registers = llvm::alignTo(std::max<int64_t>(*resources.registers, 1), processor.registerGranule);
  int64_t warps = processor.schedulers * std::min(processor.warps, processor.registers / registers);
  int64_t shared = llvm::alignTo(sharedBytes + processor.sharedReserve, processor.sharedGranule);
  int64_t workgroups = std::min(processor.workgroups, warps / resources.warps);
  return shared == 0 ? workgroups : std::min(workgroups, processor.sharedBytes / shared);
}

static void addFacts(KernelEntry &entry, const GeneratedImage &image, const SimtTarget &chip) {
  auto found = image.facts.find(entry.symbol);
  if (found == image.facts.end())
    return;
  KernelResources &resources = entry.resources;
  resources.registers = found->second.registers;
  resources.localBytes = found->second.localBytes;
  resources.staticSharedBytes = found->second.sharedBytes;
  resources.workgroupsAtOnce =
      workgroupsAtOnce(chip.processor, resources, entry.sharedBytes + resources.staticSharedBytes);
}

/// Images that hold kernels each of which stands for one or more of the plan.
static void addImages(CompiledKernels &compiled, std::vector<GeneratedImage> images, EntriesByKernel entries,
                      const std::map<std::string, std::string> &standsFor, const SimtTarget &chip) {
  for (GeneratedImage &generated : images) {
    for (const auto &[kernel, original] : standsFor)
      for (KernelEntry entry : entries[original]) {
        entry.kernel = kernel;
        entry.image = static_cast<unsigned>(compiled.images.size());
        addFacts(entry, generated, chip);
        compiled.entries.push_back(std::move(entry));
      }
    compiled.images.push_back(std::move(generated.image));
  }
}

FailureOr<CompiledKernels> SimtBackend::compile(ModuleOp kernels, StringRef dumpDirectory) const {
  CompiledKernels compiled;
  OwningOpRef<ModuleOp> distinct = kernels.clone();
  std::map<std::string, std::string> standsFor = shareEqualKernels(*distinct);
  for (const SimtTarget &chip : chips()) {
    FailureOr<OwningOpRef<ModuleOp>> lanes = lowerTiles(*distinct, chip);
    if (failed(lanes))
      return failure();
    dump(**lanes, dumpDirectory, "simt.mlir");
    for (OwningOpRef<ModuleOp> &part : splitForImages(std::move(*lanes))) {
      EntriesByKernel entries = entriesOf(*part); // generating changes the module
      FailureOr<std::vector<GeneratedImage>> images = generate(*part, chip, dumpDirectory);
      if (failed(images))
        return failure();
      addImages(compiled, std::move(*images), std::move(entries), standsFor, chip);
    }
  }
  return compiled;
}

FailureOr<std::string> SimtBackend::printCode(ModuleOp kernels, StringRef level) const {
  std::string text;
  OwningOpRef<ModuleOp> distinct = kernels.clone();
  shareEqualKernels(*distinct);
  for (const SimtTarget &chip : chips()) {
    FailureOr<OwningOpRef<ModuleOp>> lanes = lowerTiles(*distinct, chip);
    if (failed(lanes))
      return failure();
    FailureOr<std::string> printed = print(**lanes, chip, level);
    if (failed(printed))
      return failure();
    text += *printed;
  }
  return text;
}
