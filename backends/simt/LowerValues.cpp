/// Tiles in registers: which scalars a lane holds of a tile, made on demand or kept.
#include "backends/simt/TileLowering.h"

using namespace mlir;
using namespace heed;
using namespace heed::simt;
using tile::Layout;

void TileLowering::define(Value tile, const Layout &layout, Registers values) {
  scopes.back()[tile].push_back({layout, std::move(values)});
}

const Registers *TileLowering::find(Value tile, const Layout &layout) {
  for (auto &scope : llvm::reverse(scopes)) {
    auto held = scope.find(tile);
    if (held == scope.end())
      continue;
    for (Held &candidate : held->second)
      if (candidate.layout == layout) {
        if (candidate.group >= 0)
          land(candidate);
        return &candidate.values;
      }
  }
  return nullptr;
}

Registers TileLowering::registers(Value tile, const Layout &layout) {
  if (const Registers *values = find(tile, layout))
    return *values;
  Registers values;
  if (plan.isFloating(tile)) {
    values = materialise(tile.getDefiningOp(), layout);
  } else {
    const Layout &home = plan.layoutOf(tile);
    const Registers *held = find(tile, home);
    if (!held) {
      // A load that only products were thought to read.
      std::optional<ViewAccess> access = ViewAccess::ofTile(tile);
      if (!access) {
        fail(kernel, "a tile is used before it is made");
        return Registers(layout.numRegisters(), constant(b.getI32Type(), 0));
      }
      values = emitLoad(*access, layout);
    } else {
      values = convert(*held, home, layout);
    }
  }
  define(tile, layout, values);
  return values;
}

Registers TileLowering::materialise(Operation *op, const Layout &layout) {
  if (auto constantOp = dyn_cast<arith::ConstantOp>(op))
    return materialiseConstant(constantOp, layout);
  if (auto splat = dyn_cast<tile::SplatOp>(op))
    return Registers(layout.numRegisters(), scalar(splat.getScalar()));
  if (auto index = dyn_cast<tile::IndexOp>(op))
    return materialiseIndex(index, layout);
  if (auto broadcast = dyn_cast<tile::BroadcastOp>(op))
    return materialiseBroadcast(broadcast, layout);
  if (auto load = dyn_cast<tile::LoadOp>(op)) {
    auto slot = staged.find(load.getResult());
    return slot == staged.end() ? emitLoad(ViewAccess(load), layout)
                                : loadShared(slot->second, layout, slot->second.element);
  }
  if (auto gather = dyn_cast<tile::GatherOp>(op))
    return emitGather(gather, layout);
  if (auto transpose = dyn_cast<tile::TransposeOp>(op)) {
    Layout source = layout.transpose({1, 0});
    Registers values = registers(transpose.getSource(), source), result(layout.numRegisters());
    for (auto [reg, value] : llvm::enumerate(result)) {
      tile::Coordinates at = layout.registerOffset(reg);
      std::swap(at[0], at[1]);
      value = values[*source.registerAt(at)];
    }
    return result;
  }
  if (auto same = dyn_cast<tile::ConvertOp>(op))
    return registers(same.getSource(), layout);
  return materialiseElementwise(op, layout);
}

Registers TileLowering::materialiseConstant(arith::ConstantOp op, const Layout &layout) {
  Type element = registerType(tileType(op.getResult()).getElementType());
  auto splat = dyn_cast<SplatElementsAttr>(op.getValue());
  if (!splat) {
    fail(op, "constant tiles must be splats");
    return Registers(layout.numRegisters(), constant(b.getI32Type(), 0));
  }
  auto value = splat.getSplatValue<TypedAttr>();
  if (tileType(op.getResult()).getElementType().isIndex())
    value = b.getIntegerAttr(element, cast<IntegerAttr>(value).getInt());
  return Registers(layout.numRegisters(), arith::ConstantOp::create(b, value));
}

