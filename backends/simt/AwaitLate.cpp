#include "backends/simt/AwaitLate.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/Matchers.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "llvm/ADT/SetVector.h"

#include <algorithm>

using namespace mlir;
using namespace heed::simt;

/// Of a lane.
constexpr int64_t mostPrefetches = 32, mostEarlyBits = 1024;
/// That one request brings.
constexpr int64_t lineBytes = 128;

namespace {
class AwaitLate {
public:
  AwaitLate(KernelOp kernel, AwaitPreviousOp await, scf::IfOp programs)
      : kernel(kernel), await(await), programs(programs), builder(await) {}

  void run();

private:
  BlockArgument unwrittenBase(Value address);
  bool isUnwritten(Operation *op);
  bool isOfProgram(Value value);
  bool isLater(LoadOp load);
  bool isWorthBringing(LoadOp load);
  bool prefetchFor(scf::ForOp loop);
  bool prefetchOnce();
  bool loadEarly();
  bool loadEarly(LoadOp load);
  bool prefetch(LoadOp load, IRMapping &round);
  Value available(Value value, IRMapping &round);

  KernelOp kernel;
  AwaitPreviousOp await;
  scf::IfOp programs; ///< what the kernel does where it has a program
  OpBuilder builder;
};
} // namespace

/// The base that an address is in, if no launch before writes that; else null.
BlockArgument AwaitLate::unwrittenBase(Value address) {
  if (auto argument = dyn_cast<BlockArgument>(address)) {
    bool isBase = argument.getOwner() == &kernel.getBody().front() && argument.getArgNumber() < kernel.getNumBases();
    return isBase && llvm::is_contained(*await.getUnwritten(), int64_t(argument.getArgNumber())) ? argument
                                                                                                 : BlockArgument();
  }
  auto sum = address.getDefiningOp<arith::AddIOp>();
  if (!sum)
    return {};
  BlockArgument left = unwrittenBase(sum.getLhs());
  return left ? left : unwrittenBase(sum.getRhs());
}

bool AwaitLate::isUnwritten(Operation *op) {
  auto load = dyn_cast<LoadOp>(op);
  return load && load.getSpace() == Space::Global && unwrittenBase(load.getAddress());
}

/// Whether it is another one in each program, as far as arithmetic tells.
bool AwaitLate::isOfProgram(Value value) {
  llvm::SetVector<Value> open;
  open.insert(value);
  for (size_t next = 0; next < open.size(); ++next)
    if (Operation *op = open[next].getDefiningOp()) {
      if (isa<ProgramOp>(op))
        return true;
      open.insert(op->operand_begin(), op->operand_end());
    }
  return false;
}

static int64_t bitsOf(LoadOp load) {
  auto vector = dyn_cast<VectorType>(load.getType());
  int64_t elements = vector ? vector.getNumElements() : 1;
  return elements * getElementTypeOrSelf(load.getType()).getIntOrFloatBitWidth();
}

/// Where lanes load single elements, as many requests would bring little; what all programs read is in the cache when
/// the first has read it, and a request takes as long as that.
bool AwaitLate::isWorthBringing(LoadOp load) {
  constexpr int64_t leastBits = 64;
  return isUnwritten(load) && bitsOf(load) >= leastBits && isOfProgram(load.getAddress());
}

/// The value as it is known before the wait: what it is made of is made there too. Null where that takes more than
/// arithmetic.
Value AwaitLate::available(Value value, IRMapping &round) {
  if (Value known = round.lookupOrNull(value))
    return known;
  Operation *op = value.getDefiningOp();
  if (!op)
    return cast<BlockArgument>(value).getOwner() == &kernel.getBody().front() ? value : Value();
  Block *here = builder.getInsertionBlock();
  if (op->getBlock() == &kernel.getBody().front() ||
      (op->getBlock() == here && op->isBeforeInBlock(&*builder.getInsertionPoint())))
    return value;
  if (!isMemoryEffectFree(op) || op->getNumRegions() != 0)
    return {};
  for (Value operand : op->getOperands()) {
    Value known = available(operand, round);
    if (!known)
      return {};
    round.map(operand, known);
  }
  builder.clone(*op, round);
  return round.lookup(value);
}

/// Of the lanes that go for one line, the one asks for it that wants its first bytes: a request takes some clocks, even
/// of what another lane asks for.
bool AwaitLate::prefetch(LoadOp load, IRMapping &round) {
  Location location = load.getLoc();
  auto constant = [&](int64_t value) {
    return arith::ConstantOp::create(builder, location, builder.getI64IntegerAttr(value)).getResult();
  };
  Value address = available(load.getAddress(), round);
  Value inside = address && load.getPredicate() ? available(load.getPredicate(), round) : Value();
  if (!address || (load.getPredicate() && !inside))
    return false;
  Value within = arith::AndIOp::create(builder, location, address, constant(lineBytes - bitsOf(load) / 8));
  Value asks = arith::CmpIOp::create(builder, location, arith::CmpIPredicate::eq, within, constant(0));
  if (inside)
    asks = arith::AndIOp::create(builder, location, asks, inside);
  PrefetchOp::create(builder, location, address, asks);
  return true;
}

