/// orient-tiles: chooses for every rank-2 tile whether it is held as it is or transposed.
///
/// The last dimension of a tile is its lane dimension. A product reads its left operand element by element, in any
/// order, and rows of its right operand along the lanes. C = A B may as well be computed as C^T = B^T A^T, and which is
/// better depends on what must be transposed for it: attention computes S^T = K Q^T, because transposing the queries
/// once is cheaper than the keys again and again.
///
/// Tiles linked by elementwise ops, loops and branches are held alike: they form a group with one choice. A choice
/// costs the elements it makes somebody transpose and the vectors it leaves partly empty, ten times as much per loop
/// around.
#include "compiler/tile/Passes.h"
#include "compiler/tile/TileOrientation.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;
using namespace heed;

namespace {

/// Carries out a choice of orientations, op by op.
class Flipper {
public:
  explicit Flipper(tile::KernelOp kernel, Orientation &orientation)
      : kernel(kernel), orientation(orientation), builder(kernel.getContext()) {}

  void run() {
    // Decide everything before types change, then visit in program order.
    kernel.walk([&](Operation *op) {
      for (Value result : op->getResults())
        note(result);
      for (Region &region : op->getRegions())
        for (Block &block : region)
          for (Value argument : block.getArguments())
            note(argument);
    });
    SmallVector<Operation *> ops;
    kernel.walk<WalkOrder::PreOrder>([&](Operation *op) { ops.push_back(op); });
    for (Value value : flipped)
      value.setType(transposed(cast<RankedTensorType>(value.getType())));
    for (Operation *op : ops)
      rewrite(op);
    for (tile::TransposeOp op : idle) {
      op.getResult().replaceAllUsesWith(op.getSource());
      op.erase();
    }
  }

private:
  void note(Value value) {
    if (orientation.isFlipped(value))
      flipped.insert(value);
  }
  static RankedTensorType transposed(RankedTensorType type) {
    return RankedTensorType::get({type.getDimSize(1), type.getDimSize(0)}, type.getElementType(), type.getEncoding());
  }
  bool isFlipped(Value value) const { return flipped.contains(value); }

  /// The transpose of a value that has its original type.
  Value flipFlexible(Value value, Operation *user) {
    builder.setInsertionPoint(user);
    Operation *op = value.getDefiningOp();
    RankedTensorType type = transposed(cast<RankedTensorType>(value.getType()));
    if (auto constant = dyn_cast<arith::ConstantOp>(op))
      return arith::ConstantOp::create(builder, op->getLoc(),
                                       cast<SplatElementsAttr>(constant.getValue()).resizeSplat(type));
    Operation *clone = builder.clone(*op);
    clone->getResult(0).setType(type);
    if (auto index = dyn_cast<tile::IndexOp>(clone))
      index.setDim(1 - index.getDim());
    if (auto broadcast = dyn_cast<tile::BroadcastOp>(clone))
      broadcast.setDims(llvm::map_to_vector(broadcast.getDims(), [](int64_t dim) { return 1 - dim; }));
    return clone->getResult(0);
  }

  /// Makes a use read the tile flipped, whatever it reads now.
  void flipUse(OpOperand &use) {
    if (rank2Tile(use.get()) && isOrientedByUser(use.get()))
      use.set(flipFlexible(use.get(), use.getOwner()));
  }

  /// The value as a product needs it, as it is (`want` false) or transposed; placed next to its definition, outside the
  /// loops that only use it.
  Value oriented(Value value, bool want, Operation *user) {
    if (isOrientedByUser(value))
      return want ? flipFlexible(value, user) : value;
    if (isFlipped(value) == want)
      return value;
    Value &made = transposes[value];
    if (!made) {
      builder.setInsertionPointAfterValue(value);
      made = tile::TransposeOp::create(builder, user->getLoc(), transposed(cast<RankedTensorType>(value.getType())),
                                       value);
    }
    return made;
  }

  void swapDims(Operation *op, MutableOperandRange extents, ArrayRef<int64_t> dims) {
    op->setAttr("dims", builder.getDenseI64ArrayAttr({dims[1], dims[0]}));
    if (extents.size() == 2) {
      Value first = extents[0].get(), second = extents[1].get();
      extents[0].set(second);
      extents[1].set(first);
    }
  }

