#include "compiler/graph/Element.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Matchers.h"
#include "llvm/ADT/TypeSwitch.h"

#include <cmath>

using namespace mlir;
using namespace heed;

using Indices = SmallVector<AffineExpr, 4>;

bool heed::isElementByElement(linalg::LinalgOp op) {
  return op && op->getNumResults() == 1 && op.getNumLoops() == op.getNumParallelLoops() &&
         op.getIndexingMapMatchingResult(op->getResult(0)).isPermutation() && op.getBlock() &&
         isa<linalg::YieldOp>(op.getBlock()->getTerminator());
}

Value heed::yieldedScalar(linalg::LinalgOp op) { return op.getBlock()->getTerminator()->getOperand(0); }

Element ElementWalker::tensorElement(Value tensor, ArrayRef<AffineExpr> indices) {
  Element element{tensor, {}};
  auto type = cast<RankedTensorType>(tensor.getType());
  for (auto [dim, index] : llvm::enumerate(indices))
    element.indices.push_back(type.getDimSize(dim) == 1 ? shapes.constant(0) : simplify(index));
  return element;
}

/// The index in the collapsed dimension, row-major over the group.
static AffineExpr linearise(ArrayRef<AffineExpr> indices, ArrayRef<AffineExpr> sizes) {
  AffineExpr linear = indices.front();
  for (auto [index, size] : llvm::zip_equal(indices.drop_front(), sizes.drop_front())) {
    if (!size)
      return {};
    linear = linear * size + index;
  }
  return linear;
}

/// The indices in a group of dimensions of an index into their product.
static std::optional<Indices> delinearise(AffineExpr linear, ArrayRef<AffineExpr> sizes) {
  Indices indices(sizes.size());
  AffineExpr rest = linear;
  for (size_t dim = sizes.size(); dim-- > 1;) {
    if (!sizes[dim])
      return std::nullopt;
    indices[dim] = rest % sizes[dim];
    rest = rest.floorDiv(sizes[dim]);
  }
  indices[0] = rest;
  return indices;
}

static std::optional<Indices> throughExpand(SymbolicShapes &shapes, tensor::ExpandShapeOp op, const Indices &indices) {
  Indices source;
  ArrayRef<AffineExpr> sizes = shapes.shapeOf(op.getResult());
  for (const ReassociationIndices &group : op.getReassociationIndices()) {
    AffineExpr linear =
        linearise(ArrayRef(indices).slice(group.front(), group.size()), sizes.slice(group.front(), group.size()));
    if (!linear)
      return std::nullopt;
    source.push_back(linear);
  }
  return source;
}

static std::optional<Indices> throughCollapse(ElementWalker &walker, tensor::CollapseShapeOp op,
                                              const Indices &indices) {
  Indices source;
  ArrayRef<AffineExpr> sizes = walker.getShapes().shapeOf(op.getSrc());
  for (auto [position, group] : llvm::enumerate(op.getReassociationIndices())) {
    std::optional<Indices> split =
        delinearise(walker.simplify(indices[position]), sizes.slice(group.front(), group.size()));
    if (!split)
      return std::nullopt;
    source.append(*split);
  }
  return source;
}

static std::optional<Indices> throughSlice(SymbolicShapes &shapes, tensor::ExtractSliceOp op, const Indices &indices) {
  Indices source;
  llvm::SmallBitVector dropped = op.getDroppedDims();
  unsigned next = 0;
  for (auto [dim, offset, stride] : llvm::enumerate(op.getMixedOffsets(), op.getMixedStrides())) {
    AffineExpr start = shapes.valueOf(offset), pace = shapes.valueOf(stride);
    if (!start || !pace)
      return std::nullopt;
    source.push_back(dropped.test(dim) ? start : start + indices[next++] * pace);
  }
  return source;
}

/// The input of a concatenation that holds the element, when that is the same for all indices.
static std::optional<std::pair<Value, Indices>> throughConcat(ElementWalker &walker, tensor::ConcatOp op,
                                                              const Indices &indices) {
  SymbolicShapes &shapes = walker.getShapes();
  AffineExpr position = indices[op.getDim()];
  for (Value input : op.getInputs()) {
    AffineExpr size = shapes.shapeOf(input)[op.getDim()];
    auto constant = dyn_cast<AffineConstantExpr>(position);
    auto constantSize = dyn_cast_or_null<AffineConstantExpr>(size);
    if (!constant || !constantSize)
      return std::nullopt;
    if (constant.getValue() < constantSize.getValue()) {
      Indices source(indices);
      source[op.getDim()] = position;
      return std::pair(input, source);
    }
    position = position - size;
  }
  return std::nullopt;
}

