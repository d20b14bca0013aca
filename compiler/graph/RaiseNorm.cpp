/// raise-norm: LayerNorm and RMSNorm written out become attn.norm.
#include "compiler/graph/Passes.h"
#include "compiler/graph/Reduction.h"
#include "compiler/graph/Rewriting.h"

#include "dialects/attn/Attn.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace heed;

namespace {

/// What was found: y = (x [- mean x]) / sqrt(mean square + epsilon) [* scale] [+ bias].
struct NormMatch {
  attn::NormKind kind = attn::NormKind::Rms;
  Value input, scale, bias;
  int64_t firstDim = 0;
  double epsilon = 0.0;
};

/// Looks at one elementwise result, its elements at d_0, d_1, ...
class NormMatcher {
public:
  NormMatcher(ElementWalker &walker, MLIRContext *context, ArrayRef<AffineExpr> extents)
      : walker(walker), extents(extents) {
    for (unsigned dim = 0; dim < extents.size(); ++dim)
      identity.push_back(getAffineDimExpr(dim, context));
  }

  std::optional<NormMatch> match(Value result) {
    Element root{result, identity};
    if (matchProduct(root))
      return found;
    if (!isa_and_nonnull<arith::AddFOp>(walker.scalarOpThroughCasts(root)))
      return std::nullopt;
    SmallVector<Element> terms = walker.operandsOf(root);
    for (unsigned side : {0, 1}) {
      if (!matchProduct(terms[side]))
        continue;
      found.bias = parameter(terms[1 - side]);
      if (found.bias)
        return found;
    }
    return std::nullopt;
  }

private:
  struct Factor {
    Element element;
    bool divides;
  };

  /// Takes products and quotients apart, through casts.
  void collectFactors(Element element, bool divides, SmallVectorImpl<Factor> &factors) {
    constexpr unsigned factorLimit = 6;
    Element inner = element;
    Operation *op = walker.scalarOpThroughCasts(inner);
    bool isProduct = isa_and_nonnull<arith::MulFOp>(op), isQuotient = isa_and_nonnull<arith::DivFOp>(op);
    if ((!isProduct && !isQuotient) || factors.size() >= factorLimit) {
      factors.push_back({element, divides});
      return;
    }
    SmallVector<Element> operands = walker.operandsOf(inner);
    collectFactors(operands[0], divides, factors);
    collectFactors(operands[1], divides != isQuotient, factors);
  }

  /// centred * 1 / sqrt(mean square + epsilon) [* scale], in any order.
  bool matchProduct(const Element &root) {
    SmallVector<Factor> factors;
    collectFactors(root, false, factors);
    for (auto [position, factor] : llvm::enumerate(factors)) {
      std::optional<Element> spread = underRoot(factor);
      if (!spread)
        continue;
      SmallVector<Factor> others;
      for (auto [index, other] : llvm::enumerate(factors))
        if (index != position && walker.constantOf(other.element) != 1.0)
          others.push_back(other);
      if (others.empty() || others.size() > 2 || llvm::any_of(others, [](const Factor &f) { return f.divides; }))
        continue;
      for (unsigned centred = 0; centred < others.size(); ++centred) {
        found = NormMatch();
        if (!matchSpread(*spread, others[centred].element) || !matchCentred(others[centred].element))
          continue;
        if (others.size() == 1)
          return true;
        found.scale = parameter(others[1 - centred].element);
        if (found.scale)
          return true;
      }
    }
    return false;
  }

  /// The v of a factor 1 / sqrt(v), however it is written.
  std::optional<Element> underRoot(const Factor &factor) {
    Element element = factor.element;
    Operation *op = walker.scalarOpThroughCasts(element);
    SmallVector<Element> operands = op ? walker.operandsOf(element) : SmallVector<Element>();
    if (factor.divides ? isa_and_nonnull<math::SqrtOp>(op) : isa_and_nonnull<math::RsqrtOp>(op))
      return operands[0];
    if (isa_and_nonnull<math::PowFOp>(op) && walker.constantOf(operands[1]) == (factor.divides ? 0.5 : -0.5))
      return operands[0];
    return std::nullopt;
  }

  /// v = mean of squares of `centred` + epsilon.
  bool matchSpread(const Element &spread, const Element &centred) {
    Element sum = spread;
    if (!isa_and_nonnull<arith::AddFOp>(walker.scalarOpThroughCasts(sum)))
      return false;
    SmallVector<Element> terms = walker.operandsOf(sum);
    for (unsigned side : {0, 1}) {
      std::optional<double> epsilon = walker.constantOf(terms[side]);
      std::optional<Element> square = epsilon ? averaged(terms[1 - side]) : std::nullopt;
      if (!square || !isSquareOf(*square, centred))
        continue;
      found.epsilon = *epsilon;
      return true;
    }
    return false;
  }

