#include "compiler/kernel/Contraction.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;
using namespace heed;

/// The argument a factor comes from, through a widening conversion.
static BlockArgument factorArgument(Value factor) {
  if (auto extension = factor.getDefiningOp<arith::ExtFOp>())
    factor = extension.getIn();
  return dyn_cast<BlockArgument>(factor);
}

static bool multipliesAndAdds(linalg::GenericOp generic) {
  Block &body = *generic.getBody();
  auto sum = body.getTerminator()->getOperand(0).getDefiningOp<arith::AddFOp>();
  if (!sum)
    return false;
  Value accumulator = body.getArgument(2);
  auto product = (sum.getLhs() == accumulator ? sum.getRhs() : sum.getLhs()).getDefiningOp<arith::MulFOp>();
  if (!product || (sum.getLhs() != accumulator && sum.getRhs() != accumulator))
    return false;
  BlockArgument left = factorArgument(product.getLhs()), right = factorArgument(product.getRhs());
  return left && right && left != right && left != accumulator && right != accumulator;
}

static bool startsAtZero(linalg::GenericOp generic) {
  auto fill = generic.getDpsInits()[0].getDefiningOp<linalg::FillOp>();
  return fill && (matchPattern(fill.getInputs()[0], m_AnyZeroFloat()) || matchPattern(fill.getInputs()[0], m_Zero()));
}

std::optional<Contraction> heed::matchContraction(linalg::GenericOp generic) {
  if (generic.getNumDpsInputs() != 2 || generic.getNumDpsInits() != 1 || generic.getNumReductionLoops() != 1 ||
      !llvm::all_of(generic.getIndexingMapsArray(), [](AffineMap map) { return map.isProjectedPermutation(); }) ||
      !multipliesAndAdds(generic) || !startsAtZero(generic))
    return std::nullopt;
  Type sum = getElementTypeOrSelf(generic.getResult(0).getType());
  for (Value input : generic.getDpsInputs())
    if (!(sum.isF32() || (sum.isF64() && getElementTypeOrSelf(input.getType()).isF64())))
      return std::nullopt;

  AffineMap left = generic.getIndexingMapsArray()[0], right = generic.getIndexingMapsArray()[1];
  Contraction contraction;
  std::optional<unsigned> row, column;
  SmallVector<unsigned> loops;
  for (AffineExpr expression : generic.getIndexingMapsArray()[2].getResults()) {
    unsigned loop = cast<AffineDimExpr>(expression).getPosition();
    loops.push_back(loop);
    if (left.isFunctionOfDim(loop) && !right.isFunctionOfDim(loop))
      row = loop;
    else if (right.isFunctionOfDim(loop) && !left.isFunctionOfDim(loop))
      column = loop;
  }
  SmallVector<unsigned> reductions;
  generic.getReductionDims(reductions);
  contraction.depth = reductions.front();
  if (!row || !column || !left.isFunctionOfDim(contraction.depth) || !right.isFunctionOfDim(contraction.depth))
    return std::nullopt;
  contraction.row = *row;
  contraction.column = *column;
  for (unsigned loop : loops)
    if (loop != contraction.row && loop != contraction.column)
      contraction.outer.push_back(loop);
  return contraction;
}

bool heed::shareLeftOperand(linalg::GenericOp a, linalg::GenericOp b) {
  auto areLike = [](Value one, Value other) { return one.getType() == other.getType(); };
  return matchContraction(a) && matchContraction(b) && a.getDpsInputs()[0] == b.getDpsInputs()[0] &&
         areLike(a.getDpsInputs()[1], b.getDpsInputs()[1]) && areLike(a.getResult(0), b.getResult(0)) &&
         a.getIndexingMaps() == b.getIndexingMaps() && a.getIteratorTypes() == b.getIteratorTypes();
}

SmallVector<linalg::GenericOp> heed::contractionsOf(Block &kernel) {
  SmallVector<linalg::GenericOp> found;
  for (auto generic : kernel.getOps<linalg::GenericOp>())
    if (matchContraction(generic))
      found.push_back(generic);
  return found;
}
