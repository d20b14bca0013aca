/// Matrices that are the same along each diagonal.
///
/// The lanes of a warp compute the part of the band that the warp's elements have between them, one or a few each, and
/// read it from shared memory: what an element's registers add to its place in the band is a constant, what its lane
/// adds is the same for all bands of a layout. Warps have a place of their own, so they wait for nobody else.
///
/// Where a product starts from the matrix and warps that copy bring its right operand, these make the band of all warps
/// beside it, in the same slot (LowerRings.cpp). The others then read what they start from, and nothing more.
#include "backends/simt/TileLowering.h"

#include "mlir/IR/Matchers.h"

using namespace mlir;
using namespace heed;
using namespace heed::simt;
using tile::Layout;

/// The part of the band that a warp needs, or the tile: element (i, j) is i - j further than element (0, 0), which is
/// what register, lane and warp add up to. It lies in memory from its end on, in the order of the columns of a row.
struct TileLowering::BandPlace {
  int64_t length = 0;    ///< of the part
  int64_t size = 0;      ///< of what so many lanes make together
  int64_t first = 0;     ///< the place of element (0, 0)
  int64_t copyBytes = 0; ///< from the part to a copy of it; 0: there is none

  BandPlace(const Layout &layout, Type stored, int64_t rows, int64_t columns, int64_t lanes);
  int64_t sizeInBytes(int64_t bytes) const { return copyBytes + size * bytes; }
};

/// What lanes add to a dimension consists of these bits, so that inverting them counts from the last one.
static int64_t lastOfLanes(const Layout &layout, unsigned dim) {
  int64_t last = 0;
  for (const tile::Coordinates &base : layout.laneBases())
    last |= base[dim];
  return last;
}

/// Whether registers hold elements of two columns side by side, whose places in the band begin at even numbers in the
/// same lanes.
static bool areInPairs(const Layout &layout) {
  bool isEven = layout.contiguousRegisters(1) >= 2;
  for (int64_t reg = 0; reg < layout.numRegisters(); ++reg)
    isEven &= layout.registerOffset(reg)[0] % 2 == 0;
  return isEven;
}

/// Registers, lanes and warps add to different bits of coordinates where the layout is separable and lanes and warps
/// do, too.
static bool areAdded(const Layout &layout) {
  for (unsigned dim = 0; dim < layout.rank(); ++dim) {
    int64_t ofLanes = 0, ofWarps = 0;
    for (const tile::Coordinates &base : layout.laneBases())
      ofLanes |= base[dim];
    for (const tile::Coordinates &base : layout.warpBases())
      ofWarps |= base[dim];
    if ((ofLanes & ofWarps) != 0)
      return false;
  }
  return layout.isSeparable();
}

/// Of so many rows and columns that are held in this layout.
TileLowering::BandPlace::BandPlace(const Layout &layout, Type stored, int64_t rows, int64_t columns, int64_t lanes)
    : length(rows + columns - 1), size(llvm::alignTo(length, lanes)), first(size - columns) {
  // Vectors are aligned. Where a copy lies one element further, each lane reads pairs, even or odd, in one of the two,
  // which are in different banks.
  constexpr int64_t wordBytes = 4, halfOfBanks = 64;
  if (stored.getIntOrFloatBitWidth() == 8 * wordBytes && areInPairs(layout))
    copyBytes = int64_t(llvm::alignTo(size * wordBytes, 2 * halfOfBanks)) + halfOfBanks + wordBytes;
}

TileLowering::BandPlace TileLowering::placeOfWarp(tile::ToeplitzOp op) const {
  const Layout &layout = plan.layoutOf(op.getResult());
  int64_t rows = 0, columns = 0;
  for (int64_t reg = 0; reg < layout.numRegisters(); ++reg)
    for (int64_t atLane = 0; atLane < layout.numLanes(); ++atLane) {
      tile::Coordinates at = layout.coordinates(reg, atLane, /*warp=*/0);
      rows = std::max(rows, at[0] + 1);
      columns = std::max(columns, at[1] + 1);
    }
  return {layout, sharedType(op.getType().getElementType()), rows, columns, target.lanes};
}

TileLowering::BandPlace TileLowering::placeOfTile(tile::ToeplitzOp op, int64_t warps) const {
  RankedTensorType type = op.getType();
  return {plan.layoutOf(op.getResult()), sharedType(type.getElementType()), type.getDimSize(0), type.getDimSize(1),
          target.lanes * warps};
}

