#include "compiler/graph/Reduction.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

#include <limits>

using namespace mlir;
using namespace heed;

/// Whether folding starts from `initial` leaves the fold of the elements unchanged.
static bool isNeutral(Operation *fold, double initial) {
  return isa<arith::AddFOp>(fold) ? initial == 0.0 : initial <= -std::numeric_limits<float>::max();
}

std::optional<Reduction> heed::matchReduction(ElementWalker &walker, Value tensor) {
  auto op = dyn_cast_or_null<linalg::LinalgOp>(tensor.getDefiningOp());
  if (!op || op->getNumResults() != 1 || op.getNumReductionLoops() == 0 ||
      op.getNumReductionLoops() + op.getNumParallelLoops() != op.getNumLoops() ||
      !isa<linalg::YieldOp>(op.getBlock()->getTerminator()))
    return std::nullopt;
  Operation *fold = yieldedScalar(op).getDefiningOp();
  if (!isa_and_nonnull<arith::AddFOp, arith::MaximumFOp, arith::MaxNumFOp>(fold))
    return std::nullopt;
  Value accumulator = op.getRegionOutputArgs().front();
  bool accumulatorFirst = fold->getOperand(0) == accumulator;
  Value reduced = fold->getOperand(accumulatorFirst ? 1 : 0);
  if (fold->getOperand(accumulatorFirst ? 0 : 1) != accumulator || reduced == accumulator || !accumulator.hasOneUse() ||
      reduced.getParentBlock() != op.getBlock())
    return std::nullopt;
  Element start{op.getDpsInits().front(), {}};
  start.indices.resize(cast<RankedTensorType>(tensor.getType()).getRank(), walker.getShapes().constant(0));
  std::optional<double> initial = walker.constantOf(start);
  if (!initial || !isNeutral(fold, *initial))
    return std::nullopt;
  return Reduction{op, fold, reduced, op.getNumReductionLoops()};
}

std::optional<Contraction> heed::matchContraction(ElementWalker &walker, Value tensor) {
  std::optional<Reduction> sum = matchReduction(walker, tensor);
  if (!sum || !isa<arith::AddFOp>(sum->fold) || sum->numReductionLoops != 1 ||
      !sum->op.getIndexingMapMatchingResult(tensor.getDefiningOp()->getResult(0)).isProjectedPermutation())
    return std::nullopt;
  Value product = sum->reduced;
  while (isa_and_nonnull<arith::ExtFOp, arith::TruncFOp>(product.getDefiningOp()))
    product = product.getDefiningOp()->getOperand(0);
  auto multiply = product.getDefiningOp<arith::MulFOp>();
  if (!multiply)
    return std::nullopt;
  SmallVector<unsigned> loops;
  sum->op.getReductionDims(loops);
  return Contraction{sum->op, multiply.getLhs(), multiply.getRhs(), loops.front()};
}
