#include "compiler/graph/ScalarEmitter.h"

#include "compiler/graph/Conditions.h"
#include "compiler/graph/ConstantRules.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;
using namespace heed;

/// How deep a formula may be before its source is captured instead.
constexpr unsigned depthLimit = 256;
/// Scalar operations that may be done again for every score rather than once ahead.
constexpr unsigned cheapCost = 12;

static Type promoted(Type type) { return isa<FloatType>(type) ? Float32Type::get(type.getContext()) : type; }

static Value promote(OpBuilder &builder, Location location, Value scalar) {
  auto type = dyn_cast<FloatType>(scalar.getType());
  if (!type || type.isF32())
    return scalar;
  if (type.getWidth() > 32)
    return arith::TruncFOp::create(builder, location, builder.getF32Type(), scalar);
  return arith::ExtFOp::create(builder, location, builder.getF32Type(), scalar);
}

Value ScalarEmitter::emit(const Element &element, unsigned depth) {
  if (depth > depthLimit)
    return {};
  for (const auto &[seen, value] : emitted[element.value])
    if (seen == element)
      return value;
  Value value = known(element);
  if (!value)
    value = element.isTensor() ? emitTensor(element, depth) : emitScalar(element, depth);
  if (value)
    emitted[element.value].push_back({element, value});
  return value;
}

Value ScalarEmitter::emitConstant(Attribute attribute, Location location) {
  if (auto number = dyn_cast<FloatAttr>(attribute)) {
    APFloat value = number.getValue();
    bool lossy;
    value.convert(APFloat::IEEEsingle(), APFloat::rmNearestTiesToEven, &lossy);
    return arith::ConstantOp::create(builder, location, FloatAttr::get(builder.getF32Type(), value));
  }
  auto number = dyn_cast<IntegerAttr>(attribute);
  return number ? Value(arith::ConstantOp::create(builder, location, number)) : Value();
}

Value ScalarEmitter::emitTensor(const Element &element, unsigned depth) {
  Attribute attribute;
  if (matchPattern(element.value, m_Constant(&attribute)))
    if (auto splat = dyn_cast<SplatElementsAttr>(attribute))
      return emitConstant(splat.getSplatValue<Attribute>(), element.value.getLoc());
  if (mustInline(element) || isCheap(element)) {
    std::optional<Element> next = walker.step(element);
    Operation *op = next ? nullptr : walker.scalarOp(element);
    if (Value inlined = next ? emit(*next, depth + 1) : op ? emitOperation(op, element, depth) : Value())
      return inlined;
  }
  Value rule = mustInline(element) ? emitTriangle(element) : Value();
  return rule ? rule : emitCapture(element);
}

/// A constant triangle over two of the indices is a comparison of them.
Value ScalarEmitter::emitTriangle(const Element &element) {
  Attribute constant;
  if (!matchPattern(element.value, m_Constant(&constant)))
    return {};
  SmallVector<int64_t> fixed(element.indices.size(), 0);
  SmallVector<unsigned> varying;
  for (auto [dim, index] : llvm::enumerate(element.indices)) {
    if (auto number = dyn_cast<AffineConstantExpr>(index))
      fixed[dim] = number.getValue();
    else
      varying.push_back(dim);
  }
  std::optional<TriangleRule> rule =
      varying.size() == 2 ? matchTriangle(constant, fixed, varying[0], varying[1]) : std::nullopt;
  if (!rule)
    return {};
  Location location = element.value.getLoc();
  AffineExpr diagonal = walker.simplify(element.indices[varying[0]] + rule->offset);
  Value inside = arith::CmpIOp::create(builder, location, arith::CmpIPredicate::sle,
                                       emitIndex(element.indices[varying[1]]), emitIndex(diagonal));
  Value below = emitConstant(rule->below, location), above = emitConstant(rule->above, location);
  return below.getType().isInteger(1) ? makeChoice(builder, inside, below, above)
                                      : Value(arith::SelectOp::create(builder, location, inside, below, above));
}

Value ScalarEmitter::emitCapture(const Element &element) {
  SmallVector<Value> position;
  for (AffineExpr index : element.indices)
    position.push_back(emitIndex(index));
  Location location = element.value.getLoc();
  Value scalar = tensor::ExtractOp::create(builder, location, capture(element.value), position);
  return promote(builder, location, scalar);
}

Value ScalarEmitter::emitScalar(const Element &element, unsigned depth) {
  Location location = element.value.getLoc();
  Attribute attribute;
  if (matchPattern(element.value, m_Constant(&attribute)))
    return emitConstant(attribute, location);
  if (std::optional<Element> next = walker.step(element))
    return emit(*next, depth + 1);
  Operation *op = element.value.getDefiningOp();
  Value scalarValue = element.value;
  bool inBody = isa_and_nonnull<linalg::LinalgOp>(scalarValue.getParentBlock()->getParentOp());
  if (!inBody) {
    if (AffineExpr size = walker.getShapes().valueOf(element.value)) {
      Value index = emitIndex(size);
      return element.value.getType().isIndex()
                 ? index
                 : Value(arith::IndexCastOp::create(builder, location, element.value.getType(), index));
    }
    return promote(builder, location, capture(element.value));
  }
  if (auto index = dyn_cast_or_null<linalg::IndexOp>(op))
    return emitIndex(walker.simplify(element.indices[index.getDim()]));
  if (auto extract = dyn_cast_or_null<tensor::ExtractOp>(op))
    return emitExtract(extract, element, depth);
  Operation *scalar = walker.scalarOp(element);
  return scalar ? emitOperation(scalar, element, depth) : Value();
}

