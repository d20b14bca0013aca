/// Loads, stores and gathers of the kernel's operands.
#include "backends/simt/TileLowering.h"

using namespace mlir;
using namespace heed;
using namespace heed::simt;
using tile::Layout;

const TileLowering::View &TileLowering::viewOf(Value memref) {
  auto [known, isNew] = views.try_emplace(memref);
  View &view = known->second;
  if (!isNew)
    return view;
  // Views are made of the kernel's arguments and used anywhere below: their numbers are made where the view is.
  view.element = cast<MemRefType>(memref.getType()).getElementType();
  auto cast = memref.getDefiningOp<memref::ReinterpretCastOp>();
  if (!cast || !isa<BlockArgument>(cast.getSource())) {
    fail(kernel, "memory must be a reinterpret_cast of an argument");
    view.address = i64(0);
    return view;
  }
  auto numbers = [&](ArrayRef<OpFoldResult> mixed) {
    SmallVector<Value> values;
    for (OpFoldResult number : mixed)
      values.push_back(isa<Value>(number) ? toI64(::cast<Value>(number)) : i64(*getConstantIntValue(number)));
    return values;
  };
  view.strides = numbers(cast.getMixedStrides());
  view.sizes = numbers(cast.getMixedSizes());
  Value offset = numbers(cast.getMixedOffsets())[0];
  int64_t bytes = std::max<int64_t>(view.element.getIntOrFloatBitWidth() / 8, 1);
  view.address = arith::AddIOp::create(b, scalar(cast.getSource()), arith::MulIOp::create(b, offset, i64(bytes)));
  return view;
}

static int64_t bytesOf(Type element) { return element.getIntOrFloatBitWidth() / 8; }

/// The address of one element; indices are i64.
Value TileLowering::elementAddress(const View &view, ValueRange indices) {
  Value sum;
  for (auto [index, stride] : llvm::zip_equal(indices, view.strides)) {
    Value product = b.createOrFold<arith::MulIOp>(index, stride);
    sum = sum ? b.createOrFold<arith::AddIOp>(sum, product) : product;
  }
  if (!sum)
    return view.address;
  return b.createOrFold<arith::AddIOp>(view.address, b.createOrFold<arith::MulIOp>(sum, i64(bytesOf(view.element))));
}

static bool isWhole(Value extent, int64_t size) {
  std::optional<int64_t> known = getConstantIntValue(extent);
  return known && *known >= size;
}

/// The lane's part of an address is computed once; what a register adds to it is the same for all lanes.
TileLowering::Access TileLowering::access(const View &view, ValueRange indices, ArrayRef<int64_t> dims,
                                          ValueRange extents, const Layout &layout) {
  SmallVector<Value> origin = llvm::map_to_vector(indices, [&](Value index) { return toI64(index); });
  Value first = elementAddress(view, origin);
  int64_t bytes = bytesOf(view.element);
  SmallVector<Value> steps;
  for (auto [tileDim, dim] : llvm::enumerate(dims))
    steps.push_back(b.createOrFold<arith::MulIOp>(view.strides[dim], i64(bytes)));
  bool separable = layout.isSeparable();
  if (separable)
    for (auto [dim, step] : llvm::enumerate(steps)) {
      Value position = arith::ExtUIOp::create(b, b.getI64Type(), laneCoordinate(layout, dim));
      first = arith::AddIOp::create(b, first, arith::MulIOp::create(b, position, step));
    }
  Access result;
  for (int64_t reg = 0; reg < layout.numRegisters(); ++reg) {
    tile::Coordinates offset = layout.registerOffset(reg);
    Value address = first, inside;
    for (auto [dim, step] : llvm::enumerate(steps)) {
      Value position = separable ? i64(offset[dim])
                                 : arith::ExtUIOp::create(b, b.getI64Type(), coordinate(layout, reg, dim)).getResult();
      address = b.createOrFold<arith::AddIOp>(address, b.createOrFold<arith::MulIOp>(position, step));
      if (extents.empty() || isWhole(extents[dim], layout.shape()[dim]))
        continue;
      Value limit = b.createOrFold<arith::SubIOp>(toI64(extents[dim]), i64(separable ? offset[dim] : 0));
      Value lanePosition = arith::ExtUIOp::create(
          b, b.getI64Type(), separable ? laneCoordinate(layout, dim) : coordinate(layout, reg, dim));
      Value below = arith::CmpIOp::create(b, arith::CmpIPredicate::slt, lanePosition, limit);
      inside = inside ? arith::AndIOp::create(b, inside, below).getResult() : below;
    }
    result.addresses.push_back(address);
    result.inBounds.push_back(inside);
  }
  return result;
}

Value TileLowering::loadElement(Value address, Value inBounds, Value fill, Type element) {
  return simt::LoadOp::create(b, element, Space::Global, address, inBounds, inBounds ? fill : Value(),
                              bytesOf(element));
}

Registers TileLowering::emitLoad(tile::LoadOp op, const Layout &layout) {
  const View &view = viewOf(op.getView());
  Access where = access(view, op.getIndices(), op.getDims(), op.getExtents(), layout);
  Value fill = op.getFill() ? scalar(op.getFill()) : Value();
  Registers values;
  for (auto [address, inBounds] : llvm::zip_equal(where.addresses, where.inBounds))
    values.push_back(loadElement(address, inBounds, fill, view.element));
  return values;
}

void TileLowering::emitStore(tile::StoreOp op) {
  const View &view = viewOf(op.getView());
  Layout layout = plan.isFloating(op.getTile()) ? plan.memoryLayout(cast<MemRefType>(op.getView().getType()),
                                                                    op.getDims(), tileType(op.getTile()))
                                                : plan.layoutOf(op.getTile());
  Registers values = registers(op.getTile(), layout);
  Access where = access(view, op.getIndices(), op.getDims(), op.getExtents(), layout);
  Value owner = isOwner(layout);
  for (auto [value, address, inBounds] : llvm::zip_equal(values, where.addresses, where.inBounds)) {
    Value predicate = inBounds && owner ? arith::AndIOp::create(b, inBounds, owner).getResult()
                      : owner           ? owner
                                        : inBounds;
    simt::StoreOp::create(b, Space::Global, value, address, predicate, bytesOf(view.element));
  }
}

Registers TileLowering::emitGather(tile::GatherOp op, const Layout &layout) {
  const View &view = viewOf(op.getView());
  SmallVector<Registers> indices;
  for (Value index : op.getIndices())
    indices.push_back(tileType(index) ? registers(index, layout) : Registers(layout.numRegisters(), scalar(index)));
  Registers values;
  for (int64_t reg = 0; reg < layout.numRegisters(); ++reg) {
    SmallVector<Value> at;
    Value inside;
    for (auto [dim, index] : llvm::enumerate(indices)) {
      Value wide = index[reg].getType().isInteger(64)
                       ? index[reg]
                       : arith::ExtSIOp::create(b, b.getI64Type(), index[reg]).getResult();
      // One unsigned comparison refuses negative indices too.
      Value below = arith::CmpIOp::create(b, arith::CmpIPredicate::ult, wide, view.sizes[dim]);
      inside = inside ? arith::AndIOp::create(b, inside, below).getResult() : below;
      at.push_back(wide);
    }
    values.push_back(loadElement(elementAddress(view, at), inside, scalar(op.getFill()), view.element));
  }
  return values;
}
