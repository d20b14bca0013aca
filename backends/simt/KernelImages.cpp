#include "backends/simt/SimtBackend.h"

#include "backends/Jobs.h"
#include "backends/ProcessorTime.h"
#include "backends/ShareKernels.h"
#include "backends/simt/ChoiceOfBlocks.h"
#include "backends/simt/KernelVariant.h"
#include "backends/simt/LanePart.h"
#include "dialects/simt/Simt.h"
#include "dialects/tile/Tile.h"

#include "llvm/Support/MathExtras.h"

#include <algorithm>
#include <iterator>
#include <optional>

using namespace mlir;
using namespace heed;
using namespace heed::simt;

namespace {
/// A kernel with those that may stand in for it where operands lie aligned, best first. Either may be missing.
struct Family {
  ArrayRef<tile::KernelOp> choices;
  tile::KernelOp usual;
};

/// What is known of a family before code is generated.
struct LoweredFamily {
  std::optional<ChoiceOfBlocks> choices; ///< at the first of which there is code
  SmallVector<OwningOpRef<ModuleOp>> variants;
  double secondsOfVariant = 0; ///< of lowering
};
} // namespace

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

/// The usual kernel has fewer variants where another stands in for it; that there is code of one is enough to know.
static LogicalResult lowerFamily(const PartMaker &maker, const Family &family, LoweredFamily &lowered) {
  ChoiceOfBlocks choices(maker, family.choices);
  FailureOr<bool> isServed = choices.findCode();
  if (failed(isServed))
    return failure();
  if (*isServed)
    lowered.choices.emplace(std::move(choices));
  if (!family.usual)
    return success();
  OwningOpRef<ModuleOp> marked = ModuleOp::create(family.usual->getLoc());
  tile::KernelOp usual = family.usual, copy = usual.clone();
  marked->push_back(copy);
  if (*isServed)
    copy->setAttr(servedAttrName, UnitAttr::get(copy->getContext()));
  double seconds = 0;
  FailureOr<OwningOpRef<ModuleOp>> lanes = [&] {
    ProcessorTimer timer(seconds);
    return maker.lower(copy);
  }();
  if (failed(lanes))
    return failure();
  if (!*lanes)
    return success();
  for (auto variant : llvm::make_early_inc_range((*lanes)->getOps<KernelOp>())) {
    lowered.variants.push_back(ModuleOp::create(variant->getLoc()));
    variant->remove();
    lowered.variants.back()->push_back(variant);
  }
  lowered.secondsOfVariant = seconds / double(lowered.variants.size());
  return success();
}

static int64_t countOperations(ModuleOp lanes) {
  int64_t count = 0;
  lanes.walk([&](Operation *) { ++count; });
  return count;
}

/// One image takes a while however small it is, and a large one keeps others waiting: small programs share images.
static std::vector<Part> partsOf(const PartMaker &maker, MutableArrayRef<LoweredFamily> families) {
  constexpr int64_t fewOperations = 2000;
  std::vector<Part> parts;
  OwningOpRef<ModuleOp> together;
  int64_t operations = 0;
  double seconds = 0;
  auto close = [&] {
    if (together) {
      parts.push_back(maker.partOf(std::move(together)));
      parts.back().cost.lowering = seconds;
    }
    together = {};
    operations = 0;
    seconds = 0;
  };
  for (LoweredFamily &family : families)
    for (OwningOpRef<ModuleOp> &variant : family.variants) {
      int64_t more = countOperations(*variant);
      if (maker.backend.wantsImagePerKernel() || operations + more > fewOperations)
        close();
      operations += more;
      seconds += family.secondsOfVariant;
      if (!together)
        together = std::move(variant);
      else
        together->getBody()->getOperations().splice(together->getBody()->end(), variant->getBody()->getOperations());
    }
  close();
  return parts;
}

/// All lane programs, those that were chosen first. Images are there of these at least.
static FailureOr<std::vector<Part>> makeParts(const PartMaker &maker, ModuleOp kernels, bool wantsImages) {
  MLIRContext &context = *kernels.getContext();
  auto all = llvm::to_vector(kernels.getOps<tile::KernelOp>());
  SmallVector<Family> families = familiesOf(all);
  std::vector<LoweredFamily> lowered(families.size());
  if (failed(runJobs(context, families.size(),
                     [&](size_t index) { return lowerFamily(maker, families[index], lowered[index]); })))
    return failure();
  SmallVector<ChoiceOfBlocks *> choices;
  for (LoweredFamily &family : lowered)
    if (family.choices)
      choices.push_back(&*family.choices);
  std::vector<Part> parts(choices.size()), usual = partsOf(maker, lowered);
  std::move(usual.begin(), usual.end(), std::back_inserter(parts));
  if (failed(runJobs(context, wantsImages ? parts.size() : choices.size(), [&](size_t index) -> LogicalResult {
        if (index >= choices.size())
          return maker.makeImages(parts[index]);
        FailureOr<Part> chosen = choices[index]->chooseFitting();
        if (failed(chosen))
          return failure();
        parts[index] = std::move(*chosen);
        return success();
      })))
    return failure();
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
    FailureOr<std::vector<Part>> parts = makeParts({*this, chip, dumpDirectory}, *distinct, /*wantsImages=*/true);
    if (failed(parts))
      return failure();
    for (Part &part : *parts) {
      for (const GeneratedImage &image : part.images)
        if (!image.warning.empty())
          kernels.emitWarning(image.warning);
      compiled.costs.push_back(std::move(part.cost));
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
        makeParts({*this, chip, /*dumpDirectory=*/""}, *distinct, /*wantsImages=*/false);
    if (failed(parts))
      return failure();
    OwningOpRef<ModuleOp> together = ModuleOp::create(kernels.getLoc());
    auto add = [&](ModuleOp lanes) {
      FailureOr<std::string> printed = print(lanes, chip, level);
      text += printed.value_or("");
      return LogicalResult(printed);
    };
    for (Part &part : *parts)
      if (!part.images.empty() || wantsImagePerKernel()) {
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
