/// Groups of warps that start the products of a loop in turns.
///
///   at first      the last group lets the first begin
///   in a round    a group waits for its turn, starts its products, and lets the next group begin
///   at last       the first group takes back the turn that the last one has handed on
///
/// Between loops, and between programs, the turn stays where it is: a group that took it back there could meet the next
/// time it is handed on.
///
/// Left alone, groups fall into step: all start products, and then all wait for them. In turns the products of one run
/// while the others work on what theirs gave.
#include "backends/simt/PlaceBarriers.h"
#include "backends/simt/TileLowering.h"

using namespace mlir;
using namespace heed;
using namespace heed::simt;

/// The first barrier that is neither the workgroup's nor that of warps of one role.
constexpr int64_t firstTurnBarrier = 2;

/// Warps of the groups that start marked products; 0 where there are none.
int64_t TileLowering::turnWarps() {
  int64_t warps = 0;
  kernel.walk([&](tile::DotOp dot) {
    if (dot->hasAttr(tile::turnAttrName) && plan.productOf(dot).isGroup())
      warps = plan.productOf(dot).atom->warps();
  });
  return warps;
}

void TileLowering::emitTurn(TurnStep step) {
  int64_t warps = isProducer || !target.abilities.namedBarriers ? 0 : turnWarps();
  int64_t groups = warps == 0 ? 0 : target.warps / warps;
  if (groups < 2)
    return;
  Value group = arith::DivUIOp::create(b, warp, i32(warps));
  auto barrier = [&](Value of, bool arrives) {
    Value id = arith::AddIOp::create(b, of, i32(firstTurnBarrier));
    auto stop = simt::NamedBarrierOp::create(b, id, /*threads=*/2 * warps * target.lanes, arrives);
    stop->setAttr(turnBarrierAttrName, b.getUnitAttr());
  };
  auto onlyGroup = [&](int64_t which, bool arrives) {
    Value isIt = arith::CmpIOp::create(b, arith::CmpIPredicate::eq, group, i32(which));
    auto branch = scf::IfOp::create(b, TypeRange(), isIt, /*withElseRegion=*/false);
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPoint(branch.thenBlock()->getTerminator());
    barrier(i32(0), arrives);
  };
  switch (step) {
  case TurnStep::Enter:
    return onlyGroup(groups - 1, /*arrives=*/true);
  case TurnStep::Begin:
    return barrier(group, /*arrives=*/false);
  case TurnStep::End: {
    Value isLast = arith::CmpIOp::create(b, arith::CmpIPredicate::eq, group, i32(groups - 1));
    Value next = arith::AddIOp::create(b, group, i32(1));
    return barrier(arith::SelectOp::create(b, isLast, i32(0), next), /*arrives=*/true);
  }
  case TurnStep::Leave:
    return onlyGroup(0, /*arrives=*/false);
  }
}
