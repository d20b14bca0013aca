/// Rows nodes: one loop nest over the row vectors of a shape, everything in it in registers.
#include "backends/cpu/KernelEmitter.h"
#include "compiler/tile/Arithmetic.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace heed;
using namespace heed::cpu;

void KernelEmitter::emitRows(const Node &node) {
  accesses.clear();
  for (Operation *op : node.ops)
    if (isa<tile::LoadOp, tile::StoreOp>(op))
      accesses[op] = accessOf(op);
  if (node.horizontal)
    emitHorizontal(node);
  else
    emitVertical(node);
}

static SmallVector<tile::ReduceOp> reductionsOf(const Node &node) {
  SmallVector<tile::ReduceOp> reductions;
  for (Operation *op : node.ops)
    if (auto reduce = dyn_cast<tile::ReduceOp>(op))
      reductions.push_back(reduce);
  return reductions;
}

/// Rank-1 tiles that run along the lanes are read once per column of vectors, not once per row.
void KernelEmitter::hoistRowInvariants(const Node &node, const Position &position, Registers &registers) {
  int64_t laneDim = static_cast<int64_t>(node.domain.size()) - 1;
  for (Operation *op : node.ops)
    for (Value operand : op->getOperands()) {
      auto broadcast = operand.getDefiningOp<tile::BroadcastOp>();
      if (!broadcast || registers.contains(operand) || broadcast.getDims() != ArrayRef<int64_t>{laneDim} ||
          laneDim == 0 || domainOf(op) != ArrayRef<int64_t>(node.domain))
        continue;
      Position source = position;
      source.row.clear();
      Registers fresh;
      registers[operand] = evaluate(broadcast.getSource(), source, fresh);
    }
}

/// All ops but the reductions, then stores of what later nodes read: last, because a buffer may be read and overwritten
/// at the same position.
void KernelEmitter::emitRowsBody(const Node &node, const Position &position, Registers &registers) {
  for (Operation *op : node.ops) {
    if (isa<tile::ReduceOp>(op))
      continue;
    if (auto store = dyn_cast<tile::StoreOp>(op)) {
      emitStore(accesses.at(op), evaluate(store.getTile(), position, registers), position);
      continue;
    }
    Value result = op->getResult(0);
    if (auto load = dyn_cast<tile::LoadOp>(op))
      registers[result] = emitLoad(accesses.at(op), load.getFill(), position);
    else if (auto gather = dyn_cast<tile::GatherOp>(op))
      registers[result] = emitGather(gather, position, registers);
    else if (isFree(op))
      evaluate(result, position, registers);
    else
      registers[result] = evaluateOp(op, position, registers);
  }
  for (Operation *op : node.ops)
    if (!isa<tile::ReduceOp, tile::StoreOp>(op) && plan.isStored(op->getResult(0)))
      storeVectors(placeOf(op->getResult(0)), position, registers[op->getResult(0)]);
}

/// The running sums of a reduction after one more position; lanes and rows past the extent do not take part.
Vectors KernelEmitter::reduceInto(tile::ReduceOp op, ValueRange sums, const Position &position, Registers &registers) {
  Vectors vectors = evaluate(op.getSource(), position, registers);
  bool alongLanes = static_cast<size_t>(op.getDim()) == position.row.size();
  bool padded = position.rowLength % position.lanes != 0;
  Vectors next;
  for (auto [index, vector] : llvm::enumerate(vectors)) {
    Value inside;
    if (alongLanes && (op.getExtent() || padded)) {
      Length limit = op.getExtent() ? Length(b.toI64(scalar(op.getExtent()))) : Length(position.rowLength);
      if (op.getExtent())
        limit = Length(arith::MinSIOp::create(b, b.loc, b.i64(limit), b.i64(position.rowLength)).getResult());
      Length lane = b.add(position.lane, static_cast<int64_t>(index) * position.lanes);
      Value left = arith::SubIOp::create(b, b.loc, b.i64(limit), b.i64(lane));
      left = arith::MaxSIOp::create(b, b.loc, left, b.i64(0));
      left = arith::TruncIOp::create(b, b.loc, b.getI32Type(), left);
      inside = arith::CmpIOp::create(b, b.loc, arith::CmpIPredicate::slt, b.iota(b.getI32Type(), position.lanes),
                                     b.splat(left, position.lanes));
    } else if (!alongLanes && op.getExtent()) {
      inside = b.less(b.i64(position.row[op.getDim()]), b.toI64(scalar(op.getExtent())));
    }
    Value term = vector;
    if (inside)
      term =
          arith::SelectOp::create(b, b.loc, inside, vector, tile::neutral(b, b.loc, op.getCombine(), vector.getType()));
    next.push_back(tile::combine(b, b.loc, op.getCombine(), term, sums[index]));
  }
  return next;
}

