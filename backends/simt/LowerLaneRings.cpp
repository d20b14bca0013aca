/// Tiles of loops that warps of their own copy for lanes that read them by themselves: biases and masks of scores.
///
/// They come in rings as operands of products do (LowerRings.cpp). A slot is empty when each warp has read it, which
/// it has when it has computed with what it read.
#include "backends/simt/TileLowering.h"

using namespace mlir;
using namespace heed;
using namespace heed::simt;
using tile::Layout;

/// The tile as one slot holds it, if warps can copy it for lanes that read it by themselves.
std::optional<SharedTile> TileLowering::laneRingTile(tile::LoadOp load) {
  ViewAccess access(load);
  std::optional<unsigned> fastest = access.contiguousDim();
  Type element = access.viewType().getElementType();
  int64_t bits = element.getIntOrFloatBitWidth();
  // Labels of keys stay in the nearest cache, and masks of labels lack the registers that a ring's state takes.
  bool areLabels = access.tile.getRank() == 1 && isa<IntegerType>(element) && bits > 8;
  if (!fastest || bits % 8 != 0 || access.tile.getRank() > 2 || areLabels ||
      (!load.getExtents().empty() && !isZero(load.getFill())) || plan.vectorWidth(access) * bits / 8 < 4)
    return std::nullopt;
  SharedTile tile;
  tile.element = element;
  tile.shape = llvm::to_vector(access.tile.getShape());
  bool isRow = tile.shape.size() == 1;
  tile.layout = isRow ? tile::SharedLayout({0}) : swizzledPanels(*fastest, tile.shape[*fastest] * bits / 8);
  tile.isOrdered = true;
  return tile;
}

/// The last op of the load's block for which lanes read the tile where it lies, or could do so just as well: what is
/// made of nothing but it counts as it. Null when that is behind the block.
Operation *TileLowering::lastReader(tile::LoadOp load) {
  Block *block = load->getBlock();
  Operation *last = load;
  SmallVector<Value> open{load.getResult()};
  llvm::DenseSet<Value> seen;
  while (!open.empty()) {
    Value value = open.pop_back_val();
    if (!seen.insert(value).second)
      continue;
    for (Operation *user : value.getUsers()) {
      Operation *inBlock = block->findAncestorOpInBlock(*user);
      if (!inBlock || inBlock == block->getTerminator())
        return nullptr;
      if (last->isBeforeInBlock(inBlock))
        last = inBlock;
      if (user->getNumResults() != 1 || !tileType(user->getResult(0)))
        continue;
      bool isOfIt = isElementwise(user) && llvm::all_of(user->getOperands(), [&](Value operand) {
                      return seen.contains(operand) || !tileType(operand) || plan.isFloating(operand);
                    });
      if (isOfIt || plan.isFloating(user->getResult(0)))
        open.push_back(user->getResult(0));
    }
  }
  return last;
}

/// Rings for what lanes read in loops beside such tiles, and that is another tile in each iteration: biases and masks
/// of scores.
void TileLowering::planLaneRings() {
  std::vector<Ring> found;
  llvm::SmallDenseSet<int64_t> refused;
  kernel.walk([&](tile::LoadOp load) {
    std::optional<int64_t> site = siteOf(load.getResult());
    if (!site || load.use_empty() || ringOf(load.getResult()))
      return;
    // All copies of a load read slots, or none.
    if (llvm::any_of(load->getUsers(), llvm::IsaPred<tile::DotOp>) || !lastReader(load))
      refused.insert(*site);
    auto loop = load->getParentOfType<scf::ForOp>();
    bool changes =
        loop && llvm::any_of(load.getIndices(), [&](Value index) { return !loop.isDefinedOutsideOfLoop(index); });
    bool isKnown = llvm::any_of(found, [&](const Ring &ring) { return ring.site == *site; });
    if (!changes || isKnown || ringsIn(loop).empty())
      return;
    if (std::optional<SharedTile> tile = laneRingTile(load)) {
      Ring &ring = found.emplace_back();
      ring.site = site;
      ring.tile = *tile;
      ring.boxes = planBoxes(load, tile->layout);
      ring.isForLanes = true;
    }
  });
  llvm::copy_if(found, std::back_inserter(rings), [&](const Ring &ring) { return !refused.contains(*ring.site); });
}

/// The next slot, full. Lanes read it once the scores are there with which it is combined, since it takes registers.
void TileLowering::readSlot(Ring &ring, tile::LoadOp load) {
  landBefore(load.getResult());
  auto [slot, empty] = awaitSlot(ring);
  if (plan.isFloating(load.getResult())) {
    staged[load.getResult()] = slot;
  } else {
    const Layout &layout = plan.layoutOf(load.getResult());
    Operand whole{layout, {}, slot};
    tile::Coordinates origin(layout.rank(), 0);
    define(load.getResult(), layout,
           canLoadMatrices(whole) ? loadMatrices(whole, {origin}, layout.numRegisters()).front()
                                  : loadShared(slot, layout, slot.element));
  }
  readSlots[lastReader(load)].push_back(empty);
}

void TileLowering::releaseReadBy(Operation *op) {
  auto slots = readSlots.find(op);
  if (slots == readSlots.end())
    return;
  simt::WarpBarrierOp::create(b);
  for (Value barrier : slots->second)
    releaseSlot(barrier);
}
