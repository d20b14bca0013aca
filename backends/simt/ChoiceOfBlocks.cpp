#include "backends/simt/ChoiceOfBlocks.h"

#include "backends/simt/KernelVariant.h"
#include "dialects/simt/Simt.h"
#include "dialects/tile/Tile.h"

#include <iterator>
#include <utility>

using namespace mlir;
using namespace heed;
using namespace heed::simt;

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

static bool hasRoles(ModuleOp lanes) {
  return lanes.walk([](SetRegistersOp) { return WalkResult::interrupt(); }).wasInterrupted();
}

static bool isCrowded(ModuleOp lanes) {
  return llvm::any_of(lanes.getOps<KernelOp>(), [](KernelOp kernel) { return kernel->hasAttr(crowdedAttrName); });
}

ChoiceOfBlocks::ChoiceOfBlocks(const PartMaker &maker, ArrayRef<tile::KernelOp> kernels) : maker(maker) {
  for (tile::KernelOp kernel : kernels) {
    NamedAttrList schedule(kernel.getScheduleAttr());
    auto numberOf = [](Attribute attribute, int64_t usual) {
      auto number = dyn_cast_or_null<IntegerAttr>(attribute);
      return number ? number.getInt() : usual;
    };
    int64_t wanted = numberOf(schedule.erase(tile::copyingRegistersScheduleName), 0);
    int64_t warps = numberOf(schedule.get(tile::warpsScheduleName), maker.chip.warps);
    bool areDivided = !maker.chip.roleRegisters.empty();
    choices.push_back({kernel, schedule.getDictionary(kernel->getContext()),
                       areDivided ? maker.chip.registersOfRoles(warps, wanted).producer : 0});
  }
}

void ChoiceOfBlocks::lower(Choice &choice) {
  if (std::exchange(choice.isLowered, true))
    return;
  choice.reports = holdReports(context(), [&] {
    FailureOr<OwningOpRef<ModuleOp>> lanes = maker.lower(choice.kernel);
    choice.isWrong = failed(lanes);
    bool isPassedOver = succeeded(lanes) && *lanes && isCrowded(**lanes) && &choice != &choices.back();
    if (succeeded(lanes) && !isPassedOver)
      choice.lanes = std::move(*lanes);
  });
}

void ChoiceOfBlocks::tryOut(Choice &choice) {
  lower(choice);
  choice.isTried = true;
  if (!choice.lanes)
    return;
  choice.part = maker.partOf(std::move(choice.lanes));
  Reports reports = holdReports(context(), [&] { choice.isWrong = failed(maker.makeImages(choice.part)); });
  std::move(reports.begin(), reports.end(), std::back_inserter(choice.reports));
}

/// Whether it is worth trying a choice before it is known that another does not fit.
bool ChoiceOfBlocks::isPromising(const Choice &choice, const Choice &other) const {
  bool isProbablyEqual = choice.blocks == other.blocks && needs.lackRoles();
  return !choice.isTried && !isProbablyEqual && !needs.isHopeless(choice.blocks, choice.copyingRegisters);
}

/// The first of all usually fits, and so does another division of the registers: nothing is tried beside these.
void ChoiceOfBlocks::tryWithNext(size_t index) {
  SmallVector<Choice *> tried = {&choices[index]};
  bool isDoubtful = index != first && choices[index - 1].blocks != choices[index].blocks;
  if (isDoubtful && context().isMultithreadingEnabled())
    for (Choice &next : MutableArrayRef(choices).drop_front(index + 1))
      if (tried.size() < 2 && isPromising(next, choices[index]))
        tried.push_back(&next);
  (void)runJobs(context(), tried.size(), [&](size_t job) {
    tryOut(*tried[job]);
    return success();
  });
}

FailureOr<bool> ChoiceOfBlocks::findCode() {
  for (; first < choices.size(); ++first) {
    Choice &choice = choices[first];
    lower(choice);
    if (!choice.isWrong && choice.lanes)
      return true;
    release(context(), std::move(choice.reports));
    if (choice.isWrong)
      return failure();
  }
  return false;
}

FailureOr<Part> ChoiceOfBlocks::chooseFitting() {
  std::optional<Part> chosen;
  for (size_t index = first; index < choices.size(); ++index) {
    Choice &choice = choices[index];
    if (needs.isHopeless(choice.blocks, choice.copyingRegisters))
      continue;
    if (!choice.isTried)
      tryWithNext(index);
    release(context(), std::move(choice.reports));
    if (choice.isWrong)
      return failure();
    if (!choice.part.lanes)
      continue;
    bool fits = keepsValuesInRegisters(choice.part.images);
    int64_t localBytes = localBytesOf(choice.part.images);
    needs.add({choice.blocks, hasRoles(*choice.part.lanes), choice.copyingRegisters, localBytes});
    if (fits || !chosen || localBytes <= localBytesOf(chosen->images))
      chosen = std::move(choice.part);
    if (fits)
      break;
  }
  return std::move(*chosen);
}
