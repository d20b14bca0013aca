/// A tile value's row vectors at a position: from registers, from a buffer, or recomputed.
#include "backends/cpu/KernelEmitter.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace heed;
using namespace heed::cpu;

/// A scalar constant in compute representation (index stays index: it is a scalar).
Value KernelEmitter::constantOf(Attribute attribute, Type type) {
  if (auto number = dyn_cast<FloatAttr>(attribute)) {
    Type compute = computeType(type);
    bool lossy = false;
    APFloat value = number.getValue();
    value.convert(cast<FloatType>(compute).getFloatSemantics(), APFloat::rmNearestTiesToEven, &lossy);
    return arith::ConstantOp::create(b, b.loc, FloatAttr::get(compute, value));
  }
  return arith::ConstantOp::create(b, b.loc, cast<IntegerAttr>(attribute));
}

Vectors KernelEmitter::evaluate(Value value, const Position &position, Registers &registers) {
  if (auto known = registers.find(value); known != registers.end())
    return known->second;
  Operation *op = value.getDefiningOp();
  Type element = tileType(value).getElementType();
  Vectors vectors;
  auto splatAll = [&](Value one) {
    if (one.getType().isIndex())
      one = b.toI64(one);
    vectors.assign(position.vectors, b.splat(one, position.lanes));
  };
  if (auto constant = dyn_cast_or_null<arith::ConstantOp>(op); constant && isFree(op)) {
    splatAll(constantOf(cast<SplatElementsAttr>(constant.getValue()).getSplatValue<Attribute>(), element));
  } else if (auto splat = dyn_cast_or_null<tile::SplatOp>(op)) {
    splatAll(scalar(splat.getScalar()));
  } else if (auto index = dyn_cast_or_null<tile::IndexOp>(op)) {
    vectors = evaluateIndex(index, position);
  } else if (auto broadcast = dyn_cast_or_null<tile::BroadcastOp>(op)) {
    vectors = evaluateBroadcast(broadcast, position, registers);
  } else if (op && current->kind == NodeKind::Dot && op != current->ops.back() &&
             llvm::is_contained(current->ops, op)) {
    vectors = evaluateOp(op, position, registers);
  } else {
    vectors = loadVectors(placeOf(value), position);
    if (element.isInteger(1))
      for (Value &vector : vectors)
        vector =
            arith::CmpIOp::create(b, b.loc, arith::CmpIPredicate::ne, vector, b.constant(vector.getType(), int64_t(0)));
  }
  registers[value] = vectors;
  return vectors;
}

Vectors KernelEmitter::evaluateIndex(tile::IndexOp op, const Position &position) {
  Length offset(b.toI64(scalar(op.getOffset())));
  bool alongLanes = static_cast<size_t>(op.getDim()) == position.row.size();
  Length start = b.add(offset, alongLanes ? position.lane : position.row[op.getDim()]);
  Value first = arith::TruncIOp::create(b, b.loc, b.getI32Type(), b.i64(start));
  Vectors vectors(position.vectors, b.splat(first, position.lanes));
  if (alongLanes)
    for (auto [index, vector] : llvm::enumerate(vectors)) {
      Value lanes = b.iota(b.getI32Type(), position.lanes);
      Value skip = b.constant(lanes.getType(), static_cast<int64_t>(index) * position.lanes);
      vector = arith::AddIOp::create(b, b.loc, vector, b.createOrFold<arith::AddIOp>(b.loc, lanes, skip));
    }
  return vectors;
}

Vectors KernelEmitter::evaluateBroadcast(tile::BroadcastOp op, const Position &position, Registers &registers) {
  ArrayRef<int64_t> dims = op.getDims();
  int64_t laneDim = position.row.size();
  SmallVector<Length> row;
  for (int64_t dim : dims)
    if (dim != laneDim)
      row.push_back(position.row[dim]);
  if (dims.empty() || dims.back() != laneDim) {
    Value one = evaluateScalar(op.getSource(), row);
    return Vectors(position.vectors, b.splat(one, position.lanes));
  }
  Position source = position;
  source.row.assign(row.begin(), row.end());
  Registers fresh;
  (void)registers;
  return evaluate(op.getSource(), source, fresh);
}

Value KernelEmitter::evaluateScalar(Value value, ArrayRef<Length> coordinates) {
  Operation *op = value.getDefiningOp();
  Type element = tileType(value).getElementType();
  auto asLane = [&](Value one) { return one.getType().isIndex() ? b.toI64(one) : one; };
  if (auto constant = dyn_cast_or_null<arith::ConstantOp>(op); constant && isFree(op))
    return asLane(constantOf(cast<SplatElementsAttr>(constant.getValue()).getSplatValue<Attribute>(), element));
  if (auto splat = dyn_cast_or_null<tile::SplatOp>(op))
    return asLane(scalar(splat.getScalar()));
  if (auto index = dyn_cast_or_null<tile::IndexOp>(op)) {
    Length sum = b.add(Length(b.toI64(scalar(index.getOffset()))), coordinates[index.getDim()]);
    return arith::TruncIOp::create(b, b.loc, b.getI32Type(), b.i64(sum));
  }
  if (auto broadcast = dyn_cast_or_null<tile::BroadcastOp>(op)) {
    SmallVector<Length> source;
    for (int64_t dim : broadcast.getDims())
      source.push_back(coordinates[dim]);
    return evaluateScalar(broadcast.getSource(), source);
  }
  Place place = placeOf(value);
  Value one = b.load(place.element, address(place, coordinates), bytesOf(place.element));
  if (element.isInteger(1))
    return arith::CmpIOp::create(b, b.loc, arith::CmpIPredicate::ne, one, b.constant(one.getType(), int64_t(0)));
  return one;
}

/// An elementwise op on every vector of the position.
Vectors KernelEmitter::evaluateOp(Operation *op, const Position &position, Registers &registers) {
  SmallVector<Vectors> operands;
  for (Value operand : op->getOperands()) {
    if (tileType(operand))
      operands.push_back(evaluate(operand, position, registers));
    else
      operands.push_back(Vectors(position.vectors, scalar(operand)));
  }
  Type element = tileType(op->getResult(0)).getElementType();
  Vectors vectors;
  for (int64_t index = 0; index < position.vectors; ++index) {
    SmallVector<Value> arguments;
    for (const Vectors &operand : operands)
      arguments.push_back(operand[index]);
    vectors.push_back(emitElementwise(op, arguments, b.vectorOf(element, position.lanes)));
  }
  return vectors;
}
