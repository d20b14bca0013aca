/// Products: operands are staged in shared memory, every lane computes its part of the accumulator by multiply-adds.
#include "backends/simt/TileLowering.h"

#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace heed;
using namespace heed::simt;
using tile::Layout;

/// Multiply-adds written out in the body of the loop over the depth, and elements that it reads, all of which may be
/// on their way at once.
constexpr int64_t unrolledOperations = 128, unrolledElements = 32;

static int64_t bytesOf(Type element) { return element.getIntOrFloatBitWidth() / 8; }

constexpr int64_t banksBytes = 128, chunkBytes = 16, leastPanelBytes = 32;

/// Rows in panels of at most 128 bytes whose chunks are exchanged from row to row, so that eight rows of a chunk lie in
/// different banks: what units that copy tensors, or multiply matrices, know too.
tile::SharedLayout simt::swizzledPanels(unsigned fastest, int64_t rowBytes) {
  int64_t panel = std::min(banksBytes, rowBytes & -rowBytes);
  return {{fastest, 1 - fastest}, chunkBytes, banksBytes / panel, panel / chunkBytes, /*padBytes=*/0, panel};
}

tile::SharedLayout simt::panelsOfRows(unsigned fastest, int64_t rowBytes, int64_t panelBytes) {
  int64_t panel = std::max(panelBytes, leastPanelBytes), last = rowBytes % panel == 0 ? 0 : panel;
  return {{fastest, 1 - fastest}, chunkBytes, banksBytes / panel, panel / chunkBytes, /*padBytes=*/0, panel, last};
}

tile::SharedLayout simt::fewestPanels(unsigned fastest, int64_t rowBytes) {
  int64_t rest = rowBytes % banksBytes, last = std::max<int64_t>(llvm::PowerOf2Ceil(rest), leastPanelBytes);
  if (rowBytes < banksBytes || rest == 0)
    return panelsOfRows(fastest, rowBytes, rest == 0 ? banksBytes : last);
  return {{fastest, 1 - fastest},
          chunkBytes,
          /*rowsPerPhase=*/1,
          banksBytes / chunkBytes,
          /*padBytes=*/0,
          banksBytes,
          last};
}

/// How warps load matrices of 8 rows of 16 bytes, four at a time, from a tile that they share out as a layout says.
static Layout matrixRows(const Layout &fragments, unsigned fastest) {
  constexpr int64_t rows = 8, elements = 8, matrices = 4;
  SmallVector<int64_t, 2> perLane(2, 1), lanes(2, rows), warps(2, 1);
  perLane[fastest] = elements;
  lanes[fastest] = matrices;
  for (const tile::Coordinates &base : fragments.warpBases())
    for (unsigned dim : {0u, 1u})
      warps[dim] *= base[dim] != 0 ? 2 : 1;
  return Layout::blocked(fragments.shape(), perLane, lanes, warps, {1 - fastest, fastest});
}

/// The layout in which registers bring an operand to shared memory: that of memory where products alone use it.
Layout TileLowering::stagedLayout(Value operand) const {
  std::optional<ViewAccess> access = ViewAccess::ofTile(operand);
  bool isOperandOnly = access && llvm::all_of(operand.getUsers(), llvm::IsaPred<tile::DotOp>);
  return isOperandOnly ? plan.memoryLayout(*access) : plan.layoutOf(operand);
}

/// Whether lanes bring an operand of multiply-adds in vectors along the depth that copies can bring instead of them.
bool TileLowering::comesAlong(const Layout &store, unsigned depthDim, Type stored) const {
  int64_t vector = target.vectorBytes / bytesOf(stored);
  return target.abilities.asynchronousCopies && (int64_t(1) << store.contiguousBits(depthDim).size()) >= vector;
}

