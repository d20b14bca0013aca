/// Loads, stores and gathers on the kernel's operands: whole vectors where they are in bounds and contiguous, element
/// by element elsewhere.
#include "backends/cpu/KernelEmitter.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace heed;
using namespace heed::cpu;

KernelEmitter::Access KernelEmitter::accessOf(Value memref, ValueRange indices, ArrayRef<int64_t> dims,
                                              ValueRange extents, ArrayRef<int64_t> shape) {
  Access access{viewOf(memref), {}, {}, {}};
  SmallVector<int64_t> known;
  int64_t knownOffset;
  if (succeeded(cast<MemRefType>(memref.getType()).getStridesAndOffset(known, knownOffset)))
    for (auto [stride, constant] : llvm::zip(access.view.strides, known))
      if (!ShapedType::isDynamic(constant))
        stride = Length(constant);
  Length origin = 0;
  for (auto [index, stride] : llvm::zip(indices, access.view.strides))
    origin = b.add(origin, b.mul(Length(b.toI64(scalar(index))), stride));
  access.origin = b.offset(access.view.pointer, access.view.element, origin);
  for (auto [position, dim] : llvm::enumerate(dims)) {
    access.strides.push_back(dim < static_cast<int64_t>(access.view.strides.size()) ? access.view.strides[dim] : 0);
    access.extents.push_back(extents.empty() ? Length(shape[position]) : Length(b.toI64(scalar(extents[position]))));
  }
  return access;
}

KernelEmitter::Access KernelEmitter::accessOf(Operation *op) {
  if (auto load = dyn_cast<tile::LoadOp>(op))
    return accessOf(load.getView(), load.getIndices(), load.getDims(), load.getExtents(),
                    tileType(load.getResult()).getShape());
  auto store = cast<tile::StoreOp>(op);
  return accessOf(store.getView(), store.getIndices(), store.getDims(), store.getExtents(),
                  tileType(store.getTile()).getShape());
}

/// How many lanes from the position on are in bounds; may be negative or more than the position has.
Length KernelEmitter::lanesInBounds(const Access &access, const Position &position) {
  if (access.extents.empty())
    return 1;
  Length lanes = access.extents.back();
  // An extent may go beyond the tile, and the last vector of a row of the tile beyond the row.
  if (position.rowLength % (position.lanes * position.vectors) != 0)
    lanes = lanes.isConstant()
                ? Length(std::min(lanes.constant, position.rowLength))
                : Length(arith::MinSIOp::create(b, b.loc, b.i64(lanes), b.i64(position.rowLength)).getResult());
  lanes = b.add(lanes, b.mul(position.lane, -1));
  Value rowInside;
  for (auto [row, extent] : llvm::zip(position.row, access.extents)) {
    // Rows are below the tile's size, so a constant extent (the size itself) holds them all.
    if (!extent.isConstant())
      rowInside = b.both(rowInside, b.less(b.i64(row), b.i64(extent)));
  }
  if (rowInside)
    lanes = Length(arith::SelectOp::create(b, b.loc, rowInside, b.i64(lanes), b.i64(0)).getResult());
  return lanes;
}

/// Whether the whole tile is in bounds; null when it always is.
Value KernelEmitter::isWhole(const Access &access, ArrayRef<int64_t> shape) {
  Value whole;
  for (auto [extent, size] : llvm::zip(access.extents, shape))
    if (!extent.isConstant())
      whole = b.both(whole, arith::CmpIOp::create(b, b.loc, arith::CmpIPredicate::sge, b.i64(extent), b.i64(size)));
  return whole;
}

Value KernelEmitter::elementAddress(const Access &access, const Position &position, Length lane) {
  Length at = 0;
  for (auto [row, stride] : llvm::zip(position.row, access.strides))
    at = b.add(at, b.mul(row, stride));
  Value rowStart = b.offset(access.origin, access.view.element, at);
  return access.strides.empty() ? rowStart
                                : b.offset(rowStart, access.view.element, b.mul(lane, access.strides.back()));
}

