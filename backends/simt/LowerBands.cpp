/// Matrices that are the same along each diagonal.
///
/// The lanes of a warp compute the part of the band that the warp's elements have between them, one or a few each, and
/// read it from shared memory: what an element's registers add to its place in the band is a constant, what its lane
/// adds is the same for all bands of a layout. Warps have a place of their own, so they wait for nobody else.
#include "backends/simt/TileLowering.h"

using namespace mlir;
using namespace heed;
using namespace heed::simt;
using tile::Layout;

/// The part of the band that a warp needs: element (i, j) is i - j further than element (0, 0), which is what register,
/// lane and warp add up to.
struct TileLowering::BandPlace {
  int64_t before = 0, length = 0; ///< the warp's first element; all of the part
  int64_t copyBytes = 0;          ///< from the part to a copy of it; 0: there is none

  /// Of a warp.
  int64_t sizeInBytes(int64_t lanes, int64_t bytes) const { return copyBytes + llvm::alignTo(length, lanes) * bytes; }
};

/// What lanes add to columns consists of these bits, so that inverting them counts from the last one.
static int64_t lastColumnOfLanes(const Layout &layout) {
  int64_t last = 0;
  for (const tile::Coordinates &base : layout.laneBases())
    last |= base[1];
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

TileLowering::BandPlace TileLowering::placeInBand(tile::ToeplitzOp op) const {
  RankedTensorType type = op.getType();
  const Layout &layout = plan.layoutOf(op.getResult());
  int64_t rows = 0, columns = 0;
  for (int64_t reg = 0; reg < layout.numRegisters(); ++reg)
    for (int64_t atLane = 0; atLane < layout.numLanes(); ++atLane) {
      tile::Coordinates at = layout.coordinates(reg, atLane, /*warp=*/0);
      rows = std::max(rows, at[0]);
      columns = std::max(columns, at[1]);
    }
  BandPlace place{columns, rows + columns + 1};
  // Vectors are aligned. Where a copy lies one element further, each lane reads pairs, even or odd, in one of the two,
  // which are in different banks.
  constexpr int64_t wordBytes = 4, halfOfBanks = 64;
  bool isOfWords = sharedType(type.getElementType()).getIntOrFloatBitWidth() == 8 * wordBytes;
  if (isOfWords && areInPairs(layout))
    place.copyBytes = int64_t(llvm::alignTo(place.length * wordBytes, 2 * halfOfBanks)) + halfOfBanks + wordBytes;
  return place;
}

/// The elements of a warp's band, as many in a register as there are lanes.
Layout TileLowering::bandLayout(const BandPlace &place) const {
  int64_t length = llvm::alignTo(place.length, target.lanes);
  return Layout::coalesced({length}, 1, target.lanes, 1).padded(tile::Input::Warp, target.warps);
}

/// Room for a band of each warp; of several, one after the other is there.
void TileLowering::planBands() {
  if (int64_t bytes = bandBytes())
    bands = arena.allocate(bytes);
}

int64_t TileLowering::bandBytes() {
  int64_t bytes = 0;
  kernel.walk([&](tile::ToeplitzOp op) {
    int64_t each = sharedType(op.getType().getElementType()).getIntOrFloatBitWidth() / 8;
    bytes = std::max(bytes, placeInBand(op).sizeInBytes(target.lanes, each));
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
  int64_t bytes = stored.getIntOrFloatBitWidth() / 8;
  const Layout &matrix = plan.layoutOf(op.getResult());
  Value own = makeOnce([&] { return inBands(lane, bytes); });
  // The tile's first element is that of the last column.
  int64_t skipped = op.getType().getDimSize(1) - 1 - place.before;
  scopes.emplace_back();
  positionsFrom = makeOnce([&] {
    Value row = contribution(matrix, tile::Input::Warp, 0), column = contribution(matrix, tile::Input::Warp, 1);
    return arith::AddIOp::create(b, arith::SubIOp::create(b, row, column), i32(skipped)).getResult();
  });
  Registers values = registers(op.getBand(), layout);
  positionsFrom = {};
  scopes.pop_back();
  simt::WarpBarrierOp::create(b);
  SmallVector<int64_t> copies = {0};
  if (place.copyBytes != 0)
    copies.push_back(place.copyBytes);
  for (int64_t copy : copies)
    for (size_t reg = 0; reg < values.size(); ++reg) {
      int64_t offset = bands.begin + copy + layout.registerOffset(reg)[0] * bytes;
      simt::StoreOp::create(b, Space::Shared, toShared(values[reg], stored), arith::AddIOp::create(b, own, i32(offset)),
                            Value(), bytes);
    }
  simt::WarpBarrierOp::create(b);
}

/// Products that are combined with the matrix are waited for between the band and its being read, which takes
/// registers.
void TileLowering::emitToeplitz(tile::ToeplitzOp op) {
  const Layout &layout = plan.layoutOf(op.getResult());
  if (!plan.isFloating(op.getBand()) || !areAdded(layout))
    return fail(op, "the band is not made where it is needed");
  BandPlace place = placeInBand(op);
  Type element = op.getType().getElementType(), stored = sharedType(element);
  storeBand(op, place, stored);
  landBefore(op.getResult());
  define(op.getResult(), layout, readBand(place, layout, element));
}

/// Registers of elements that are equally far from the diagonal share what is read.
Registers TileLowering::readBand(const BandPlace &place, const Layout &layout, Type element) {
  int64_t lastColumn = lastColumnOfLanes(layout), width = place.copyBytes == 0 ? 1 : 2;
  Type stored = sharedType(element);
  int64_t bytes = stored.getIntOrFloatBitWidth() / 8;
  auto distanceOf = [&](int64_t reg) {
    tile::Coordinates at = layout.registerOffset(reg);
    return place.before - lastColumn + at[0] - at[1];
  };
  Value base = makeOnce([&]() -> Value {
    Value left = arith::XOrIOp::create(b, contribution(layout, tile::Input::Lane, 1), i32(lastColumn));
    Value ofLane = arith::AddIOp::create(b, contribution(layout, tile::Input::Lane, 0), left);
    Value from = inBands(ofLane, bytes);
    if (width == 1)
      return from;
    Value isOdd = arith::AndIOp::create(b, arith::AddIOp::create(b, ofLane, i32(distanceOf(1) & 1)), i32(1));
    return arith::AddIOp::create(b, from, arith::MulIOp::create(b, isOdd, i32(place.copyBytes)));
  });
  llvm::DenseMap<int64_t, Registers> known;
  Registers values;
  // Of neighbouring columns the last one comes first in the band.
  for (int64_t reg = width - 1; reg < layout.numRegisters(); reg += width) {
    Registers &read = known[distanceOf(reg)];
    if (read.empty())
      read = loadBand(arith::AddIOp::create(b, base, i32(bands.begin + distanceOf(reg) * bytes)), element, width);
    llvm::append_range(values, llvm::reverse(read));
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