Registers TileLowering::materialiseIndex(tile::IndexOp op, const Layout &layout) {
  Value origin = toI32(op.getOffset());
  if (positionsFrom)
    origin = arith::AddIOp::create(b, origin, positionsFrom);
  Registers values;
  for (int64_t reg = 0; reg < layout.numRegisters(); ++reg) {
    // What registers add comes last, so that comparisons of all of them share the rest.
    if (int64_t offset = layout.isSeparable() ? layout.registerOffset(reg)[op.getDim()] : 0)
      values.push_back(arith::AddIOp::create(b, values.front(), i32(offset)));
    else
      values.push_back(arith::AddIOp::create(b, origin, coordinate(layout, reg, op.getDim())));
  }
  return values;
}

Registers TileLowering::materialiseBroadcast(tile::BroadcastOp op, const Layout &layout) {
  Layout source = layout;
  SmallVector<unsigned> kept(op.getDims().begin(), op.getDims().end());
  for (int64_t dim = layout.rank() - 1; dim >= 0; --dim)
    if (!llvm::is_contained(kept, unsigned(dim)))
      source = source.slice(dim);
  Registers narrow = registers(op.getSource(), source), values;
  for (int64_t reg = 0; reg < layout.numRegisters(); ++reg) {
    tile::Coordinates all = layout.registerOffset(reg), at;
    for (unsigned dim : kept)
      at.push_back(all[dim]);
    values.push_back(narrow[*source.registerAt(at)]);
  }
  return values;
}

Registers TileLowering::materialiseElementwise(Operation *op, const Layout &layout) {
  SmallVector<Registers> operands;
  for (Value operand : op->getOperands())
    operands.push_back(tileType(operand) ? registers(operand, layout)
                                         : Registers(layout.numRegisters(), scalar(operand)));
  Registers values;
  for (int64_t reg = 0; reg < layout.numRegisters(); ++reg)
    values.push_back(
        emitElementwise(op, llvm::map_to_vector(operands, [&](const Registers &operand) { return operand[reg]; })));
  return values;
}

Value TileLowering::contribution(const Layout &layout, tile::Input input, unsigned dim) {
  Value sum = i32(0);
  for (const tile::BitField &field : layout.bitFields(input, dim)) {
    Value bits = input == tile::Input::Lane ? lane : warp;
    if (field.from != 0)
      bits = arith::ShRUIOp::create(b, bits, i32(field.from));
    bits = arith::AndIOp::create(b, bits, i32((int64_t(1) << field.width) - 1));
    if (field.to != 0)
      bits = arith::ShLIOp::create(b, bits, i32(field.to));
    sum = arith::XOrIOp::create(b, sum, bits);
  }
  return sum;
}

Value TileLowering::laneCoordinate(const Layout &layout, unsigned dim) {
  for (const LaneCoordinate &known : laneCoordinates)
    if (known.dim == dim && known.layout == layout)
      return known.value;
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPoint(prologueEnd);
  Value sum = arith::XOrIOp::create(b, contribution(layout, tile::Input::Lane, dim),
                                    contribution(layout, tile::Input::Warp, dim));
  laneCoordinates.push_back({layout, dim, sum});
  return sum;
}

Value TileLowering::coordinate(const Layout &layout, int64_t reg, unsigned dim) {
  Value base = laneCoordinate(layout, dim);
  int64_t offset = layout.registerOffset(reg)[dim];
  if (offset == 0)
    return base;
  if (layout.isSeparable())
    return arith::AddIOp::create(b, base, i32(offset));
  // Inside the base tile bits combine by XOR; the repeats beyond it add.
  int64_t extent = layout.baseShape()[dim];
  Value inside = arith::XOrIOp::create(b, base, i32(offset % extent));
  return arith::AddIOp::create(b, inside, i32(offset / extent * extent));
}

Value TileLowering::isOwner(const Layout &layout) {
  Value owner;
  for (auto [input, source] : {std::pair{tile::Input::Lane, lane}, std::pair{tile::Input::Warp, warp}}) {
    uint64_t mask = layout.freeVariableMask(input);
    if (mask == 0)
      continue;
    Value first = arith::CmpIOp::create(b, arith::CmpIPredicate::eq,
                                        arith::AndIOp::create(b, source, i32(int64_t(mask))), i32(0));
    owner = owner ? arith::AndIOp::create(b, owner, first).getResult() : first;
  }
  return owner;
}