/// Splits on whether a run of lanes is contiguous and in bounds. Null when it always is.
static Value isFast(CodeBuilder &b, Length inBounds, Length stride, int64_t run) {
  Value fast;
  if (!inBounds.isConstant() || inBounds.constant < run)
    fast = arith::CmpIOp::create(b, b.loc, arith::CmpIPredicate::sge, b.i64(inBounds), b.i64(run));
  if (!stride.isConstant(1))
    fast = b.both(fast, arith::CmpIOp::create(b, b.loc, arith::CmpIPredicate::eq, b.i64(stride), b.i64(1)));
  return fast;
}

Vectors KernelEmitter::emitLoad(const Access &access, Value fill, const Position &position) {
  Type element = access.view.element, type = b.accessType(element);
  int64_t bytes = bytesOf(element), run = position.lanes * position.vectors;
  VectorType vector = b.vectorOf(type, position.lanes);
  Length stride = access.strides.empty() ? Length(1) : access.strides.back();
  Length inBounds = lanesInBounds(access, position);
  auto loadRun = [&](Value pointer, int64_t alignment) {
    Vectors vectors;
    for (int64_t index = 0; index < position.vectors; ++index)
      vectors.push_back(b.load(vector, b.offset(pointer, element, index * position.lanes), alignment));
    return vectors;
  };
  Vectors raw;
  if (Value fast = isFast(b, inBounds, stride, run)) {
    auto branch = scf::IfOp::create(b, b.loc, SmallVector<Type>(position.vectors, vector), fast, true, true);
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToEnd(branch.thenBlock());
    scf::YieldOp::create(b, b.loc, loadRun(elementAddress(access, position, position.lane), bytes));
    b.setInsertionPointToEnd(branch.elseBlock());
    Value room = temporary(run * 8);
    Value padding = fill ? b.toMemory(scalar(fill), element) : b.zero(type);
    for (int64_t index = 0; index < position.vectors; ++index)
      b.store(b.splat(padding, position.lanes), b.offset(room, element, index * position.lanes), bytes);
    Value count = arith::MinSIOp::create(b, b.loc, b.i64(inBounds), b.i64(run));
    forRange(b.i64(0), count, [&](Value lane) {
      Value from = elementAddress(access, position, b.add(position.lane, Length(lane)));
      b.store(b.load(type, from, bytes), b.offset(room, element, Length(lane)), bytes);
    });
    scf::YieldOp::create(b, b.loc, loadRun(room, bytes));
    raw.assign(branch.getResults().begin(), branch.getResults().end());
  } else {
    raw = loadRun(elementAddress(access, position, position.lane), bytes);
  }
  for (Value &loaded : raw)
    loaded = b.fromMemory(loaded, element);
  return raw;
}

void KernelEmitter::emitStore(const Access &access, const Vectors &vectors, const Position &position) {
  Type element = access.view.element, type = b.accessType(element);
  int64_t bytes = bytesOf(element), run = position.lanes * position.vectors;
  Length stride = access.strides.empty() ? Length(1) : access.strides.back();
  Length inBounds = lanesInBounds(access, position);
  Vectors raw = llvm::map_to_vector<4>(vectors, [&](Value vector) { return b.toMemory(vector, element); });
  auto storeRun = [&](Value pointer) {
    for (auto [index, vector] : llvm::enumerate(raw))
      b.store(vector, b.offset(pointer, element, static_cast<int64_t>(index) * position.lanes), bytes);
  };
  Value fast = isFast(b, inBounds, stride, run);
  if (!fast)
    return storeRun(elementAddress(access, position, position.lane));
  auto branch = scf::IfOp::create(b, b.loc, fast, /*withElseRegion=*/true);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(branch.thenBlock());
  storeRun(elementAddress(access, position, position.lane));
  b.setInsertionPointToStart(branch.elseBlock());
  Value room = temporary(run * 8);
  storeRun(room);
  Value count = arith::MinSIOp::create(b, b.loc, b.i64(inBounds), b.i64(run));
  forRange(b.i64(0), count, [&](Value lane) {
    Value to = elementAddress(access, position, b.add(position.lane, Length(lane)));
    b.store(b.load(type, b.offset(room, element, Length(lane)), bytes), to, bytes);
  });
}

