/// Loads, stores and gathers of the kernel's operands.
#include "backends/simt/Runs.h"
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

/// Where a lane compares fewer places with an extent, it does so as it is.
constexpr size_t leastPlaces = 4;

/// What is left of the extent from the lane's first place on, which numbers of 32 bits can say: no more than the tile
/// has. Null where that would be more work than it saves.
Value TileLowering::restOf(Value extent, const ViewAccess &access, const Layout &layout, unsigned dim) {
  llvm::SmallDenseSet<int64_t> places;
  for (Run run : runsOf(access, layout))
    places.insert(layout.registerOffset(int64_t(run.first))[dim]);
  if (!layout.isSeparable() || places.size() < leastPlaces)
    return {};
  Value within = arith::MinSIOp::create(b, arith::MaxSIOp::create(b, extent, i64(0)), i64(layout.shape()[dim]));
  return arith::SubIOp::create(b, arith::TruncIOp::create(b, b.getI32Type(), within), laneCoordinate(layout, dim));
}

/// The lane's part of an address is computed once; what a register adds to it is the same for all lanes.
TileLowering::Walk TileLowering::walk(const ViewAccess &access, const Layout &layout) {
  if (access.rows)
    return walkRows(access, layout);
  const View &view = viewOf(access.view);
  SmallVector<Value> origin = llvm::map_to_vector(access.indices, [&](Value index) { return toI64(index); });
  Walk result{access, layout, elementAddress(view, origin)};
  for (auto [tileDim, dim] : llvm::enumerate(access.dims)) {
    result.steps.push_back(b.createOrFold<arith::MulIOp>(view.strides[dim], i64(bytesOf(view.element))));
    bool whole = access.extents.empty() || isWhole(access.extents[tileDim], layout.shape()[tileDim]);
    result.extents.push_back(whole ? Value() : toI64(access.extents[tileDim]));
    result.rests.push_back(whole ? Value() : restOf(result.extents.back(), access, layout, tileDim));
  }
  if (layout.isSeparable())
    for (auto [dim, step] : llvm::enumerate(result.steps)) {
      Value position = arith::ExtUIOp::create(b, b.getI64Type(), laneCoordinate(layout, dim));
      result.first = arith::AddIOp::create(b, result.first, arith::MulIOp::create(b, position, step));
    }
  return result;
}

/// Whether a register's element is in bounds along a dimension, where the lane is at `position`, i64.
Value TileLowering::isBelow(const Walk &walk, int64_t reg, unsigned dim, Value position) {
  int64_t offset = walk.layout.isSeparable() ? walk.layout.registerOffset(reg)[dim] : 0;
  if (Value rest = walk.rests[dim])
    return arith::CmpIOp::create(b, arith::CmpIPredicate::sgt, rest, i32(offset));
  Value limit = b.createOrFold<arith::SubIOp>(walk.extents[dim], i64(offset));
  return arith::CmpIOp::create(b, arith::CmpIPredicate::slt, position, limit);
}

/// The address of a register's element, and whether it is in bounds (null: always).
std::pair<Value, Value> TileLowering::locate(Walk &walk, int64_t reg) {
  if (walk.access.rows)
    return locateRow(walk, reg);
  bool separable = walk.layout.isSeparable();
  tile::Coordinates offset = walk.layout.registerOffset(reg), before = walk.layout.registerOffset(walk.reached);
  Value address = walk.first, inside;
  for (auto [dim, step] : llvm::enumerate(walk.steps)) {
    Value position = arith::ExtUIOp::create(
        b, b.getI64Type(), separable ? laneCoordinate(walk.layout, dim) : coordinate(walk.layout, reg, dim));
    Value moved = separable ? i64(offset[dim] - before[dim]) : position;
    address = b.createOrFold<arith::AddIOp>(address, b.createOrFold<arith::MulIOp>(moved, step));
    if (!walk.extents[dim])
      continue;
    Value below = isBelow(walk, reg, dim, position);
    inside = inside ? arith::AndIOp::create(b, inside, below).getResult() : below;
  }
  if (walk.inSteps) {
    walk.first = address;
    walk.reached = reg;
  }
  return {address, inside};
}

