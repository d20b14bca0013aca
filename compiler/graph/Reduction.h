/// Recognises reductions and contractions by what their bodies compute.
#pragma once

#include "compiler/graph/Element.h"

namespace heed {

/// out[parallel loops] = fold over the reduction loops of `reduced`, from the fold's neutral element.
struct Reduction {
  mlir::linalg::LinalgOp op;
  /// The operation that folds: arith.addf, arith.maximumf or arith.maxnumf.
  mlir::Operation *fold;
  /// The scalar in the body that is folded in.
  mlir::Value reduced;
  unsigned numReductionLoops;
};

/// The reduction that computes the tensor, whatever the number of its reduction loops (at least one).
std::optional<Reduction> matchReduction(ElementWalker &walker, mlir::Value tensor);

/// out = sum over one loop of left * right; both are scalars in the body.
struct Contraction {
  mlir::linalg::LinalgOp op;
  mlir::Value left, right;
  unsigned reductionLoop;
};

std::optional<Contraction> matchContraction(ElementWalker &walker, mlir::Value tensor);

} // namespace heed
