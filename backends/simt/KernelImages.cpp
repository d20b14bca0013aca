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

struct SimtBackend::Part {
  OwningOpRef<ModuleOp> lanes;
  EntriesByKernel entries;
  std::vector<GeneratedImage> images; ///< empty: not made yet
};

static EntriesByKernel entriesOf(ModuleOp lanes) {
  EntriesByKernel entries;
  for (auto kernel : lanes.getOps<KernelOp>())
    entries[entryOf(kernel).kernel].push_back(entryOf(kernel));
  return entries;
}

/// As far as the images say.
static bool keepsValuesInRegisters(ArrayRef<GeneratedImage> images) {
  return llvm::all_of(images, [](const GeneratedImage &image) {
    return image.warning.empty() &&
           llvm::all_of(image.facts, [](const auto &fact) { return fact.second.localBytes == 0; });
  });
}

/// The most that a lane keeps in memory.
static int64_t localBytesOf(ArrayRef<GeneratedImage> images) {
  int64_t most = 0;
  for (const GeneratedImage &image : images)
    for (const auto &fact : image.facts)
      most = std::max(most, fact.second.localBytes);
  return most;
}

/// Whether two kernels differ by name alone, as where a choice is about what neither does.
static bool haveSameCode(KernelOp kernel, KernelOp other) {
  return kernel.getThreads() == other.getThreads() && kernel.getSharedBytes() == other.getSharedBytes() &&
         OperationEquivalence::isRegionEquivalentTo(&kernel.getBody(), &other.getBody(),
                                                    OperationEquivalence::IgnoreLocations);
}

static bool haveSameCode(ModuleOp lanes, ModuleOp others) {
  auto kernels = llvm::to_vector(lanes.getOps<KernelOp>()), known = llvm::to_vector(others.getOps<KernelOp>());
  return llvm::equal(kernels, known, [](KernelOp kernel, KernelOp other) { return haveSameCode(kernel, other); });
}

static bool isCrowded(ModuleOp lanes) {
  return llvm::any_of(lanes.getOps<KernelOp>(), [](KernelOp kernel) { return kernel->hasAttr(crowdedAttrName); });
}

/// The first of these kernels whose values fit the registers, and whose tiles fit the shared memory unless it is the
/// last; else the last of those that keep least in memory; none where there is code of none. What a machine has no
/// roles for has the same code for every division of registers.
FailureOr<std::optional<SimtBackend::Part>>
SimtBackend::chooseFitting(ArrayRef<tile::KernelOp> choices, const SimtTarget &chip, StringRef dumpDirectory) const {
  std::optional<Part> chosen;
  OwningOpRef<ModuleOp> last;
  for (tile::KernelOp kernel : choices) {
    OwningOpRef<ModuleOp> alone = ModuleOp::create(kernel.getLoc());
    alone->push_back(kernel->clone());
    FailureOr<OwningOpRef<ModuleOp>> lanes = lowerTiles(*alone, chip);
    if (failed(lanes))
      return failure();
    bool isPassedOver = isCrowded(**lanes) && kernel != choices.back();
    if ((*lanes)->getOps<KernelOp>().empty() || isPassedOver || (last && haveSameCode(lanes->get(), last.get())))
      continue;
    last = (*lanes)->clone(); // generating changes it
    Part part{std::move(*lanes), {}, {}};
    part.entries = entriesOf(*part.lanes);
    dump(*part.lanes, dumpDirectory, (kernel.getSymName() + ".simt.mlir").str());
    OwningOpRef<ModuleOp> copy = part.lanes->clone();
    FailureOr<std::vector<GeneratedImage>> images = generate(*copy, chip, dumpDirectory);
    if (failed(images))
      return failure();
    part.images = std::move(*images);
    bool fits = keepsValuesInRegisters(part.images);
    if (fits || !chosen || localBytesOf(part.images) <= localBytesOf(chosen->images))
      chosen = std::move(part);
    if (fits)
      break;
  }
  return chosen;
}

/// All lane programs. Images are there already of what was chosen by them.
FailureOr<std::vector<SimtBackend::Part>> SimtBackend::makeParts(ModuleOp kernels, const SimtTarget &chip,
                                                                 StringRef dumpDirectory) const {
  std::vector<Part> parts;
  OwningOpRef<ModuleOp> others = ModuleOp::create(kernels.getLoc());
  auto all = llvm::to_vector(kernels.getOps<tile::KernelOp>());
  bool isServed = false;
  for (auto *next = all.begin(); next != all.end();) {
    auto *end = std::next(next);
    auto conditions = (*next)->getAttrOfType<IntegerAttr>(tile::alternativeAttrName);
    if (!conditions || conditions.getInt() != 0) {
      Operation *copy = (*next)->clone();
      if (isServed)
        copy->setAttr(servedAttrName, UnitAttr::get(copy->getContext()));
      others->push_back(copy);
      isServed = false;
    } else {
      while (end != all.end() && (*end)->hasAttr(tile::standsInAttrName))
        ++end;
      FailureOr<std::optional<Part>> chosen = chooseFitting(ArrayRef(next, end), chip, dumpDirectory);
      if (failed(chosen))
        return failure();
      if ((isServed = chosen->has_value()))
        parts.push_back(std::move(**chosen));
    }
    next = end;
  }
  FailureOr<OwningOpRef<ModuleOp>> lanes = lowerTiles(*others, chip);
  if (failed(lanes))
    return failure();
  dump(**lanes, dumpDirectory, "simt.mlir");
  for (OwningOpRef<ModuleOp> &split : splitForImages(std::move(*lanes))) {
    EntriesByKernel entries = entriesOf(*split);
    parts.push_back({std::move(split), std::move(entries), {}});
  }
  return parts;
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
    FailureOr<std::vector<Part>> parts = makeParts(*distinct, chip, dumpDirectory);
    if (failed(parts))
      return failure();
    for (Part &part : *parts) {
      if (part.images.empty()) {
        FailureOr<std::vector<GeneratedImage>> images = generate(*part.lanes, chip, dumpDirectory);
        if (failed(images))
          return failure();
        part.images = std::move(*images);
      }
      for (const GeneratedImage &image : part.images)
        if (!image.warning.empty())
          kernels.emitWarning(image.warning);
      addImages(compiled, std::move(part.images), std::move(part.entries), standsFor, chip);
    }
  }
  return compiled;
}

FailureOr<std::string> SimtBackend::printCode(ModuleOp kernels, StringRef level) const {
  std::string text;
  OwningOpRef<ModuleOp> distinct = kernels.clone();
  shareEqualKernels(*distinct);
  for (const SimtTarget &chip : chips()) {
    FailureOr<std::vector<Part>> parts = makeParts(*distinct, chip, /*dumpDirectory=*/"");
    if (failed(parts))
      return failure();
    for (Part &part : *parts) {
      FailureOr<std::string> printed = print(*part.lanes, chip, level);
      if (failed(printed))
        return failure();
      text += *printed;
    }
  }
  return text;
}