/// Where the steps of the other indices are known, so that an element takes one multiply-add beyond that, indices that
/// all elements have in common are added to the address first.
TileLowering::Walk TileLowering::walkRows(const ViewAccess &access, const Layout &layout) {
  const View &view = viewOf(access.view);
  Walk result{access, layout, view.address};
  bool areKnown = true;
  for (auto [index, stride] : llvm::zip_equal(access.indices, view.strides)) {
    result.indices.push_back(tileType(index) ? registers(index, layout)
                                             : Registers(layout.numRegisters(), scalar(index)));
    areKnown &= !tileType(index) || getConstantIntValue(stride);
  }
  if (!areKnown)
    return result;
  SmallVector<Value> origin =
      llvm::map_to_vector(access.indices, [&](Value index) { return tileType(index) ? i64(0) : toI64(index); });
  result.first = elementAddress(view, origin);
  result.hasOrigin = true;
  return result;
}

/// The address of a gathered element, and whether it is in bounds.
std::pair<Value, Value> TileLowering::locateRow(const Walk &walk, int64_t reg) {
  View view = viewOf(walk.access.view);
  view.address = walk.first;
  SmallVector<Value> at;
  Value inside;
  for (auto [dim, index] : llvm::enumerate(walk.indices)) {
    Value wide = index[reg].getType().isInteger(64) ? index[reg]
                                                    : arith::ExtSIOp::create(b, b.getI64Type(), index[reg]).getResult();
    // One unsigned comparison refuses negative indices too.
    Value below = arith::CmpIOp::create(b, arith::CmpIPredicate::ult, wide, view.sizes[dim]);
    inside = inside ? arith::AndIOp::create(b, inside, below).getResult() : below;
    bool isInOrigin = walk.hasOrigin && !tileType(walk.access.indices[dim]);
    at.push_back(isInOrigin ? i64(0) : wide);
  }
  return {elementAddress(view, at), inside};
}

/// Registers that are neighbours in memory, as far as alignment is known.
SmallVector<Run> TileLowering::runsOf(const ViewAccess &access, const Layout &layout) {
  std::optional<unsigned> fastest = access.contiguousDim();
  return runsAlong(layout, allRegisters(layout), fastest.value_or(0), fastest ? plan.vectorWidth(access) : 1);
}

Value TileLowering::loadElement(Value address, Value inBounds, Value fill, Type element) {
  return simt::LoadOp::create(b, element, Space::Global, address, inBounds, inBounds ? fill : Value(),
                              bytesOf(element));
}

Registers TileLowering::emitLoad(const ViewAccess &access, const Layout &layout) {
  Type element = access.viewType().getElementType();
  Walk where = walk(access, layout);
  Registers values;
  for (Run run : runsOf(access, layout)) {
    auto [address, inside] = locate(where, run.first);
    Value fill = inside ? pack(SmallVector<Value>(run.width, scalar(access.fill))) : Value();
    Type type = run.width > 1 ? Type(VectorType::get({run.width}, element)) : element;
    int64_t bytes = run.width * bytesOf(element);
    unpack(simt::LoadOp::create(b, type, Space::Global, address, inside, fill, bytes), values);
    usesPromises |= run.width > 1;
  }
  return values;
}

/// The layout with lanes' neighbours along `dim` in registers, so that accesses move `width` elements; none where such
/// lanes cannot give other registers for them.
static std::optional<Layout> widened(const Layout &layout, unsigned dim, int64_t width) {
  tile::Bases registers = layout.registerBases(), lanes = layout.laneBases(), ordered;
  auto along = [&](int64_t step) {
    tile::Coordinates base(layout.rank(), 0);
    base[dim] = step;
    return base;
  };
  for (int64_t step = 1; step < width; step *= 2) {
    if (!llvm::is_contained(registers, along(step))) {
      auto *lane = llvm::find(lanes, along(step));
      auto *other = llvm::find_if(
          registers, [&](const tile::Coordinates &base) { return base[dim] >= width && base == along(base[dim]); });
      if (lane == lanes.end() || other == registers.end())
        return std::nullopt;
      std::swap(*lane, *other);
    }
    ordered.push_back(along(step));
  }
  for (const tile::Coordinates &base : registers)
    if (!llvm::is_contained(ordered, base))
      ordered.push_back(base);
  return Layout::get(layout.baseShape(), ordered, lanes, layout.warpBases());
}

