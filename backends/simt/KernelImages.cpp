#include "backends/simt/SimtBackend.h"

#include "backends/Jobs.h"
#include "backends/ShareKernels.h"
#include "backends/simt/ChoiceOfBlocks.h"
#include "backends/simt/KernelVariant.h"
#include "backends/simt/LanePart.h"
#include "dialects/simt/Simt.h"
#include "dialects/tile/Tile.h"

#include "llvm/Support/MathExtras.h"

#include <algorithm>

using namespace mlir;
using namespace heed;
using namespace heed::simt;

namespace {
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

/// Every variant of a kernel as a part of its own, with images if wanted.
static LogicalResult makeUsual(const PartMaker &maker, tile::KernelOp kernel, bool isServed, bool wantsImages,
                               std::vector<Part> &parts) {
  OwningOpRef<ModuleOp> marked = ModuleOp::create(kernel.getLoc());
  auto copy = kernel.clone();
  marked->push_back(copy);
  if (isServed)
    copy->setAttr(servedAttrName, UnitAttr::get(copy->getContext()));
  FailureOr<OwningOpRef<ModuleOp>> lanes = maker.lower(copy);
  if (failed(lanes))
    return failure();
  if (!*lanes)
    return success();
  for (auto variant : llvm::make_early_inc_range((*lanes)->getOps<KernelOp>())) {
    OwningOpRef<ModuleOp> one = ModuleOp::create(kernel.getLoc());
    variant->remove();
    one->push_back(variant);
    parts.push_back(maker.partOf(std::move(one)));
  }
  return runJobs(*kernel.getContext(), wantsImages ? parts.size() : 0,
                 [&](size_t index) { return maker.makeImages(parts[index]); });
}

/// The usual kernel need not wait until one of those that may stand in for it fits: that there is code of one is
/// enough.
static LogicalResult makeFamily(const PartMaker &maker, MLIRContext &context, const Family &family, bool wantsImages,
                                Parts &parts) {
  ChoiceOfBlocks choices(maker, family.choices);
  FailureOr<bool> isServed = choices.findCode();
  if (failed(isServed))
    return failure();
  auto makeChosen = [&]() -> LogicalResult {
    FailureOr<Part> chosen = choices.chooseFitting();
    if (failed(chosen))
      return failure();
    parts.chosen = std::move(*chosen);
    return success();
  };
  return runJobs(context, 2, [&](size_t job) {
    if (job == 0)
      return *isServed ? makeChosen() : success();
    return family.usual ? makeUsual(maker, family.usual, *isServed, wantsImages, parts.usual) : success();
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

/// All lane programs, those that were chosen first. Images are there of these at least.
static FailureOr<std::vector<Part>> makeParts(const PartMaker &maker, ModuleOp kernels, bool wantsImages) {
  MLIRContext &context = *kernels.getContext();
  auto all = llvm::to_vector(kernels.getOps<tile::KernelOp>());
  SmallVector<Family> families = familiesOf(all);
  std::vector<Parts> made(families.size());
  if (failed(runJobs(context, families.size(), [&](size_t index) {
        return makeFamily(maker, context, families[index], wantsImages, made[index]);
      })))
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
    FailureOr<std::vector<Part>> parts = makeParts({*this, chip, dumpDirectory}, *distinct, /*wantsImages=*/true);
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
