/// Gathered operands of products, brought to shared memory in rounds.
///
///   for every round:
///     look up where its rows lie, load them, store them
///
/// A row that is looked up takes registers for the number of its page, for whether there is one and for its address.
/// All at once, a block's rows take more of them than its elements, and much of it would be computed before the loop
/// over blocks and kept from there on. What a round needs is known only once it begins.
#include "backends/simt/TileLowering.h"

using namespace mlir;
using namespace heed;
using namespace heed::simt;
using tile::Layout;

/// Registers beside the elements that a row takes which is looked up: a number, a predicate, an address, and how far it
/// is from where its page begins.
constexpr int64_t registersOfLookup = 6;
/// Elements that a lane has on their way at least.
constexpr int64_t leastOfRound = 8;

/// 32-bit registers of a lane.
static int64_t wordsOf(const Layout &layout, Type element) {
  int64_t bits = element.isIndex() ? 64 : element.getIntOrFloatBitWidth();
  return layout.numRegisters() * llvm::divideCeil(bits, 32);
}

/// What a lane keeps in registers while an operand of the product is on its way: tiles that loops carry, and the one
/// that it is multiplied with.
int64_t TileLowering::registersBeside(Value operand) {
  int64_t words = 0;
  auto add = [&](Value tile) {
    if (tileType(tile))
      words += wordsOf(plan.layoutOf(tile), tileType(tile).getElementType());
  };
  auto dot = cast<tile::DotOp>(*operand.user_begin());
  for (auto loop = dot->getParentOfType<scf::ForOp>(); loop; loop = loop->getParentOfType<scf::ForOp>())
    llvm::for_each(loop.getRegionIterArgs(), add);
  for (Value other : {dot.getLeft(), dot.getRight()})
    if (other != operand && !staged.contains(other) && find(other, plan.layoutOf(other)))
      add(other);
  return words;
}

/// Whether all that the tile is made of is made again in any layout that is asked for.
bool TileLowering::isMadeAgain(Value tile) {
  return plan.isFloating(tile) && llvm::all_of(tile.getDefiningOp()->getOperands(), [&](Value operand) {
           return !tileType(operand) || isMadeAgain(operand);
         });
}

/// Whether elements of the tile, which is made again where it is needed, depend on what memory holds.
static bool isLookedUp(Value tile) {
  Operation *op = tile.getDefiningOp();
  return isa<tile::GatherOp, tile::LoadOp>(op) ||
         llvm::any_of(op->getOperands(), [](Value operand) { return tileType(operand) && isLookedUp(operand); });
}

/// The dimensions of a gather along which it looks up where elements lie.
static llvm::SmallDenseSet<unsigned> lookedUpAlong(tile::GatherOp gather) {
  llvm::SmallDenseSet<unsigned> dims;
  for (Value index : gather.getIndices()) {
    if (!tileType(index) || !isLookedUp(index))
      continue;
    if (auto broadcast = index.getDefiningOp<tile::BroadcastOp>())
      dims.insert_range(llvm::map_range(broadcast.getDims(), [](int64_t dim) { return unsigned(dim); }));
    else
      dims.insert_range(llvm::seq<unsigned>(0, gather.getType().getRank()));
  }
  return dims;
}

/// The layout with the last registers along what is looked up given to warps of which there is one after the other,
/// until what a lane needs at a time fits; the layout itself where that is so at once, or nothing can be given away.
Layout TileLowering::roundOf(Value operand, const Layout &layout) {
  auto gather = operand.getDefiningOp<tile::GatherOp>();
  auto isAtHand = [&](Value index) { return !tileType(index) || isMadeAgain(index); };
  if (!gather || layout.cut() || !llvm::all_of(gather->getUsers(), llvm::IsaPred<tile::DotOp>) ||
      !llvm::all_of(gather.getIndices(), isAtHand))
    return layout;
  llvm::SmallDenseSet<unsigned> dims = lookedUpAlong(gather);
  int64_t room = target.registers - registersBeside(operand);
  auto fits = [&](const Layout &round) {
    Layout rows = round;
    for (unsigned dim = round.rank(); dim-- > 0;)
      if (!dims.contains(dim))
        rows = rows.slice(dim);
    int64_t words = wordsOf(round, gather.getType().getElementType());
    return round.numRegisters() <= leastOfRound || words + registersOfLookup * rows.numRegisters() <= room;
  };
  auto isLookedUpAlong = [&](const tile::Coordinates &base) {
    return llvm::all_of(llvm::enumerate(base),
                        [&](auto each) { return each.value() == 0 || dims.contains(unsigned(each.index())); });
  };
  Layout round = layout;
  while (!dims.empty() && !fits(round)) {
    tile::Bases registers = round.registerBases(), warps = round.warpBases();
    auto last = llvm::find_if(llvm::reverse(registers), isLookedUpAlong);
    if (last == registers.rend())
      break;
    warps.push_back(*last);
    registers.erase(std::prev(last.base()));
    round = Layout::get(round.shape(), registers, round.laneBases(), warps, round.repeats());
  }
  return round;
}

/// Whether what is gathered element by element waits for the one product that reads it, to come in rounds.
bool TileLowering::isGatheredInRounds(tile::GatherOp gather) {
  auto dot = gather->hasOneUse() ? dyn_cast<tile::DotOp>(*gather->user_begin()) : tile::DotOp();
  if (!dot || dot->getBlock() != gather->getBlock() || plan.productOf(dot).isGroup())
    return false;
  const Layout &layout = plan.layoutOf(gather.getResult());
  return roundOf(gather.getResult(), layout) != layout;
}

/// Brings a tile of memory to shared memory.
void TileLowering::copyToShared(Value operand, const Layout &layout, const SharedTile &to) {
  auto load = [&](const Layout &held) {
    if (std::optional<ViewAccess> access = ViewAccess::ofTile(operand))
      return emitLoad(*access, held);
    return emitGather(operand.getDefiningOp<tile::GatherOp>(), held);
  };
  Layout round = roundOf(operand, layout);
  unsigned warpBits = layout.warpBases().size(), roundBits = round.warpBases().size() - warpBits;
  if (roundBits == 0)
    return storeShared(load(layout), layout, to);
  auto loop = scf::ForOp::create(b, i32(0), i32(int64_t(1) << roundBits), i32(1));
  for (StringRef mark : {simt::unrolledAttrName, simt::wholeAttrName})
    loop->setAttr(mark, b.getUnitAttr());
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPoint(loop.getBody()->getTerminator());
  // In this body the lane is in a warp of the round, and so is all that depends on the warp.
  Value existing = arith::AndIOp::create(b, warp, i32((int64_t(1) << warpBits) - 1));
  Value ofRound = arith::OrIOp::create(b, existing, arith::ShLIOp::create(b, loop.getInductionVar(), i32(warpBits)));
  Value outside = std::exchange(warp, ofRound);
  std::vector<LaneCoordinate> coordinates = std::exchange(laneCoordinates, {});
  Operation *end = std::exchange(prologueEnd, i32(0).getDefiningOp());
  scopes.emplace_back();
  storeShared(load(round), round, to);
  scopes.pop_back();
  prologueEnd = end;
  laneCoordinates = std::move(coordinates);
  warp = outside;
}
