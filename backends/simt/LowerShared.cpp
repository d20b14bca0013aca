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

/// `order` has the fastest dimension first; rows are `padding` elements longer than they need to be.
SharedTile TileLowering::allocate(ArrayRef<int64_t> shape, ArrayRef<unsigned> order, Type stored, int64_t padding) {
  SharedTile result;
  result.element = stored;
  result.strides.resize(shape.size());
  int64_t stride = 1;
  for (auto [position, dim] : llvm::enumerate(order)) {
    result.strides[dim] = stride;
    stride *= shape[dim];
    if (position == 0 && order.size() > 1)
      stride += padding;
  }
  result.range = arena.allocate(stride * stored.getIntOrFloatBitWidth() / 8);
  return result;
}

Operation *TileLowering::tag(Operation *access, const SharedTile &tile) {
  if (tile.isOrdered)
    return access;
  const SharedRange &range = tile.range;
  access->setAttr(sharedRangeAttrName, b.getDenseI64ArrayAttr({range.piece, range.begin, range.end}));
  return access;
}

/// Where the element of a register lies, i32 bytes.
Value TileLowering::sharedOffset(const SharedTile &tile, const Layout &layout, int64_t reg) {
  int64_t bytes = tile.element.getIntOrFloatBitWidth() / 8, fixed = tile.range.begin;
  bool separable = layout.isSeparable();
  Value offset;
  for (unsigned dim = 0; dim < layout.rank(); ++dim) {
    Value position = separable ? laneCoordinate(layout, dim) : coordinate(layout, reg, dim);
    if (separable)
      fixed += layout.registerOffset(reg)[dim] * tile.strides[dim] * bytes;
    Value part = arith::MulIOp::create(b, position, i32(tile.strides[dim] * bytes));
    offset = offset ? arith::AddIOp::create(b, offset, part).getResult() : part;
  }
  if (tile.slot)
    offset = offset ? arith::AddIOp::create(b, offset, tile.slot).getResult() : tile.slot;
  return offset ? arith::AddIOp::create(b, offset, i32(fixed)).getResult() : i32(fixed);
}

/// The dimension along which elements are neighbours, and the widest vector that all rows can be accessed in.
static std::pair<unsigned, int64_t> vectorAccess(const SharedTile &tile, int64_t vectorBytes) {
  int64_t bytes = tile.element.getIntOrFloatBitWidth() / 8, widest = vectorBytes / bytes;
  unsigned fastest = 0;
  for (auto [dim, stride] : llvm::enumerate(tile.strides))
    if (stride == 1)
      fastest = dim;
  for (auto [dim, stride] : llvm::enumerate(tile.strides))
    while (dim != fastest && widest > 1 && stride % widest != 0)
      widest /= 2;
  return {fastest, std::max<int64_t>(widest, 1)};
}

void TileLowering::storeShared(const Registers &values, const Layout &layout, const SharedTile &to) {
  Value owner = isOwner(layout);
  int64_t bytes = to.element.getIntOrFloatBitWidth() / 8;
  auto [fastest, widest] = vectorAccess(to, target.vectorBytes);
  if (layout.rank() == 0)
    widest = 1;
  SmallVector<int64_t> all = allRegisters(layout);
  for (Run run : layout.rank() == 0 ? SmallVector<Run>{{0, 1}} : runsAlong(layout, all, fastest, widest)) {
    SmallVector<Value> elements;
    for (int64_t next = 0; next < run.width; ++next)
      elements.push_back(toShared(values[run.first + next], to.element));
    tag(simt::StoreOp::create(b, Space::Shared, pack(elements), sharedOffset(to, layout, run.first), owner,
                              run.width * bytes),
        to);
  }
}

Registers TileLowering::loadShared(const SharedTile &from, const Layout &layout, ArrayRef<int64_t> registers) {
  int64_t bytes = from.element.getIntOrFloatBitWidth() / 8;
  auto [fastest, widest] = vectorAccess(from, target.vectorBytes);
  Registers values;
  for (Run run : layout.rank() == 0 ? SmallVector<Run>{{0, 1}} : runsAlong(layout, registers, fastest, widest)) {
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
