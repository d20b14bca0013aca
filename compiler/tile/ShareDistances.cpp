/// share-distances: computes once a distance what depends on row and column of a tile only through their difference.
///
///   table[clamp(row - column)]   of 64 x 128 elements
///   -> band[d] = table[clamp(d)] of the 191 distances in it, and a matrix with that along its diagonals
///
/// Relative positions of attention are of this kind: a lane that holds elements of several rows and columns would look
/// up every one of them. For targets whose lanes hand the band to each other for less than that.
#include "compiler/DistanceDependence.h"
#include "compiler/tile/Passes.h"
#include "dialects/tile/Tile.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/Matchers.h"
#include "llvm/ADT/SetVector.h"

using namespace mlir;
using namespace heed;

namespace {

/// What a tile depends on. A tile of rank 1 has rows only.
struct Dependence : DistanceDependence {
  bool isCoordinate = false; ///< Linear: a row or a column, of which nothing is lost in more bits or in 32
};

RankedTensorType tileType(Value value) { return dyn_cast<RankedTensorType>(value.getType()); }

bool isElementwise(Operation *op) {
  return op->getNumResults() == 1 && op->getNumRegions() == 0 &&
         isa<arith::ArithDialect, math::MathDialect>(op->getDialect());
}

class Dependences {
public:
  Dependence of(Value value) {
    if (!tileType(value))
      return {Dependence::linear()};
    auto known = memo.find(value);
    if (known != memo.end())
      return known->second;
    Dependence found = value.getDefiningOp() ? find(value.getDefiningOp()) : Dependence();
    memo[value] = found;
    return found;
  }

private:
  Dependence find(Operation *op);
  Dependence join(Operation *op);

  DenseMap<Value, Dependence> memo;
};

Dependence Dependences::find(Operation *op) {
  if (isa<tile::SplatOp>(op) || matchPattern(op, m_Constant()))
    return {Dependence::linear()};
  if (auto index = dyn_cast<tile::IndexOp>(op)) {
    bool isRow = index.getDim() == 0;
    return {Dependence::linear(isRow ? 1 : 0, isRow ? 0 : 1), /*isCoordinate=*/true};
  }
  if (auto broadcast = dyn_cast<tile::BroadcastOp>(op)) {
    if (tileType(broadcast.getSource()).getRank() != 1)
      return {};
    Dependence source = of(broadcast.getSource());
    if (broadcast.getDims()[0] == 1)
      std::swap(source.rows, source.columns);
    return source;
  }
  if (isa<arith::AddIOp, arith::SubIOp>(op)) {
    Dependence left = of(op->getOperand(0)), right = of(op->getOperand(1));
    if (left.kind == Dependence::Kind::Linear && right.kind == Dependence::Kind::Linear)
      return {left.plus(right, isa<arith::AddIOp>(op) ? 1 : -1)};
  }
  if (isa<arith::ExtSIOp, arith::TruncIOp>(op)) {
    Dependence source = of(op->getOperand(0));
    if (source.isCoordinate && getElementTypeOrSelf(op->getResult(0)).getIntOrFloatBitWidth() >= 32)
      return source;
  }
  return join(op);
}

Dependence Dependences::join(Operation *op) {
  if (!isElementwise(op) && !isa<tile::GatherOp>(op))
    return {};
  return {Dependence::join(llvm::map_range(op->getOperands(), [&](Value operand) { return of(operand); }))};
}

/// A tile that follows from distances, as the band of these: the part of it where the column is 0 and rows are those
/// from -(columns - 1) on.
class Band {
public:
  Band(OpBuilder &builder, Value tile) : b(builder), loc(tile.getLoc()), columns(tileType(tile).getDimSize(1)) {
    length = tileType(tile).getDimSize(0) + columns - 1;
    band = make(tile, /*isAlongRows=*/true);
  }
  Value get() const { return band; }

private:
  RankedTensorType typeOf(Type tile) const { return RankedTensorType::get({length}, getElementTypeOrSelf(tile)); }

  Value makeIndex(tile::IndexOp index, bool isAlongRows) {
    RankedTensorType type = typeOf(index.getType());
    if (!isAlongRows) {
      Value column = arith::IndexCastOp::create(b, loc, b.getI32Type(), index.getOffset());
      return tile::SplatOp::create(b, loc, type, column);
    }
    Value before = arith::ConstantIndexOp::create(b, loc, columns - 1);
    return tile::IndexOp::create(b, loc, type, 0, arith::SubIOp::create(b, loc, index.getOffset(), before));
  }

