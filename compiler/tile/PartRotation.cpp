/// What a rotation needs to know of a loop, and whether it is possible.
#include "compiler/tile/PartRotation.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "mlir/Transforms/RegionUtils.h"

using namespace mlir;
using namespace heed::tile;

/// The condition that is all of the loop's body, if there is one: what it does not hold for changes nothing.
static scf::IfOp findGuard(scf::ForOp loop) {
  auto branches = loop.getBody()->getOps<scf::IfOp>();
  if (!llvm::hasSingleElement(branches))
    return {};
  scf::IfOp guard = *branches.begin();
  if (guard.getThenRegion().empty() || guard.thenBlock()->getOps<PartOp>().empty())
    return {};
  for (auto [argument, yielded] : llvm::zip_equal(loop.getRegionIterArgs(), loop.getYieldedValues())) {
    auto result = dyn_cast<OpResult>(yielded);
    if (yielded == argument)
      continue;
    if (!result || result.getOwner() != guard || guard.elseYield().getOperand(result.getResultNumber()) != argument)
      return {};
  }
  return guard;
}

PartRotation::PartRotation(scf::ForOp loop, ArrayRef<PartSchedule> table)
    : loop(loop), table(table), b(loop.getLoc(), loop) {
  if (!loop.getBody()->getOps<PartOp>().empty())
    body = loop.getBody();
  else if ((guard = findGuard(loop)))
    body = guard.thenBlock();
}

//===- Values and their uses --------------------------------------------------------------------------------------===//

bool PartRotation::isInBody(Value value) {
  return value.getParentBlock() == body || value.getParentBlock() == loop.getBody();
}

std::optional<unsigned> PartRotation::carriedIndex(Value value) {
  auto argument = dyn_cast<BlockArgument>(value);
  if (!argument || argument.getOwner() != loop.getBody() || argument == loop.getInductionVar())
    return std::nullopt;
  return argument.getArgNumber() - loop.getNumInductionVars();
}

/// Scalars, and tiles as cheap as scalars, are made again wherever they are used.
bool PartRotation::isRecomputed(Operation *op) {
  if (op->getNumResults() == 0 || isa<PartOp>(op) || llvm::is_contained(sources, op->getResult(0)))
    return false;
  return isa<IndexOp, SplatOp, BroadcastOp, arith::ConstantOp>(op) ||
         llvm::none_of(op->getResultTypes(), llvm::IsaPred<RankedTensorType>);
}

SmallVector<Value> PartRotation::capturesOf(Operation *op) {
  llvm::SetVector<Value> values(op->operand_begin(), op->operand_end());
  getUsedValuesDefinedAbove(op->getRegions(), values);
  return llvm::filter_to_vector(values, [&](Value value) { return isInBody(value); });
}

/// What `op`, run for an iteration that began `age` rounds ago, uses of the steps of the loop.
void PartRotation::usesOf(Operation *op, unsigned age, SmallVectorImpl<Key> &keys) {
  for (Value value : capturesOf(op)) {
    if (std::optional<unsigned> carried = carriedIndex(value)) {
      if (Value source = sources[*carried])
        keys.push_back({source, age + 1});
    } else if (value == loop.getInductionVar() || steps.contains(value.getDefiningOp())) {
      keys.push_back({value, age});
    } else {
      usesOf(value.getDefiningOp(), age, keys);
    }
  }
}

unsigned PartRotation::stageOf(Value value) {
  return value == loop.getInductionVar() ? 0 : steps.lookup(value.getDefiningOp()).stage;
}

static std::string nameOf(Value value) {
  Operation *op = value.getDefiningOp();
  if (auto part = dyn_cast_if_present<PartOp>(op))
    return "part \"" + part.getName().str() + "\"";
  return op ? op->getName().getStringRef().str() : "the induction variable";
}

//===- Analysis ---------------------------------------------------------------------------------------------------===//

/// Counting may move; anything else that writes keeps its place.
std::string PartRotation::checkEffects() {
  std::string reason;
  loop.getBody()->walk([&](Operation *op) {
    auto effects = dyn_cast<MemoryEffectOpInterface>(op);
    if (isa<CountOp>(op) || (!effects && op->hasTrait<OpTrait::HasRecursiveMemoryEffects>()))
      return;
    SmallVector<MemoryEffects::EffectInstance> found;
    if (effects)
      effects.getEffects(found);
    if (!effects || !llvm::all_of(found, [](auto &effect) { return isa<MemoryEffects::Read>(effect.getEffect()); }))
      reason = "it holds " + op->getName().getStringRef().str() + ", which may not be moved";
  });
  return reason;
}