/// Whether it is behind what comes before the wait.
bool AwaitLate::isLater(LoadOp load) {
  return load->getBlock() != builder.getInsertionBlock() || !load->isBeforeInBlock(&*builder.getInsertionPoint());
}

/// What is read where there are no loops, because one of one round is none.
bool AwaitLate::prefetchOnce() {
  int64_t count = 0;
  for (LoadOp load : llvm::to_vector(programs.thenBlock()->getOps<LoadOp>())) {
    IRMapping none;
    if (isLater(load) && isWorthBringing(load) && (count++ == mostPrefetches || !prefetch(load, none)))
      break;
  }
  return count > 0;
}

/// Moves a load to before the wait, with what it needs.
bool AwaitLate::loadEarly(LoadOp load) {
  IRMapping known;
  for (Value operand : load->getOperands()) {
    Value early = available(operand, known);
    if (!early)
      return false;
    known.map(operand, early);
  }
  load.replaceAllUsesWith(cast<LoadOp>(builder.clone(*load, known)).getResult());
  load.erase();
  return true;
}

/// Where there are no loops, loads themselves, while registers have room: such as the scale of a norm, which comes
/// together with what is reduced first.
bool AwaitLate::loadEarly() {
  int64_t bits = 0;
  bool isAny = false;
  for (LoadOp load : llvm::to_vector(programs.thenBlock()->getOps<LoadOp>())) {
    if (!isLater(load) || !isUnwritten(load))
      continue;
    bits += std::max<int64_t>(bitsOf(load), 32);
    if (bits > mostEarlyBits)
      break;
    isAny |= loadEarly(load);
  }
  return isAny;
}

/// The first rounds of a loop. Returns whether there is anything to bring. Where lanes wait for each other, they work
/// on blocks of which many programs read the same, and have little to gain.
bool AwaitLate::prefetchFor(scf::ForOp loop) {
  if (loop.walk([](BarrierOp) { return WalkResult::interrupt(); }).wasInterrupted())
    return false;
  APInt low, high, step;
  if (!matchPattern(loop.getLowerBound(), m_ConstantInt(&low)) ||
      !matchPattern(loop.getUpperBound(), m_ConstantInt(&high)) || !matchPattern(loop.getStep(), m_ConstantInt(&step)))
    return false;
  auto loads =
      llvm::filter_to_vector(loop.getBody()->getOps<LoadOp>(), [&](LoadOp load) { return isWorthBringing(load); });
  int64_t count = 0;
  for (int64_t at = low.getSExtValue(); at < high.getSExtValue() && !loads.empty(); at += step.getSExtValue()) {
    IRMapping round;
    round.map(
        loop.getInductionVar(),
        arith::ConstantOp::create(builder, loop.getLoc(), builder.getIntegerAttr(loop.getInductionVar().getType(), at))
            .getResult());
    for (LoadOp load : loads)
      if (count++ == mostPrefetches || !prefetch(load, round))
        return count > 1;
  }
  return count > 0;
}

void AwaitLate::run() {
  Block &body = *programs.thenBlock();
  bool loads = false;
  Operation *place = &body.front();
  for (; isMemoryEffectFree(place) ? place->getNumRegions() == 0 && !place->hasTrait<OpTrait::IsTerminator>()
                                   : isUnwritten(place);
       place = place->getNextNode())
    loads |= isa<LoadOp>(place);
  builder.setInsertionPoint(place);
  auto loops = llvm::to_vector(body.getOps<scf::ForOp>());
  if (loops.empty())
    loads |= loadEarly();
  bool prefetches =
      loops.empty() ? prefetchOnce() : llvm::any_of(loops, [&](scf::ForOp loop) { return prefetchFor(loop); });
  if (loads || prefetches)
    await->moveBefore(place);
}

void heed::simt::awaitLate(KernelOp kernel) {
  auto awaits = kernel.getBody().front().getOps<AwaitPreviousOp>();
  AwaitPreviousOp await = awaits.empty() ? AwaitPreviousOp() : *awaits.begin();
  if (!await || await.getOpens() || !await.getUnwritten() || await.getUnwritten()->empty())
    return;
  Operation *next = await->getNextNode();
  while (next && isMemoryEffectFree(next) && next->getNumRegions() == 0 && !next->hasTrait<OpTrait::IsTerminator>())
    next = next->getNextNode();
  if (auto programs = dyn_cast_or_null<scf::IfOp>(next); programs && programs.getNumResults() == 0)
    AwaitLate(kernel, await, programs).run();
}
