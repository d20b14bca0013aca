/// raise-softmax: exp(x - max x) / sum exp(x - max x), with or without the maximum, becomes linalg.softmax.
#include "compiler/graph/Passes.h"
#include "compiler/graph/Reduction.h"
#include "compiler/graph/Rewriting.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"

using namespace mlir;
using namespace heed;

namespace {

/// One candidate: the elementwise op whose result may be a softmax, its elements at d_0, d_1, ...
class SoftmaxMatcher {
public:
  SoftmaxMatcher(ElementWalker &walker, MLIRContext *context, int64_t rank) : walker(walker) {
    for (int64_t dim = 0; dim < rank; ++dim)
      identity.push_back(getAffineDimExpr(dim, context));
  }

  /// Finds x and the dimension of the sum.
  bool match(Value result) {
    Element root{result, identity};
    Operation *op = walker.scalarOpThroughCasts(root);
    if (isa_and_nonnull<arith::DivFOp>(op)) {
      SmallVector<Element> operands = walker.operandsOf(root);
      return matchQuotient(operands[0], operands[1]);
    }
    if (!isa_and_nonnull<arith::MulFOp>(op))
      return false;
    // e * (1 / sum)
    SmallVector<Element> operands = walker.operandsOf(root);
    for (unsigned side : {0, 1}) {
      Element reciprocal = operands[side];
      if (!isa_and_nonnull<arith::DivFOp>(walker.scalarOpThroughCasts(reciprocal)))
        continue;
      SmallVector<Element> parts = walker.operandsOf(reciprocal);
      if (walker.constantOf(parts[0]) == 1.0 && matchQuotient(operands[1 - side], parts[1]))
        return true;
    }
    return false;
  }

  Value input;
  unsigned dimension = 0;

private:
  /// The element that the reduction behind `folded` folds, its reduction loop standing for dimension `dim`.
  std::optional<Element> reducedAlong(Element folded, unsigned dim, bool isSum) {
    if (walker.scalarOpThroughCasts(folded) || !folded.isTensor() || folded.dependsOn(dim))
      return std::nullopt;
    std::optional<Reduction> reduction = matchReduction(walker, folded.value);
    if (!reduction || reduction->numReductionLoops != 1 || isa<arith::AddFOp>(reduction->fold) != isSum)
      return std::nullopt;
    auto loops = walker.loopsAt(reduction->op, folded.indices, {identity[dim]});
    return loops ? std::optional(Element{reduction->reduced, *loops}) : std::nullopt;
  }

  bool matchQuotient(const Element &weight, const Element &sum) {
    Element exponential = weight;
    if (!isa_and_nonnull<math::ExpOp>(walker.scalarOpThroughCasts(exponential)))
      return false;
    Element exponent = walker.operandsOf(exponential).front();
    for (unsigned dim = identity.size(); dim-- > 0;) {
      std::optional<Element> summed = reducedAlong(sum, dim, true);
      if (!summed || !walker.equal(stripCasts(*summed), stripCasts(weight)))
        continue;
      dimension = dim;
      return matchShifted(exponent) || findTensor(exponent);
    }
    return false;
  }

  Element stripCasts(Element element) {
    walker.scalarOpThroughCasts(element);
    return element;
  }

  /// x - max x
  bool matchShifted(const Element &exponent) {
    Element difference = exponent;
    if (!isa_and_nonnull<arith::SubFOp>(walker.scalarOpThroughCasts(difference)))
      return false;
    SmallVector<Element> parts = walker.operandsOf(difference);
    std::optional<Element> raised = reducedAlong(parts[1], dimension, false);
    return raised && walker.equal(stripCasts(*raised), stripCasts(parts[0])) && findTensor(parts[0]);
  }

  /// The first tensor on the way to the element's source must hold the element at the same indices.
  bool findTensor(const Element &element) {
    std::optional<Element> tensor = walker.nearestTensor(element);
    if (!tensor || !isIdentity(*tensor))
      return false;
    input = tensor->value;
    return true;
  }

  /// Dimensions of size 1 are always read at 0.
  bool isIdentity(const Element &element) {
    auto type = cast<RankedTensorType>(element.value.getType());
    if (type.getRank() != static_cast<int64_t>(identity.size()))
      return false;
    for (auto [dim, index] : llvm::enumerate(element.indices))
      if (index != identity[dim] &&
          !(type.getDimSize(dim) == 1 && walker.getExtents()[dim] == walker.getShapes().constant(1)))
        return false;
    return true;
  }

  ElementWalker &walker;
  SmallVector<AffineExpr, 4> identity;
};

struct RaiseSoftmaxPass : PassWrapper<RaiseSoftmaxPass, OperationPass<func::FuncOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(RaiseSoftmaxPass)
  StringRef getArgument() const final { return "raise-softmax"; }
  StringRef getDescription() const final { return "Find softmax written out and make it linalg.softmax"; }
  void getDependentDialects(DialectRegistry &registry) const final { registerRewritingDialects(registry); }

  void runOnOperation() final {
    func::FuncOp function = getOperation();
    raiseTensors(function, RaiseOrder::FirstToLast, [&](Value candidate, ElementWalker &walker) {
      SoftmaxMatcher matcher(walker, &getContext(), walker.getExtents().size());
      if (matcher.match(candidate))
        replace(function, walker.getShapes(), candidate, matcher);
    });
  }

  void replace(func::FuncOp function, SymbolicShapes &shapes, Value softmax, const SoftmaxMatcher &match) {
    OpBuilder builder(softmax.getDefiningOp());
    Location location = softmax.getLoc();
    Type elementType = cast<RankedTensorType>(match.input.getType()).getElementType();
    Value init = tensor::EmptyOp::create(
        builder, location, materialiseShape(builder, location, function, shapes, match.input), elementType);
    Value result = linalg::SoftmaxOp::create(builder, location, TypeRange{init.getType()}, match.input, init,
                                             builder.getI64IntegerAttr(match.dimension))
                       .getResult()
                       .front();
    softmax.replaceAllUsesWith(convertTo(builder, location, result, cast<RankedTensorType>(softmax.getType())));
  }
};
} // namespace

std::unique_ptr<Pass> heed::createRaiseSoftmaxPass() { return std::make_unique<RaiseSoftmaxPass>(); }