  void rewriteDot(tile::DotOp dot) {
    bool flip = isFlipped(dot.getResult());
    Value left = dot.getLeft(), right = dot.getRight();
    dot.getLeftMutable().set(oriented(flip ? right : left, flip, dot));
    dot.getRightMutable().set(oriented(flip ? left : right, flip, dot));
    if (flip)
      flipUse(dot.getAccumulatorMutable());
  }

  /// A transpose of which one side is held flipped is no work at all. Its result keeps its identity until every use has
  /// been rewritten.
  void rewriteTranspose(tile::TransposeOp op) {
    if (isOrientedByUser(op.getSource())) {
      if (isFlipped(op.getResult()))
        op.getSourceMutable().set(flipFlexible(op.getSource(), op));
    } else if (isFlipped(op.getResult()) != isFlipped(op.getSource())) {
      idle.push_back(op);
    }
  }

  void rewrite(Operation *op) {
    if (auto dot = dyn_cast<tile::DotOp>(op))
      return rewriteDot(dot);
    if (auto transpose = dyn_cast<tile::TransposeOp>(op))
      return rewriteTranspose(transpose);
    if (auto load = dyn_cast<tile::LoadOp>(op)) {
      if (isFlipped(load.getResult()))
        swapDims(op, load.getExtentsMutable(), load.getDims());
    } else if (auto store = dyn_cast<tile::StoreOp>(op)) {
      if (isFlipped(store.getTile()))
        swapDims(op, store.getExtentsMutable(), store.getDims());
    } else if (auto reduce = dyn_cast<tile::ReduceOp>(op)) {
      if (isFlipped(reduce.getSource()))
        reduce.setDim(1 - reduce.getDim());
    } else if (auto scan = dyn_cast<tile::ScanOp>(op)) {
      if (isFlipped(scan.getResult())) {
        scan.setDim(1 - scan.getDim());
        flipUse(scan.getSourceMutable());
      }
    } else if (isa<scf::ForOp>(op)) {
      auto loop = cast<scf::ForOp>(op);
      auto yield = cast<scf::YieldOp>(loop.getBody()->getTerminator());
      for (auto [position, argument] : llvm::enumerate(loop.getRegionIterArgs()))
        if (isFlipped(argument)) {
          flipUse(loop.getInitArgsMutable()[position]);
          flipUse(yield->getOpOperand(position));
        }
    } else if (isa<scf::IfOp>(op)) {
      for (Region &region : op->getRegions())
        for (OpResult result : op->getResults())
          if (!region.empty() && isFlipped(result))
            flipUse(region.front().getTerminator()->getOpOperand(result.getResultNumber()));
    } else if (OpTrait::hasElementwiseMappableTraits(op) || isa<tile::ConvertOp, tile::GatherOp, tile::WaitOp>(op)) {
      bool flip = llvm::any_of(op->getResults(), [&](Value result) { return isFlipped(result); });
      for (OpOperand &use : op->getOpOperands())
        if (flip)
          flipUse(use);
    }
  }

  tile::KernelOp kernel;
  Orientation &orientation;
  OpBuilder builder;
  DenseSet<Value> flipped;
  DenseMap<Value, Value> transposes;
  SmallVector<tile::TransposeOp> idle;
};

struct OrientTilesPass : PassWrapper<OrientTilesPass, OperationPass<>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(OrientTilesPass)
  StringRef getArgument() const override { return "orient-tiles"; }
  StringRef getDescription() const override { return "Hold tiles transposed where that saves transposes"; }
  void getDependentDialects(DialectRegistry &registry) const override {
    registry.insert<arith::ArithDialect, tile::TileDialect>();
  }

  void runOnOperation() override {
    getOperation()->walk([](tile::KernelOp kernel) {
      Orientation orientation(kernel);
      orientation.choose();
      Flipper(kernel, orientation).run();
    });
  }
};

} // namespace

std::unique_ptr<Pass> heed::createOrientTilesPass() { return std::make_unique<OrientTilesPass>(); }
