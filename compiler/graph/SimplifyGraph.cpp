/// simplify-graph: chains of elementwise ops become one op each, with constants in their bodies.
#include "compiler/graph/Element.h"
#include "compiler/graph/Passes.h"
#include "compiler/graph/Rewriting.h"

#include "mlir/Dialect/Linalg/Transforms/Transforms.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

using namespace mlir;
using namespace heed;

/// Whether the body does work that should not be repeated for every element of a larger result.
static bool isCostly(linalg::LinalgOp op) {
  return llvm::any_of(op.getBlock()->without_terminator(),
                      [](Operation &inner) { return isa_and_nonnull<math::MathDialect>(inner.getDialect()); });
}

/// Masks made from indices alone, fills and broadcasts: cheaper to make again than to read.
static bool isFree(linalg::LinalgOp op) {
  bool readsTensors = llvm::any_of(op.getDpsInputs(), [](Value input) { return isa<TensorType>(input.getType()); }) ||
                      op.getBlock()->walk([](tensor::ExtractOp) { return WalkResult::interrupt(); }).wasInterrupted();
  return (!readsTensors && !isCostly(op)) || op.getBlock()->without_terminator().empty();
}

/// Whether the producer of the operand should be computed inside of its user.
static bool shouldFuse(OpOperand *operand) {
  auto producer = dyn_cast_or_null<linalg::LinalgOp>(operand->get().getDefiningOp());
  auto consumer = dyn_cast<linalg::LinalgOp>(operand->getOwner());
  // Products and reductions keep bodies that kernels are made from; what they read is fused when kernels are formed.
  if (!isElementByElement(producer) || !isElementByElement(consumer))
    return false;
  if (isCostly(producer) && consumer.getNumLoops() > producer.getNumLoops())
    return false;
  return producer->hasOneUse() || isFree(producer) ||
         llvm::all_of(producer->getUsers(), [&](Operation *user) { return user == consumer; });
}

namespace {

/// A generic that reads a transposed tensor reads the tensor itself, in another order.
struct ReadThroughTranspose : OpRewritePattern<linalg::GenericOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(linalg::GenericOp op, PatternRewriter &rewriter) const final {
    for (OpOperand *operand : op.getDpsInputOperands()) {
      auto transpose = operand->get().getDefiningOp<linalg::TransposeOp>();
      if (!transpose)
        continue;
      // Result dimension i is input dimension permutation[i].
      AffineMap map = op.getMatchingIndexingMap(operand);
      SmallVector<AffineExpr> read(map.getNumResults());
      for (auto [position, dim] : llvm::enumerate(transpose.getPermutation()))
        read[dim] = map.getResult(position);
      SmallVector<AffineMap> maps = op.getIndexingMapsArray();
      maps[operand->getOperandNumber()] = AffineMap::get(map.getNumDims(), map.getNumSymbols(), read, op.getContext());
      rewriter.modifyOpInPlace(op, [&] {
        operand->set(transpose.getInput());
        op.setIndexingMapsAttr(rewriter.getAffineMapArrayAttr(maps));
      });
      return success();
    }
    return failure();
  }
};

struct SimplifyGraphPass : PassWrapper<SimplifyGraphPass, OperationPass<func::FuncOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(SimplifyGraphPass)
  StringRef getArgument() const final { return "simplify-graph"; }
  StringRef getDescription() const final { return "Fuse chains of elementwise ops into one op each"; }
  void getDependentDialects(DialectRegistry &registry) const final { registerRewritingDialects(registry); }

  void runOnOperation() final {
    func::FuncOp function = getOperation();
    generaliseElementwise(function);
    RewritePatternSet patterns(&getContext());
    patterns.add<ReadThroughTranspose>(&getContext());
    linalg::populateElementwiseOpsFusionPatterns(patterns, shouldFuse);
    linalg::populateEraseUnusedOperandsAndResultsPatterns(patterns);
    linalg::populateInlineConstantOperandsPatterns(patterns);
    for (StringRef dialect : {"linalg", "tensor", "arith", "math"})
      if (Dialect *loaded = getContext().getLoadedDialect(dialect))
        loaded->getCanonicalizationPatterns(patterns);
    for (RegisteredOperationName name : getContext().getRegisteredOperations())
      if (isa_and_nonnull<arith::ArithDialect, math::MathDialect>(&name.getDialect()))
        name.getCanonicalizationPatterns(patterns, &getContext());
    linalg::GenericOp::getCanonicalizationPatterns(patterns, &getContext());
    // Not converging within the driver's limit leaves a graph that is right but less simple.
    (void)applyPatternsGreedily(function, std::move(patterns));
    eraseUnusedOps(function);
  }

  /// Elementwise ops on whole tensors and named elementwise ops become linalg.generic.
  void generaliseElementwise(func::FuncOp function) {
    RewritePatternSet patterns(&getContext());
    linalg::populateElementwiseToLinalgConversionPatterns(patterns);
    (void)applyPatternsGreedily(function, std::move(patterns));
    IRRewriter rewriter(&getContext());
    function.walk([&](linalg::LinalgOp op) {
      if (isa<linalg::GenericOp, linalg::FillOp, linalg::TransposeOp>(op.getOperation()) || !isElementByElement(op))
        return;
      rewriter.setInsertionPoint(op);
      (void)linalg::generalizeNamedOp(rewriter, op);
    });
  }
};
} // namespace

std::unique_ptr<Pass> heed::createSimplifyGraphPass() { return std::make_unique<SimplifyGraphPass>(); }
