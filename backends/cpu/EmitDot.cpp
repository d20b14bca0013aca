/// Products: a register tile of rows x vectors of sums, kept over the whole depth.
#include "backends/cpu/KernelEmitter.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace heed;
using namespace heed::cpu;

namespace {

/// A run of equal strips: `count` strips of `width`, from `start` on.
struct Strips {
  int64_t start, width, count;
};

} // namespace

/// Cuts `total` into the fewest strips of at most `limit`, as equal as possible: at most two widths.
static SmallVector<Strips, 2> cut(int64_t total, int64_t limit) {
  int64_t count = llvm::divideCeil(total, limit), width = total / count, wider = total % count;
  SmallVector<Strips, 2> strips;
  if (wider)
    strips.push_back({0, width + 1, wider});
  if (count > wider)
    strips.push_back({wider * (width + 1), width, count - wider});
  return strips;
}

/// The operand's place; a transpose above it only swaps the strides.
static Place operandPlace(Value operand, function_ref<Place(Value)> placeOf) {
  auto transpose = operand.getDefiningOp<tile::TransposeOp>();
  if (!transpose)
    return placeOf(operand);
  Place place = operandPlace(transpose.getSource(), placeOf);
  std::swap(place.strides[0], place.strides[1]);
  place.padded = false;
  return place;
}

/// What a product's operand element becomes before it is multiplied.
static Value widen(CodeBuilder &b, Value value, Type sum) {
  Type from = getElementTypeOrSelf(value.getType()), type = withElement(value.getType(), sum);
  if (from == sum)
    return value;
  if (isa<FloatType>(sum))
    return arith::ExtFOp::create(b, b.loc, type, value);
  return arith::ExtSIOp::create(b, b.loc, type, value);
}

void KernelEmitter::emitDot(const Node &node) {
  auto dot = cast<tile::DotOp>(node.ops.back());
  int64_t rows = node.domain[0], columns = node.domain[1], depth = tileType(dot.getLeft()).getDimSize(1);
  Type sum = tileType(dot.getResult()).getElementType();
  auto find = [&](Value value) {
    bool isView = value.getDefiningOp<tile::TransposeOp>() && !scratch.hasBuffer(value);
    return isView ? operandPlace(value, [&](Value source) { return placeOf(source); }) : placeOf(value);
  };
  Place left = find(dot.getLeft()), right = placeOf(dot.getRight()), result = placeOf(dot.getResult());
  int64_t lanes = lanesFor(columns, b.isa);
  int64_t bytesPerVector = b.isa.vectorBytes / bytesOf(sum);
  lanes = std::min(lanes, std::max<int64_t>(bytesPerVector, 1));
  int64_t vectorCount = llvm::divideCeil(columns, lanes);

  /// One register tile: `height` rows from `row` on, `width` vectors from `lane` on.
  auto emitTile = [&](Length row, int64_t height, Length lane, int64_t width) {
    Position position;
    position.rowLength = columns;
    position.lanes = lanes;
    position.vectors = width;
    position.lane = lane;
    Vectors sums;
    for (int64_t i = 0; i < height; ++i) {
      position.row.assign(1, b.add(row, i));
      Registers registers;
      llvm::append_range(sums, evaluate(dot.getAccumulator(), position, registers));
    }
    // With an unknown row stride every row keeps its own pointer, otherwise one pointer serves all rows.
    Value tileStart = address(left, {row, Length(0)});
    SmallVector<Value> rowStarts;
    for (int64_t i = 0; i < height && !left.strides[0].isConstant(); ++i)
      rowStarts.push_back(b.offset(tileStart, left.element, b.mul(left.strides[0], i)));
    sums = forRange(depth, sums, [&](Length k, ValueRange carried) {
      Vectors next(carried.begin(), carried.end());
      Vectors rightVectors;
      Value rightRow = address(right, {k, lane});
      int64_t alignment =
          right.padded ? std::min<int64_t>(scratchAlignment, lanes * bytesOf(right.element)) : bytesOf(right.element);
      for (int64_t j = 0; j < width; ++j) {
        Value pointer = b.offset(rightRow, right.element, j * lanes);
        rightVectors.push_back(widen(b, b.load(b.vectorOf(right.element, lanes), pointer, alignment), sum));
      }
      Length along = b.mul(k, left.strides[1]);
      Value column = rowStarts.empty() ? b.offset(tileStart, left.element, along) : Value();
      for (int64_t i = 0; i < height; ++i) {
        Value pointer = rowStarts.empty() ? b.offset(column, left.element, b.mul(left.strides[0], i))
                                          : b.offset(rowStarts[i], left.element, along);
        Value factor = b.splat(widen(b, b.load(left.element, pointer, bytesOf(left.element)), sum), lanes);
        for (int64_t j = 0; j < width; ++j) {
          Value &total = next[i * width + j];
          if (isa<FloatType>(sum))
            total = b.multiplyAdd(factor, rightVectors[j], total);
          else
            total = arith::AddIOp::create(b, b.loc, arith::MulIOp::create(b, b.loc, factor, rightVectors[j]), total);
        }
      }
      return next;
    });
    for (int64_t i = 0; i < height; ++i) {
      position.row.assign(1, b.add(row, i));
      storeVectors(result, position, ArrayRef<Value>(sums).slice(i * width, width));
    }
  };

  for (Strips across : cut(vectorCount, b.isa.productVectors))
    forRange(across.count, [&](Length strip) {
      Length lane = b.add(across.start * lanes, b.mul(strip, across.width * lanes));
      for (Strips down : cut(rows, std::max<int64_t>(b.isa.accumulators / across.width, 1)))
        forRange(down.count, [&](Length step) {
          emitTile(b.add(down.start, b.mul(step, down.width)), down.width, lane, across.width);
        });
    });
}