  /// The element whose mean over the trailing dimensions this is; sets firstDim.
  std::optional<Element> averaged(const Element &mean) {
    Element element = mean;
    Operation *op = walker.scalarOpThroughCasts(element);
    if (!isa_and_nonnull<arith::MulFOp, arith::DivFOp>(op))
      return std::nullopt;
    SmallVector<Element> operands = walker.operandsOf(element);
    for (unsigned side : {0, 1}) {
      std::optional<double> constant = walker.constantOf(operands[1 - side]);
      if (!constant || *constant <= 0.0 || (isa<arith::DivFOp>(op) && side == 1))
        continue;
      std::optional<Element> summed = summedElement(operands[side]);
      double count = isa<arith::DivFOp>(op) ? *constant : 1.0 / *constant;
      if (summed && std::abs(count - normalisedCount()) < 0.5)
        return summed;
    }
    return std::nullopt;
  }

  double normalisedCount() {
    double count = 1.0;
    for (AffineExpr extent : extents.drop_front(found.firstDim)) {
      auto constant = dyn_cast_or_null<AffineConstantExpr>(extent);
      count *= constant ? static_cast<double>(constant.getValue()) : 0.0;
    }
    return count;
  }

  std::optional<Element> summedElement(Element sum) {
    if (walker.scalarOpThroughCasts(sum) || !sum.isTensor())
      return std::nullopt;
    std::optional<Reduction> reduction = matchReduction(walker, sum.value);
    int64_t rank = identity.size();
    if (!reduction || !isa<arith::AddFOp>(reduction->fold) || reduction->numReductionLoops > rank)
      return std::nullopt;
    found.firstDim = rank - reduction->numReductionLoops;
    for (int64_t dim = found.firstDim; dim < rank; ++dim)
      if (sum.dependsOn(dim))
        return std::nullopt;
    auto loops = walker.loopsAt(reduction->op, sum.indices, ArrayRef(identity).drop_front(found.firstDim));
    return loops ? std::optional(Element{reduction->reduced, *loops}) : std::nullopt;
  }

  bool isSquareOf(const Element &square, const Element &base) {
    Element element = square;
    Operation *op = walker.scalarOpThroughCasts(element);
    SmallVector<Element> operands = op ? walker.operandsOf(element) : SmallVector<Element>();
    if (isa_and_nonnull<math::PowFOp>(op))
      return walker.constantOf(operands[1]) == 2.0 && sameValue(operands[0], base);
    if (isa_and_nonnull<math::FPowIOp>(op))
      return walker.constantOf(operands[1]) == 2.0 && sameValue(operands[0], base);
    return isa_and_nonnull<arith::MulFOp>(op) && sameValue(operands[0], base) && sameValue(operands[1], base);
  }

  bool sameValue(Element left, Element right) {
    walker.scalarOpThroughCasts(left);
    walker.scalarOpThroughCasts(right);
    return walker.equal(left, right);
  }

  /// x - mean x, else x.
  bool matchCentred(const Element &centred) {
    Element element = centred;
    if (isa_and_nonnull<arith::SubFOp>(walker.scalarOpThroughCasts(element))) {
      SmallVector<Element> operands = walker.operandsOf(element);
      int64_t firstDim = found.firstDim;
      std::optional<Element> summed = averaged(operands[1]);
      if (summed && found.firstDim == firstDim && sameValue(*summed, operands[0])) {
        found.kind = attn::NormKind::Layer;
        return findInput(operands[0]);
      }
      found.firstDim = firstDim;
    }
    return findInput(centred);
  }

  bool findInput(const Element &element) {
    std::optional<Element> tensor = walker.nearestTensor(element);
    if (!tensor || !isIdentity(*tensor, 0))
      return false;
    found.input = tensor->value;
    return true;
  }

  /// Whether the element is read at d_first, d_first+1, ..; a dimension of size 1 is read at 0.
  bool isIdentity(const Element &element, int64_t first) {
    auto type = cast<RankedTensorType>(element.value.getType());
    if (type.getRank() != static_cast<int64_t>(identity.size()) - first)
      return false;
    for (auto [position, index] : llvm::enumerate(element.indices)) {
      int64_t dim = first + position;
      AffineExpr size = walker.getShapes().shapeOf(element.value)[position];
      if ((index != identity[dim] && size != walker.getShapes().constant(1)) || !provablyEqual(size, extents[dim]))
        return false;
    }
    return true;
  }

