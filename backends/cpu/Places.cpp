/// Tiles in memory, and loops over their positions.
#include "backends/cpu/KernelEmitter.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace heed;
using namespace heed::cpu;

Place KernelEmitter::placeAt(Value pointer, RankedTensorType tile) {
  Place place{pointer, scratchType(tile.getElementType()), {}, true};
  int64_t stride = rowStride(tile.getShape(), b.isa);
  for (int64_t dim = tile.getRank() - 1; dim >= 0; --dim) {
    bool isLane = dim == tile.getRank() - 1;
    place.strides.insert(place.strides.begin(), isLane ? Length(1) : Length(stride));
    if (!isLane)
      stride *= tile.getDimSize(dim);
  }
  return place;
}

Place KernelEmitter::bufferAt(int64_t offset, RankedTensorType tile) {
  return placeAt(b.offset(scratchBase, b.getI8Type(), offset), tile);
}

Place KernelEmitter::placeOf(Value value) {
  if (auto known = places.find(value); known != places.end())
    return known->second;
  if (!scratch.hasBuffer(value)) {
    fail(value.getDefiningOp() ? value.getDefiningOp() : kernel.getOperation(), "a tile has no place in memory");
    return placeAt(scratchBase, tileType(value));
  }
  return bufferAt(scratch.offsetOf(value), tileType(value));
}

Place KernelEmitter::ringSlot(Value ring, Value slot) {
  auto type = cast<tile::RingType>(ring.getType());
  int64_t bytes = llvm::alignTo(bufferBytes(type.getTile(), b.isa), scratchAlignment);
  Value index = arith::RemUIOp::create(b, b.loc, b.toI64(scalar(slot)), b.i64(type.getSlots()));
  Value base = b.offset(scratchBase, b.getI8Type(), scratch.offsetOf(ring));
  return placeAt(b.offset(base, b.getI8Type(), b.mul(index, bytes)), type.getTile());
}

Value KernelEmitter::address(const Place &place, ArrayRef<Length> coordinates) {
  Length constant = 0, dynamic = 0;
  for (auto [coordinate, stride] : llvm::zip_equal(coordinates, place.strides)) {
    Length product = b.mul(coordinate, stride);
    (product.isConstant() ? constant : dynamic) = b.add(product.isConstant() ? constant : dynamic, product);
  }
  return b.offset(b.offset(place.pointer, place.element, dynamic), place.element, constant);
}

Value KernelEmitter::temporary(int64_t bytes) {
  temporaryBytes = std::max(temporaryBytes, bytes);
  return b.offset(scratchBase, b.getI8Type(), scratch.bytes());
}

/// The address of lane zero of the position, in a place of the same rank.
static SmallVector<Length> coordinatesOf(const Position &position, const Place &place) {
  SmallVector<Length> coordinates(position.row.begin(), position.row.end());
  if (!place.strides.empty())
    coordinates.push_back(position.lane);
  return coordinates;
}

Vectors KernelEmitter::loadVectors(const Place &place, const Position &position) {
  Value start = address(place, coordinatesOf(position, place));
  int64_t bytes = bytesOf(place.element);
  Vectors vectors;
  for (int64_t index = 0; index < position.vectors; ++index) {
    Value pointer = b.offset(start, place.element, index * position.lanes);
    int64_t alignment = place.padded ? std::min<int64_t>(scratchAlignment, position.lanes * bytes) : bytes;
    vectors.push_back(b.load(b.vectorOf(place.element, position.lanes), pointer, alignment));
  }
  return vectors;
}

void KernelEmitter::storeVectors(const Place &place, const Position &position, ArrayRef<Value> vectors) {
  Value start = address(place, coordinatesOf(position, place));
  int64_t bytes = bytesOf(place.element);
  for (auto [index, vector] : llvm::enumerate(vectors)) {
    Value stored = vector;
    if (getElementTypeOrSelf(vector.getType()) != place.element) // i1 is kept as i8
      stored = arith::ExtUIOp::create(b, b.loc, withElement(vector.getType(), place.element), vector);
    Value pointer = b.offset(start, place.element, static_cast<int64_t>(index) * position.lanes);
    int64_t alignment = place.padded ? std::min<int64_t>(scratchAlignment, position.lanes * bytes) : bytes;
    b.store(stored, pointer, alignment);
  }
}

void KernelEmitter::copyTile(Value from, const Place &to) {
  forEachPosition(tileType(from).getShape(), [&](Position &position) {
    Registers registers;
    storeVectors(to, position, evaluate(from, position, registers));
  });
}

void KernelEmitter::forRange(Value begin, Value end, function_ref<void(Value)> body) {
  auto loop = scf::ForOp::create(b, b.loc, begin, end, b.i64(1));
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPoint(loop.getBody()->getTerminator());
  body(loop.getInductionVar());
}

void KernelEmitter::forRange(int64_t count, function_ref<void(Length)> body) {
  if (count == 1)
    return body(0);
  if (count > 1)
    forRange(b.i64(0), b.i64(count), [&](Value index) { body(index); });
}

Vectors KernelEmitter::forRange(int64_t count, Vectors carried, function_ref<Vectors(Length, ValueRange)> body) {
  if (count <= 1)
    return count == 1 ? body(0, carried) : carried;
  auto loop = scf::ForOp::create(b, b.loc, b.i64(0), b.i64(count), b.i64(1), carried);
  OpBuilder::InsertionGuard guard(b);
  Block *block = loop.getBody();
  if (!block->empty())
    block->back().erase();
  b.setInsertionPointToEnd(block);
  Vectors next = body(loop.getInductionVar(), loop.getRegionIterArgs());
  scf::YieldOp::create(b, b.loc, next);
  return Vectors(loop.getResults());
}

Position KernelEmitter::startOf(ArrayRef<int64_t> shape) const {
  Position position;
  position.rowLength = shape.empty() ? 1 : shape.back();
  position.lanes = lanesFor(position.rowLength, b.isa);
  int64_t vectors = llvm::divideCeil(position.rowLength, position.lanes);
  for (int64_t count : {4, 3, 2, 1})
    if (vectors % count == 0) {
      position.vectors = count;
      break;
    }
  return position;
}

void KernelEmitter::forEachPosition(ArrayRef<int64_t> shape, function_ref<void(Position &)> body) {
  Position position = startOf(shape);
  int64_t step = position.lanes * position.vectors;
  std::function<void(size_t)> nest = [&](size_t dim) {
    if (dim + 1 >= shape.size())
      return body(position);
    forRange(shape[dim], [&](Length row) {
      position.row.push_back(row);
      nest(dim + 1);
      position.row.pop_back();
    });
  };
  forRange(llvm::divideCeil(position.rowLength, step), [&](Length chunk) {
    position.lane = b.mul(chunk, step);
    nest(0);
  });
}
