/// Groups of warps that go through rounds of their own.
///
/// Where other warps copy what groups multiply, groups meet in a loop only at the barriers of slots, and when they hand
/// on the turn. So a group may go through fewer rounds than its program as long as it takes its turn in the others and
/// lets their slots go.
#include "backends/simt/PlaceBarriers.h"
#include "backends/simt/TileLowering.h"

using namespace mlir;
using namespace heed;
using namespace heed::simt;

/// The loop whose tiles come in rings, if there is one only and every round takes one slot of each.
scf::ForOp TileLowering::loopOfRings() {
  scf::ForOp found;
  bool isOne = true;
  kernel.walk([&](tile::LoadOp load) {
    auto loop = load->getParentOfType<scf::ForOp>();
    Ring *ring = ringOf(load.getResult());
    if (!ring || ring->isResident || !loop)
      return;
    isOne &= (!found || found == loop) && load->getBlock() == loop.getBody() && !loop->getParentOfType<scf::ForOp>();
    found = loop;
  });
  return isOne ? found : scf::ForOp();
}

/// Rows that a group holds by itself, if groups hold one part of every sum after another; 0: all work on all.
int64_t TileLowering::planShare() {
  bool isAsked = kernel.walk([](tile::ShareOp) { return WalkResult::interrupt(); }).wasInterrupted();
  if (!isAsked || rings.empty() || !target.sharesRows || !loopOfRings())
    return 0;
  int64_t rows = 0;
  bool isParted = true;
  kernel.walk([&](tile::DotOp dot) {
    const Product &product = plan.productOf(dot);
    if (!product.isGroup()) {
      isParted = false;
      return;
    }
    rows = product.atom->m;
    const tile::Bases &bases = product.tiling.sum.warpBases();
    for (size_t bit = llvm::Log2_64(product.atom->warps()), group = 1; bit < bases.size(); ++bit, group *= 2)
      isParted &= bases[bit][0] == int64_t(group) * rows && bases[bit][1] == 0;
    isParted &= tileType(dot.getResult()).getDimSize(0) == rows * target.warps / product.atom->warps();
  });
  return isParted ? rows : 0;
}

void TileLowering::emitShare(tile::ShareOp op) {
  if (isProducer || !sharesRows()) {
    scalars.map(op.getFirst(), i64(0));
    scalars.map(op.getRows(), i64(int64_t(op.getOf())));
    return;
  }
  int64_t groups = int64_t(op.getOf()) / rowsOfShare;
  mapShare(op, arith::DivUIOp::create(b, warp, i32(target.warps / groups)));
}

/// The rows of a group, i32.
void TileLowering::mapShare(tile::ShareOp op, Value group) {
  Value first = arith::MulIOp::create(b, group, i32(rowsOfShare));
  scalars.map(op.getFirst(), arith::ExtUIOp::create(b, b.getI64Type(), first).getResult());
  scalars.map(op.getRows(), i64(rowsOfShare));
}

void TileLowering::emitSkip(tile::SkipOp op) {
  if (isProducer || !sharesRows())
    return;
  SmallVector<Ring *> moved = ringsIn(loopOfRings());
  auto loop = scf::ForOp::create(b, i32(0), toI32(op.getRounds()), i32(1), ringState(moved));
  loop->setAttr(ownRoundsAttrName, b.getUnitAttr());
  {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(loop.getBody());
    setRingState(moved, loop.getRegionIterArgs());
    emitTurn(TurnStep::Begin);
    emitTurn(TurnStep::End);
    for (Ring *ring : moved)
      releaseSlot(awaitSlot(*ring).empty);
    scf::YieldOp::create(b, ringState(moved));
  }
  setRingState(moved, loop.getResults());
}
