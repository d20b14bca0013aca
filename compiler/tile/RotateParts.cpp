/// The loop that PartRotation has found possible.
#include "compiler/tile/PartRotation.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;
using namespace heed::tile;

/// `value` plus so many steps of the loop.
Value PartRotation::shift(Value value, int64_t iterations) {
  if (iterations == 0)
    return value;
  auto number = [&](int64_t n) -> Value { return arith::ConstantOp::create(b, b.getIntegerAttr(value.getType(), n)); };
  Value steps = b.createOrFold<arith::MulIOp>(loop.getStep(), number(std::abs(iterations)));
  return iterations > 0 ? b.createOrFold<arith::AddIOp>(value, steps) : b.createOrFold<arith::SubIOp>(value, steps);
}

/// What stands for a value of the old body in an iteration that began `age` rounds ago.
Value PartRotation::resolve(Value value, unsigned age) {
  if (!isInBody(value))
    return value;
  if (std::optional<unsigned> carried = carriedIndex(value)) {
    Value source = sources[*carried];
    return source ? known.lookup({source, age + 1}) : loop.getInitArgs()[*carried];
  }
  if (value == loop.getInductionVar() || steps.contains(value.getDefiningOp()))
    return known.lookup({value, age});
  if (Value found = recomputed.lookup({value, age}))
    return found;
  Operation *clone = cloneOp(value.getDefiningOp(), age);
  for (auto [result, copy] : llvm::zip_equal(value.getDefiningOp()->getResults(), clone->getResults()))
    recomputed[{result, age}] = copy;
  return recomputed.lookup({value, age});
}

Operation *PartRotation::cloneOp(Operation *op, unsigned age) {
  IRMapping mapping;
  for (Value value : capturesOf(op))
    mapping.map(value, resolve(value, age));
  return b.clone(*op, mapping);
}

/// Iterations that began `age` rounds ago have the induction value base + (offset - age) steps. Those of a conditional
/// loop are further apart, so they are handed on like other values.
void PartRotation::setInduction(Value base, int64_t offset) {
  for (unsigned age = 0; age <= (guard ? 0 : lastStage); ++age)
    known[{loop.getInductionVar(), age}] = shift(base, offset - age);
}

void PartRotation::emitRound(unsigned firstStage, unsigned endStage) {
  for (auto &[op, slot] : steps) {
    if (slot.stage < firstStage || slot.stage >= endStage)
      continue;
    Operation *clone = cloneOp(op, slot.stage);
    for (auto [result, copy] : llvm::zip_equal(op->getResults(), clone->getResults()))
      known[{result, slot.stage}] = copy;
  }
  growOlder();
}

/// The next round begins.
void PartRotation::growOlder() {
  DenseMap<Key, Value> older;
  for (auto [key, value] : known)
    older[{key.first, key.second + 1}] = value;
  known = std::move(older);
  recomputed.clear();
}

void PartRotation::forget() {
  known.clear();
  recomputed.clear();
}

/// Code from here on sees of earlier rounds only what crosses.
void PartRotation::enter(ValueRange values) {
  forget();
  for (auto [key, value] : llvm::zip_equal(crossing, values))
    known[key] = value;
}

SmallVector<Value> PartRotation::leave() {
  return llvm::map_to_vector(crossing, [&](const Key &key) { return known.lookup(key); });
}

/// The first induction value for which the guard holds; the upper bound or beyond when there is none.
Value PartRotation::findFirst() {
  Type type = loop.getInductionVar().getType();
  auto search = scf::WhileOp::create(
      b, TypeRange(type), ValueRange(loop.getLowerBound()),
      [&](OpBuilder &, Location, ValueRange arguments) {
        Value inside = arith::CmpIOp::create(b, arith::CmpIPredicate::slt, arguments[0], loop.getUpperBound());
        auto branch = scf::IfOp::create(b, TypeRange(b.getI1Type()), inside, /*withElseRegion=*/true);
        OpBuilder::InsertionGuard insertion(b);
        b.setInsertionPointToStart(branch.thenBlock());
        setInduction(arguments[0], 0);
        Value holds = resolve(guard.getCondition(), 0);
        Value yes = arith::ConstantOp::create(b, b.getBoolAttr(true));
        scf::YieldOp::create(b, ValueRange(arith::XOrIOp::create(b, holds, yes)));
        b.setInsertionPointToStart(branch.elseBlock());
        scf::YieldOp::create(b, ValueRange(arith::ConstantOp::create(b, b.getBoolAttr(false))));
        b.setInsertionPointAfter(branch);
        scf::ConditionOp::create(b, branch.getResult(0), arguments);
      },
      [&](OpBuilder &, Location, ValueRange arguments) {
        scf::YieldOp::create(b, ValueRange(shift(arguments[0], 1)));
      });
  forget();
  return search.getResult(0);
}

