#include "backends/simt/LayoutPlan.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "llvm/ADT/bit.h"

#include <algorithm>

using namespace mlir;
using namespace heed;
using namespace heed::simt;
using tile::Layout;

RankedTensorType simt::tileType(Value value) { return dyn_cast<RankedTensorType>(value.getType()); }

bool simt::isElementwise(Operation *op) {
  return op->getNumResults() == 1 && op->getNumOperands() > 0 &&
         isa<arith::ArithDialect, math::MathDialect>(op->getDialect());
}

static bool isTile(Value value) { return static_cast<bool>(tileType(value)); }

SmallVector<int64_t> Product::atomOffsets(unsigned dim) const {
  SmallVector<int64_t> offsets;
  for (int64_t first = 0; first < tiling.sum.numRegisters(); first += atom->sum.numRegisters())
    if (int64_t offset = tiling.sum.registerOffset(first)[dim]; !llvm::is_contained(offsets, offset))
      offsets.push_back(offset);
  return offsets;
}

LayoutPlan::LayoutPlan(tile::KernelOp kernel, const SimtTarget &target, const Promises &promises)
    : kernel(kernel), target(target), divisibility(kernel, promises) {
  kernel.walk([&](Operation *op) { hasReductions |= isa<tile::ReduceOp, tile::FoldOp>(op); });
  kernel.walk([&](tile::DotOp dot) { products.try_emplace(dot, chooseProduct(dot)); });
  findFloating();
  connect();
  anchorAll();
}

/// Whether all that is made of a vector is broadcast, at once or after ops on its elements.
static bool isOnlyBroadcast(Operation *op) {
  return llvm::all_of(op->getUsers(), [](Operation *user) {
    return isa<tile::BroadcastOp, tile::ToeplitzOp>(user) || (isElementwise(user) && isOnlyBroadcast(user));
  });
}

/// Vectors and what depends on a row or a column only are read again by whoever needs them.
static bool isSmallLoad(Operation *load) {
  return cast<RankedTensorType>(load->getResult(0).getType()).getRank() < 2 && isOnlyBroadcast(load);
}

/// Only loads that no store follows before their last use may be repeated there.
static bool isFollowedByStore(Operation *load) {
  for (Operation *next = load->getNextNode(); next; next = next->getNextNode()) {
    bool stores = false;
    next->walk([&](tile::StoreOp) { stores = true; });
    if (!stores)
      continue;
    for (Operation *user : load->getUsers())
      if (!isa<tile::StoreOp>(user) && next->getBlock()->findAncestorOpInBlock(*user) &&
          next->isBeforeInBlock(next->getBlock()->findAncestorOpInBlock(*user)))
        return true;
  }
  return false;
}

bool LayoutPlan::canFloat(Operation *op) const {
  if (isa<arith::ConstantOp, tile::SplatOp, tile::IndexOp, tile::BroadcastOp, tile::TransposeOp, tile::ConvertOp>(op))
    return true;
  if (isa<tile::LoadOp>(op))
    return isSmallLoad(op) && !isFollowedByStore(op);
  if (isa<tile::GatherOp>(op))
    return isSmallLoad(op) && !isFollowedByStore(op) && llvm::all_of(op->getOperands(), [&](Value operand) {
             return !isTile(operand) || floating.contains(operand);
           });
  return isElementwise(op) &&
         llvm::all_of(op->getOperands(), [&](Value operand) { return !isTile(operand) || floating.contains(operand); });
}

void LayoutPlan::findFloating() {
  kernel.walk<WalkOrder::PreOrder>([&](Operation *op) {
    if (op->getNumResults() == 1 && isTile(op->getResult(0)) && canFloat(op))
      floating.insert(op->getResult(0));
  });
}

void LayoutPlan::join(Value a, Value b) {
  if (isTile(a) && !floating.contains(a) && !floating.contains(b))
    classes.unionSets(a.getAsOpaquePointer(), b.getAsOpaquePointer());
}

void LayoutPlan::connect() {
  auto add = [&](Value value) {
    if (isTile(value) && !floating.contains(value))
      classes.insert(value.getAsOpaquePointer());
  };
  kernel.walk([&](Operation *op) {
    for (Value result : op->getResults())
      add(result);
    for (Region &region : op->getRegions())
      for (Block &block : region)
        llvm::for_each(block.getArguments(), add);
  });
  kernel.walk([&](Operation *op) {
    if (isElementwise(op) || isa<tile::ScanOp>(op)) {
      for (Value operand : op->getOperands())
        if (isTile(operand) && isTile(op->getResult(0)))
          join(op->getResult(0), operand);
    } else if (auto dot = dyn_cast<tile::DotOp>(op)) {
      join(dot.getResult(), dot.getAccumulator());
    } else if (auto loop = dyn_cast<scf::ForOp>(op)) {
      for (auto [init, argument, yielded, result] :
           llvm::zip_equal(loop.getInitArgs(), loop.getRegionIterArgs(), loop.getYieldedValues(), loop.getResults())) {
        join(result, argument);
        join(result, init);
        join(result, yielded);
      }
    } else if (auto branch = dyn_cast<scf::IfOp>(op)) {
      for (auto [index, result] : llvm::enumerate(branch.getResults())) {
        join(result, branch.thenYield().getOperand(index));
        join(result, branch.elseYield().getOperand(index));
      }
    }
  });
}

