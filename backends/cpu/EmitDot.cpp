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

/// One product: its operands in memory, and the vectors its sums are held in.
struct KernelEmitter::Product {
  Value accumulator;
  Place left, right, result;
  int64_t columns, depth;
  Type sum; ///< type of an element
  int64_t lanes;
};

/// What registers hold of a product: `height` rows from `row` on, `width` vectors from `lane` on.
struct KernelEmitter::ProductTile {
  Length row;
  int64_t height;
  Length lane;
  int64_t width;
};

void KernelEmitter::emitDot(const Node &node) {
  auto dot = cast<tile::DotOp>(node.ops.back());
  int64_t rows = node.domain[0], columns = node.domain[1];
  Type sum = tileType(dot.getResult()).getElementType();
  auto find = [&](Value value) {
    bool isView = value.getDefiningOp<tile::TransposeOp>() && !scratch.hasBuffer(value);
    return isView ? operandPlace(value, [&](Value source) { return placeOf(source); }) : placeOf(value);
  };
  int64_t lanes = std::min(lanesFor(columns, b.isa), std::max<int64_t>(b.isa.vectorBytes / bytesOf(sum), 1));
  Product product{dot.getAccumulator(),
                  find(dot.getLeft()),
                  placeOf(dot.getRight()),
                  placeOf(dot.getResult()),
                  columns,
                  tileType(dot.getLeft()).getDimSize(1),
                  sum,
                  lanes};
  for (Strips across : cut(llvm::divideCeil(columns, lanes), b.isa.productVectors))
    forRange(across.count, [&](Length strip) {
      Length lane = b.add(across.start * lanes, b.mul(strip, across.width * lanes));
      for (Strips down : cut(rows, std::max<int64_t>(b.isa.accumulators / across.width, 1)))
        forRange(down.count, [&](Length step) {
          emitProductTile(product, {b.add(down.start, b.mul(step, down.width)), down.width, lane, across.width});
        });
    });
}

void KernelEmitter::emitProductTile(const Product &product, const ProductTile &tile) {
  Position position;
  position.rowLength = product.columns;
  position.lanes = product.lanes;
  position.vectors = tile.width;
  position.lane = tile.lane;
  Vectors sums;
  for (int64_t i = 0; i < tile.height; ++i) {
    position.row.assign(1, b.add(tile.row, i));
    Registers registers;
    llvm::append_range(sums, evaluate(product.accumulator, position, registers));
  }
  // With an unknown row stride every row keeps its own pointer, otherwise one pointer serves all rows.
  const Place &left = product.left;
  SmallVector<Value> starts{address(left, {tile.row, Length(0)})};
  for (int64_t i = 1; i < tile.height && !left.strides[0].isConstant(); ++i)
    starts.push_back(b.offset(starts[0], left.element, b.mul(left.strides[0], i)));
  sums = forRange(product.depth, sums,
                  [&](Length k, ValueRange carried) { return emitProductStep(product, tile, starts, k, carried); });
  for (int64_t i = 0; i < tile.height; ++i) {
    position.row.assign(1, b.add(tile.row, i));
    storeVectors(product.result, position, ArrayRef<Value>(sums).slice(i * tile.width, tile.width));
  }
}

/// The sums with the products of one column of the left operand and one row of the right one added. `starts`: of the
/// left operand's rows, or of the first where their distance is a constant.
Vectors KernelEmitter::emitProductStep(const Product &product, const ProductTile &tile, ArrayRef<Value> starts,
                                       Length k, ValueRange carried) {
  const Place &left = product.left, &right = product.right;
  int64_t lanes = product.lanes;
  Vectors sums(carried.begin(), carried.end()), row;
  Value rowStart = address(right, {k, tile.lane});
  int64_t bytes = bytesOf(right.element);
  int64_t alignment = right.padded ? std::min<int64_t>(scratchAlignment, lanes * bytes) : bytes;
  for (int64_t j = 0; j < tile.width; ++j) {
    Value pointer = b.offset(rowStart, right.element, j * lanes);
    row.push_back(widen(b, b.load(b.vectorOf(right.element, lanes), pointer, alignment), product.sum));
  }
  Length along = b.mul(k, left.strides[1]);
  bool isConstant = left.strides[0].isConstant();
  Value column = b.offset(starts[0], left.element, along);
  for (int64_t i = 0; i < tile.height; ++i) {
    Value pointer = isConstant ? b.offset(column, left.element, b.mul(left.strides[0], i))
                    : i == 0   ? column
                               : b.offset(starts[i], left.element, along);
    Value factor = b.splat(widen(b, b.load(left.element, pointer, bytesOf(left.element)), product.sum), lanes);
    for (int64_t j = 0; j < tile.width; ++j) {
      Value &total = sums[i * tile.width + j];
      if (isa<FloatType>(product.sum))
        total = b.multiplyAdd(factor, row[j], total);
      else
        total = arith::AddIOp::create(b, b.loc, arith::MulIOp::create(b, b.loc, factor, row[j]), total);
    }
  }
  return sums;
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
