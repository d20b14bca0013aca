/// Tiles in shared memory.
#include "backends/simt/Runs.h"
#include "backends/simt/TileLowering.h"

#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace heed;
using namespace heed::simt;
using tile::Layout;

/// What an element is stored as: the element itself where shared memory is byte addressed, else at least a word.
Type TileLowering::sharedType(Type element) const {
  int64_t bits = std::max<int64_t>(element.getIntOrFloatBitWidth(), 8);
  if (bits >= target.sharedGranularity * 8 && !element.isInteger(1))
    return element;
  if (isa<FloatType>(element))
    return Float32Type::get(element.getContext());
  return IntegerType::get(element.getContext(), std::max<int64_t>(target.sharedGranularity * 8, 8));
}

Value TileLowering::toShared(Value value, Type stored) {
  if (value.getType() == stored)
    return value;
  if (isa<FloatType>(stored))
    return arith::ExtFOp::create(b, stored, value);
  if (value.getType().isInteger(1))
    return arith::ExtUIOp::create(b, stored, value);
  return arith::ExtSIOp::create(b, stored, value);
}

Value TileLowering::fromShared(Value value, Type element) {
  if (value.getType() == element)
    return value;
  if (isa<FloatType>(element))
    return arith::TruncFOp::create(b, element, value);
  return arith::TruncIOp::create(b, element, value);
}

int64_t SharedTile::stride(unsigned dim) const {
  tile::Coordinates unit(shape.size(), 0);
  unit[dim] = 1;
  return shape[dim] == 1 ? 0 : layout.elementOffset(unit, shape, elementBytes());
}

SharedTile TileLowering::allocate(ArrayRef<int64_t> shape, Type stored, const tile::SharedLayout &layout) {
  SharedTile result{.range = {},
                    .element = stored,
                    .shape = llvm::to_vector(shape),
                    .layout = layout,
                    .slot = {},
                    .isOrdered = false};
  // Swizzles are of addresses: what is swizzled repeats after 1024 bytes.
  result.range = arena.allocate(result.sizeInBytes(), layout.getPanelBytes() != 0 ? 1024 : 16);
  return result;
}

Operation *TileLowering::tag(Operation *access, const SharedTile &tile) {
  return tile.isOrdered ? access : tag(access, tile.range);
}

Operation *TileLowering::tag(Operation *access, const SharedRange &range) {
  // Instructions with several operands in shared memory have a range for each.
  SmallVector<int64_t> ranges;
  if (auto known = access->getAttrOfType<DenseI64ArrayAttr>(sharedRangeAttrName))
    ranges = llvm::to_vector(known.asArrayRef());
  ranges.append({range.piece, range.begin, range.end});
  access->setAttr(sharedRangeAttrName, b.getDenseI64ArrayAttr(ranges));
  return access;
}

std::pair<int64_t, int64_t> SharedTile::bytesTo(tile::Coordinates at) const {
  auto bytes = [&](const tile::Coordinates &to) {
    return layout.elementOffset(to, shape, elementBytes()) * elementBytes();
  };
  int64_t panel = layout.getPanelBytes() / elementBytes();
  if (panel == 0 || llvm::isPowerOf2_64(shape[1 - fastestDim()]))
    return {bytes(at), 0};
  tile::Coordinates start(at.size(), 0);
  start[fastestDim()] = at[fastestDim()] / panel * panel;
  at[fastestDim()] %= panel;
  return {bytes(at), bytes(start)};
}

/// Swizzles and panels map bits of coordinates to bits of an offset, so what lanes and registers contribute is joined
/// by XOR; where they touch different bits, by an addition that is folded into the access.
Value TileLowering::swizzledOffset(const SharedTile &tile, const Layout &layout, int64_t reg, Value along,
                                   int64_t &fixed) {
  Value sum = along, panels;
  int64_t touched = along ? tile.layout.rowBytes(tile.shape, tile.elementBytes()) - 1 : 0;
  for (auto [input, source] : {std::pair{tile::Input::Lane, lane}, std::pair{tile::Input::Warp, warp}})
    for (auto [bit, base] : llvm::enumerate(layout.bases(input))) {
      auto [offset, panel] = tile.bytesTo(base);
      if (offset == 0 && panel == 0)
        continue;
      touched |= offset;
      Value set = arith::AndIOp::create(b, arith::ShRUIOp::create(b, source, i32(bit)), i32(1));
      Value part = arith::MulIOp::create(b, set, i32(offset + panel));
      if (panel != 0)
        panels = panels ? arith::AddIOp::create(b, panels, part).getResult() : part;
      else
        sum = sum ? arith::XOrIOp::create(b, sum, part).getResult() : part;
    }
  auto [own, panel] = tile.bytesTo(layout.registerOffset(reg));
  fixed += panel + (own & ~touched);
  if ((own & touched) != 0)
    sum = arith::XOrIOp::create(b, sum, i32(own & touched));
  return sum && panels ? arith::AddIOp::create(b, sum, panels).getResult() : sum ? sum : panels;
}

/// Whether bits of coordinates are bits of the offset.
static bool consistsOfBits(const SharedTile &tile) {
  if (tile.layout.getPanelBytes() != 0)
    return true; // cut off at a power of two, one behind the other
  return tile.layout.getPadBytes() == 0 && llvm::all_of(tile.layout.getOrder().drop_back(), [&](unsigned dim) {
           return llvm::isPowerOf2_64(tile.shape[dim]);
         });
}