void LayoutPlan::anchor(Value tile, const Layout &layout) {
  if (!floating.contains(tile))
    anchors.try_emplace(classes.getLeaderValue(tile.getAsOpaquePointer()), layout);
}

void LayoutPlan::anchorAll() {
  kernel.walk([&](tile::DotOp dot) { anchor(dot.getResult(), productOf(dot).tiling.sum); });
  kernel.walk(
      [&](tile::ScanOp scan) { anchor(scan.getResult(), serialLayout(scan.getType().getShape(), scan.getDim())); });
  anchorReductions();
  kernel.walk([&](Operation *op) {
    if (isa<tile::LoadOp, tile::GatherOp>(op))
      if (std::optional<ViewAccess> access = ViewAccess::ofTile(op->getResult(0)))
        anchor(op->getResult(0), memoryLayout(*access));
  });
  anchorReductions(); // before stores: what is left of a row is stored by the lanes that have it
  kernel.walk([&](tile::StoreOp store) { anchor(store.getTile(), memoryLayout(ViewAccess(store))); });
  anchorReductions();
}

/// Results of reductions take what is left of their source's layout, where that is decided already.
void LayoutPlan::anchorReductions() {
  auto take = [&](Value result, Value source, llvm::function_ref<std::optional<Layout>(const Layout &)> rest) {
    void *leader = classes.getLeaderValue(result.getAsOpaquePointer());
    if (anchors.contains(leader) || floating.contains(source))
      return;
    auto known = anchors.find(classes.getLeaderValue(source.getAsOpaquePointer()));
    std::optional<Layout> layout = known == anchors.end() ? std::nullopt : rest(known->second);
    if (layout && layout->shape() == tile::Coordinates(tileType(result).getShape()))
      anchors.try_emplace(leader, *layout);
  };
  kernel.walk([&](Operation *op) {
    if (auto reduce = dyn_cast<tile::ReduceOp>(op))
      take(reduce.getResult(), reduce.getSource(), [&](const Layout &from) { return from.slice(reduce.getDim()); });
    else if (auto fold = dyn_cast<tile::FoldOp>(op))
      take(fold.getResult(), fold.getSource(), [&](const Layout &from) { return from.condense(fold.getDim()); });
  });
}

bool LayoutPlan::areTogether(Value a, Value b) const {
  return !floating.contains(a) && !floating.contains(b) &&
         classes.isEquivalent(a.getAsOpaquePointer(), b.getAsOpaquePointer());
}

const Layout &LayoutPlan::layoutOf(Value tile) const {
  if (!floating.contains(tile)) {
    auto known = anchors.find(classes.getLeaderValue(tile.getAsOpaquePointer()));
    if (known != anchors.end())
      return known->second;
  }
  RankedTensorType type = tileType(tile);
  return defaults.try_emplace(type, defaultLayout(type)).first->second;
}

Layout LayoutPlan::defaultLayout(RankedTensorType type) const {
  return Layout::coalesced(type.getShape(), 1, target.lanes, target.warps);
}

static int64_t evenPart(int64_t size) { return size & -size; }

/// Row-major, but for the dimension whose elements are neighbours in memory.
Layout LayoutPlan::memoryLayout(const ViewAccess &access, int64_t warps) const {
  std::optional<unsigned> fastest = access.contiguousDim();
  SmallVector<unsigned> order;
  for (int64_t dim = access.tile.getRank() - 1; dim >= 0; --dim)
    order.insert(fastest == unsigned(dim) ? order.begin() : order.end(), unsigned(dim));
  int64_t vector = vectorWidth(access), bits = access.tile.getElementTypeBitWidth(), elements = 1;
  for (int64_t size : access.tile.getShape())
    elements *= evenPart(size);
  // Where nothing is copied, rather all lanes with vectors of half the size than some that read what others do.
  constexpr int64_t leastBits = 64;
  while (products.empty() && vector * bits > leastBits && elements < vector * target.lanes * warps)
    vector /= 2;
  return Layout::coalesced(access.tile.getShape(), vector, target.lanes, warps, order);
}

/// Loaded for products alone, so that it never needs to be in registers.
static bool isOperandOnly(Value tile) {
  auto load = tile.getDefiningOp<tile::LoadOp>();
  return load && llvm::all_of(load->getUsers(), llvm::IsaPred<tile::DotOp>);
}