void PartRotation::markTurns(scf::ForOp rotated) {
  rotated.walk([&](PartOp part) {
    if (llvm::any_of(table, [&](const PartSchedule &line) { return line.takesTurn && line.part == part.getName(); }))
      part.walk([](DotOp dot) { dot->setAttr(turnAttrName, UnitAttr::get(dot.getContext())); });
  });
}

/// The rounds in which all parts work.
scf::ForOp PartRotation::emitLoop(Value first) {
  auto rotated =
      scf::ForOp::create(b, shift(first, lastStage), loop.getUpperBound(), loop.getStep(), ValueRange(leave()));
  rotated->setDiscardableAttrs(loop->getDiscardableAttrDictionary());
  OpBuilder::InsertionGuard insertion(b);
  b.setInsertionPointToStart(rotated.getBody());
  enter(rotated.getRegionIterArgs());
  setInduction(rotated.getInductionVar(), 0);
  if (!guard) {
    emitRound(0, lastStage + 1);
    scf::YieldOp::create(b, leave());
    markTurns(rotated);
    return rotated;
  }
  auto branch =
      scf::IfOp::create(b, rotated.getResultTypes(), resolve(guard.getCondition(), 0), /*withElseRegion=*/true);
  scf::YieldOp::create(b, branch.getResults());
  b.setInsertionPointToStart(branch.elseBlock());
  scf::YieldOp::create(b, rotated.getRegionIterArgs());
  b.setInsertionPointToStart(branch.thenBlock());
  emitRound(0, lastStage + 1);
  scf::YieldOp::create(b, leave());
  markTurns(rotated);
  return rotated;
}

/// All rounds, given that there are enough of them; returns the loop's results.
SmallVector<Value> PartRotation::emitRotated(Value first) {
  forget();
  for (auto [source, init] : llvm::zip_equal(sources, loop.getInitArgs()))
    if (source)
      known[{source, 1}] = init;
  for (unsigned round = 0; round < lastStage; ++round) {
    setInduction(first, round);
    emitRound(0, round + 1);
  }
  scf::ForOp rotated = emitLoop(first);
  enter(rotated.getResults());
  Value last;
  if (lastStage > 0 && !guard) {
    Value one = arith::ConstantOp::create(b, b.getIntegerAttr(first.getType(), 1));
    Value span = b.createOrFold<arith::SubIOp>(b.createOrFold<arith::SubIOp>(loop.getUpperBound(), one), first);
    Value rounds = b.createOrFold<arith::DivUIOp>(span, loop.getStep());
    last = b.createOrFold<arith::AddIOp>(first, b.createOrFold<arith::MulIOp>(rounds, loop.getStep()));
  }
  for (unsigned round = 0; round < lastStage; ++round) {
    if (last)
      setInduction(last, round + 1);
    emitRound(round + 1, lastStage + 1);
  }
  SmallVector<Value> results;
  for (auto [source, init] : llvm::zip_equal(sources, loop.getInitArgs()))
    results.push_back(source ? known.lookup({source, lastStage + 1}) : init);
  return results;
}

void PartRotation::rewrite() {
  b.setInsertionPoint(loop);
  if (lastStage == 0) {
    loop.replaceAllUsesWith(emitRotated(loop.getLowerBound()));
    loop.erase();
    return;
  }
  Value first = guard ? findFirst() : loop.getLowerBound();
  Value enough = arith::CmpIOp::create(b, arith::CmpIPredicate::slt, shift(first, lastStage - 1), loop.getUpperBound());
  auto branch = scf::IfOp::create(b, loop.getResultTypes(), enough, /*withElseRegion=*/true);
  b.setInsertionPointToStart(branch.thenBlock());
  scf::YieldOp::create(b, emitRotated(first));
  b.setInsertionPointToStart(branch.elseBlock());
  // One stage ahead, too few iterations are none.
  scf::YieldOp::create(b, lastStage == 1 ? ValueRange(loop.getInitArgs()) : ValueRange(b.clone(*loop)->getResults()));
  loop.replaceAllUsesWith(branch.getResults());
  loop.erase();
}