/// The elements of a warp's band, as many in a register as there are lanes.
Layout TileLowering::bandLayout(const BandPlace &place) const {
  return Layout::coalesced({place.size}, 1, target.lanes, 1).padded(tile::Input::Warp, target.warps);
}

/// Room for a band of each warp; of several, one after the other is there. Those in slots of rings have theirs.
void TileLowering::planBands() {
  if (int64_t bytes = bandBytes())
    bands = arena.allocate(bytes);
}

int64_t TileLowering::bandBytes() {
  int64_t bytes = 0;
  kernel.walk([&](tile::ToeplitzOp op) {
    int64_t each = sharedType(op.getType().getElementType()).getIntOrFloatBitWidth() / 8;
    if (!ringOfBand(op))
      bytes = std::max(bytes, placeOfWarp(op).sizeInBytes(each));
  });
  return int64_t(llvm::alignTo(bytes, 16)) * target.warps;
}

/// A number that follows from lane and warp, made where it is made once.
Value TileLowering::makeOnce(llvm::function_ref<Value()> make) {
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPoint(prologueEnd);
  return make();
}

/// Bytes to an element of the warp's band. Compilers add constants within accesses where they see that nothing wraps.
Value TileLowering::inBands(Value element, int64_t bytes) {
  Value number = arith::AndIOp::create(b, warp, i32(int64_t(llvm::PowerOf2Ceil(target.warps)) - 1));
  return arith::AddIOp::create(b, arith::MulIOp::create(b, number, i32((bands.end - bands.begin) / target.warps)),
                               arith::MulIOp::create(b, element, i32(bytes)));
}

/// The lanes' part of the band, in the warp's place.
void TileLowering::storeBand(tile::ToeplitzOp op, const BandPlace &place, Type stored) {
  Layout layout = bandLayout(place);
  const Layout &matrix = plan.layoutOf(op.getResult());
  int64_t bytes = stored.getIntOrFloatBitWidth() / 8;
  Value own = makeOnce([&] { return inBands(arith::XOrIOp::create(b, lane, i32(target.lanes - 1)), bytes); });
  // The tile's first element is that of the last column.
  int64_t skipped = op.getType().getDimSize(1) - (place.size - place.first);
  scopes.emplace_back();
  positionsFrom = makeOnce([&] {
    Value row = contribution(matrix, tile::Input::Warp, 0), column = contribution(matrix, tile::Input::Warp, 1);
    return arith::AddIOp::create(b, arith::SubIOp::create(b, row, column), i32(skipped)).getResult();
  });
  Registers values = registers(op.getBand(), layout);
  positionsFrom = {};
  scopes.pop_back();
  simt::WarpBarrierOp::create(b);
  storeParts(place, values, layout, stored, own, bands.begin + (place.size - target.lanes) * bytes);
  simt::WarpBarrierOp::create(b);
}

/// What lanes have of a band in this layout, and a copy: the first register's where `own` says beyond `begin`.
void TileLowering::storeParts(const BandPlace &place, const Registers &values, const Layout &layout, Type stored,
                              Value own, int64_t begin) {
  int64_t bytes = stored.getIntOrFloatBitWidth() / 8;
  SmallVector<int64_t> copies = {0};
  if (place.copyBytes != 0)
    copies.push_back(place.copyBytes);
  for (int64_t copy : copies)
    for (size_t reg = 0; reg < values.size(); ++reg) {
      int64_t offset = begin + copy - layout.registerOffset(reg)[0] * bytes;
      simt::StoreOp::create(b, Space::Shared, toShared(values[reg], stored), arith::AddIOp::create(b, own, i32(offset)),
                            Value(), bytes);
    }
}

/// The matrix that the product of a tile starts from, if all its copies have one that is made of a band behind them.
tile::ToeplitzOp TileLowering::bandOf(tile::LoadOp load) const {
  auto dot = load->hasOneUse() ? dyn_cast<tile::DotOp>(*load->user_begin()) : tile::DotOp();
  auto op = dot ? dot.getAccumulator().getDefiningOp<tile::ToeplitzOp>() : tile::ToeplitzOp();
  bool isMade = op && op->hasOneUse() && dot.getRight() == load.getResult() && op->getBlock() == load->getBlock() &&
                load->isBeforeInBlock(op) && plan.isFloating(op.getBand());
  if (!isMade)
    return {};
  const Layout &layout = plan.layoutOf(op.getResult());
  return areAdded(layout) && layout == plan.productOf(dot).tiling.sum ? op : tile::ToeplitzOp();
}