/// The first instruction that fits the types and divides the tile. Warps share out the rows first: then rows are
/// reduced within a warp.
Product LayoutPlan::chooseProduct(tile::DotOp dot) const {
  RankedTensorType left = tileType(dot.getLeft()), sum = dot.getType();
  int64_t rows = sum.getDimSize(0), columns = sum.getDimSize(1), depth = left.getDimSize(1);
  for (const tile::Atom &atom : llvm::concat<const tile::Atom>(target.groupAtoms, target.atoms)) {
    bool fits = tile::elementOf(left.getElementType()) == atom.operand &&
                tile::elementOf(tileType(dot.getRight()).getElementType()) == atom.operand &&
                tile::elementOf(sum.getElementType()) == atom.accumulator && rows % atom.m == 0 &&
                columns % atom.n == 0 && depth % atom.k == 0;
    bool isGroup = atom.warps() > 1;
    if (!fits || (isGroup && isOperandOnly(dot.getLeft()) != (atom.leftResidence == tile::Residence::Shared)))
      continue;
    // The next one would begin in the middle of a panel.
    constexpr int64_t leastPanel = 16;
    if (isGroup && atom.n % leastPanel != 0 && columns != atom.n)
      continue;
    // Group instructions are for whole blocks: with fewer rows, groups would do the same work.
    int64_t groups = target.warps / atom.warps();
    if (isGroup && (llvm::isPowerOf2_64(groups) ? rows % (atom.m * groups) != 0 : rows != atom.m * groups))
      continue;
    // As many as a power of two, or all if each has rows of its own then.
    int64_t even = llvm::bit_floor(uint64_t(groups)), rowWarps = std::min(even, evenPart(rows / atom.m));
    if (rows == atom.m * groups)
      rowWarps = groups;
    int64_t columnWarps = std::min(std::max<int64_t>(even / rowWarps, 1), evenPart(columns / atom.n));
    tile::AtomTiling tiling = tile::tileWithAtom(atom, rows, columns, depth, rowWarps, columnWarps);
    for (Layout *layout : {&tiling.left, &tiling.right, &tiling.sum})
      if (layout->rank() != 0)
        *layout = layout->padded(tile::Input::Warp, target.warps);
    return {&atom, tiling};
  }
  return {nullptr, {{}, {}, accumulatorLayout(sum.getShape())}};
}

/// Every second lane has other rows, the pairs of them other columns: of either operand, neighbours or every second
/// ones read the same, which memory serves at twice the speed.
static Layout interleaved(const Layout &layout) {
  tile::Bases lanes = layout.laneBases();
  auto *row = llvm::find_if(lanes, [](const tile::Coordinates &base) { return base[0] != 0; });
  std::rotate(lanes.begin(), row, row == lanes.end() ? row : row + 1);
  return Layout::get(layout.shape(), layout.registerBases(), lanes, layout.warpBases(), layout.repeats());
}

/// Where rows are reduced, warps share them out first. Else a lane has about as many rows as columns, so that it reads
/// the fewest elements for its sums.
Layout LayoutPlan::accumulatorLayout(ArrayRef<int64_t> shape) const {
  int64_t rows = evenPart(shape[0]), columns = evenPart(shape[1]);
  int64_t columnsPerLane = std::min<int64_t>(4, columns);
  int64_t columnLanes = std::min({std::max<int64_t>(target.lanes / 4, 1), int64_t(8), columns / columnsPerLane});
  int64_t rowLanes = std::min(target.lanes / columnLanes, rows);
  int64_t warps = llvm::bit_floor(uint64_t(target.warps)), rowWarps = std::min(warps, rows / rowLanes);
  auto elementsOfLane = [&](int64_t rowWarps) {
    return llvm::divideCeil(shape[0], rowLanes * rowWarps) +
           llvm::divideCeil(shape[1], columnLanes * (warps / rowWarps));
  };
  for (int64_t fewer = rowWarps / 2; !hasReductions && fewer > 0; fewer /= 2)
    if (columnsPerLane * columnLanes * (warps / fewer) <= columns && elementsOfLane(fewer) < elementsOfLane(rowWarps))
      rowWarps = fewer;
  int64_t rowsPerLane = std::min<int64_t>(4, rows / (rowLanes * rowWarps));
  Layout layout = Layout::blocked(shape, {rowsPerLane, columnsPerLane}, {rowLanes, columnLanes},
                                  {rowWarps, warps / rowWarps}, {1, 0});
  return interleaved(layout.padded(tile::Input::Lane, target.lanes).padded(tile::Input::Warp, target.warps));
}

Layout LayoutPlan::serialLayout(ArrayRef<int64_t> shape, unsigned dim) const {
  SmallVector<int64_t> perLane(shape.size(), 1), lanes(shape.size(), 1), warps(shape.size(), 1);
  SmallVector<unsigned> order{dim};
  perLane[dim] = evenPart(shape[dim]);
  for (unsigned other = 0; other < shape.size(); ++other) {
    if (other == dim)
      continue;
    if (order.size() == 1) {
      lanes[other] = target.lanes;
      warps[other] = llvm::bit_floor(uint64_t(target.warps));
    }
    order.push_back(other);
  }
  Layout layout = Layout::blocked(shape, perLane, lanes, warps, order);
  return layout.padded(tile::Input::Lane, target.lanes).padded(tile::Input::Warp, target.warps);
}