std::optional<Element> ElementWalker::source(const Element &element) {
  Operation *op = element.isTensor() ? element.value.getDefiningOp() : nullptr;
  if (!op)
    return std::nullopt;
  auto moved = [&](Value tensor, std::optional<Indices> indices) -> std::optional<Element> {
    if (!indices)
      return std::nullopt;
    return tensorElement(tensor, *indices);
  };
  if (auto expand = dyn_cast<tensor::ExpandShapeOp>(op))
    return moved(expand.getSrc(), throughExpand(shapes, expand, element.indices));
  if (auto collapse = dyn_cast<tensor::CollapseShapeOp>(op))
    return moved(collapse.getSrc(), throughCollapse(*this, collapse, element.indices));
  if (auto slice = dyn_cast<tensor::ExtractSliceOp>(op))
    return moved(slice.getSource(), throughSlice(shapes, slice, element.indices));
  if (auto cast = dyn_cast<tensor::CastOp>(op))
    return isa<RankedTensorType>(cast.getSource().getType()) ? moved(cast.getSource(), element.indices) : std::nullopt;
  if (auto concat = dyn_cast<tensor::ConcatOp>(op)) {
    auto found = throughConcat(*this, concat, element.indices);
    return found ? moved(found->first, found->second) : std::nullopt;
  }
  auto structured = dyn_cast<linalg::LinalgOp>(op);
  if (!isElementByElement(structured))
    return std::nullopt;
  auto argument = dyn_cast<BlockArgument>(yieldedScalar(structured));
  if (!argument || argument.getOwner() != structured.getBlock())
    return std::nullopt;
  auto loops = loopsAt(structured, element.indices, {});
  if (!loops)
    return std::nullopt;
  Element operand = operandElement(argument, *loops);
  return operand.isTensor() ? std::optional(operand) : std::nullopt;
}

std::optional<Indices> ElementWalker::loopsAt(linalg::LinalgOp op, ArrayRef<AffineExpr> indices,
                                              ArrayRef<AffineExpr> reductionDims) {
  AffineMap output = op.getIndexingMapMatchingResult(op->getResult(0));
  Indices loops(op.getNumLoops());
  for (auto [result, index] : llvm::zip_equal(output.getResults(), indices)) {
    if (isa<AffineConstantExpr>(result)) // a reduced dimension that is kept with size 1
      continue;
    auto dim = dyn_cast<AffineDimExpr>(result);
    if (!dim || loops[dim.getPosition()])
      return std::nullopt;
    loops[dim.getPosition()] = index;
  }
  for (auto [loop, kind] : llvm::zip_equal(loops, op.getIteratorTypesArray())) {
    if (loop)
      continue;
    if (kind != utils::IteratorType::reduction || reductionDims.empty())
      return std::nullopt;
    loop = reductionDims.front();
    reductionDims = reductionDims.drop_front();
  }
  return loops;
}

Element ElementWalker::operandElement(BlockArgument argument, ArrayRef<AffineExpr> loops) {
  auto op = cast<linalg::LinalgOp>(argument.getOwner()->getParentOp());
  OpOperand &operand = op->getOpOperand(argument.getArgNumber());
  if (!isa<RankedTensorType>(operand.get().getType()))
    return Element{operand.get(), {}};
  AffineMap map = op.getMatchingIndexingMap(&operand);
  Indices indices;
  for (AffineExpr result : map.getResults())
    indices.push_back(result.replaceDims(loops));
  return tensorElement(operand.get(), indices);
}

std::optional<Element> ElementWalker::step(const Element &element) {
  if (std::optional<Element> moved = source(element))
    return moved;
  if (auto argument = dyn_cast<BlockArgument>(element.value)) {
    auto parent = dyn_cast_or_null<linalg::LinalgOp>(argument.getOwner()->getParentOp());
    if (element.isTensor() || !parent || parent.getBlock() != argument.getOwner())
      return std::nullopt;
    return operandElement(argument, element.indices);
  }
  Operation *op = element.value.getDefiningOp();
  if (auto extract = dyn_cast_or_null<tensor::ExtractOp>(op); extract && !element.isTensor()) {
    Indices indices;
    SmallVector<Element> operands = operandsOf(element);
    for (const Element &operand : llvm::drop_begin(operands))
      indices.push_back(indexOf(operand));
    bool known = !llvm::is_contained(indices, AffineExpr()) && extract.getTensor().getParentBlock() != op->getBlock();
    return known ? std::optional(tensorElement(extract.getTensor(), indices)) : std::nullopt;
  }
  if (!element.isTensor())
    return std::nullopt;
  if (auto splat = dyn_cast_or_null<tensor::SplatOp>(op))
    return Element{splat.getInput(), {}};
  if (auto single = dyn_cast_or_null<tensor::FromElementsOp>(op); single && single.getElements().size() == 1)
    return Element{single.getElements().front(), {}};
  auto structured = dyn_cast_or_null<linalg::LinalgOp>(op);
  if (!isElementByElement(structured))
    return std::nullopt;
  auto loops = loopsAt(structured, element.indices, {});
  return loops ? std::optional(Element{yieldedScalar(structured), *loops}) : std::nullopt;
}

