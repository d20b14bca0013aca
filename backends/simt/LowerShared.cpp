/// Tiles in shared memory.
#include "backends/simt/TileLowering.h"

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

Operation *TileLowering::tag(Operation *access, const SharedRange &range) {
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
  return offset ? arith::AddIOp::create(b, offset, i32(fixed)).getResult() : i32(fixed);
}

void TileLowering::storeShared(const Registers &values, const Layout &layout, const SharedTile &to) {
  Value owner = isOwner(layout);
  int64_t bytes = to.element.getIntOrFloatBitWidth() / 8;
  for (auto [reg, value] : llvm::enumerate(values))
    tag(simt::StoreOp::create(b, Space::Shared, toShared(value, to.element), sharedOffset(to, layout, reg), owner,
                              bytes),
        to.range);
}

Registers TileLowering::loadShared(const SharedTile &from, const Layout &layout, Type element) {
  int64_t bytes = from.element.getIntOrFloatBitWidth() / 8;
  Registers values;
  for (int64_t reg = 0; reg < layout.numRegisters(); ++reg) {
    auto load =
        simt::LoadOp::create(b, from.element, Space::Shared, sharedOffset(from, layout, reg), Value(), Value(), bytes);
    tag(load, from.range);
    values.push_back(fromShared(load, element));
  }
  return values;
}