/// Points the tile at memory when all of it is in bounds, else at a copy in scratch.
void KernelEmitter::emitInPlaceLoad(tile::LoadOp op) {
  RankedTensorType tile = tileType(op.getResult());
  Access access = accessOf(op);
  Place direct{access.origin, access.view.element, {access.strides.begin(), access.strides.end()}, false};
  Value whole = isWhole(access, tile.getShape());
  if (!whole) {
    places[op.getResult()] = direct;
    return;
  }
  Place copy = bufferAt(scratch.offsetOf(op.getResult()), tile);
  SmallVector<Type> types{b.pointerType};
  SmallVector<Value> directValues{direct.pointer}, copyValues{copy.pointer};
  for (auto [a, c] : llvm::zip(direct.strides, copy.strides))
    if (!a.isConstant() || !c.isConstant() || a.constant != c.constant) {
      types.push_back(b.getI64Type());
      directValues.push_back(b.i64(a));
      copyValues.push_back(b.i64(c));
    }
  auto branch = scf::IfOp::create(b, b.loc, types, whole, true, true);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToEnd(branch.thenBlock());
  scf::YieldOp::create(b, b.loc, directValues);
  b.setInsertionPointToEnd(branch.elseBlock());
  if (isTransposingAccess(cast<MemRefType>(op.getView().getType()), tile, op.getDims()))
    emitTransposingLoad(access, op.getFill(), tile, copy);
  else
    emitLoadInto(access, op.getFill(), tile, copy);
  scf::YieldOp::create(b, b.loc, copyValues);
  Place chosen{branch.getResult(0), copy.element, {}, false};
  unsigned next = 1;
  for (auto [a, c] : llvm::zip(direct.strides, copy.strides)) {
    bool same = a.isConstant() && c.isConstant() && a.constant == c.constant;
    chosen.strides.push_back(same ? a : Length(branch.getResult(next++)));
  }
  places[op.getResult()] = chosen;
}