/// Of the bands in slots of the ring that these loads read; 0: some of them comes without one.
int64_t TileLowering::bandBytesOf(int64_t site) {
  int64_t bytes = 0;
  bool haveAll = true;
  kernel.walk([&](tile::LoadOp load) {
    if (siteOf(load.getResult()) != site)
      return;
    tile::ToeplitzOp op = bandOf(load);
    haveAll &= op != nullptr;
    if (!op)
      return;
    int64_t each = sharedType(op.getType().getElementType()).getIntOrFloatBitWidth() / 8;
    bytes = placeOfTile(op, target.producerWarps).sizeInBytes(each);
  });
  return haveAll ? bytes : 0;
}

TileLowering::Ring *TileLowering::ringOfBand(tile::ToeplitzOp op) {
  auto dot = op->hasOneUse() ? dyn_cast<tile::DotOp>(*op->user_begin()) : tile::DotOp();
  Ring *ring = dot && dot.getAccumulator() == op.getResult() ? ringOf(dot.getRight()) : nullptr;
  return ring && ring->bandBytes != 0 ? ring : nullptr;
}

/// Of the warps that copy, those that go through the program: where some make numbers, one.
int64_t TileLowering::warpsOfBands() { return ringOfNumbers() ? 1 : target.producerWarps; }

/// The indices that a tile is made of.
static llvm::SetVector<Value> numbersIn(Value tile) {
  llvm::SetVector<Value> numbers, tiles;
  tiles.insert(tile);
  for (size_t next = 0; next < tiles.size(); ++next)
    for (Value operand : tiles[next].getDefiningOp()->getOperands())
      if (tileType(operand))
        tiles.insert(operand);
      else if (operand.getType().isIndex() && !matchPattern(operand, m_Constant()))
        numbers.insert(operand);
  return numbers;
}

/// Makes the band that belongs to the tile with which the ring's slot was just filled, a few places a lane at a time:
/// such lanes have few registers. Lanes that copy by themselves tell later that the slot is full.
void TileLowering::fillBand(const Ring &ring, tile::ToeplitzOp op) {
  constexpr int64_t together = 4;
  int64_t warps = warpsOfBands(), lanes = target.lanes * warps;
  BandPlace place = placeOfTile(op, warps);
  Type stored = sharedType(op.getType().getElementType());
  int64_t bytes = stored.getIntOrFloatBitWidth() / 8;
  // Positions and addresses are made again in each round, instead of being kept.
  Value none = simt::RenewOp::create(b, b.getI32Type(), i32(0));
  Value thread = arith::AddIOp::create(b, lane, none);
  if (warps > 1)
    thread = arith::AddIOp::create(b, thread, arith::MulIOp::create(b, warp, i32(target.lanes)));
  Value own = arith::MulIOp::create(b, arith::XOrIOp::create(b, thread, i32(lanes - 1)), i32(bytes));
  own = arith::AddIOp::create(b, own, ring.filled);
  llvm::SmallDenseMap<Value, Value> kept;
  for (Value number : numbersIn(op.getBand())) {
    kept[number] = scalar(number);
    scalars.map(number, renew(scalar(number)));
  }
  for (int64_t first = 0; first < place.size; first += together * lanes) {
    Layout layout = Layout::coalesced({std::min(together * lanes, place.size - first)}, 1, target.lanes, warps);
    if (first != 0)
      simt::WarpBarrierOp::create(b); // so that these are not looked up before the last ones are stored
    scopes.emplace_back();
    positionsFrom = arith::AddIOp::create(b, none, i32(first));
    Registers values = registers(op.getBand(), layout);
    positionsFrom = {};
    scopes.pop_back();
    storeParts(place, values, layout, stored, own, ring.bandsBegin() + (place.size - lanes - first) * bytes);
  }
  for (auto [number, value] : kept)
    scalars.map(number, value);
  if (!ring.boxes)
    return;
  simt::WarpBarrierOp::create(b);
  releaseSlot(ring.full);
}

