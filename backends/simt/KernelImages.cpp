#include "backends/simt/SimtBackend.h"

#include "backends/Jobs.h"
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

using EntriesByKernel = std::map<std::string, std::vector<KernelEntry>>;

namespace {
/// Lane programs that share images.
struct Part {
  OwningOpRef<ModuleOp> lanes;
  EntriesByKernel entries;
  std::vector<GeneratedImage> images; ///< empty: not made yet
};

/// A kernel with those that may stand in for it where operands lie aligned, best first. Either may be missing.
struct Family {
  ArrayRef<tile::KernelOp> choices;
  tile::KernelOp usual;
};

/// What comes of a family.
struct Parts {
  std::optional<Part> chosen;
  std::vector<Part> usual;
};
} // namespace

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

namespace {
/// Lane programs of kernels, made as they are asked for.
class Choices {
public:
  Choices(ArrayRef<tile::KernelOp> kernels, const SimtTarget &chip) : kernels(kernels), chip(chip) {}

  /// The next that differ from the last, and whose tiles fit the shared memory unless they are the last of all. Null:
  /// there are no more. What a machine has no roles for has the same code for every division of registers.
  FailureOr<OwningOpRef<ModuleOp>> next() {
    while (!kernels.empty()) {
      tile::KernelOp kernel = kernels.consume_front();
      OwningOpRef<ModuleOp> alone = ModuleOp::create(kernel.getLoc());
      alone->push_back(kernel->clone());
      FailureOr<OwningOpRef<ModuleOp>> lanes = lowerTiles(*alone, chip);
      if (failed(lanes))
        return failure();
      bool isPassedOver = isCrowded(**lanes) && !kernels.empty();
      if ((*lanes)->getOps<KernelOp>().empty() || isPassedOver || (last && haveSameCode(lanes->get(), last.get())))
        continue;
      last = (*lanes)->clone(); // generating changes it
      return lanes;
    }
    return OwningOpRef<ModuleOp>();
  }

private:
  ArrayRef<tile::KernelOp> kernels;
  const SimtTarget &chip;
  OwningOpRef<ModuleOp> last;
};
} // namespace

static Part partOf(OwningOpRef<ModuleOp> lanes, StringRef dumpDirectory) {
  auto kernels = lanes->getOps<KernelOp>();
  dump(*lanes, dumpDirectory, ((*kernels.begin()).getSymName() + ".simt.mlir").str());
  Part part{std::move(lanes), {}, {}};
  for (KernelOp kernel : part.lanes->getOps<KernelOp>())
    part.entries[entryOf(kernel).kernel].push_back(entryOf(kernel));
  return part;
}

namespace {
/// How parts of kernels are made.
class PartMaker {
public:
  PartMaker(const SimtBackend &backend, const SimtTarget &chip, bool wantsImages, StringRef dumpDirectory)
      : backend(backend), chip(chip), wantsImages(wantsImages), dumpDirectory(dumpDirectory) {}

  /// All lane programs, those that were chosen first. Images are there of these at least.
  FailureOr<std::vector<Part>> makeAll(ModuleOp kernels) const;

private:
  LogicalResult makeImages(Part &part) const;
  FailureOr<Part> chooseFitting(OwningOpRef<ModuleOp> lanes, Choices &choices) const;
  LogicalResult makeUsual(tile::KernelOp kernel, bool isServed, std::vector<Part> &parts) const;
  LogicalResult makeFamily(MLIRContext &context, const Family &family, Parts &parts) const;

  const SimtBackend &backend;
  const SimtTarget &chip;
  bool wantsImages; ///< of all
  StringRef dumpDirectory;
};
} // namespace

/// Images of a part, whose programs stay as they are.
LogicalResult PartMaker::makeImages(Part &part) const {
  OwningOpRef<ModuleOp> copy = part.lanes->clone();
  FailureOr<std::vector<GeneratedImage>> images = backend.generate(*copy, chip, dumpDirectory);
  if (failed(images))
    return failure();
  part.images = std::move(*images);
  return success();
}

/// Of these choices, from `lanes` on, the first whose values fit the registers; else the last of those that keep least
/// in memory.
FailureOr<Part> PartMaker::chooseFitting(OwningOpRef<ModuleOp> lanes, Choices &choices) const {
  std::optional<Part> chosen;
  while (lanes) {
    Part part = partOf(std::move(lanes), dumpDirectory);
    if (failed(makeImages(part)))
      return failure();
    bool fits = keepsValuesInRegisters(part.images);
    if (fits || !chosen || localBytesOf(part.images) <= localBytesOf(chosen->images))
      chosen = std::move(part);
    if (fits)
      break;
    FailureOr<OwningOpRef<ModuleOp>> following = choices.next();
    if (failed(following))
      return failure();
    lanes = std::move(*following);
  }
  return std::move(*chosen);
}

/// Every variant of a kernel as a part of its own, with images if wanted.
LogicalResult PartMaker::makeUsual(tile::KernelOp kernel, bool isServed, std::vector<Part> &parts) const {
  OwningOpRef<ModuleOp> alone = ModuleOp::create(kernel.getLoc());
  Operation *copy = kernel->clone();
  if (isServed)
    copy->setAttr(servedAttrName, UnitAttr::get(copy->getContext()));
  alone->push_back(copy);
  FailureOr<OwningOpRef<ModuleOp>> lanes = lowerTiles(*alone, chip);
  if (failed(lanes))
    return failure();
  for (auto variant : llvm::make_early_inc_range((*lanes)->getOps<KernelOp>())) {
    OwningOpRef<ModuleOp> one = ModuleOp::create(kernel.getLoc());
    variant->remove();
    one->push_back(variant);
    parts.push_back(partOf(std::move(one), dumpDirectory));
  }
  return runJobs(*kernel.getContext(), wantsImages ? parts.size() : 0,
                 [&](size_t index) { return makeImages(parts[index]); });
}

