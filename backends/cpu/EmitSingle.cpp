/// Ops on whole tiles: transposes, transposing loads and stores, scans, triangular inverses, rings.
#include "backends/cpu/KernelEmitter.h"
#include "compiler/tile/Arithmetic.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace heed;
using namespace heed::cpu;

void KernelEmitter::emitSingle(Operation *op) {
  if (auto load = dyn_cast<tile::LoadOp>(op)) {
    emitTransposingLoad(accessOf(op), load.getFill(), tileType(load.getResult()), placeOf(load.getResult()));
  } else if (auto store = dyn_cast<tile::StoreOp>(op)) {
    emitTransposingStore(accessOf(op), tileType(store.getTile()), placeOf(store.getTile()));
  } else if (auto transpose = dyn_cast<tile::TransposeOp>(op)) {
    emitTranspose(placeOf(transpose.getSource()), tileType(transpose.getSource()).getShape(),
                  placeOf(transpose.getResult()));
  } else if (auto scan = dyn_cast<tile::ScanOp>(op)) {
    emitScan(scan);
  } else if (auto inverse = dyn_cast<tile::TriInvOp>(op)) {
    emitTriInv(inverse);
  } else if (auto copy = dyn_cast<tile::CopyOp>(op)) {
    RankedTensorType tile = cast<tile::RingType>(copy.getRing().getType()).getTile();
    Access access = accessOf(copy.getView(), copy.getIndices(), copy.getDims(), copy.getExtents(), tile.getShape());
    Place slot = ringSlot(copy.getRing(), copy.getSlot());
    if (isTransposingAccess(cast<MemRefType>(copy.getView().getType()), tile, copy.getDims()))
      emitTransposingLoad(access, copy.getFill(), tile, slot);
    else
      emitLoadInto(access, copy.getFill(), tile, slot);
  } else if (auto read = dyn_cast<tile::ReadOp>(op)) {
    places[read.getResult()] = ringSlot(read.getRing(), read.getSlot());
  } else if (auto extract = dyn_cast<tensor::ExtractOp>(op)) {
    SmallVector<Length> at;
    for (Value index : extract.getIndices())
      at.push_back(Length(b.toI64(scalar(index))));
    Value element = evaluateScalar(extract.getTensor(), at);
    if (extract.getType().isIndex())
      element = arith::IndexCastOp::create(b, b.loc, b.getIndexType(), element);
    values.map(extract.getResult(), element);
  } else if (auto wait = dyn_cast<tile::WaitOp>(op)) {
    for (auto [value, result] : llvm::zip(wait.getValues(), wait.getResults())) {
      if (tileType(value))
        places[result] = placeOf(value);
      else
        values.map(result, scalar(value));
    }
  } else {
    fail(op, "constants with differing elements are not supported; pass them as an operand");
  }
}

void KernelEmitter::emitTranspose(const Place &from, ArrayRef<int64_t> shape, const Place &to) {
  forRange(shape[0], [&](Length i) {
    forRange(shape[1], [&](Length j) {
      int64_t bytes = bytesOf(from.element);
      b.store(b.load(from.element, address(from, {i, j}), bytes), address(to, {j, i}), bytes);
    });
  });
}

/// The view is contiguous along the tile's rows: read it that way round.
void KernelEmitter::emitTransposingLoad(const Access &access, Value fill, RankedTensorType tile, const Place &to) {
  Type element = access.view.element, type = b.accessType(element);
  int64_t bytes = bytesOf(element);
  auto copyElement = [&](Value row, Value lane) {
    Length at = b.add(b.mul(Length(row), access.strides[0]), b.mul(Length(lane), access.strides[1]));
    Value raw = b.load(type, b.offset(access.origin, element, at), bytes);
    b.store(b.fromMemory(raw, element), address(to, {Length(row), Length(lane)}), bytesOf(to.element));
  };
  Value whole = isWhole(access, tile.getShape());
  auto limit = [&](int64_t dim) {
    Value extent = arith::MaxSIOp::create(b, b.loc, b.i64(access.extents[dim]), b.i64(0));
    return Value(arith::MinSIOp::create(b, b.loc, extent, b.i64(tile.getDimSize(dim))));
  };
  if (whole) {
    auto branch = scf::IfOp::create(b, b.loc, whole, /*withElseRegion=*/true);
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(branch.elseBlock());
    Value padding = fill ? scalar(fill) : b.zero(to.element);
    forEachPosition(tile.getShape(), [&](Position &position) {
      storeVectors(to, position, Vectors(position.vectors, b.splat(padding, position.lanes)));
    });
  }
  forRange(b.i64(0), limit(1),
           [&](Value lane) { forRange(b.i64(0), limit(0), [&](Value row) { copyElement(row, lane); }); });
}