/// Products that are combined with the matrix are waited for between the band and its being read, which takes
/// registers.
void TileLowering::emitToeplitz(tile::ToeplitzOp op) {
  const Layout &layout = plan.layoutOf(op.getResult());
  Type element = op.getType().getElementType(), stored = sharedType(element);
  if (Ring *ring = ringOfBand(op)) {
    Value slot = beginReading(cast<tile::DotOp>(*op->user_begin()).getRight(), *ring).slot.tile.slot;
    Registers first = readBand(placeOfTile(op, warpsOfBands()), layout, element, slot, ring->bandsBegin());
    // In its registers before the group waits for its turn.
    first = Registers(simt::MmaFenceOp::create(b, ValueRange(first).getTypes(), first).getResults());
    return define(op.getResult(), layout, std::move(first));
  }
  if (!plan.isFloating(op.getBand()) || !areAdded(layout))
    return fail(op, "the band is not made where it is needed");
  BandPlace place = placeOfWarp(op);
  storeBand(op, place, stored);
  landBefore(op.getResult());
  define(op.getResult(), layout, readBand(place, layout, element, Value(), bands.begin));
}

/// The place of a register's element, without what lane and warp add.
static int64_t placeOfRegister(const Layout &layout, int64_t first, int64_t reg) {
  tile::Coordinates at = layout.registerOffset(reg);
  return first - lastOfLanes(layout, 0) - at[0] + at[1];
}

/// Bytes that the lane adds to places, in its warp's band or in that of the tile. They lead to the copy where that has
/// the lane's pairs.
Value TileLowering::bytesOfLane(const BandPlace &place, const Layout &layout, int64_t bytes, bool isOfTile) {
  Value left = arith::XOrIOp::create(b, contribution(layout, tile::Input::Lane, 0), i32(lastOfLanes(layout, 0)));
  Value own = arith::AddIOp::create(b, contribution(layout, tile::Input::Lane, 1), left), from;
  if (isOfTile) {
    own = arith::AddIOp::create(b, own, contribution(layout, tile::Input::Warp, 1));
    own = arith::SubIOp::create(b, own, contribution(layout, tile::Input::Warp, 0));
    from = arith::MulIOp::create(b, own, i32(bytes));
  } else {
    from = inBands(own, bytes);
  }
  if (place.copyBytes == 0)
    return from;
  int64_t parity = placeOfRegister(layout, place.first, 0) & 1;
  Value isOdd = arith::AndIOp::create(b, arith::AddIOp::create(b, own, i32(parity)), i32(1));
  return arith::AddIOp::create(b, from, arith::MulIOp::create(b, isOdd, i32(place.copyBytes)));
}

/// Registers of elements that are equally far from the diagonal share what is read. What a product starts from, `slot`
/// bytes further, i32, or null, is in registers of its own for each element, into which reading it again costs no more
/// than moving it: each row has another address, as far as compilers know.
Registers TileLowering::readBand(const BandPlace &place, const Layout &layout, Type element, Value slot,
                                 int64_t begin) {
  int64_t bytes = sharedType(element).getIntOrFloatBitWidth() / 8, width = place.copyBytes == 0 ? 1 : 2;
  Value base = makeOnce([&] { return bytesOfLane(place, layout, bytes, /*isOfTile=*/slot != nullptr); });
  if (slot)
    base = arith::AddIOp::create(b, base, slot);
  struct Start {
    Value address;
    int64_t offset = 0;
  };
  llvm::SmallDenseMap<int64_t, Start> starts;
  llvm::DenseMap<std::pair<int64_t, int64_t>, Registers> known;
  Registers values;
  for (int64_t reg = 0; reg < layout.numRegisters(); reg += width) {
    int64_t row = slot ? layout.registerOffset(reg)[0] : 0, spot = placeOfRegister(layout, place.first, reg);
    int64_t offset = begin + spot * bytes;
    Start &start = starts[row];
    if (!start.address && slot)
      start = {simt::RenewOp::create(b, b.getI32Type(), arith::AddIOp::create(b, base, i32(offset))), offset};
    else if (!start.address)
      start = {base};
    // Compilers put a constant into an access where they know that nothing wraps.
    auto flags = arith::IntegerOverflowFlags::nsw;
    Registers &read = known[{spot, row}];
    if (read.empty())
      read = loadBand(arith::AddIOp::create(b, start.address, i32(offset - start.offset), flags), element, width);
    llvm::append_range(values, read);
  }
  return values;
}

/// So many elements of the band, one behind the other.
Registers TileLowering::loadBand(Value from, Type element, int64_t width) {
  Type stored = sharedType(element), type = width > 1 ? Type(VectorType::get({width}, stored)) : stored;
  int64_t bytes = width * stored.getIntOrFloatBitWidth() / 8;
  Registers values;
  unpack(simt::LoadOp::create(b, type, Space::Shared, from, Value(), Value(), bytes), values);
  for (Value &value : values)
    value = fromShared(value, element);
  return values;
}
