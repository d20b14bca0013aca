/// MatMul, Gemm: contractions with the leading dimensions as iterators of their own.
#include "compiler/import/Registry.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/SmallString.h"
#include "llvm/ADT/StringExtras.h"

#include <algorithm>

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
  auto leading = [&](const Tensor &part) {
    SmallVector<AffineExpr> exprs;
    for (auto [position, size] : llvm::enumerate(part.shape)) {
      size_t dim = lead - part.shape.size() + position;
      exprs.push_back(isConstant(size, 1) && !isConstant((*shape)[dim], 1) ? getAffineConstantExpr(0, context)
                                                                           : getAffineDimExpr(dim, context));
    }
    return exprs;
  };
  SmallVector<AffineExpr> aDims = leading(leadA), bDims = leading(leadB), outDims;
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

//===- Einsum --------------------------------------------------------------------------------------------------===//

namespace {
/// An equation like "bhid,bhjd->bhij", each label an iterator.
struct Equation {
  SmallVector<SmallString<8>> operands;
  SmallString<8> result;
  SmallString<8> labels; ///< those of the result, then the summed ones
};
} // namespace

static FailureOr<Equation> parseEquation(Node &node) {
  std::string text = node.stringAttribute("equation", "");
  text.erase(std::remove(text.begin(), text.end(), ' '), text.end());
  auto [left, right] = StringRef(text).split("->");
  auto isLabel = [](char c) { return llvm::isAlpha(c) || c == ','; };
  if (text.empty() || !llvm::all_of(left, isLabel) || !llvm::all_of(right, llvm::isAlpha))
    return node.error() << "attribute 'equation' is '" << text << "': only letters, commas and one -> are supported";
  Equation equation;
  SmallVector<StringRef> parts;
  left.split(parts, ',');
  for (StringRef part : parts)
    equation.operands.emplace_back(part);
  equation.result = right;
  if (text.find("->") == std::string::npos) // the labels that occur once, in alphabetical order
    for (char label = 'A'; label <= 'z'; ++label)
      if (llvm::isAlpha(label) && left.count(label) == 1)
        equation.result.push_back(label);
  equation.labels = equation.result;
  for (StringRef part : parts)
    for (char label : part) {
      if (part.count(label) > 1)
        return node.error() << "attribute 'equation' is '" << text
                            << "': a label twice in one operand is not supported";
      if (!equation.labels.str().contains(label))
        equation.labels.push_back(label);
    }
  for (char label : equation.result)
    if (equation.result.str().count(label) > 1 || !left.contains(label))
      return node.error() << "attribute 'equation' is '" << text
                          << "': each label of the result must be one of an operand";
  return equation;
}

static LogicalResult buildEinsum(Node &node) {
  FailureOr<Equation> equation = parseEquation(node);
  if (failed(equation))
    return failure();
  SmallVector<Tensor> inputs = node.allInputs();
  if (inputs.size() != equation->operands.size() || inputs.size() > 2)
    return node.error() << "attribute 'equation' has " << equation->operands.size() << " operands, the node "
                        << inputs.size() << " inputs; one or two are supported";
  MLIRContext *context = node.build().getContext();
  SmallVector<Size> extents(equation->labels.size());
  SmallVector<AffineMap> maps;
  for (auto [input, labels] : llvm::zip_equal(inputs, equation->operands)) {
    if (input.kind != inputs[0].kind || input.kind == ElementKind::boolean ||
        input.rank() != static_cast<int64_t>(labels.size()))
      return node.error() << "an operand with the labels '" << labels << "' does not fit "
                          << describe(input, node.sizes());
    SmallVector<AffineExpr> dims;
    for (auto [size, label] : llvm::zip_equal(input.shape, labels)) {
      size_t position = equation->labels.str().find(label);
      if (extents[position] && failed(node.requireEqual(extents[position], size, "sizes of one label")))
        return failure();
      extents[position] = size;
      dims.push_back(getAffineDimExpr(position, context));
    }
    maps.push_back(AffineMap::get(extents.size(), 0, dims, context));
  }
  size_t rank = equation->result.size();
  // getMajorSubMap has no map without results.
  SmallVector<AffineExpr> outDims(rank);
  bindDimsList(context, MutableArrayRef(outDims));
  AffineMap outMap = AffineMap::get(extents.size(), 0, outDims, context);
  SmallVector<utils::IteratorType> iterators(extents.size(), utils::IteratorType::reduction);
  std::fill_n(iterators.begin(), rank, utils::IteratorType::parallel);
  ArrayRef<Size> shape = ArrayRef(extents).take_front(rank);
  GraphBuilder &build = node.build();
  if (inputs.size() == 2)
    node.set(0, build.contract(inputs[0], inputs[1], maps[0], maps[1], outMap, iterators, shape));
  else
    node.set(0, build.accumulate(inputs[0], maps[0], outMap, iterators, shape,
                                 [](ScalarBuilder &s, Value sum, Value element) { return s.add(sum, element); }));
  return success();
}

void heed::importer::registerMatmulOperators(OperatorRegistry &registry) {
  registry.add("MatMul", {.since = 1, .minInputs = 2, .maxInputs = 2, .build = buildMatMul});
  registry.add("Einsum", {.since = 12, .minInputs = 1, .maxInputs = variadic, .build = buildEinsum});
  registry.add("Gemm", {.since = 1, .minInputs = 2, .maxInputs = 3, .build = buildGemm});
}