void KernelEmitter::emitTransposingStore(const Access &access, RankedTensorType tile, const Place &from) {
  Type element = access.view.element;
  auto limit = [&](int64_t dim) {
    return Value(arith::MinSIOp::create(b, b.loc, b.i64(access.extents[dim]), b.i64(tile.getDimSize(dim))));
  };
  forRange(b.i64(0), limit(1), [&](Value lane) {
    forRange(b.i64(0), limit(0), [&](Value row) {
      Length at = b.add(b.mul(Length(row), access.strides[0]), b.mul(Length(lane), access.strides[1]));
      Value value = b.load(from.element, address(from, {Length(row), Length(lane)}), bytesOf(from.element));
      b.store(b.toMemory(value, element), b.offset(access.origin, element, at), bytesOf(element));
    });
  });
}

/// A running combination: along rows vector by vector, along the lanes element by element.
void KernelEmitter::emitScan(tile::ScanOp op) {
  RankedTensorType type = tileType(op.getSource());
  Place from = placeOf(op.getSource()), to = placeOf(op.getResult());
  int64_t rank = type.getRank(), dim = op.getDim();
  SmallVector<Length> at(rank, Length(0));
  std::function<void(int64_t)> nest = [&](int64_t outer) {
    if (outer == dim)
      return nest(outer + 1);
    if (outer < rank)
      return forRange(type.getDimSize(outer), [&](Length index) {
        at[outer] = index;
        nest(outer + 1);
      });
    Vectors start{tile::neutral(b, b.loc, op.getCombine(), from.element)};
    forRange(type.getDimSize(dim), start, [&](Length index, ValueRange carried) {
      at[dim] = index;
      Value next = b.load(from.element, address(from, at), bytesOf(from.element));
      next = tile::combine(b, b.loc, op.getCombine(), carried[0], next);
      if (type.getElementType().isF16() || type.getElementType().isBF16())
        next = b.round(next, type.getElementType());
      b.store(next, address(to, at), bytesOf(to.element));
      return Vectors{next};
    });
  };
  nest(0);
}

/// Row i of the inverse is e_i minus the sum over j < i of L[i, j] times row j.
void KernelEmitter::emitTriInv(tile::TriInvOp op) {
  RankedTensorType type = tileType(op.getSource());
  int64_t size = type.getDimSize(0);
  Place from = placeOf(op.getSource()), to = placeOf(op.getResult());
  Position start = startOf(type.getShape());
  int64_t step = start.lanes * start.vectors;
  forRange(b.i64(0), b.i64(size), [&](Value row) {
    forRange(llvm::divideCeil(size, step), [&](Length chunk) {
      Position position = start;
      position.lane = b.mul(chunk, step);
      Vectors sums;
      for (int64_t index = 0; index < position.vectors; ++index) {
        Value diagonal = arith::SubIOp::create(
            b, b.loc, row, b.i64(b.add(position.lane, static_cast<int64_t>(index) * position.lanes)));
        Value hit = arith::CmpIOp::create(b, b.loc, arith::CmpIPredicate::eq, b.iota(b.getI64Type(), position.lanes),
                                          b.splat(diagonal, position.lanes));
        Type vector = b.vectorOf(from.element, position.lanes);
        sums.push_back(arith::SelectOp::create(b, b.loc, hit, b.constant(vector, 1.0), b.constant(vector, 0.0)));
      }
      auto loop = scf::ForOp::create(b, b.loc, b.i64(0), row, b.i64(1), sums);
      {
        OpBuilder::InsertionGuard guard(b);
        if (!loop.getBody()->empty())
          loop.getBody()->back().erase();
        b.setInsertionPointToEnd(loop.getBody());
        Length other(loop.getInductionVar());
        Value factor = b.load(from.element, address(from, {Length(row), other}), bytesOf(from.element));
        factor = b.splat(arith::NegFOp::create(b, b.loc, factor), position.lanes);
        position.row.assign(1, other);
        Vectors rows = loadVectors(to, position), next;
        for (auto [carried, vector] : llvm::zip(loop.getRegionIterArgs(), rows))
          next.push_back(b.multiplyAdd(factor, vector, carried));
        scf::YieldOp::create(b, b.loc, next);
      }
      position.row.assign(1, Length(row));
      storeVectors(to, position, Vectors(loop.getResults()));
    });
  });
}