/// The usual kernel need not wait until one of those that may stand in for it fits: that there is code of one is
/// enough.
LogicalResult PartMaker::makeFamily(MLIRContext &context, const Family &family, Parts &parts) const {
  Choices choices(family.choices, chip);
  FailureOr<OwningOpRef<ModuleOp>> first = choices.next();
  if (failed(first))
    return failure();
  bool isServed = bool(*first);
  auto makeChosen = [&]() -> LogicalResult {
    FailureOr<Part> chosen = chooseFitting(std::move(*first), choices);
    if (failed(chosen))
      return failure();
    parts.chosen = std::move(*chosen);
    return success();
  };
  return runJobs(context, 2, [&](size_t job) {
    if (job == 0)
      return isServed ? makeChosen() : success();
    return family.usual ? makeUsual(family.usual, isServed, parts.usual) : success();
  });
}

static SmallVector<Family> familiesOf(ArrayRef<tile::KernelOp> kernels) {
  auto isChoice = [](tile::KernelOp kernel) {
    auto conditions = kernel->getAttrOfType<IntegerAttr>(tile::alternativeAttrName);
    return conditions && conditions.getInt() == 0;
  };
  SmallVector<Family> families;
  while (!kernels.empty()) {
    Family family;
    if (isChoice(kernels.front())) {
      ArrayRef<tile::KernelOp> others =
          kernels.drop_front().drop_while([](tile::KernelOp each) { return each->hasAttr(tile::standsInAttrName); });
      family.choices = kernels.drop_back(others.size());
      kernels = others;
    }
    if (!kernels.empty() && !isChoice(kernels.front()))
      family.usual = kernels.consume_front();
    families.push_back(family);
  }
  return families;
}

FailureOr<std::vector<Part>> PartMaker::makeAll(ModuleOp kernels) const {
  MLIRContext &context = *kernels.getContext();
  auto all = llvm::to_vector(kernels.getOps<tile::KernelOp>());
  SmallVector<Family> families = familiesOf(all);
  std::vector<Parts> made(families.size());
  if (failed(runJobs(context, families.size(),
                     [&](size_t index) { return makeFamily(context, families[index], made[index]); })))
    return failure();
  std::vector<Part> parts;
  for (Parts &each : made)
    if (each.chosen)
      parts.push_back(std::move(*each.chosen));
  for (Parts &each : made)
    std::move(each.usual.begin(), each.usual.end(), std::back_inserter(parts));
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

/// Loads all that the lowering needs: the context is not to change while threads use it.
static void prepare(MLIRContext &context, const SimtBackend &backend) {
  OwningOpRef<ModuleOp> nothing = ModuleOp::create(UnknownLoc::get(&context));
  (void)lowerTiles(*nothing, backend.chips().front());
  backend.prepareGeneration(context);
}

FailureOr<CompiledKernels> SimtBackend::compile(ModuleOp kernels, StringRef dumpDirectory) const {
  CompiledKernels compiled;
  OwningOpRef<ModuleOp> distinct = kernels.clone();
  std::map<std::string, std::string> standsFor = shareEqualKernels(*distinct);
  prepare(*kernels.getContext(), *this);
  for (const SimtTarget &chip : chips()) {
    FailureOr<std::vector<Part>> parts = PartMaker(*this, chip, /*wantsImages=*/true, dumpDirectory).makeAll(*distinct);
    if (failed(parts))
      return failure();
    for (Part &part : *parts) {
      for (const GeneratedImage &image : part.images)
        if (!image.warning.empty())
          kernels.emitWarning(image.warning);
      addImages(compiled, std::move(part.images), std::move(part.entries), standsFor, chip);
    }
  }
  return compiled;
}

/// What was chosen is printed by itself, the rest together unless a module can only hold one.
FailureOr<std::string> SimtBackend::printCode(ModuleOp kernels, StringRef level) const {
  std::string text;
  OwningOpRef<ModuleOp> distinct = kernels.clone();
  shareEqualKernels(*distinct);
  prepare(*kernels.getContext(), *this);
  for (const SimtTarget &chip : chips()) {
    FailureOr<std::vector<Part>> parts =
        PartMaker(*this, chip, /*wantsImages=*/false, /*dumpDirectory=*/"").makeAll(*distinct);
    if (failed(parts))
      return failure();
    OwningOpRef<ModuleOp> together = ModuleOp::create(kernels.getLoc());
    auto add = [&](ModuleOp lanes) {
      FailureOr<std::string> printed = print(lanes, chip, level);
      text += printed.value_or("");
      return LogicalResult(printed);
    };
    for (Part &part : *parts)
      if (!part.images.empty() || printsKernelsApart()) {
        if (failed(add(*part.lanes)))
          return failure();
      } else {
        together->getBody()->getOperations().splice(together->getBody()->end(), part.lanes->getBody()->getOperations());
      }
    if (!together->getBody()->empty() && failed(add(*together)))
      return failure();
  }
  return text;
}
