#include "compiler/host/ValueSizes.h"

#include "dialects/plan/Plan.h"
#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;

namespace heed {

bool isReshape(Operation *op) { return isa<tensor::ExpandShapeOp, tensor::CollapseShapeOp, tensor::CastOp>(op); }

Value storageRoot(Value tensor) {
  while (Operation *op = tensor.getDefiningOp()) {
    if (!isReshape(op))
      break;
    tensor = op->getOperand(0);
  }
  return tensor;
}

/// Constants are gathered into one factor at the end, so that equal sizes are equal expressions.
rt::ExprId ValueSizes::product(ArrayRef<rt::ExprId> factors) {
  rt::ExprId constant = plan.expressions.constant(1);
  rt::ExprId rest = constant;
  for (rt::ExprId factor : factors) {
    rt::Expr expr = plan.expressions[factor];
    if (expr.op == rt::ExprOp::mul && plan.expressions[expr.b].op == rt::ExprOp::constant) {
      constant = plan.expressions.mul(constant, expr.b);
      factor = expr.a;
    }
    rt::ExprId &part = expr.op == rt::ExprOp::constant ? constant : rest;
    part = plan.expressions.mul(part, factor);
  }
  return plan.expressions.mul(rest, constant);
}

ValueSizes::Sizes ValueSizes::sizes(Value tensor) {
  auto type = dyn_cast<RankedTensorType>(tensor.getType());
  if (!type)
    return emitError(tensor.getLoc(), "a plan holds ranked tensors only, got ") << tensor.getType();
  if (type.hasStaticShape())
    return staticSizes(type);
  if (auto argument = dyn_cast<BlockArgument>(tensor))
    return argumentSizes(argument);
  return TypeSwitch<Operation *, Sizes>(tensor.getDefiningOp())
      .Case([&](plan::LaunchOp) { return launchSizes(cast<OpResult>(tensor)); })
      .Case([&](tensor::ExpandShapeOp) { return expandedSizes(tensor); })
      .Case([&](tensor::CollapseShapeOp) { return collapsedSizes(tensor); })
      .Case([&](tensor::CastOp) { return castSizes(tensor); })
      .Default([&](Operation *op) { return op->emitError("the sizes of its result are not known to the plan"); });
}

ValueSizes::Sizes ValueSizes::staticSizes(RankedTensorType type) {
  return llvm::map_to_vector(type.getShape(), [&](int64_t size) { return plan.expressions.constant(size); });
}

ValueSizes::Sizes ValueSizes::argumentSizes(BlockArgument argument) {
  auto shape = graph.getArgAttrOfType<AffineMapAttr>(argument.getArgNumber(), plan::shapeAttrName);
  return symbols.convert(shape.getValue()); // there is one, verifySignature says
}

ValueSizes::Sizes ValueSizes::launchSizes(OpResult result) {
  auto launch = cast<plan::LaunchOp>(result.getOwner());
  auto shapes = launch.getResultShapes().getAsValueRange<AffineMapAttr>();
  return symbols.convert(*std::next(shapes.begin(), result.getResultNumber()));
}

ValueSizes::Sizes ValueSizes::expandedSizes(Value tensor) {
  auto expand = tensor.getDefiningOp<tensor::ExpandShapeOp>();
  SmallVector<rt::ExprId> result;
  for (OpFoldResult size :
       getMixedValues(expand.getStaticOutputShape(), expand.getOutputShape(), expand.getContext())) {
    auto value = index(size);
    if (failed(value))
      return failure();
    result.push_back(*value);
  }
  return result;
}

ValueSizes::Sizes ValueSizes::collapsedSizes(Value tensor) {
  auto collapse = tensor.getDefiningOp<tensor::CollapseShapeOp>();
  auto source = sizes(collapse.getSrc());
  if (failed(source))
    return failure();
  SmallVector<rt::ExprId> result;
  for (const ReassociationIndices &group : collapse.getReassociationIndices())
    result.push_back(product(llvm::map_to_vector(group, [&](int64_t dim) { return (*source)[dim]; })));
  return result;
}

/// A size the cast makes static is what the tensor has whenever the cast is valid.
ValueSizes::Sizes ValueSizes::castSizes(Value tensor) {
  auto result = sizes(tensor.getDefiningOp<tensor::CastOp>().getSource());
  if (failed(result))
    return failure();
  for (auto [size, known] : llvm::zip_equal(*result, cast<RankedTensorType>(tensor.getType()).getShape()))
    if (ShapedType::isStatic(known))
      size = plan.expressions.constant(known);
  return result;
}

FailureOr<rt::ExprId> ValueSizes::index(OpFoldResult value) {
  if (auto constant = getConstantIntValue(value))
    return plan.expressions.constant(*constant);
  if (auto computed = dyn_cast<Value>(value))
    if (Operation *op = computed.getDefiningOp())
      return indexOp(op);
  return graph.emitError("a size is neither a constant nor computed from symbols");
}

static std::optional<rt::ExprOp> arithmeticOp(Operation *op) {
  return TypeSwitch<Operation *, std::optional<rt::ExprOp>>(op)
      .Case([](arith::AddIOp) { return rt::ExprOp::add; })
      .Case([](arith::SubIOp) { return rt::ExprOp::sub; })
      .Case([](arith::MulIOp) { return rt::ExprOp::mul; })
      .Case([](arith::FloorDivSIOp) { return rt::ExprOp::floorDiv; })
      .Case([](arith::CeilDivSIOp) { return rt::ExprOp::ceilDiv; })
      .Case([](arith::MinSIOp) { return rt::ExprOp::min; })
      .Case([](arith::MaxSIOp) { return rt::ExprOp::max; })
      .Default([](Operation *) { return std::nullopt; });
}

FailureOr<rt::ExprId> ValueSizes::indexOp(Operation *op) {
  if (auto symbol = dyn_cast<plan::SymbolOp>(op)) {
    rt::ExprId id = symbols.symbol(symbol.getName());
    return id != rt::noExpr ? FailureOr<rt::ExprId>(id)
                            : op->emitError("the graph has no symbol '") << symbol.getName() << "'";
  }
  if (auto dim = dyn_cast<tensor::DimOp>(op)) {
    auto source = sizes(dim.getSource());
    auto position = dim.getConstantIndex();
    if (failed(source) || !position || *position < 0 || *position >= static_cast<int64_t>(source->size()))
      return op->emitError("asks for a size that is not known to the plan");
    return (*source)[*position];
  }
  SmallVector<rt::ExprId> operands;
  auto operation = arithmeticOp(op);
  auto apply = dyn_cast<affine::AffineApplyOp>(op);
  if (!operation && !apply)
    return op->emitError("is not index arithmetic that a plan can hold");
  for (Value operand : op->getOperands()) {
    auto value = index(operand);
    if (failed(value))
      return failure();
    operands.push_back(*value);
  }
  return operation ? plan.expressions.binary(*operation, operands[0], operands[1])
                   : symbols.convert(apply.getAffineMap().getResult(0), apply.getAffineMap().getNumDims(), operands);
}

} // namespace heed