Element ElementWalker::resolve(Element element) {
  while (std::optional<Element> next = step(element))
    element = std::move(*next);
  return element;
}

Operation *ElementWalker::scalarOp(const Element &element) {
  Operation *op = element.value.getDefiningOp();
  if (!op || op->getNumResults() != 1 || op->hasTrait<OpTrait::ConstantLike>())
    return nullptr;
  if (!element.isTensor())
    return isa_and_nonnull<arith::ArithDialect, math::MathDialect>(op->getDialect()) ? op : nullptr;
  return OpTrait::hasElementwiseMappableTraits(op) ? op : nullptr;
}

SmallVector<Element> ElementWalker::operandsOf(const Element &element) {
  SmallVector<Element> operands;
  Operation *op = element.value.getDefiningOp();
  for (Value operand : op->getOperands()) {
    // A scalar operand of an operation on whole tensors, or a value from outside a body, does not vary with indices.
    bool varies =
        element.isTensor() ? isa<RankedTensorType>(operand.getType()) : operand.getParentBlock() == op->getBlock();
    operands.push_back(Element{operand, varies ? element.indices : Indices()});
  }
  return operands;
}

Operation *ElementWalker::scalarOpThroughCasts(Element &element) {
  element = resolve(element);
  Operation *op = scalarOp(element);
  while (isa_and_nonnull<arith::ExtFOp, arith::TruncFOp>(op)) {
    element = resolve(operandsOf(element).front());
    op = scalarOp(element);
  }
  return op;
}

std::optional<Element> ElementWalker::nearestTensor(const Element &element) {
  std::optional<Element> next = element;
  while (next && !next->isTensor()) {
    bool isCast = isa_and_nonnull<arith::ExtFOp, arith::TruncFOp>(next->value.getDefiningOp());
    next = isCast ? operandsOf(*next).front() : step(*next);
  }
  return next;
}

/// select(x < 0, x + n, x), as indices that may count from the end are brought into range.
static std::optional<unsigned> wrappedOperand(ElementWalker &walker, arith::SelectOp select,
                                              ArrayRef<Element> operands) {
  auto compare = select.getCondition().getDefiningOp<arith::CmpIOp>();
  if (!compare || compare.getPredicate() != arith::CmpIPredicate::slt || compare.getLhs() != select.getFalseValue() ||
      walker.constantOf(Element{compare.getRhs(), {}}) != 0.0)
    return std::nullopt;
  return provablyNonNegative(walker.indexOf(operands[2])) ? std::optional(2u) : std::nullopt;
}

AffineExpr ElementWalker::indexOf(const Element &unresolved, unsigned depth) {
  constexpr unsigned depthLimit = 8;
  if (depth == depthLimit || !getElementTypeOrSelf(unresolved.value.getType()).isIntOrIndex())
    return {};
  Element element = resolve(unresolved);
  if (auto index = element.value.getDefiningOp<linalg::IndexOp>())
    return simplify(element.indices[index.getDim()]);
  if (std::optional<double> constant = constantOf(element))
    return shapes.constant(static_cast<int64_t>(*constant));
  if (!element.isTensor())
    if (AffineExpr size = shapes.valueOf(element.value))
      return size;
  Operation *op = scalarOp(element);
  SmallVector<Element> operands = op ? operandsOf(element) : SmallVector<Element>();
  if (isa_and_nonnull<arith::IndexCastOp, arith::ExtSIOp, arith::TruncIOp>(op))
    return getElementTypeOrSelf(op->getOperand(0)).isInteger(1) ? AffineExpr() : indexOf(operands[0], depth + 1);
  if (auto select = dyn_cast_or_null<arith::SelectOp>(op)) {
    std::optional<unsigned> kept = wrappedOperand(*this, select, operands);
    return kept ? indexOf(operands[*kept], depth + 1) : AffineExpr();
  }
  if (!isa_and_nonnull<arith::AddIOp, arith::SubIOp, arith::MulIOp>(op))
    return {};
  AffineExpr left = indexOf(operands[0], depth + 1), right = left ? indexOf(operands[1], depth + 1) : AffineExpr();
  if (!right || (isa<arith::MulIOp>(op) && !isa<AffineConstantExpr>(left) && !isa<AffineConstantExpr>(right)))
    return {};
  return simplify(isa<arith::AddIOp>(op) ? left + right : isa<arith::SubIOp>(op) ? left - right : left * right);
}