/// The tile algebra decides by the banks and the addresses of all accesses; what is read as a vector stays one.
/// Multiply-adds read along the rows (or columns), at depths known at run time only, elements of the accumulator's
/// type; or along the depth, where copies bring vectors of that. Matrix instructions take elements as they are,
/// neighbours along the depth; where matrices are loaded either way round, an operand lies as it does in memory.
TileLowering::Staging TileLowering::stagingOf(tile::DotOp dot, Value operand, unsigned depthDim) {
  const Product &product = plan.productOf(dot);
  if (product.isGroup())
    return groupStaging(operand, depthDim, *product.atom);
  RankedTensorType type = tileType(operand);
  Layout store = stagedLayout(operand);
  if (!product.atom) {
    Type stored = dot.getType().getElementType();
    Layout sums = product.tiling.sum.slice(depthDim).expand(depthDim);
    bool isAlongDepth = comesAlong(store, depthDim, stored);
    tile::SharedDemands demands{.fastest = isAlongDepth ? depthDim : 1 - depthDim,
                                .pieceBytes = target.vectorBytes,
                                .isLinear = !isAlongDepth,
                                .addressCost = 1};
    return planStaging(stored, store, sums.repeated(depthDim, type.getDimSize(depthDim)), demands);
  }
  Type element = type.getElementType();
  const Layout &fragments = depthDim == 1 ? product.tiling.left : product.tiling.right;
  tile::SharedDemands demands{.fastest = depthDim, .pieceBytes = target.vectorBytes, .addressCost = 1};
  if (!target.abilities.loadMatrix) {
    int64_t neighbours = int64_t(1) << fragments.contiguousBits(depthDim).size();
    if (!target.abilities.asynchronousCopies)
      demands.pieceBytes = std::min(demands.pieceBytes, neighbours * bytesOf(element));
    return planStaging(element, store, fragments, demands);
  }
  unsigned fastest = depthDim;
  if (std::optional<ViewAccess> access = ViewAccess::ofTile(operand))
    fastest = access->contiguousDim().value_or(depthDim);
  int64_t rowBytes = type.getDimSize(fastest) * bytesOf(element), rows = type.getDimSize(1 - fastest);
  bool hasPanels = bytesOf(element) == 2 && rowBytes % 32 == 0 && rows >= 8 && llvm::isPowerOf2_64(rows);
  if (mayUseTensorMaps && hasPanels)
    return {element, swizzledPanels(fastest, rowBytes)};
  demands.fastest = fastest;
  demands.isLinear = !llvm::isPowerOf2_64(rowBytes);
  return planStaging(element, store, matrixRows(fragments, fastest), demands);
}

TileLowering::Staging TileLowering::planStaging(Type stored, const Layout &store, const Layout &read,
                                                const tile::SharedDemands &demands) {
  tile::SharedAccess accesses[] = {{store, /*isStore=*/true}, {read}};
  for (const StagingPlan &known : stagingPlans)
    if (known.staging.stored == stored && known.store == store && known.read == read &&
        known.fastest == demands.fastest)
      return known.staging;
  tile::SharedPlan planned = tile::planShared(accesses, bytesOf(stored), target.vectorBytes, demands);
  return stagingPlans.emplace_back(StagingPlan{store, read, demands.fastest, {stored, planned.layout}}).staging;
}

/// An operand that products inside a loop read but that does not change there stays in shared memory for the whole
/// loop, while there is room for the others.
void TileLowering::stageEarly(Value operand) {
  if (staged.contains(operand))
    return;
  if (Ring *ring = ringOf(operand)) { // it comes by itself
    if (!ring->isResident)
      return;
    FullSlot slot = awaitSlot(*ring);
    ring->release = slot.empty;
    staged.try_emplace(operand, slot.tile);
    return;
  }
  auto dot = cast<tile::DotOp>(*operand.user_begin());
  Staging how = stagingOf(dot, operand, dot.getLeft() == operand ? 1 : 0);
  bool isInvariant =
      llvm::all_of(operand.getUsers(), [&](Operation *user) { return user->getBlock() != operand.getParentBlock(); });
  // Rings have left room for such operands.
  int64_t most = rings.empty() ? target.sharedBytes / 3 : target.sharedBytes;
  if (!isInvariant || arena.used() + how.layout.sizeInBytes(tileType(operand).getShape(), bytesOf(how.stored)) > most)
    return;
  staged.try_emplace(operand, stage(operand, how));
}