  /// A tensor of the normalised dimensions alone that the element is read from; null when it varies with others.
  Value parameter(const Element &element) {
    std::optional<Element> tensor = walker.nearestTensor(element);
    for (; tensor; tensor = walker.source(*tensor)) {
      if (isIdentity(*tensor, found.firstDim))
        return tensor->value;
      // Leading dimensions of size 1 may be there for broadcasting.
      unsigned extra = tensor->indices.size() - std::min(tensor->indices.size(), identity.size() - found.firstDim);
      Element inner = *tensor;
      inner.indices.erase(inner.indices.begin(), inner.indices.begin() + extra);
      bool leadingOnes = llvm::all_of(cast<RankedTensorType>(inner.value.getType()).getShape().take_front(extra),
                                      [](int64_t size) { return size == 1; });
      if (extra > 0 && leadingOnes && llvm::equal(inner.indices, ArrayRef(identity).drop_front(found.firstDim))) {
        return tensor->value;
      }
    }
    return {};
  }

  ElementWalker &walker;
  ArrayRef<AffineExpr> extents;
  SmallVector<AffineExpr, 4> identity;
  NormMatch found;
};

struct RaiseNormPass : PassWrapper<RaiseNormPass, OperationPass<func::FuncOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(RaiseNormPass)
  StringRef getArgument() const final { return "raise-norm"; }
  StringRef getDescription() const final { return "Find LayerNorm and RMSNorm written out and make them attn.norm"; }
  void getDependentDialects(DialectRegistry &registry) const final { registerRewritingDialects(registry); }

  void runOnOperation() final {
    // Last first: the op that adds the bias is seen before the op that multiplies by the scale.
    raiseTensors(getOperation(), RaiseOrder::LastToFirst, [&](Value candidate, ElementWalker &walker) {
      NormMatcher matcher(walker, &getContext(), walker.getExtents());
      if (std::optional<NormMatch> match = matcher.match(candidate))
        replace(candidate, *match);
    });
  }

  /// A parameter without leading dimensions of size 1.
  static Value flatten(OpBuilder &builder, Value parameter, int64_t rank) {
    if (!parameter)
      return parameter;
    int64_t extra = cast<RankedTensorType>(parameter.getType()).getRank() - rank;
    if (extra == 0)
      return parameter;
    SmallVector<ReassociationIndices> groups(1);
    groups[0] = llvm::to_vector(llvm::seq<int64_t>(0, extra + 1));
    for (int64_t dim = 1; dim < rank; ++dim)
      groups.push_back({dim + extra});
    return tensor::CollapseShapeOp::create(builder, parameter.getLoc(), parameter, groups);
  }

  /// Behind an op that only changes the width of floats.
  static Value beforeCast(Value tensor) {
    auto op = dyn_cast_or_null<linalg::GenericOp>(tensor.getDefiningOp());
    if (!isElementByElement(op))
      return tensor;
    Operation *cast = yieldedScalar(op).getDefiningOp();
    auto source = isa_and_nonnull<arith::ExtFOp, arith::TruncFOp>(cast) ? dyn_cast<BlockArgument>(cast->getOperand(0))
                                                                        : BlockArgument();
    if (!source || source.getOwner() != op.getBlock())
      return tensor;
    OpOperand &operand = op->getOpOperand(source.getArgNumber());
    return op.getMatchingIndexingMap(&operand) == op.getIndexingMapMatchingResult(op->getResult(0)) ? operand.get()
                                                                                                    : tensor;
  }

  static void replace(Value candidate, NormMatch match) {
    OpBuilder builder(candidate.getDefiningOp());
    // A norm computes in f32 anyway, so it may read what was converted for it, unless its result would lose precision.
    if (Value narrow = beforeCast(match.input); getElementTypeOrSelf(narrow) == getElementTypeOrSelf(candidate))
      match.input = narrow;
    int64_t rank = cast<RankedTensorType>(match.input.getType()).getRank() - match.firstDim;
    Value norm = attn::NormOp::create(builder, candidate.getLoc(), match.input.getType(), match.input,
                                      flatten(builder, match.scale, rank), flatten(builder, match.bias, rank),
                                      match.kind, match.firstDim, APFloat(match.epsilon));
    candidate.replaceAllUsesWith(
        convertTo(builder, candidate.getLoc(), norm, cast<RankedTensorType>(candidate.getType())));
  }
};
} // namespace

std::unique_ptr<Pass> heed::createRaiseNormPass() { return std::make_unique<RaiseNormPass>(); }