Value ScalarEmitter::emitExtract(tensor::ExtractOp extract, const Element &element, unsigned depth) {
  if (extract.getTensor().getParentBlock() == extract->getBlock())
    return {};
  SmallVector<Value> position;
  for (Element index : walker.operandsOf(element)) {
    if (index.value == extract.getTensor())
      continue;
    position.push_back(emit(index, depth + 1));
    if (!position.back())
      return {};
  }
  Value scalar = tensor::ExtractOp::create(builder, extract.getLoc(), capture(extract.getTensor()), position);
  return promote(builder, extract.getLoc(), scalar);
}

Value ScalarEmitter::emitOperation(Operation *op, const Element &element, unsigned depth) {
  if (op->getNumRegions() != 0 || isa<arith::BitcastOp>(op))
    return {};
  SmallVector<Value> operands;
  for (const Element &operand : walker.operandsOf(element)) {
    operands.push_back(emit(operand, depth + 1));
    if (!operands.back())
      return {};
  }
  if (isa<arith::ExtFOp, arith::TruncFOp>(op))
    return operands.front();
  OperationState state(op->getLoc(), op->getName());
  state.addOperands(operands);
  state.addTypes(promoted(getElementTypeOrSelf(element.value.getType())));
  state.addAttributes(op->getAttrs());
  Operation *copy = builder.create(state);
  SmallVector<Value> folded;
  if (succeeded(builder.tryFold(copy, folded)) && !folded.empty()) {
    copy->erase();
    return folded.front();
  }
  return copy->getResult(0);
}

Value ScalarEmitter::emitIndex(AffineExpr index) {
  Location location = builder.getUnknownLoc();
  if (auto constant = dyn_cast<AffineConstantExpr>(index))
    return arith::ConstantIndexOp::create(builder, location, constant.getValue());
  if (auto dim = dyn_cast<AffineDimExpr>(index))
    return indices[dim.getPosition()];
  if (auto symbol = dyn_cast<AffineSymbolExpr>(index))
    return captureSymbol(symbol.getPosition());
  auto binary = cast<AffineBinaryOpExpr>(index);
  Value left = emitIndex(binary.getLHS());
  // a + b * -1 reads better, and is analysed better, as a - b.
  auto product = dyn_cast<AffineBinaryOpExpr>(binary.getRHS());
  if (index.getKind() == AffineExprKind::Add && product && product.getKind() == AffineExprKind::Mul &&
      product.getRHS() == getAffineConstantExpr(-1, index.getContext()))
    return arith::SubIOp::create(builder, location, left, emitIndex(product.getLHS()));
  Value right = emitIndex(binary.getRHS());
  switch (index.getKind()) {
  case AffineExprKind::Add:
    return arith::AddIOp::create(builder, location, left, right);
  case AffineExprKind::Mul:
    return arith::MulIOp::create(builder, location, left, right);
  case AffineExprKind::FloorDiv:
    return arith::FloorDivSIOp::create(builder, location, left, right);
  case AffineExprKind::CeilDiv:
    return arith::CeilDivSIOp::create(builder, location, left, right);
  default: // a modulus of an index, which is not negative
    return arith::RemUIOp::create(builder, location, left, right);
  }
}

bool ScalarEmitter::isCheap(const Element &element) { return costOf(element, cheapCost) <= cheapCost; }

/// Quotients and remainders in indices count: reading through a reshape that does not dissolve is not free.
static unsigned divisionsIn(ArrayRef<AffineExpr> indices) {
  unsigned count = 0;
  for (AffineExpr index : indices)
    index.walk([&](AffineExpr part) {
      count += part.getKind() == AffineExprKind::FloorDiv || part.getKind() == AffineExprKind::CeilDiv ||
               part.getKind() == AffineExprKind::Mod;
    });
  return count;
}

unsigned ScalarEmitter::costOf(const Element &unresolved, unsigned limit) {
  constexpr unsigned divisionCost = 8, transcendentalCost = 100;
  Element element = walker.resolve(unresolved);
  unsigned cost = element.isTensor() ? divisionCost * divisionsIn(element.indices) : 0;
  Operation *op = walker.scalarOp(element);
  if (!op || cost > limit)
    return cost;
  cost += isa<math::MathDialect>(op->getDialect()) ? transcendentalCost : 1;
  for (const Element &operand : walker.operandsOf(element)) {
    if (cost > limit)
      break;
    cost += costOf(operand, limit - cost);
  }
  return cost;
}
