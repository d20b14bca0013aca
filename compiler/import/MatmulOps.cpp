/// MatMul, Gemm: contractions with the leading dimensions as iterators of their own.
#include "compiler/import/Registry.h"

#include "llvm/ADT/STLExtras.h"

using namespace mlir;
using namespace heed::importer;

static LogicalResult requireMultipliable(Node &node) {
  ElementKind kind = node.input(0).kind;
  if (failed(node.requireSameKind(0, 1)))
    return failure();
  if (kind == ElementKind::boolean || byteWidth(kind) == 1)
    return node.error() << "elements of type " << elementTypeName(kind) << " are not supported by this operator";
  return success();
}

/// Where dimensions of these sizes are read when they are broadcast to others, which are aligned with them at the end.
static SmallVector<AffineExpr> broadcastDims(ArrayRef<Size> from, ArrayRef<Size> to, MLIRContext *context) {
  SmallVector<AffineExpr> exprs;
  for (auto [position, size] : llvm::enumerate(from)) {
    size_t dim = to.size() - from.size() + position;
    exprs.push_back(isConstant(size, 1) && !isConstant(to[dim], 1) ? getAffineConstantExpr(0, context)
                                                                   : getAffineDimExpr(dim, context));
  }
  return exprs;
}

/// Leading dimensions by the broadcast rules, then rows and columns; a vector on either side has no row (column).
static LogicalResult buildMatMul(Node &node) {
  const Tensor &a = node.input(0), &b = node.input(1);
  if (failed(requireMultipliable(node)) || failed(node.requireRank(0, 1, 64)) || failed(node.requireRank(1, 1, 64)))
    return failure();
  bool hasRows = a.rank() > 1, hasColumns = b.rank() > 1;
  Size innerA = a.shape.back(), innerB = hasColumns ? b.shape[b.rank() - 2] : b.shape[0];
  if (failed(node.requireEqual(innerA, innerB, "the inner dimensions")))
    return failure();
  Tensor leadA, leadB;
  leadA.shape.assign(a.shape.begin(), a.shape.end() - (hasRows ? 2 : 1));
  leadB.shape.assign(b.shape.begin(), b.shape.end() - (hasColumns ? 2 : 1));
  FailureOr<SmallVector<Size>> shape = node.broadcastShape({leadA, leadB});
  if (failed(shape))
    return failure();
  GraphBuilder &build = node.build();
  MLIRContext *context = build.getContext();
  unsigned lead = shape->size(), next = lead;
  AffineExpr row, column;
  if (hasRows)
    row = getAffineDimExpr(next++, context);
  if (hasColumns)
    column = getAffineDimExpr(next++, context);
  AffineExpr inner = getAffineDimExpr(next++, context);
  SmallVector<AffineExpr> aDims = broadcastDims(leadA.shape, *shape, context), outDims;
  SmallVector<AffineExpr> bDims = broadcastDims(leadB.shape, *shape, context);
  for (unsigned dim = 0; dim < lead; ++dim)
    outDims.push_back(getAffineDimExpr(dim, context));
  if (hasRows) {
    aDims.push_back(row);
    outDims.push_back(row);
    shape->push_back(a.shape[a.rank() - 2]);
  }
  aDims.push_back(inner);
  bDims.push_back(inner);
  if (hasColumns) {
    bDims.push_back(column);
    outDims.push_back(column);
    shape->push_back(b.shape.back());
  }
  SmallVector<utils::IteratorType> iterators(next, utils::IteratorType::parallel);
  iterators.back() = utils::IteratorType::reduction;
  auto map = [&](ArrayRef<AffineExpr> exprs) { return AffineMap::get(next, 0, exprs, context); };
  node.set(0, build.contract(a, b, map(aDims), map(bDims), map(outDims), iterators, *shape));
  return success();
}

static Tensor scaled(GraphBuilder &build, const Tensor &tensor, double factor) {
  if (factor == 1)
    return tensor;
  return build.elementwise(tensor.kind, tensor.kind, tensor.shape, tensor,
                           [&](ScalarBuilder &s, ValueRange v) { return s.multiply(v[0], s.constant(factor)); });
}

/// alpha * A' B' + beta * C, with A' and B' perhaps transposed.
static LogicalResult buildGemm(Node &node) {
  const Tensor &a = node.input(0), &b = node.input(1);
  double alpha = node.floatAttribute("alpha", 1), beta = node.floatAttribute("beta", 1);
  bool transA = node.flagAttribute("transA", false), transB = node.flagAttribute("transB", false);
  if (node.getOpset() < 7)
    node.flagAttribute("broadcast", true);
  if (failed(requireMultipliable(node)) || failed(node.requireRank(0, 2, 2)) || failed(node.requireRank(1, 2, 2)) ||
      failed(node.requireEqual(a.shape[transA ? 0 : 1], b.shape[transB ? 1 : 0], "the inner dimensions")))
    return failure();
  if (!isFloat(a.kind) && (alpha != 1 || beta != 1))
    return node.error() << "alpha and beta must be 1 for integers";
  GraphBuilder &build = node.build();
  MLIRContext *context = build.getContext();
  AffineExpr row = getAffineDimExpr(0, context), column = getAffineDimExpr(1, context),
             inner = getAffineDimExpr(2, context);
  auto map = [&](AffineExpr first, AffineExpr second) { return AffineMap::get(3, 0, {first, second}, context); };
  SmallVector<Size> shape = {a.shape[transA ? 1 : 0], b.shape[transB ? 0 : 1]};
  using utils::IteratorType;
  Tensor result = build.contract(a, b, transA ? map(inner, row) : map(row, inner),
                                 transB ? map(column, inner) : map(inner, column), map(row, column),
                                 {IteratorType::parallel, IteratorType::parallel, IteratorType::reduction}, shape);
  result = scaled(build, result, alpha);
  if (node.has(2)) {
    if (failed(node.requireSameKind(0, 2)) || failed(node.requireRank(2, 0, 2)))
      return failure();
    FailureOr<SmallVector<Size>> common = node.broadcastShape({result, node.input(2)});
    if (failed(common))
      return failure();
    for (auto [wide, own] : llvm::zip_equal(*common, result.shape))
      if (failed(node.requireEqual(wide, own, "a dimension of C and of the product")))
        return failure();
    result = build.elementwise(a.kind, a.kind, *common, {result, scaled(build, node.input(2), beta)},
                               [](ScalarBuilder &s, ValueRange v) { return s.add(v[0], v[1]); });
  }
  node.set(0, result);
  return success();
}

void heed::importer::registerMatmulOperators(OperatorRegistry &registry) {
  registry.add("MatMul", {.since = 1, .minInputs = 2, .maxInputs = 2, .build = buildMatMul});
  registry.add("Gemm", {.since = 1, .minInputs = 2, .maxInputs = 3, .build = buildGemm});
}
