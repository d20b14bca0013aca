/// Products by instructions that groups of warps start and that read shared memory by themselves.
///
/// They run beside the lanes. A sum that is still being computed is waited for where it is first used: at the latest
/// where a loop or branch begins that uses it, or where its values leave one. Registers that running instructions read
/// are not written before the instructions are finished.
#include "backends/simt/TileLowering.h"

#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "llvm/Support/MathExtras.h"

#include <numeric>

using namespace mlir;
using namespace heed;
using namespace heed::simt;
using tile::Layout;

/// Rows after which a swizzle begins anew.
constexpr int64_t swizzledRows = 8;

/// The dimension along which an operand lies in memory; along the depth where it comes from registers.
static unsigned fastestOf(Value operand, unsigned depthDim) {
  auto load = operand.getDefiningOp<tile::LoadOp>();
  return load ? ViewAccess(load).contiguousDim().value_or(depthDim) : depthDim;
}

/// Rows as they lie in memory, panel after panel: of 128, 64 or 32 bytes, whichever divides them; else of 32, the last
/// one half filled.
TileLowering::Staging TileLowering::groupStaging(Value operand, unsigned depthDim, const tile::Atom &atom) const {
  RankedTensorType type = tileType(operand);
  unsigned fastest = fastestOf(operand, depthDim);
  int64_t bytes = type.getElementTypeBitWidth() / 8, rowBytes = type.getDimSize(fastest) * bytes;
  // Where several instructions share the columns, each begins with a panel.
  int64_t common = fastest == depthDim ? rowBytes : std::gcd(rowBytes, (depthDim == 0 ? atom.n : atom.m) * bytes);
  return {type.getElementType(), panelsOfRows(fastest, rowBytes, std::min<int64_t>(128, common & -common))};
}

/// The same in the fewest boxes: those of 128 bytes a row, and one that is narrower where an instruction does not read
/// across them, since it reads panels of one width.
tile::SharedLayout TileLowering::boxedStaging(tile::LoadOp load, unsigned depthDim, const Product &product) const {
  RankedTensorType type = load.getType();
  unsigned fastest = fastestOf(load.getResult(), depthDim);
  int64_t rowBytes = type.getDimSize(fastest) * type.getElementTypeBitWidth() / 8;
  if (fastest == depthDim)
    return fewestPanels(fastest, rowBytes);
  if (product.atomOffsets(1 - depthDim).size() != 1)
    return groupStaging(load.getResult(), depthDim, *product.atom).layout;
  return panelsOfRows(fastest, rowBytes, std::min<int64_t>(128, llvm::PowerOf2Ceil(rowBytes)));
}

/// A slot of a ring is awaited for the first of its products, or what that starts from.
TileLowering::Reading &TileLowering::beginReading(Value operand, Ring &ring) {
  Reading &reading = readings[operand];
  if (reading.products == 0)
    reading = {awaitSlot(ring), std::distance(operand.user_begin(), operand.user_end())};
  return reading;
}

/// A slot is free when the instructions of the last of its products are finished.
SharedTile TileLowering::groupOperand(Value operand, unsigned depthDim, const Product &product) {
  Ring *ring = ringOf(operand);
  if (!ring || ring->isResident)
    return stage(operand, groupStaging(operand, depthDim, *product.atom));
  Reading &reading = beginReading(operand, *ring);
  if (--reading.products == 0)
    releases.push_back({-1, reading.slot.empty});
  return reading.slot.tile;
}

simt::SharedMatrixAttr TileLowering::describe(const SharedTile &tile, unsigned depthDim, tile::Coordinates at) {
  int64_t bytes = tile.elementBytes(),
          row = tile.layout.panelAt(at[tile.fastestDim()] * bytes, tile.shape, bytes).bytes;
  return simt::SharedMatrixAttr::get(b.getContext(), row, /*group=*/swizzledRows * row,
                                     /*panel=*/tile.shape[1 - tile.fastestDim()] * row,
                                     /*across=*/tile.fastestDim() != depthDim);
}