/// Where neighbouring registers hold elements 2 i and 2 i + 1 along `dim`: the layout of these pairs.
static Layout ofPairs(const Layout &layout, unsigned dim) {
  auto halved = [&](tile::Bases bases) {
    for (tile::Coordinates &base : bases)
      base[dim] /= 2;
    return bases;
  };
  SmallVector<int64_t> shape(layout.baseShape());
  shape[dim] /= 2;
  tile::Bases registers(llvm::drop_begin(layout.registerBases()));
  return Layout::get(shape, halved(registers), halved(layout.laneBases()), halved(layout.warpBases()));
}

/// Stores what instructions of groups leave: two 16-bit elements that are neighbours in a lane, the next ones in the
/// next lane. Lanes exchange pairs first, so that each stores a vector. False where that is not how the tile lies.
bool TileLowering::storeExchanged(const ViewAccess &access, const Layout &layout, const Registers &values) {
  std::optional<unsigned> dim = access.contiguousDim();
  int64_t width = dim ? plan.vectorWidth(access) : 1;
  Type element = access.viewType().getElementType();
  if (target.groupAtoms.empty() || width < 4 || !isa<FloatType>(element) || element.getIntOrFloatBitWidth() != 16 ||
      !layout.repeats().empty() || layout.contiguousRegisters(*dim) != 2 || isOwner(layout))
    return false;
  std::optional<Layout> wide = widened(layout, *dim, width);
  if (!wide)
    return false;
  tile::Conversion conversion = tile::planConversion(ofPairs(layout, *dim), ofPairs(*wide, *dim));
  if (conversion.kind != tile::Conversion::Kind::Lanes)
    return false;
  Registers words = exchangeLanes(packPairs(values), conversion.exchange);
  Walk where = walk(access, *wide);
  for (Run run : runsOf(access, *wide)) {
    auto [address, inside] = locate(where, run.first);
    Value packed = pack(ArrayRef<Value>(words).slice(run.first / 2, run.width / 2));
    simt::StoreOp::create(b, Space::Global, packed, address, inside, run.width * bytesOf(element));
  }
  storesVectors = true;
  return true;
}

void TileLowering::emitStore(tile::StoreOp op) {
  ViewAccess access(op);
  Layout layout = plan.isFloating(op.getTile()) ? plan.memoryLayout(access) : plan.layoutOf(op.getTile());
  Registers values = registers(op.getTile(), layout);
  if (storeExchanged(access, layout, values))
    return;
  Walk where = walk(access, layout);
  Value owner = isOwner(layout);
  for (Run run : runsOf(access, layout)) {
    auto [address, inside] = locate(where, run.first);
    Value predicate = inside && owner ? arith::AndIOp::create(b, inside, owner).getResult() : owner ? owner : inside;
    int64_t bytes = run.width * bytesOf(access.viewType().getElementType());
    Value packed = pack(ArrayRef<Value>(values).slice(run.first, run.width));
    simt::StoreOp::create(b, Space::Global, packed, address, predicate, bytes);
    storesVectors |= run.width > 1;
  }
}

/// Vectors that are stored save little where the operands of products are read one element at a time.
bool TileLowering::reliesOnPromises() {
  bool multiplies = kernel.walk([](tile::DotOp) { return WalkResult::interrupt(); }).wasInterrupted();
  return usesPromises || (storesVectors && !multiplies);
}

/// A gather is one of rows of single elements where nothing is known of its indices.
Registers TileLowering::emitGather(tile::GatherOp op, const Layout &layout) {
  if (std::optional<ViewAccess> access = ViewAccess::ofTile(op.getResult()))
    return emitLoad(*access, layout);
  Walk where = walkRows(ViewAccess::ofElements(op), layout);
  Registers values;
  for (int64_t reg = 0; reg < layout.numRegisters(); ++reg) {
    auto [address, inside] = locateRow(where, reg);
    values.push_back(loadElement(address, inside, scalar(op.getFill()), viewOf(op.getView()).element));
  }
  return values;
}