  /// A tile of rank 1 lies along the rows or along the columns.
  Value make(Value value, bool isAlongRows) {
    RankedTensorType tile = tileType(value);
    if (!tile)
      return value;
    if (Value known = made[isAlongRows].lookup(value))
      return known;
    Operation *op = value.getDefiningOp();
    RankedTensorType type = typeOf(tile);
    Value result;
    DenseElementsAttr constant;
    if (matchPattern(value, m_Constant(&constant))) {
      result = arith::ConstantOp::create(b, loc, constant.resizeSplat(type));
    } else if (auto index = dyn_cast<tile::IndexOp>(op)) {
      result = makeIndex(index, tile.getRank() == 1 ? isAlongRows : index.getDim() == 0);
    } else if (auto broadcast = dyn_cast<tile::BroadcastOp>(op)) {
      result = make(broadcast.getSource(), broadcast.getDims()[0] == 0);
    } else {
      SmallVector<Value> operands =
          llvm::map_to_vector(op->getOperands(), [&](Value operand) { return make(operand, isAlongRows); });
      OperationState state(loc, op->getName(), operands, {type}, op->getAttrs());
      result = b.create(state)->getResult(0);
    }
    made[isAlongRows][value] = result;
    return result;
  }

  OpBuilder &b;
  Location loc;
  int64_t columns, length;
  DenseMap<Value, Value> made[2]; ///< along columns, along rows
  Value band;
};

/// Ops of one element of a tile, in plain ones: those that are made of several count as such.
int64_t workOf(Operation *op) {
  constexpr int64_t manyOps = 4;
  bool isLong = isa<tile::GatherOp, arith::DivFOp, arith::DivSIOp, arith::DivUIOp, arith::RemSIOp, arith::RemUIOp,
                    arith::FloorDivSIOp, arith::CeilDivSIOp>(op) ||
                isa<math::MathDialect>(op->getDialect());
  return isLong ? manyOps : 1;
}

struct ShareDistancesPass : PassWrapper<ShareDistancesPass, OperationPass<>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(ShareDistancesPass)
  StringRef getArgument() const override { return "share-distances"; }
  StringRef getDescription() const override { return "Compute once a distance what follows from row - column"; }
  void getDependentDialects(DialectRegistry &registry) const override {
    registry.insert<arith::ArithDialect, tile::TileDialect>();
  }

  void runOnOperation() override {
    Dependences dependences;
    SmallVector<Operation *> shared;
    getOperation()->walk([&](Operation *op) {
      if (op->getNumResults() == 1 && isShared(op, dependences))
        shared.push_back(op);
    });
    for (Operation *op : shared) {
      OpBuilder builder(op);
      Value tile = op->getResult(0), band = Band(builder, tile).get();
      auto toeplitz = tile::ToeplitzOp::create(builder, op->getLoc(), tile.getType(), band);
      tile.replaceUsesWithIf(toeplitz, [&](OpOperand &use) { return !isInside(use.getOwner(), dependences); });
    }
  }

  static bool isInside(Operation *user, Dependences &dependences) {
    return user->getNumResults() == 1 && dependences.of(user->getResult(0)).kind == Dependence::Kind::Distance;
  }

  /// The last of what follows from distances, in a tile that is large enough, after more work than reading a band is.
  static bool isShared(Operation *op, Dependences &dependences) {
    RankedTensorType type = tileType(op->getResult(0));
    if (!type || type.getRank() != 2 || !isa<FloatType>(type.getElementType()) || type.getElementTypeBitWidth() > 32 ||
        !isInside(op, dependences))
      return false;
    int64_t rows = type.getDimSize(0), columns = type.getDimSize(1);
    bool isLarge = rows >= leastRows && rows * columns >= leastUses * (rows + columns);
    bool isLast = llvm::any_of(op->getUsers(), [&](Operation *user) { return !isInside(user, dependences); });
    return isLarge && isLast && workUpTo(op, dependences) >= leastWork;
  }

  static int64_t workUpTo(Operation *last, Dependences &dependences) {
    llvm::SetVector<Operation *> ops;
    ops.insert(last);
    int64_t work = 0;
    for (size_t next = 0; next < ops.size(); ++next) {
      work += workOf(ops[next]);
      for (Value operand : ops[next]->getOperands())
        if (Operation *op = operand.getDefiningOp(); op && isInside(op, dependences))
          ops.insert(op);
    }
    return work;
  }

  /// Fewer rows are those of a program that waits for memory.
  static constexpr int64_t leastRows = 32, leastUses = 8, leastWork = 4;
};

} // namespace

std::unique_ptr<Pass> heed::createShareDistancesPass() { return std::make_unique<ShareDistancesPass>(); }