/// The vectors of an index, in memory for its lanes to be read one by one.
KernelEmitter::LaneIndex KernelEmitter::spillIndex(Value index, Value room, const Position &position,
                                                   Registers &registers) {
  Vectors vectors = evaluate(index, position, registers);
  Type element = getElementTypeOrSelf(vectors[0].getType());
  for (auto [part, vector] : llvm::enumerate(vectors))
    b.store(vector, b.offset(room, element, static_cast<int64_t>(part) * position.lanes), bytesOf(element));
  return {room, element};
}

Value KernelEmitter::readIndex(const LaneIndex &index, Value lane) {
  Value value = b.load(index.element, b.offset(index.room, index.element, Length(lane)), bytesOf(index.element));
  return index.element.isInteger(64) ? value : arith::ExtSIOp::create(b, b.loc, b.getI64Type(), value);
}

/// The element at these indices as memory has it; `padding` where one of them is outside of the view.
Value KernelEmitter::readInside(const View &view, ArrayRef<Value> indices, Value padding) {
  Value inside;
  Length at = 0;
  for (auto [number, index] : llvm::enumerate(indices)) {
    inside = b.both(inside, arith::CmpIOp::create(b, b.loc, arith::CmpIPredicate::sge, index, b.i64(0)));
    if (number < view.sizes.size())
      inside = b.both(inside, b.less(index, b.i64(view.sizes[number])));
    at = b.add(at, b.mul(Length(index), view.strides[number]));
  }
  Type type = b.accessType(view.element);
  auto read = [&] { return b.load(type, b.offset(view.pointer, view.element, at), bytesOf(view.element)); };
  if (!inside)
    return read();
  auto branch = scf::IfOp::create(b, b.loc, TypeRange{type}, inside, true, true);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToEnd(branch.thenBlock());
  scf::YieldOp::create(b, b.loc, read());
  b.setInsertionPointToEnd(branch.elseBlock());
  scf::YieldOp::create(b, b.loc, padding);
  return branch.getResult(0);
}

/// Lane by lane: every index is checked against the view's sizes before anything is read.
Vectors KernelEmitter::emitGather(tile::GatherOp op, const Position &position, Registers &registers) {
  View view = viewOf(op.getView());
  int64_t run = position.lanes * position.vectors, bytes = bytesOf(view.element);
  Value room = temporary(run * 8 * (1 + op.getIndices().size()));
  SmallVector<LaneIndex> spilled; // none for scalar indices
  for (auto [number, index] : llvm::enumerate(op.getIndices())) {
    Value indexRoom = b.offset(room, b.getI8Type(), static_cast<int64_t>(number + 1) * run * 8);
    spilled.push_back(tileType(index) ? spillIndex(index, indexRoom, position, registers) : LaneIndex());
  }
  Value padding = b.toMemory(scalar(op.getFill()), view.element);
  forRange(b.i64(0), b.i64(run), [&](Value lane) {
    SmallVector<Value> indices;
    for (auto [index, memory] : llvm::zip_equal(op.getIndices(), spilled))
      indices.push_back(memory.room ? readIndex(memory, lane) : b.toI64(scalar(index)));
    b.store(readInside(view, indices, padding), b.offset(room, view.element, Length(lane)), bytes);
  });
  Vectors vectors;
  for (int64_t index = 0; index < position.vectors; ++index) {
    Value raw = b.load(b.vectorOf(b.accessType(view.element), position.lanes),
                       b.offset(room, view.element, index * position.lanes), bytes);
    vectors.push_back(b.fromMemory(raw, view.element));
  }
  return vectors;
}

/// Copies a tile of a view into scratch, converting to the compute type.
void KernelEmitter::emitLoadInto(const Access &access, Value fill, RankedTensorType tile, const Place &to) {
  forEachPosition(tile.getShape(),
                  [&](Position &position) { storeVectors(to, position, emitLoad(access, fill, position)); });
}