/// Where an operand's part begins that starts at `at` for the first group, whose dimension `sumDim` is the sum's (0:
/// rows, 1: columns).
TileLowering::GroupAddress TileLowering::groupAddress(const SharedTile &tile, const Product &product, unsigned sumDim,
                                                      tile::Coordinates at) {
  auto bytesAt = [&](const tile::Coordinates &coordinates) {
    return tile.layout.elementOffset(coordinates, tile.shape, tile.elementBytes()) * tile.elementBytes();
  };
  Value base = tile.slot ? tile.slot : i32(0);
  const tile::Bases &bases = product.tiling.sum.warpBases();
  for (size_t bit = llvm::Log2_64(product.atom->warps()); bit < bases.size(); ++bit) {
    tile::Coordinates beyond = at;
    beyond[sumDim] += bases[bit][sumDim];
    if (int64_t bytes = bytesAt(beyond) - bytesAt(at)) {
      Value set = arith::AndIOp::create(b, arith::ShRUIOp::create(b, warp, i32(bit)), i32(1));
      base = arith::AddIOp::create(b, base, arith::MulIOp::create(b, set, i32(bytes)));
    }
  }
  return {base, tile.range.begin + bytesAt(at)};
}

/// 16-bit elements, two a word.
Registers TileLowering::packPairs(const Registers &halves) {
  Registers words;
  auto pair = VectorType::get({2}, halves.front().getType()), single = VectorType::get({1}, b.getI32Type());
  for (size_t first = 0; first < halves.size(); first += 2) {
    Value packed = vector::FromElementsOp::create(b, pair, ArrayRef<Value>(halves).slice(first, 2));
    Value word = vector::BitCastOp::create(b, single, packed);
    words.push_back(vector::ExtractOp::create(b, word, ArrayRef<int64_t>{0}));
  }
  return words;
}

static bool isZeroTile(Value tile) {
  auto constant = tile.getDefiningOp<arith::ConstantOp>();
  auto splat = constant ? dyn_cast<SplatElementsAttr>(constant.getValue()) : SplatElementsAttr();
  return splat && splat.getSplatValue<APFloat>().isPosZero();
}

void TileLowering::emitGroupAtoms(tile::DotOp op, const Product &product) {
  const tile::Atom &atom = *product.atom;
  const Layout &home = product.tiling.sum;
  bool isFresh = isZeroTile(op.getAccumulator()), isShared = atom.leftResidence == tile::Residence::Shared;
  Registers values = isFresh ? Registers() : registers(op.getAccumulator(), home), words;
  SharedTile left;
  if (isShared)
    left = groupOperand(op.getLeft(), 1, product);
  else
    words = packPairs(registers(op.getLeft(), product.tiling.left));
  SharedTile right = groupOperand(op.getRight(), 0, product);
  int64_t sums = values.size(), depth = tileType(op.getLeft()).getDimSize(1);
  values.append(words);
  values = Registers(simt::MmaFenceOp::create(b, ValueRange(values).getTypes(), values).getResults());
  words = Registers(ArrayRef<Value>(values).drop_front(sums));
  values.truncate(sums);
  Registers results(home.numRegisters());
  for (int64_t row : product.atomOffsets(0))
    for (int64_t column : product.atomOffsets(1)) {
      int64_t first = *home.registerAt({row, column}), size = atom.sum.numRegisters();
      SmallVector<Type> types(size, b.getF32Type());
      SmallVector<Value> sum;
      if (!isFresh)
        sum.append(values.begin() + first, values.begin() + first + size);
      for (int64_t step = 0; step < depth; step += atom.k) {
        SmallVector<Value> fragment;
        if (!isShared) {
          int64_t word = *product.tiling.left.registerAt({row, step}) / 2;
          fragment.append(words.begin() + word, words.begin() + word + atom.left.numRegisters() / 2);
        }
        GroupAddress from = isShared ? groupAddress(left, product, 0, {row, step}) : GroupAddress();
        GroupAddress with = groupAddress(right, product, 1, {step, column});
        auto multiply = simt::MmaAsyncOp::create(b, types, atom.name, fragment, from.base, with.base, sum,
                                                 isShared ? describe(left, 1, {row, step}) : simt::SharedMatrixAttr(),
                                                 describe(right, 0, {step, column}), from.bytes, with.bytes);
        if (isShared)
          tag(multiply, left);
        tag(multiply, right);
        sum.assign(multiply.result_begin(), multiply.result_end());
      }
      llvm::copy(sum, results.begin() + first);
    }
  simt::MmaCommitOp::create(b);
  for (Release &release : releases)
    if (release.group < 0)
      release.group = groupsStarted;
  scopes.back()[op.getResult()].push_back({home, std::move(results), groupsStarted++});
}

/// What instructions of groups up to `last` have read may be overwritten.
void TileLowering::finishGroups(int64_t last) {
  for (const Release &release : releases) {
    if (release.group < 0 || release.group > last)
      continue;
    releaseSlot(release.barrier);
  }
  llvm::erase_if(releases, [&](const Release &release) { return release.group >= 0 && release.group <= last; });
}

