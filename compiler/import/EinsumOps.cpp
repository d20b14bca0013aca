/// Einsum: every label of its equation becomes an iterator, and so does every dimension that an ellipsis stands for.
#include "compiler/import/Registry.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/SmallString.h"
#include "llvm/ADT/StringExtras.h"

#include <algorithm>

using namespace mlir;
using namespace heed::importer;

namespace {
using Labels = SmallString<8>;

/// An equation like "bhid,bhjd->bhij", for inputs of known ranks. An ellipsis is written out: its dimensions, counted
/// from the last, have the characters 1, 2, .. as labels, which no letter has.
struct Equation {
  SmallVector<Labels> operands;
  Labels result;
  Labels labels; ///< those of the result, then the summed ones
};

constexpr StringLiteral ellipsis = "...";
constexpr int64_t mostEllipsisDims = 'A' - 1;
bool isOfEllipsis(char label) { return !llvm::isAlpha(label); }
} // namespace

/// One term with its ellipsis, if it has one, written out as `count` labels. Null for anything else than letters.
static std::optional<Labels> writeOut(StringRef term, int64_t count) {
  auto [before, after] = term.split(ellipsis);
  if (!llvm::all_of(before, llvm::isAlpha) || !llvm::all_of(after, llvm::isAlpha))
    return std::nullopt;
  Labels labels(before);
  if (term.contains(ellipsis))
    for (int64_t label = count; label > 0; --label)
      labels.push_back(static_cast<char>(label));
  labels += after;
  return labels;
}

/// The labels of a result that the equation does not give: the ellipsis, then the letters that occur once, in
/// alphabetical order.
static Labels impliedResult(StringRef left, int64_t ellipsisDims) {
  Labels result;
  for (int64_t label = ellipsisDims; label > 0; --label)
    result.push_back(static_cast<char>(label));
  for (char label = 'A'; label <= 'z'; ++label)
    if (llvm::isAlpha(label) && left.count(label) == 1)
      result.push_back(label);
  return result;
}

static FailureOr<Equation> parseEquation(Node &node, ArrayRef<Tensor> inputs) {
  std::string text = node.stringAttribute("equation", "");
  llvm::erase(text, ' ');
  auto reject = [&] { return node.error() << "attribute 'equation' is '" << text << "': "; };
  auto [left, right] = StringRef(text).split("->");
  SmallVector<StringRef> terms;
  left.split(terms, ',');
  if (terms.size() != inputs.size() || inputs.size() > 2)
    return reject() << "it has " << terms.size() << " operands, the node " << inputs.size()
                    << " inputs; one or two are supported";
  Equation equation;
  int64_t ellipsisDims = 0;
  for (auto [term, input] : llvm::zip_equal(terms, inputs)) {
    int64_t letters = term.size() - (term.contains(ellipsis) ? ellipsis.size() : 0);
    int64_t others = std::clamp<int64_t>(input.rank() - letters, 0, mostEllipsisDims);
    std::optional<Labels> labels = writeOut(term, others);
    if (!labels)
      return reject() << "an operand has letters and at most one ellipsis, got '" << term << "'";
    if (term.contains(ellipsis))
      ellipsisDims = std::max(ellipsisDims, others);
    equation.operands.push_back(*labels);
  }
  bool isGiven = StringRef(text).contains("->");
  std::optional<Labels> result = isGiven ? writeOut(right, ellipsisDims) : impliedResult(left, ellipsisDims);
  if (!result)
    return reject() << "the result has letters and at most one ellipsis, got '" << right << "'";
  equation.result = *result;
  equation.labels = equation.result;
  for (char label : equation.result)
    if (equation.result.str().count(label) > 1 ||
        llvm::none_of(equation.operands, [&](const Labels &labels) { return labels.str().contains(label); }))
      return reject() << "each label of the result must be one of an operand, and be there once";
  for (const Labels &labels : equation.operands)
    for (char label : labels)
      if (!equation.labels.str().contains(label))
        equation.labels.push_back(label);
  return equation;
}