/// Brings an operand into shared memory.
SharedTile TileLowering::stage(Value operand, const Staging &how) {
  if (auto known = staged.find(operand); known != staged.end()) {
    SharedTile tile = known->second;
    if (!tile.slot) // of a ring
      tile.range = arena.again(tile.range);
    return tile;
  }
  std::optional<ViewAccess> access = ViewAccess::ofTile(operand);
  bool isInMemory = operand.getDefiningOp<tile::GatherOp>() || access;
  isInMemory = isInMemory && !find(operand, plan.layoutOf(operand));
  Layout layout = access && isInMemory ? plan.memoryLayout(*access) : plan.layoutOf(operand);
  Registers values;
  if (!isInMemory)
    values = registers(operand, layout);
  SharedTile tile = allocate(layout.shape(), how.stored, how.layout);
  if (isInMemory)
    copyToShared(operand, layout, tile);
  else
    storeShared(values, layout, tile);
  bool isForGroups = llvm::any_of(operand.getUsers(), [&](Operation *user) {
    auto dot = dyn_cast<tile::DotOp>(user);
    return dot && plan.productOf(dot).isGroup();
  });
  if (isForGroups) // they read it by themselves
    simt::FenceAsyncOp::create(b);
  tile.range = arena.again(tile.range);
  return tile;
}

/// The widest vector that the offsets of a lane along a dimension can be read in.
static int64_t readWidth(const Layout &layout, unsigned dim, ArrayRef<int64_t> offsets, int64_t stride,
                         int64_t widest) {
  for (int64_t width = widest; width > 1; width /= 2) {
    auto aligned = [&](const tile::Coordinates &base) { return base[dim] % width == 0; };
    bool fits = stride % width == 0 && offsets.size() % width == 0 && llvm::all_of(layout.laneBases(), aligned) &&
                llvm::all_of(layout.warpBases(), aligned);
    for (size_t first = 0; fits && first < offsets.size(); first += width)
      for (int64_t next = 0; next < width; ++next)
        fits &= offsets[first] % width == 0 && offsets[first + next] == offsets[first] + next;
    if (fits)
      return width;
  }
  return 1;
}

SmallVector<Value> TileLowering::readVector(const SharedTile &from, const Layout &accumulator, unsigned dim,
                                            ArrayRef<int64_t> offsets, Value depth, unsigned depthDim) {
  int64_t bytes = from.elementBytes();
  int64_t width = readWidth(accumulator, dim, offsets, from.stride(depthDim), target.vectorBytes / bytes);
  Value lanePart = arith::MulIOp::create(b, laneCoordinate(accumulator, dim), i32(bytes));
  Value base = arith::AddIOp::create(b, lanePart, arith::MulIOp::create(b, depth, i32(from.stride(depthDim) * bytes)));
  if (from.slot)
    base = arith::AddIOp::create(b, base, from.slot);
  Type type = width > 1 ? Type(VectorType::get({width}, from.element)) : from.element;
  SmallVector<Value> values;
  for (size_t first = 0; first < offsets.size(); first += width) {
    Value address = arith::AddIOp::create(b, base, i32(from.range.begin + offsets[first] * bytes));
    auto load = simt::LoadOp::create(b, type, Space::Shared, address, Value(), Value(), width * bytes);
    tag(load, from);
    for (int64_t element = 0; element < width; ++element)
      values.push_back(width > 1 ? vector::ExtractOp::create(b, load, ArrayRef<int64_t>{element}).getResult()
                                 : load.getResult());
  }
  return values;
}

static SmallVector<int64_t> offsetsAlong(const Layout &layout, unsigned dim) {
  SmallVector<int64_t> offsets;
  for (int64_t reg = 0; reg < layout.numRegisters(); ++reg)
    if (int64_t offset = layout.registerOffset(reg)[dim]; !llvm::is_contained(offsets, offset))
      offsets.push_back(offset);
  llvm::sort(offsets);
  return offsets;
}

void TileLowering::emitDot(tile::DotOp op) {
  const Product &product = plan.productOf(op);
  if (product.atom)
    product.isGroup() ? emitGroupAtoms(op, product) : emitAtoms(op, product);
  else
    emitMultiplyAdds(op);
}

SmallVector<Value> TileLowering::readAlong(const SharedTile &from, const Layout &accumulator, unsigned dim,
                                           int64_t offset, Value depth) {
  unsigned depthDim = 1 - dim;
  Layout lines = accumulator.slice(depthDim).expand(depthDim);
  tile::Coordinates place(2, 0);
  place[dim] = offset;
  int64_t bytes = from.elementBytes(), width = target.vectorBytes / bytes;
  Value along = arith::MulIOp::create(b, depth, i32(bytes));
  Value address = sharedOffset(from, lines, *lines.registerAt(place), along);
  auto load = simt::LoadOp::create(b, VectorType::get({width}, from.element), Space::Shared, address, Value(), Value(),
                                   width * bytes);
  tag(load, from);
  SmallVector<Value> values;
  unpack(load, values);
  return values;
}