/// Waits for a sum.
void TileLowering::land(Held &held) {
  auto wait = simt::MmaWaitOp::create(b, ValueRange(held.values).getTypes(), groupsStarted - 1 - held.group,
                                      /*after=*/ValueRange(), held.values);
  held.values = Registers(wait.getResults());
  int64_t group = std::exchange(held.group, -1);
  finishGroups(group);
}

/// Waits for everything, once `after` are computed; `others` are registers that only then may be written.
void TileLowering::landAll(Registers *others, ValueRange after) {
  Registers all;
  SmallVector<Held *> inFlight;
  for (auto &scope : scopes)
    for (auto &[tile, copies] : scope)
      for (Held &held : copies)
        if (held.group >= 0) {
          inFlight.push_back(&held);
          all.append(held.values);
        }
  if (inFlight.empty())
    return;
  if (others)
    all.append(*others);
  auto wait = simt::MmaWaitOp::create(b, ValueRange(all).getTypes(), /*pending=*/0, after, all);
  ValueRange rest = wait.getResults();
  for (Held *held : inFlight) {
    held->values = Registers(rest.take_front(held->values.size()));
    rest = rest.drop_front(held->values.size());
    held->group = -1;
  }
  if (others)
    *others = Registers(rest);
  finishGroups(groupsStarted);
}

/// Waits for products that are combined with the tile, before it takes registers.
void TileLowering::landBefore(Value tile) {
  for (auto &scope : scopes)
    for (auto &[product, copies] : scope)
      for (Held &held : copies)
        if (held.group >= 0 && plan.areTogether(product, tile))
          land(held);
}

/// Waits for everything, so that registers which running instructions read are not taken for what is made of `tile`.
void TileLowering::landWith(Value tile, const Layout &layout) {
  bool isRunning = llvm::any_of(scopes, [](const auto &scope) {
    return llvm::any_of(scope, [](const auto &entry) {
      return llvm::any_of(entry.second, [](const Held &held) { return held.group >= 0; });
    });
  });
  if (!isRunning)
    return;
  Registers values = registers(tile, layout);
  // What the lanes have reduced the tile to comes last of what they make of it.
  auto reduced = reducedInLanes.find(tile);
  bool isUsable = reduced != reducedInLanes.end() && reduced->second.front().getType().isF32() &&
                  reduced->second.front().getParentRegion()->isAncestor(b.getInsertionBlock()->getParent());
  landAll(&values, isUsable ? ValueRange(reduced->second) : ValueRange());
  auto &copies = scopes.back()[tile];
  llvm::erase_if(copies, [&](const Held &held) { return held.layout == layout; });
  copies.push_back({layout, values});
}

bool TileLowering::multipliesInGroups() { return startsGroups(kernel); }

bool TileLowering::startsGroups(Operation *op) {
  return op
      ->walk([&](tile::DotOp dot) {
        return plan.productOf(dot).isGroup() ? WalkResult::interrupt() : WalkResult::advance();
      })
      .wasInterrupted();
}

/// Sums that code inside the op's regions uses are waited for before it; all are where instructions start there.
void TileLowering::landUsedIn(Operation *op) {
  if (startsGroups(op))
    return landAll(nullptr);
  SmallVector<Value> used;
  op->walk([&](Operation *inner) { llvm::append_range(used, inner->getOperands()); });
  llvm::DenseSet<Value> seen;
  while (!used.empty()) {
    Value value = used.pop_back_val();
    if (!tileType(value) || !seen.insert(value).second)
      continue;
    if (plan.isFloating(value)) {
      llvm::append_range(used, value.getDefiningOp()->getOperands());
      continue;
    }
    for (auto &scope : scopes)
      if (auto held = scope.find(value); held != scope.end())
        for (Held &copy : held->second)
          if (copy.group >= 0)
            land(copy);
  }
}

/// Whether registers of the tile are what such an instruction reads.
bool TileLowering::feedsGroupAtom(Value tile) const {
  return llvm::any_of(tile.getUsers(), [&](Operation *user) {
    auto dot = dyn_cast<tile::DotOp>(user);
    if (dot && dot.getLeft() == tile)
      return plan.productOf(dot).isGroup();
    // Carried to the next iteration, where such an instruction may read it.
    return isa<scf::YieldOp>(user) && tileType(tile).getElementTypeBitWidth() == 16 && groupsStarted > 0;
  });
}