/// The offset in a swizzled tile whose rows have any length, from the coordinates.
Value TileLowering::swizzledRowOffset(const SharedTile &tile, const Layout &layout, int64_t reg, Value along) {
  ArrayRef<unsigned> order = tile.layout.getOrder();
  Value row = i32(0);
  int64_t rows = 1;
  for (unsigned dim : order.drop_front()) {
    row = arith::AddIOp::create(b, row, arith::MulIOp::create(b, coordinate(layout, reg, dim), i32(rows)));
    rows *= tile.shape[dim];
  }
  Value column = along;
  if (!column)
    column = arith::MulIOp::create(b, coordinate(layout, reg, order.front()), i32(tile.elementBytes()));
  Value group = arith::DivUIOp::create(b, row, i32(tile.layout.getRowsPerPhase()));
  Value phase = arith::AndIOp::create(b, group, i32(tile.layout.getPhases() - 1));
  Value place = arith::XOrIOp::create(b, column, arith::MulIOp::create(b, phase, i32(tile.layout.getChunkBytes())));
  int64_t rowBytes = tile.layout.rowBytes(tile.shape, tile.elementBytes());
  return arith::AddIOp::create(b, arith::MulIOp::create(b, row, i32(rowBytes)), place);
}

Value TileLowering::sharedOffset(const SharedTile &tile, const Layout &layout, int64_t reg, Value along) {
  int64_t fixed = tile.range.begin;
  bool separable = layout.isSeparable();
  Value offset;
  if (tile.layout.isSwizzled() || tile.layout.getPanelBytes() != 0) {
    offset = consistsOfBits(tile) ? swizzledOffset(tile, layout, reg, along, fixed)
                                  : swizzledRowOffset(tile, layout, reg, along);
  } else {
    offset = along;
    for (unsigned dim = 0; dim < layout.rank(); ++dim) {
      int64_t bytes = tile.stride(dim) * tile.elementBytes();
      Value position = separable ? laneCoordinate(layout, dim) : coordinate(layout, reg, dim);
      if (separable)
        fixed += layout.registerOffset(reg)[dim] * bytes;
      Value part = arith::MulIOp::create(b, position, i32(bytes));
      offset = offset ? arith::AddIOp::create(b, offset, part).getResult() : part;
    }
  }
  if (tile.slot)
    offset = offset ? arith::AddIOp::create(b, offset, tile.slot).getResult() : tile.slot;
  return offset ? arith::AddIOp::create(b, offset, i32(fixed)).getResult() : i32(fixed);
}

/// Elements along the fastest dimension that one access may move.
static int64_t vectorAccess(const SharedTile &tile, const Layout &layout, int64_t vectorBytes) {
  if (layout.rank() == 0)
    return 1;
  int64_t widest = vectorBytes / tile.elementBytes();
  if (tile.layout.isSwizzled())
    widest = std::min(widest, tile.layout.getChunkBytes() / tile.elementBytes());
  while (widest > 1 && tile.layout.rowBytes(tile.shape, tile.elementBytes()) % (widest * tile.elementBytes()) != 0)
    widest /= 2;
  return std::max<int64_t>(widest, 1);
}

SmallVector<Run> simt::runsOfShared(const SharedTile &tile, const Layout &layout, ArrayRef<int64_t> registers,
                                    int64_t vectorBytes) {
  if (layout.rank() == 0)
    return {{0, 1}};
  return runsAlong(layout, registers, tile.fastestDim(), vectorAccess(tile, layout, vectorBytes));
}

void TileLowering::storeShared(const Registers &values, const Layout &layout, const SharedTile &to) {
  Value owner = isOwner(layout);
  int64_t bytes = to.elementBytes();
  for (Run run : runsOfShared(to, layout, allRegisters(layout), target.vectorBytes)) {
    SmallVector<Value> elements;
    for (int64_t next = 0; next < run.width; ++next)
      elements.push_back(toShared(values[run.first + next], to.element));
    tag(simt::StoreOp::create(b, Space::Shared, pack(elements), sharedOffset(to, layout, run.first), owner,
                              run.width * bytes),
        to);
  }
}

Registers TileLowering::loadShared(const SharedTile &from, const Layout &layout, ArrayRef<int64_t> registers) {
  int64_t bytes = from.elementBytes();
  Registers values;
  for (Run run : runsOfShared(from, layout, registers, target.vectorBytes)) {
    Type type = run.width > 1 ? Type(VectorType::get({run.width}, from.element)) : from.element;
    auto load = simt::LoadOp::create(b, type, Space::Shared, sharedOffset(from, layout, registers[run.first]), Value(),
                                     Value(), run.width * bytes);
    tag(load, from);
    unpack(load, values);
  }
  return values;
}

Registers TileLowering::loadShared(const SharedTile &from, const Layout &layout, Type element) {
  Registers values = loadShared(from, layout, allRegisters(layout));
  for (Value &value : values)
    value = fromShared(value, element);
  return values;
}

/// One value, or a vector of several.
Value TileLowering::pack(ArrayRef<Value> elements) {
  if (elements.size() == 1)
    return elements[0];
  auto type = VectorType::get({int64_t(elements.size())}, elements[0].getType());
  return vector::FromElementsOp::create(b, type, elements);
}

void TileLowering::unpack(Value packed, Registers &elements) {
  auto type = dyn_cast<VectorType>(packed.getType());
  if (!type) {
    elements.push_back(packed);
    return;
  }
  for (int64_t element = 0; element < type.getNumElements(); ++element)
    elements.push_back(vector::ExtractOp::create(b, packed, ArrayRef<int64_t>{element}));
}