/// The operands of multiply-adds, and where a lane's sums lie.
struct TileLowering::OuterProduct {
  const Layout &layout;
  SharedTile left, right;
  SmallVector<int64_t> rows = offsetsAlong(layout, 0), columns = offsetsAlong(layout, 1);
  int64_t depth = left.shape[1];

  bool isLeftAlong() const { return left.fastestDim() == 1; }
  bool isRightAlong() const { return right.fastestDim() == 0; }
  /// Depths that are read at once.
  int64_t vector(int64_t vectorBytes) const {
    return isLeftAlong() || isRightAlong() ? vectorBytes / left.elementBytes() : 1;
  }
  /// Those of a round of the loop over the depth.
  int64_t unroll(int64_t vectorBytes) const {
    int64_t unroll = vector(vectorBytes), elements = rows.size() + columns.size();
    while (depth % (unroll * 2) == 0 && unroll * 2 * layout.numRegisters() <= unrolledOperations &&
           unroll * 2 * elements <= unrolledElements)
      unroll *= 2;
    return unroll;
  }
};

/// Sums of products at the depths from `depth` on that are read at once: first what all columns need of the left
/// operand, then column by column, or depth by depth, as the right one lies.
void TileLowering::multiplyAdd(const OuterProduct &product, Value depth, Registers &sums) {
  const Layout &layout = product.layout;
  int64_t vector = product.vector(target.vectorBytes);
  auto at = [&](int64_t step) { return b.createOrFold<arith::AddIOp>(depth, i32(step)); };
  SmallVector<SmallVector<Value>> left(vector); // by depth, by row
  for (int64_t step = 0; step < vector && !product.isLeftAlong(); ++step)
    left[step] = readVector(product.left, layout, 0, product.rows, at(step), 1);
  for (int64_t row : product.isLeftAlong() ? ArrayRef(product.rows) : ArrayRef<int64_t>())
    for (auto [step, value] : llvm::enumerate(readAlong(product.left, layout, 0, row, depth)))
      left[step].push_back(value);
  auto addTo = [&](size_t column, int64_t step, Value right) {
    for (auto [row, offset] : llvm::enumerate(product.rows)) {
      Value &sum = sums[*layout.registerAt({offset, product.columns[column]})];
      if (isa<FloatType>(sum.getType()))
        sum = math::FmaOp::create(b, left[step][row], right, sum);
      else
        sum = arith::AddIOp::create(b, arith::MulIOp::create(b, left[step][row], right), sum);
    }
  };
  for (auto [column, offset] : llvm::enumerate(product.columns))
    if (product.isRightAlong())
      for (auto [step, value] : llvm::enumerate(readAlong(product.right, layout, 1, offset, depth)))
        addTo(column, step, value);
  for (int64_t step = 0; step < vector && !product.isRightAlong(); ++step)
    for (auto [column, value] : llvm::enumerate(readVector(product.right, layout, 1, product.columns, at(step), 0)))
      addTo(column, step, value);
}

void TileLowering::emitMultiplyAdds(tile::DotOp op) {
  Layout layout = plan.layoutOf(op.getResult());
  Registers sums = registers(op.getAccumulator(), layout);
  SharedTile left = stage(op.getLeft(), stagingOf(op, op.getLeft(), 1));
  SharedTile right = stage(op.getRight(), stagingOf(op, op.getRight(), 0));
  OuterProduct product{layout, left, right};
  int64_t unroll = product.unroll(target.vectorBytes);
  auto loop = scf::ForOp::create(b, i32(0), i32(product.depth), i32(unroll), sums);
  loop->setAttr(simt::unrolledAttrName, b.getUnitAttr());
  {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(loop.getBody());
    Registers next(loop.getRegionIterArgs());
    for (int64_t step = 0; step < unroll; step += product.vector(target.vectorBytes))
      multiplyAdd(product, b.createOrFold<arith::AddIOp>(loop.getInductionVar(), i32(step)), next);
    scf::YieldOp::create(b, next);
  }
  define(op.getResult(), layout, Registers(loop.getResults()));
  for (auto [operand, tile] : {std::pair{op.getLeft(), left}, std::pair{op.getRight(), right}})
    if (!staged.contains(operand))
      arena.release(tile.range);
}