/// Finds what the next iteration gets of every carried value.
std::string PartRotation::findSources() {
  DenseMap<Value, Value> inits;
  for (auto [argument, yielded, init] :
       llvm::zip_equal(loop.getRegionIterArgs(), loop.getYieldedValues(), loop.getInitArgs())) {
    Value source = yielded;
    if (guard && yielded != argument)
      source = guard.thenYield().getOperand(cast<OpResult>(yielded).getResultNumber());
    sources.push_back(source == argument ? Value() : source);
    if (source == argument)
      continue;
    if (source.getParentBlock() != body || isa<BlockArgument>(source))
      return "it carries a value that no part computes";
    auto [known, isNew] = inits.try_emplace(source, init);
    if (!isNew && known->second != init)
      return "two values that it carries differ in the first iteration only";
  }
  return sources.empty() ? "it carries nothing" : "";
}

std::string PartRotation::placeParts() {
  for (auto part : body->getOps<PartOp>()) {
    const auto *line = llvm::find_if(table, [&](const PartSchedule &line) { return line.part == part.getName(); });
    if (line == table.end())
      return "the schedule has no line for part \"" + part.getName().str() + "\"";
    steps[part] = {line->stage, static_cast<unsigned>(line - table.begin())};
    lastStage = std::max(lastStage, line->stage);
  }
  return "";
}

/// Where to run an op that no part uses: after those whose values it takes, else with the part that follows it.
PartRotation::Slot PartRotation::slotOfUnused(Operation *op) {
  SmallVector<Key> keys;
  usesOf(op, 0, keys);
  std::optional<Slot> latest;
  for (auto [value, age] : keys)
    if (const auto *step = steps.find(value.getDefiningOp()); age == 0 && step != steps.end())
      latest = std::max(latest.value_or(step->second), step->second);
  if (latest)
    return *latest;
  for (Operation *next = op->getNextNode(); next; next = next->getNextNode())
    if (isa<PartOp>(next))
      return steps.lookup(next);
  return steps.front().second;
}

/// Ops that stand beside the parts run with the first part that uses them; then orders the steps of a round.
void PartRotation::placeOthers() {
  DenseMap<Operation *, Slot> firstUses;
  SmallVector<Operation *> unused;
  for (Operation &op : llvm::reverse(body->without_terminator())) {
    if (steps.contains(&op))
      continue;
    std::optional<Slot> first;
    for (Operation *user : op.getUsers()) {
      Operation *step = body->findAncestorOpInBlock(*user);
      const auto *placed = steps.find(step);
      if (placed == steps.end() && !firstUses.contains(step))
        continue;
      Slot use = placed == steps.end() ? firstUses.lookup(step) : placed->second;
      first = std::min(first.value_or(use), use);
    }
    if (isRecomputed(&op)) {
      if (first)
        firstUses[&op] = *first;
    } else if (first) {
      steps[&op] = *first;
    } else {
      unused.push_back(&op);
    }
  }
  for (Operation *op : llvm::reverse(unused))
    steps[op] = slotOfUnused(op);
  auto placed = steps.takeVector();
  llvm::sort(placed, [](auto &a, auto &b) {
    return a.second.order != b.second.order ? a.second.order < b.second.order : a.first->isBeforeInBlock(b.first);
  });
  for (auto [op, slot] : placed)
    steps[op] = slot;
}

/// A value that is `age` rounds old was younger in every round before this one.
void PartRotation::require(Key key) {
  for (unsigned age = stageOf(key.first) + 1; age <= key.second; ++age)
    crossing.insert({key.first, age});
}

/// Finds what rounds take from earlier ones; checks that everything is made before it is used.
std::string PartRotation::findCrossing() {
  llvm::DenseSet<Operation *> done;
  for (auto &[op, slot] : steps) {
    SmallVector<Key> keys;
    usesOf(op, slot.stage, keys);
    for (auto [value, age] : keys) {
      if (value == loop.getInductionVar()) {
        if (guard)
          require({value, age});
        continue;
      }
      unsigned stage = stageOf(value);
      if (age < stage || (age == stage && !done.contains(value.getDefiningOp())))
        return nameOf(op->getResult(0)) + " would run before " + nameOf(value) + ", whose result it uses";
      require({value, age});
    }
    done.insert(op);
  }
  for (Value source : sources)
    if (source)
      require({source, 1});
  return "";
}

std::string PartRotation::checkGuard() {
  if (!guard)
    return "";
  if (lastStage > 1)
    return "its work is conditional and the schedule has more than two stages";
  for (Operation &op : loop.getBody()->without_terminator())
    if (&op != guard && !isRecomputed(&op))
      return "it holds " + op.getName().getStringRef().str() + " beside a condition";
  SmallVector<Key> keys;
  if (isInBody(guard.getCondition()))
    usesOf(guard.getCondition().getDefiningOp(), 0, keys);
  if (!llvm::all_of(keys, [&](const Key &key) { return key.first == loop.getInductionVar(); }))
    return "its condition depends on what it carries";
  return "";
}

std::string PartRotation::analyse() {
  if (loop.getUnsignedCmp())
    return "it compares without sign";
  std::string reason = checkEffects();
  if (reason.empty())
    reason = findSources();
  if (reason.empty())
    reason = placeParts();
  if (!reason.empty())
    return reason;
  placeOthers();
  reason = checkGuard();
  return reason.empty() ? findCrossing() : reason;
}