/// Scalar functions of constants that exports leave unfolded.
static std::optional<double> evaluate(Operation *op, ArrayRef<double> operands) {
  return TypeSwitch<Operation *, std::optional<double>>(op)
      .Case<arith::ExtFOp, arith::TruncFOp, arith::SIToFPOp>([&](auto) { return operands[0]; })
      .Case<arith::NegFOp>([&](auto) { return -operands[0]; })
      .Case<math::SqrtOp>([&](auto) { return std::sqrt(operands[0]); })
      .Case<math::RsqrtOp>([&](auto) { return 1.0 / std::sqrt(operands[0]); })
      .Case<arith::AddFOp>([&](auto) { return operands[0] + operands[1]; })
      .Case<arith::SubFOp>([&](auto) { return operands[0] - operands[1]; })
      .Case<arith::MulFOp>([&](auto) { return operands[0] * operands[1]; })
      .Case<arith::DivFOp>([&](auto) { return operands[0] / operands[1]; })
      .Case<math::PowFOp>([&](auto) { return std::pow(operands[0], operands[1]); })
      .Default([](Operation *) { return std::optional<double>(); });
}

std::optional<double> ElementWalker::constantOf(const Element &unresolved, unsigned depth) {
  constexpr unsigned depthLimit = 8;
  Element element = resolve(unresolved);
  Attribute attribute;
  if (matchPattern(element.value, m_Constant(&attribute))) {
    if (auto dense = dyn_cast<SplatElementsAttr>(attribute))
      attribute = dense.getSplatValue<Attribute>();
    if (auto number = dyn_cast<FloatAttr>(attribute))
      return number.getValueAsDouble();
    if (auto number = dyn_cast<IntegerAttr>(attribute))
      return number.getValue().isSignedIntN(53) ? std::optional<double>(number.getValue().getSExtValue())
                                                : std::nullopt;
    return std::nullopt;
  }
  Operation *op = scalarOp(element);
  if (!op || op->getNumOperands() > 2 || depth == depthLimit)
    return std::nullopt;
  // A size converted to a number, when it is static.
  if (isa<arith::SIToFPOp, arith::UIToFPOp>(op) && !element.isTensor())
    if (auto size = dyn_cast_or_null<AffineConstantExpr>(shapes.valueOf(op->getOperand(0))))
      return static_cast<double>(size.getValue());
  SmallVector<double> values;
  for (const Element &operand : operandsOf(element)) {
    std::optional<double> value = constantOf(operand, depth + 1);
    if (!value)
      return std::nullopt;
    values.push_back(*value);
  }
  return evaluate(op, values);
}

bool ElementWalker::equal(const Element &left, const Element &right, unsigned depth) {
  constexpr unsigned depthLimit = 8; // the formulas that are compared are a few operations deep
  // Both are followed step by step, so that they meet in the first tensor they share.
  SmallVector<Element> path{left};
  while (std::optional<Element> next = step(path.back()))
    path.push_back(*next);
  Element b = right;
  for (;;) {
    if (llvm::is_contained(path, b))
      return true;
    std::optional<Element> next = step(b);
    if (!next)
      break;
    b = *next;
  }
  Element a = path.back();
  std::optional<double> x = constantOf(a), y = constantOf(b);
  if (x || y)
    return x && y && *x == *y;
  Operation *first = scalarOp(a), *second = scalarOp(b);
  if (depth == depthLimit || !first || !second || first->getName() != second->getName() ||
      first->getDiscardableAttrDictionary() != second->getDiscardableAttrDictionary() ||
      first->getPropertiesAsAttribute() != second->getPropertiesAsAttribute())
    return false;
  return llvm::all_of(llvm::zip_equal(operandsOf(a), operandsOf(b)),
                      [&](const auto &pair) { return equal(std::get<0>(pair), std::get<1>(pair), depth + 1); });
}
