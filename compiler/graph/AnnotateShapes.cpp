/// annotate-shapes: shows what the analysis of symbolic shapes knows.
#include "compiler/graph/Passes.h"
#include "compiler/graph/SymbolicShapes.h"

using namespace mlir;

namespace {
struct AnnotateShapesPass : PassWrapper<AnnotateShapesPass, OperationPass<func::FuncOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(AnnotateShapesPass)
  StringRef getArgument() const final { return "annotate-shapes"; }
  StringRef getDescription() const final { return "Put the symbolic sizes of results on their ops as heed.shape"; }

  void runOnOperation() final {
    heed::SymbolicShapes shapes(getOperation());
    getOperation().walk([&](Operation *op) {
      SmallVector<AffineMap> maps;
      for (Value result : op->getResults()) {
        ArrayRef<AffineExpr> sizes = shapes.shapeOf(result);
        if (!sizes.empty() && !llvm::is_contained(sizes, AffineExpr()))
          maps.push_back(AffineMap::get(0, shapes.getNumSymbols(), sizes, &getContext()));
      }
      if (!maps.empty() && maps.size() == op->getNumResults())
        op->setAttr("heed.shape", Builder(&getContext()).getAffineMapArrayAttr(maps));
    });
  }
};
} // namespace

std::unique_ptr<Pass> heed::createAnnotateShapesPass() { return std::make_unique<AnnotateShapesPass>(); }
