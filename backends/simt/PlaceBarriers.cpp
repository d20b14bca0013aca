#include "backends/simt/PlaceBarriers.h"

#include "backends/simt/SharedArena.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/Builders.h"

using namespace mlir;
using namespace heed;
using namespace heed::simt;

namespace {

struct Access {
  SharedRange range;
  bool writes;

  bool conflictsWith(const Access &other) const {
    return (writes || other.writes) && range.piece != other.range.piece && range.begin < other.range.end &&
           other.range.begin < range.end;
  }
  bool operator==(const Access &other) const {
    return writes == other.writes && range.piece == other.range.piece && range.begin == other.range.begin &&
           range.end == other.range.end;
  }
};

/// Accesses that no barrier separates from the next op.
class Pending {
public:
  void add(const Access &access) {
    if (!llvm::is_contained(accesses, access))
      accesses.push_back(access);
  }
  void add(const Pending &other) {
    for (const Access &access : other.accesses)
      add(access);
  }
  bool conflictsWith(const Pending &next) const {
    return llvm::any_of(next.accesses, [&](const Access &access) {
      return llvm::any_of(accesses, [&](const Access &before) { return before.conflictsWith(access); });
    });
  }
  void clear() { accesses.clear(); }
  bool operator==(const Pending &other) const { return accesses == other.accesses; }

private:
  SmallVector<Access> accesses;
};

void addAccesses(Operation *op, Pending &found) {
  auto note = op->getAttrOfType<DenseI64ArrayAttr>(sharedRangeAttrName);
  for (ArrayRef<int64_t> rest = note ? note.asArrayRef() : ArrayRef<int64_t>(); !rest.empty();
       rest = rest.drop_front(3))
    found.add({{rest[0], rest[1], rest[2]}, isa<StoreOp, CopyOp, BarrierInitOp>(op)});
}

/// All accesses of an op, inner ones included, as far as no barrier inside comes before them.
void accessesBeforeBarrier(Operation *op, Pending &found) {
  addAccesses(op, found);
  for (Region &region : op->getRegions())
    for (Block &block : region)
      for (Operation &inner : block) {
        if (isa<BarrierOp>(inner))
          break;
        accessesBeforeBarrier(&inner, found);
      }
}

/// Walks a block from `pending` on and leaves there what is pending at its end.
void placeIn(Block &block, Pending &pending) {
  for (Operation &op : llvm::make_early_inc_range(block)) {
    if (isa<BarrierOp>(op)) {
      pending.clear();
      continue;
    }
    Pending next;
    accessesBeforeBarrier(&op, next);
    if (pending.conflictsWith(next)) {
      OpBuilder builder(&op);
      BarrierOp::create(builder, op.getLoc());
      pending.clear();
    }
    if (op.getNumRegions() == 0) {
      pending.add(next);
      continue;
    }
    Pending after = isa<scf::ForOp>(op) ? pending : Pending(); // a loop may run not at all
    bool isBranch = isa<scf::IfOp>(op);
    if (isBranch)
      after = pending;
    for (Region &region : op.getRegions())
      for (Block &body : region) {
        Pending inside = pending;
        placeIn(body, inside);
        if (isa<scf::ForOp>(op)) // once more, now after the iteration before
          placeIn(body, inside);
        after.add(inside);
      }
    pending = after;
  }
}

/// Whether lanes meet a barrier of the workgroup while they have the turn.
bool stopsInTurn(KernelOp kernel) {
  bool stops = false;
  kernel.walk([&](Block *block) {
    bool hasTurn = false;
    for (Operation &op : *block) {
      if (auto barrier = dyn_cast<NamedBarrierOp>(op); barrier && op.hasAttr(turnBarrierAttrName))
        hasTurn = !barrier.getArrive();
      else if (hasTurn)
        op.walk([&](BarrierOp) { stops = true; });
    }
  });
  return stops;
}

void settleTurns(KernelOp kernel) {
  bool stops = stopsInTurn(kernel);
  kernel.walk([&](NamedBarrierOp barrier) {
    if (barrier->removeAttr(turnBarrierAttrName) && stops)
      barrier.erase();
  });
}

} // namespace

bool simt::needsBarriersInOwnRounds(KernelOp kernel) {
  OwningOpRef<KernelOp> copy = kernel.clone();
  Pending pending;
  placeIn(copy->getBody().front(), pending);
  auto isIn = [](BarrierOp barrier) {
    for (Operation *outer = barrier->getParentOp(); outer; outer = outer->getParentOp())
      if (outer->hasAttr(ownRoundsAttrName))
        return WalkResult::interrupt();
    return WalkResult::advance();
  };
  return copy->walk(isIn).wasInterrupted();
}

void simt::placeBarriers(KernelOp kernel) {
  Pending pending;
  placeIn(kernel.getBody().front(), pending);
  kernel.walk([](Operation *op) {
    op->removeAttr(sharedRangeAttrName);
    op->removeAttr(ownRoundsAttrName);
  });
  settleTurns(kernel);
  // Warps with a role of their own do not stop at the barriers of the others.
  kernel.walk([](scf::IfOp roles) {
    auto threads = roles->getAttrOfType<IntegerAttr>(roleThreadsAttrName);
    if (!threads)
      return;
    SmallVector<BarrierOp> barriers;
    roles.getElseRegion().walk([&](BarrierOp barrier) { barriers.push_back(barrier); });
    for (BarrierOp barrier : barriers) {
      OpBuilder builder(barrier);
      Value id = arith::ConstantOp::create(builder, barrier.getLoc(), builder.getI32IntegerAttr(1));
      NamedBarrierOp::create(builder, barrier.getLoc(), id, threads.getInt());
      barrier->erase();
    }
    roles->removeAttr(roleThreadsAttrName);
  });
}