/// The elements of an operand at which a label that occurs several times has one value, and the labels of that.
static FailureOr<Tensor> takeDiagonal(Node &node, const Tensor &input, Labels &labels) {
  Labels once;
  SmallVector<Size> shape;
  SmallVector<AffineExpr> dims;
  for (auto [size, label] : llvm::zip_equal(input.shape, labels)) {
    size_t position = once.str().find(label);
    if (position == StringRef::npos) {
      position = once.size();
      once.push_back(label);
      shape.push_back(size);
    } else if (failed(node.requireEqual(shape[position], size, "sizes of one label"))) {
      return failure();
    }
    dims.push_back(getAffineDimExpr(position, node.build().getContext()));
  }
  if (once.size() == labels.size())
    return input;
  labels = once;
  auto map = AffineMap::get(shape.size(), 0, dims, node.build().getContext());
  return node.build().map(input.kind, shape, input, map,
                          [](ScalarBuilder &, ValueRange element, ValueRange) { return element[0]; });
}

/// The size of every label: dimensions of an ellipsis are broadcast, others must agree.
static FailureOr<SmallVector<Size>> findExtents(Node &node, ArrayRef<Tensor> inputs, const Equation &equation) {
  SmallVector<Size> extents(equation.labels.size());
  for (auto [input, labels] : llvm::zip_equal(inputs, equation.operands))
    for (auto [size, label] : llvm::zip_equal(input.shape, labels)) {
      Size &extent = extents[equation.labels.str().find(label)];
      if (!extent || (isOfEllipsis(label) && isConstant(extent, 1)))
        extent = size;
      else if (!(isOfEllipsis(label) && isConstant(size, 1)) &&
               failed(node.requireEqual(extent, size, "sizes of one label")))
        return failure();
    }
  return extents;
}

static AffineMap readingMap(const Tensor &input, StringRef labels, const Equation &equation, ArrayRef<Size> extents,
                            MLIRContext *context) {
  SmallVector<AffineExpr> dims;
  for (auto [size, label] : llvm::zip_equal(input.shape, labels)) {
    size_t position = equation.labels.str().find(label);
    bool isBroadcast = isOfEllipsis(label) && isConstant(size, 1) && !isConstant(extents[position], 1);
    dims.push_back(isBroadcast ? getAffineConstantExpr(0, context) : getAffineDimExpr(position, context));
  }
  return AffineMap::get(extents.size(), 0, dims, context);
}

static LogicalResult buildEinsum(Node &node) {
  SmallVector<Tensor> inputs = node.allInputs();
  FailureOr<Equation> equation = parseEquation(node, inputs);
  if (failed(equation))
    return failure();
  for (auto [input, labels] : llvm::zip_equal(inputs, equation->operands)) {
    if (input.kind != inputs[0].kind || input.kind == ElementKind::boolean ||
        input.rank() != static_cast<int64_t>(labels.size()))
      return node.error() << "an operand of attribute 'equation' with " << labels.size() << " labels does not fit "
                          << describe(input, node.sizes());
    FailureOr<Tensor> diagonal = takeDiagonal(node, input, labels);
    if (failed(diagonal))
      return failure();
    input = *diagonal;
  }
  FailureOr<SmallVector<Size>> extents = findExtents(node, inputs, *equation);
  if (failed(extents))
    return failure();
  MLIRContext *context = node.build().getContext();
  SmallVector<AffineMap> maps;
  for (auto [input, labels] : llvm::zip_equal(inputs, equation->operands))
    maps.push_back(readingMap(input, labels, *equation, *extents, context));
  size_t rank = equation->result.size();
  // getMajorSubMap has no map without results.
  SmallVector<AffineExpr> outDims(rank);
  bindDimsList(context, MutableArrayRef(outDims));
  auto outMap = AffineMap::get(extents->size(), 0, outDims, context);
  SmallVector<utils::IteratorType> iterators(extents->size(), utils::IteratorType::reduction);
  std::fill_n(iterators.begin(), rank, utils::IteratorType::parallel);
  ArrayRef<Size> shape = ArrayRef(*extents).take_front(rank);
  GraphBuilder &build = node.build();
  if (inputs.size() == 2)
    node.set(0, build.contract(inputs[0], inputs[1], maps[0], maps[1], outMap, iterators, shape));
  else
    node.set(0, build.accumulate(inputs[0], maps[0], outMap, iterators, shape,
                                 [](ScalarBuilder &s, Value sum, Value element) { return s.add(sum, element); }));
  return success();
}

void heed::importer::registerEinsumOperators(OperatorRegistry &registry) {
  registry.add("Einsum", {.since = 12, .minInputs = 1, .maxInputs = variadic, .build = buildEinsum});
}