/// The body for every row of the reduced dimension, with the running sums in registers; stores what comes of them.
void KernelEmitter::emitReducedRows(const Node &node, Position &position, const Registers &hoisted) {
  SmallVector<tile::ReduceOp> reductions = reductionsOf(node);
  Vectors sums;
  for (tile::ReduceOp op : reductions) {
    Type element = computeType(tileType(op.getSource()).getElementType());
    Value start = tile::neutral(b, b.loc, op.getCombine(), b.vectorOf(element, position.lanes));
    sums.append(position.vectors, start);
  }
  auto ofReduction = [&](ArrayRef<Value> values, size_t index) {
    return values.slice(index * position.vectors, position.vectors);
  };
  sums = forRange(node.domain[node.verticalDim], sums, [&](Length row, ValueRange carried) {
    position.row[node.verticalDim] = row;
    Registers registers = hoisted;
    emitRowsBody(node, position, registers);
    Vectors before(carried), next;
    for (auto [index, op] : llvm::enumerate(reductions))
      llvm::append_range(next, reduceInto(op, ofReduction(before, index), position, registers));
    return next;
  });
  Position result = position;
  result.row.erase(result.row.begin() + node.verticalDim);
  for (auto [index, op] : llvm::enumerate(reductions))
    if (plan.isStored(op.getResult()))
      storeVectors(placeOf(op.getResult()), result, ofReduction(sums, index));
}

/// Columns of vectors outermost; the rows of the reduced dimension, if there is one, innermost.
void KernelEmitter::emitVertical(const Node &node) {
  Position position = startOf(node.domain);
  int64_t rank = node.domain.size(), step = position.lanes * position.vectors;
  position.row.assign(std::max<int64_t>(rank - 1, 0), Length(0));
  std::function<void(int64_t, const Registers &)> nest = [&](int64_t dim, const Registers &hoisted) {
    if (dim == node.verticalDim)
      return nest(dim + 1, hoisted);
    if (dim < rank - 1)
      return forRange(node.domain[dim], [&](Length row) {
        position.row[dim] = row;
        nest(dim + 1, hoisted);
      });
    if (node.verticalDim >= 0)
      return emitReducedRows(node, position, hoisted);
    Registers registers = hoisted;
    emitRowsBody(node, position, registers);
  };
  forRange(llvm::divideCeil(position.rowLength, step), [&](Length chunk) {
    position.lane = b.mul(chunk, step);
    Registers hoisted;
    hoistRowInvariants(node, position, hoisted);
    nest(0, hoisted);
  });
}

/// Rows outermost; along a row, partial sums per lane, combined across lanes at its end.
void KernelEmitter::emitHorizontal(const Node &node) {
  SmallVector<tile::ReduceOp> reductions = reductionsOf(node);
  Position position = startOf(node.domain);
  int64_t rank = node.domain.size(), step = position.lanes * position.vectors;
  auto emitRow = [&] {
    Vectors sums;
    for (tile::ReduceOp op : reductions) {
      Type element = computeType(tileType(op.getSource()).getElementType());
      sums.append(position.vectors, tile::neutral(b, b.loc, op.getCombine(), b.vectorOf(element, position.lanes)));
    }
    sums = forRange(llvm::divideCeil(position.rowLength, step), sums, [&](Length chunk, ValueRange carried) {
      position.lane = b.mul(chunk, step);
      Registers registers;
      emitRowsBody(node, position, registers);
      Vectors next;
      for (auto [index, op] : llvm::enumerate(reductions))
        llvm::append_range(
            next, reduceInto(op, carried.slice(index * position.vectors, position.vectors), position, registers));
      return next;
    });
    for (auto [index, op] : llvm::enumerate(reductions)) {
      if (!plan.isStored(op.getResult()))
        continue;
      Value sum = sums[index * position.vectors];
      for (int64_t other = 1; other < position.vectors; ++other)
        sum = tile::combine(b, b.loc, op.getCombine(), sum, sums[index * position.vectors + other]);
      sum = across(op.getCombine(), sum);
      Place place = placeOf(op.getResult());
      if (sum.getType() != place.element)
        sum = arith::ExtUIOp::create(b, b.loc, place.element, sum);
      b.store(sum, address(place, position.row), bytesOf(place.element));
    }
  };
  std::function<void(int64_t)> nest = [&](int64_t dim) {
    if (dim == rank - 1)
      return emitRow();
    forRange(node.domain[dim], [&](Length row) {
      position.row.push_back(row);
      nest(dim + 1);
      position.row.pop_back();
    });
  };
  nest(0);
}
