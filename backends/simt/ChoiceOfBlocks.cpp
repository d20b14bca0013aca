#include "backends/simt/ChoiceOfBlocks.h"

#include "backends/ProcessorTime.h"
#include "backends/simt/KernelVariant.h"
#include "dialects/simt/Simt.h"
#include "dialects/tile/Tile.h"

#include "llvm/Support/MathExtras.h"

#include <cstdint>
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

/// Of a lane, where all have the same; more than any kernel needs where that is not known.
static int64_t registersOfAll(const Processor &processor, int64_t warps) {
  if (processor.schedulers == 0)
    return INT16_MAX;
  return llvm::alignDown(processor.registers / llvm::divideCeil(warps, processor.schedulers),
                         processor.registerGranule);
}

ChoiceOfBlocks::ChoiceOfBlocks(const PartMaker &maker, ArrayRef<tile::KernelOp> kernels) : maker(maker) {
  for (tile::KernelOp kernel : kernels) {
    NamedAttrList schedule(kernel.getScheduleAttr());
    schedule.erase(tile::copyingRegistersScheduleName);
    Attribute common = schedule.getDictionary(kernel->getContext());
    auto known = llvm::find_if(blocks, [&](const Blocks &each) { return each.schedule == common; });
    size_t number = known - blocks.begin();
    if (known == blocks.end())
      blocks.push_back({kernel, common});
    choices.push_back({kernel, number, maker.registersOf(kernel).producer});
    needs.addDivision(choices.back().copyingRegisters);
  }
}

void ChoiceOfBlocks::lower(Blocks &blocks) {
  if (std::exchange(blocks.isLowered, true))
    return;
  blocks.reports = holdReports(context(), [&] {
    ProcessorTimer timer(blocks.loweringSeconds);
    FailureOr<OwningOpRef<ModuleOp>> lanes = maker.lower(blocks.kernel);
    blocks.isWrong = failed(lanes);
    if (succeeded(lanes))
      blocks.lanes = std::move(*lanes);
  });
  if (!blocks.lanes)
    return;
  for (KernelOp kernel : blocks.lanes->getOps<KernelOp>()) {
    blocks.isCrowded |= kernel->hasAttr(crowdedAttrName);
    blocks.needs.include(needsOfLanes(kernel));
  }
}

/// Crowded ones are passed over, unless there is no other left.
bool ChoiceOfBlocks::hasCode(const Choice &choice) {
  Blocks &blocks = blocksOf(choice);
  lower(blocks);
  return blocks.lanes && (!blocks.isCrowded || &choice == &choices.back());
}

void ChoiceOfBlocks::makePart(Choice &choice) {
  Blocks &blocks = blocksOf(choice);
  choice.part = maker.partOf(maker.redivide(*blocks.lanes, choice.kernel));
  choice.reports =
      holdReports(context(), [&] { choice.isWrong = failed(maker.makeImages(choice.part, blocks.images)); });
  choice.cost = choice.part.cost;
  if (blocks.images.empty())
    blocks.images = choice.part.images;
}

void ChoiceOfBlocks::tryOut(Choice &choice) {
  choice.isTried = true;
  if (hasCode(choice) && (&choice == &choices.back() || !exceeds(choice)))
    makePart(choice);
}

/// Whether more values are alive together than any assembler could do with.
bool ChoiceOfBlocks::exceeds(const Choice &choice) const {
  const LaneNeeds &ofLanes = blocks[choice.blocks].needs;
  RoleRegisters registers = maker.registersOf(choice.kernel);
  if (!ofLanes.hasRoles)
    return RoleNeeds::exceedAll(ofLanes.others, registersOfAll(maker.chip.processor, registers.warps));
  return RoleNeeds::exceed(ofLanes.others, registers.consumer) ||
         needs.lackForCopying(ofLanes.copying, registers.producer);
}

/// Whether it is worth trying a choice before it is known that those before it do not fit. Of blocks that are about to
/// be tried, other divisions of the registers are not.
bool ChoiceOfBlocks::isPromising(const Choice &choice, const Choice &before) const {
  return !choice.isTried && choice.blocks != before.blocks &&
         !needs.isHopeless(scheduleOf(choice), choice.copyingRegisters);
}

/// Of what is tried first and second one usually fits: nothing is tried beside these.
void ChoiceOfBlocks::tryWithNext(size_t index) {
  SmallVector<Choice *> tried = {&choices[index]};
  llvm::SmallDenseSet<size_t> before;
  for (const Choice &each : ArrayRef(choices).take_front(index))
    if (each.hasCode())
      before.insert(each.blocks);
  bool isDoubtful = before.size() > 1 && !before.contains(choices[index].blocks);
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
    if (hasCode(choices[first]))
      return true;
    Blocks &blocks = blocksOf(choices[first]);
    release(context(), std::move(blocks.reports));
    if (blocks.isWrong)
      return failure();
  }
  return false;
}

/// Says what was said of a choice, and notes what it shows. Whether all went well.
bool ChoiceOfBlocks::consider(Choice &choice) {
  Blocks &blocks = blocksOf(choice);
  release(context(), std::exchange(blocks.reports, {}));
  release(context(), std::exchange(choice.reports, {}));
  needs.expect(blocks.schedule, blocks.needs);
  if (choice.part.lanes)
    needs.add({blocks.schedule, blocks.needs.hasRoles, choice.copyingRegisters, localBytesOf(choice.part.images)});
  return !blocks.isWrong && !choice.isWrong;
}

FailureOr<Part> ChoiceOfBlocks::findFitting() {
  std::optional<Part> chosen;
  for (size_t index = first; index < choices.size(); ++index) {
    Choice &choice = choices[index];
    if (needs.isHopeless(scheduleOf(choice), choice.copyingRegisters))
      continue;
    if (!choice.isTried)
      tryWithNext(index);
    if (!consider(choice))
      return failure();
    if (!choice.part.lanes)
      continue;
    bool fits = keepsValuesInRegisters(choice.part.images);
    if (fits || !chosen || localBytesOf(choice.part.images) <= localBytesOf(chosen->images))
      chosen = std::move(choice.part);
    if (fits)
      break;
  }
  if (chosen)
    return std::move(*chosen);
  // None was worth a try: any is better than none.
  makePart(choices[first]);
  if (!consider(choices[first]))
    return failure();
  return std::move(choices[first].part);
}

/// What was tried in vain is part of what the chosen one cost.
FailureOr<Part> ChoiceOfBlocks::chooseFitting() {
  FailureOr<Part> chosen = findFitting();
  if (failed(chosen))
    return failure();
  CompileCost &cost = chosen->cost = {.triesInVain = -1, .symbols = std::move(chosen->cost.symbols)};
  for (const Blocks &each : blocks)
    cost.lowering += each.loweringSeconds;
  for (const Choice &each : choices) {
    cost.generating += each.cost.generating;
    cost.assembling += each.cost.assembling;
    cost.triesInVain += each.hasCode() ? 1 : 0;
  }
  return chosen;
}
