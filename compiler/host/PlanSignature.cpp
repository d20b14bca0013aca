#include "compiler/host/PlanSignature.h"

#include "compiler/host/BuildPlan.h"
#include "dialects/plan/Plan.h"
#include "mlir/IR/IntegerSet.h"

using namespace mlir;

namespace heed {

/// "x" for {plan.name = "x"}, else what and its position.
static std::string nameOf(StringAttr name, StringRef what, unsigned index) {
  return name ? name.str() : (what + Twine(index)).str();
}

/// Integers are signless in the IR; what a caller sees may be unsigned.
static rt::ElementType unsignedOf(rt::ElementType type) {
  switch (type) {
  case rt::ElementType::i64:
    return rt::ElementType::u64;
  case rt::ElementType::i32:
    return rt::ElementType::u32;
  case rt::ElementType::i16:
    return rt::ElementType::u16;
  case rt::ElementType::i8:
    return rt::ElementType::u8;
  default:
    return type;
  }
}

LogicalResult PlanSignature::addInputs() {
  if (failed(verifySignature(graph)))
    return failure();
  for (BlockArgument argument : graph.getArguments())
    if (failed(addInput(argument)))
      return failure();
  return success();
}

static LogicalResult verifyMap(func::FuncOp graph, unsigned index, StringRef name, RankedTensorType type,
                               size_t numSymbols) {
  auto map = graph.getArgAttrOfType<AffineMapAttr>(index, name);
  if (!map)
    return success();
  if (map.getValue().getNumDims() == 0 && map.getValue().getNumSymbols() <= numSymbols &&
      map.getValue().getNumResults() == type.getRank())
    return success();
  return graph.emitError("argument ") << index << ": " << name << " must be a map over the " << numSymbols
                                      << " names of " << plan::symbolsAttrName << " with a result per dimension of "
                                      << type << ", got " << map;
}

LogicalResult verifySignature(func::FuncOp graph) {
  auto names = graph->getAttrOfType<ArrayAttr>(plan::symbolsAttrName);
  size_t numSymbols = names ? names.size() : 0;
  for (auto [index, argument] : llvm::enumerate(graph.getArgumentTypes())) {
    auto type = dyn_cast<RankedTensorType>(argument);
    if (!type || !packageElementType(type.getElementType()))
      return graph.emitError("argument ")
             << index << " of type " << argument
             << " cannot be an input: inputs are ranked tensors of f64, f32, f16, bf16, i1 or integers of 8 to 64 bits";
    if (!type.hasStaticShape() && !graph.getArgAttrOfType<AffineMapAttr>(index, plan::shapeAttrName))
      return graph.emitError("argument ")
             << index << " has sizes known only at run time: " << plan::shapeAttrName << " must name their symbols";
    if (failed(verifyMap(graph, index, plan::shapeAttrName, type, numSymbols)) ||
        failed(verifyMap(graph, index, plan::stridesAttrName, type, numSymbols)))
      return failure();
  }
  return success();
}

LogicalResult PlanSignature::addInput(BlockArgument argument) {
  unsigned index = argument.getArgNumber();
  auto type = cast<RankedTensorType>(argument.getType());
  auto element = packageElementType(type.getElementType());
  auto dims = sizes.sizes(argument);
  if (failed(dims))
    return failure();
  rt::Input input;
  input.name = nameOf(graph.getArgAttrOfType<StringAttr>(index, plan::nameAttrName), "input", index);
  input.type = graph.getArgAttr(index, unsignedAttrName) ? unsignedOf(*element) : *element;
  input.dims.assign(dims->begin(), dims->end());
  input.strided = graph.getArgAttr(index, plan::stridesAttrName) != nullptr;
  if (auto scalar = graph.getArgAttrOfType<StringAttr>(index, plan::hostScalarAttrName)) {
    rt::ExprId id = symbols.symbol(scalar.getValue());
    if (id == rt::noExpr)
      return graph.emitError("argument ") << index << ": the graph has no symbol '" << scalar.getValue() << "'";
    input.hostScalar = symbols.planSymbol(scalar.getValue());
  }
  plan.inputs.push_back(std::move(input));
  return success();
}

LogicalResult PlanSignature::addOutputs(func::ReturnOp terminator) {
  for (unsigned i = 0; i < terminator.getNumOperands(); ++i)
    if (failed(addOutput(i, terminator.getOperand(i))))
      return failure();
  return success();
}

LogicalResult PlanSignature::addOutput(unsigned index, Value value) {
  auto type = dyn_cast<RankedTensorType>(value.getType());
  auto element = type ? packageElementType(type.getElementType()) : std::nullopt;
  if (!element)
    return graph.emitError("result ") << index << " of type " << value.getType()
                                      << " cannot be an output: outputs are ranked tensors of f64, f32, f16, bf16, i1 "
                                         "or integers of 8 to 64 bits";
  rt::Output output;
  output.name = nameOf(graph.getResultAttrOfType<StringAttr>(index, plan::nameAttrName), "output", index);
  output.type = graph.getResultAttr(index, unsignedAttrName) ? unsignedOf(*element) : *element;
  auto shape = graph.getResultAttrOfType<AffineMapAttr>(index, plan::shapeAttrName);
  auto capacity = graph.getResultAttrOfType<AffineMapAttr>(index, capacityAttrName);
  for (AffineMapAttr map : {shape, capacity})
    if (map && (!symbols.accepts(map.getValue()) || map.getValue().getNumResults() != type.getRank()))
      return graph.emitError("result ") << index << ": " << map
                                        << " must be a map over the symbols of the graph with a "
                                        << "result per dimension of " << type;
  auto dims = shape ? symbols.convert(shape.getValue()) : sizes.sizes(value);
  if (failed(dims))
    return failure();
  output.dims.assign(dims->begin(), dims->end());
  if (auto alias = graph.getResultAttrOfType<IntegerAttr>(index, plan::aliasAttrName)) {
    if (alias.getInt() < 0 || alias.getInt() >= graph.getNumArguments())
      return graph.emitError("result ") << index << " aliases argument " << alias.getInt() << " of "
                                        << graph.getNumArguments();
    output.alias = alias.getInt();
    output.strided = plan.inputs[output.alias].strided;
    if (capacity)
      llvm::append_range(output.capacity, symbols.convert(capacity.getValue()));
  }
  plan.outputs.push_back(std::move(output));
  return success();
}

LogicalResult PlanSignature::addConstraints() {
  for (auto [index, input] : llvm::enumerate(plan.inputs)) {
    auto strides = graph.getArgAttrOfType<AffineMapAttr>(index, plan::stridesAttrName);
    if (!strides)
      continue;
    for (auto [dim, stride] : llvm::enumerate(symbols.convert(strides.getValue())))
      if (rt::ExprId given = plan.expressions.inputStride(index, dim); given != stride)
        plan.constraints.push_back(
            {given, rt::Relation::equal, stride,
             "the stride of dimension " + std::to_string(dim) + " of input '" + input.name + "'"});
  }
  auto declared = graph->getAttrOfType<ArrayAttr>(plan::constraintsAttrName);
  if (!declared)
    return success();
  for (Attribute attribute : declared)
    if (failed(addConstraint(attribute)))
      return graph.emitError(
                 "plan.constraints: needs affine sets over the symbols of the graph, alone or as {set = .., "
                 "message = \"..\"}, got ")
             << attribute;
  return success();
}

/// A sum as positive terms minus the negated negative ones, so that a message reads "a = b + 1" and not "a - b - 1 =
/// 0".
static void splitTerms(AffineExpr expr, AffineExpr &positive, AffineExpr &negative) {
  auto binary = dyn_cast<AffineBinaryOpExpr>(expr);
  if (expr.getKind() == AffineExprKind::Add) {
    splitTerms(binary.getLHS(), positive, negative);
    splitTerms(binary.getRHS(), positive, negative);
    return;
  }
  AffineExpr factor = expr.getKind() == AffineExprKind::Mul ? binary.getRHS() : expr;
  if (auto constant = dyn_cast<AffineConstantExpr>(factor); constant && constant.getValue() < 0)
    negative = negative + expr * -1;
  else
    positive = positive + expr;
}

LogicalResult PlanSignature::addConstraint(Attribute attribute) {
  auto dictionary = dyn_cast<DictionaryAttr>(attribute);
  auto set = dictionary ? dictionary.getAs<IntegerSetAttr>("set") : dyn_cast<IntegerSetAttr>(attribute);
  auto message = dictionary ? dictionary.getAs<StringAttr>("message") : nullptr;
  if (!set ||
      !symbols.accepts(AffineMap::get(set.getValue().getNumDims(), set.getValue().getNumSymbols(), graph.getContext())))
    return failure();
  for (unsigned i = 0; i < set.getValue().getNumConstraints(); ++i) {
    AffineExpr left = getAffineConstantExpr(0, graph.getContext());
    AffineExpr right = left;
    splitTerms(set.getValue().getConstraint(i), left, right);
    bool isEquality = set.getValue().isEq(i);
    rt::Constraint constraint;
    constraint.left = symbols.convert(left);
    constraint.relation = isEquality ? rt::Relation::equal : rt::Relation::greaterEqual;
    constraint.right = symbols.convert(right);
    constraint.message = message ? message.str()
                                 : rt::concat(rt::printExpr(plan.expressions, constraint.left, plan.names()),
                                              isEquality ? " must equal " : " must be at least ",
                                              rt::printExpr(plan.expressions, constraint.right, plan.names()));
    plan.constraints.push_back(std::move(constraint));
  }
  return success();
}

} // namespace heed
