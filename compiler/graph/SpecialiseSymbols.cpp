/// specialise-symbols: gives symbols of a graph the values they always have.
///
/// First the maps over the graph's symbols and the types of its arguments change, then, op by op in program order, the
/// types of everything that is computed from them.
#include "compiler/graph/Passes.h"
#include "compiler/graph/SymbolicShapes.h"
#include "dialects/attn/Attn.h"
#include "dialects/plan/Plan.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/IntegerSet.h"
#include "mlir/IR/PatternMatch.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace heed;

namespace {

/// What becomes of the symbols of a graph.
class SymbolValues {
public:
  SymbolValues(func::FuncOp graph, ArrayRef<FixedSymbol> fixed);

  bool empty() const { return oldNames.empty(); }
  ArrayRef<Attribute> remaining() const { return newNames; }
  AffineMap specialise(AffineMap map) const;
  IntegerSet specialise(IntegerSet set) const;
  /// Every affine map of an attribute, which may be an array.
  Attribute specialise(Attribute attribute) const;
  std::optional<int64_t> valueOf(StringRef name) const;
  /// Says of a symbol that a host scalar still gives, that it has its value.
  SmallVector<Attribute> constraintsOfGivenSymbols() const;

private:
  MLIRContext *context;
  SmallVector<StringRef> oldNames;
  SmallVector<Attribute> newNames;
  SmallVector<AffineExpr> replacements; // of the old symbols, over the new ones
  SmallVector<std::pair<unsigned, FixedSymbol>> given;
  ArrayRef<FixedSymbol> fixed;
};

class Specialiser {
public:
  Specialiser(func::FuncOp graph, ArrayRef<FixedSymbol> fixed) : graph(graph), symbols(graph, fixed) {}

  LogicalResult run();

private:
  LogicalResult specialiseSignature();
  LogicalResult specialiseConstraints();
  LogicalResult specialiseOp(Operation *op, SymbolicShapes &shapes);
  static Value rebuildWithSizes(Operation *op, Type type, SymbolicShapes &shapes);

  func::FuncOp graph;
  SymbolValues symbols;
};

} // namespace

SymbolValues::SymbolValues(func::FuncOp graph, ArrayRef<FixedSymbol> fixed)
    : context(graph.getContext()), fixed(fixed) {
  llvm::SmallDenseSet<StringRef> hostScalars;
  for (unsigned index = 0; index < graph.getNumArguments(); ++index)
    if (auto name = graph.getArgAttrOfType<StringAttr>(index, plan::hostScalarAttrName))
      hostScalars.insert(name.getValue());
  auto names = graph->getAttrOfType<ArrayAttr>(plan::symbolsAttrName);
  for (StringAttr name :
       names ? names.getAsRange<StringAttr>() : ArrayAttr::get(context, {}).getAsRange<StringAttr>()) {
    oldNames.push_back(name);
    std::optional<int64_t> value = valueOf(name);
    replacements.push_back(value ? getAffineConstantExpr(*value, context)
                                 : getAffineSymbolExpr(newNames.size(), context));
    if (value && hostScalars.contains(name.getValue()))
      given.push_back({static_cast<unsigned>(newNames.size()), {name.str(), *value}});
    if (!value || hostScalars.contains(name.getValue()))
      newNames.push_back(name);
  }
}

std::optional<int64_t> SymbolValues::valueOf(StringRef name) const {
  const auto *found = llvm::find_if(fixed, [&](const FixedSymbol &symbol) { return symbol.name == name; });
  return found == fixed.end() ? std::nullopt : std::optional<int64_t>(found->value);
}

AffineMap SymbolValues::specialise(AffineMap map) const {
  if (map.getNumDims() != 0 || map.getNumSymbols() != oldNames.size())
    return map;
  SmallVector<AffineExpr> results;
  for (AffineExpr result : map.getResults())
    results.push_back(simplifySize(result.replaceSymbols(replacements)));
  return AffineMap::get(0, newNames.size(), results, context);
}

IntegerSet SymbolValues::specialise(IntegerSet set) const {
  if (set.getNumDims() != 0 || set.getNumSymbols() != oldNames.size())
    return set;
  return set.replaceDimsAndSymbols({}, replacements, 0, newNames.size());
}

Attribute SymbolValues::specialise(Attribute attribute) const {
  if (auto map = dyn_cast_or_null<AffineMapAttr>(attribute))
    return AffineMapAttr::get(specialise(map.getValue()));
  if (auto array = dyn_cast_or_null<ArrayAttr>(attribute))
    return ArrayAttr::get(context, llvm::map_to_vector(array, [&](Attribute element) { return specialise(element); }));
  return attribute;
}

SmallVector<Attribute> SymbolValues::constraintsOfGivenSymbols() const {
  Builder builder(context);
  SmallVector<Attribute> constraints;
  for (const auto &[position, symbol] : given) {
    AffineExpr difference = getAffineSymbolExpr(position, context) - symbol.value;
    std::string message = symbol.name + " was fixed to " + std::to_string(symbol.value) + " by the compilation";
    constraints.push_back(builder.getDictionaryAttr(
        {builder.getNamedAttr("set", IntegerSetAttr::get(IntegerSet::get(0, newNames.size(), difference, true))),
         builder.getNamedAttr("message", builder.getStringAttr(message))}));
  }
  return constraints;
}

/// The type with every size that `sizes` knows; null when one of them contradicts the type.
static RankedTensorType refine(RankedTensorType type, ArrayRef<AffineExpr> sizes) {
  SmallVector<int64_t> shape(type.getShape());
  for (auto [known, size] : llvm::zip_equal(shape, sizes)) {
    auto constant = dyn_cast_or_null<AffineConstantExpr>(size);
    if (constant && !ShapedType::isDynamic(known) && known != constant.getValue())
      return {};
    if (constant)
      known = constant.getValue();
  }
  return RankedTensorType::get(shape, type.getElementType(), type.getEncoding());
}

LogicalResult Specialiser::specialiseSignature() {
  Builder builder(graph.getContext());
  for (unsigned index = 0; index < graph.getNumArguments(); ++index) {
    for (StringRef name : {plan::shapeAttrName, plan::stridesAttrName})
      if (Attribute map = graph.getArgAttr(index, name))
        graph.setArgAttr(index, name, symbols.specialise(map));
    auto shape = graph.getArgAttrOfType<AffineMapAttr>(index, plan::shapeAttrName);
    if (!shape)
      continue;
    auto type = cast<RankedTensorType>(graph.getArgument(index).getType());
    RankedTensorType refined = refine(type, shape.getValue().getResults());
    if (!refined)
      return graph.emitError("argument ") << index << " of type " << type << " cannot have the sizes " << shape
                                          << " that the values given for the symbols mean";
    graph.getArgument(index).setType(refined);
  }
  for (unsigned index = 0; index < graph.getNumResults(); ++index)
    for (NamedAttribute attribute : llvm::to_vector(graph.getResultAttrs(index)))
      graph.setResultAttr(index, attribute.getName(), symbols.specialise(attribute.getValue()));
  graph->setAttr(plan::symbolsAttrName, builder.getArrayAttr(symbols.remaining()));
  return success();
}

/// A constraint that now always holds goes; one that never does is an error now and not at every call.
LogicalResult Specialiser::specialiseConstraints() {
  SmallVector<Attribute> constraints = symbols.constraintsOfGivenSymbols();
  auto declared = graph->getAttrOfType<ArrayAttr>(plan::constraintsAttrName);
  for (Attribute attribute : declared ? declared.getValue() : ArrayRef<Attribute>()) {
    auto dictionary = dyn_cast<DictionaryAttr>(attribute);
    auto set = dictionary ? dictionary.getAs<IntegerSetAttr>("set") : dyn_cast<IntegerSetAttr>(attribute);
    if (!set)
      return graph.emitError("plan.constraints holds integer sets, got ") << attribute;
    IntegerSet specialised = symbols.specialise(set.getValue());
    bool open = false;
    for (unsigned i = 0; i < specialised.getNumConstraints(); ++i) {
      auto constant = dyn_cast<AffineConstantExpr>(specialised.getConstraint(i));
      open |= !constant;
      if (constant && (specialised.isEq(i) ? constant.getValue() != 0 : constant.getValue() < 0))
        return graph.emitError("the values given for the symbols break a constraint: ")
               << (dictionary ? dictionary.get("message") : Attribute(set));
    }
    if (!open)
      continue;
    Attribute kept = IntegerSetAttr::get(specialised);
    if (dictionary) {
      NamedAttrList entries(dictionary);
      entries.set("set", kept);
      kept = entries.getDictionary(graph.getContext());
    }
    constraints.push_back(kept);
  }
  if (declared || !constraints.empty())
    graph->setAttr(plan::constraintsAttrName, ArrayAttr::get(graph.getContext(), constraints));
  return success();
}

/// The type of a tensor or row state with every size that is known; null when its type contradicts them.
static Type refine(Type type, ArrayRef<AffineExpr> sizes) {
  auto state = dyn_cast<attn::RowStateType>(type);
  auto tensor = state ? state.getAccumulator() : dyn_cast<RankedTensorType>(type);
  if (!tensor)
    return type;
  RankedTensorType refined = refine(tensor, sizes);
  return state && refined ? Type(attn::RowStateType::get(type.getContext(), refined)) : Type(refined);
}

/// Ops that say sizes a second time, in attributes and operands, are made anew; null for all others.
Value Specialiser::rebuildWithSizes(Operation *op, Type type, SymbolicShapes &shapes) {
  OpBuilder builder(op);
  Location loc = op->getLoc();
  auto known = [&](ArrayRef<OpFoldResult> values) {
    return llvm::map_to_vector(values, [&](OpFoldResult value) -> OpFoldResult {
      auto constant = dyn_cast_or_null<AffineConstantExpr>(shapes.valueOf(value));
      return constant ? OpFoldResult(builder.getIndexAttr(constant.getValue())) : value;
    });
  };
  return TypeSwitch<Operation *, Value>(op)
      .Case([&](tensor::EmptyOp empty) {
        return tensor::EmptyOp::create(builder, loc, known(empty.getMixedSizes()), empty.getType().getElementType());
      })
      .Case([&](tensor::SplatOp splat) {
        auto sizes = known(getMixedValues(splat.getType().getShape(), splat.getDynamicSizes(), builder));
        return tensor::SplatOp::create(builder, loc, splat.getInput(), type, decomposeMixedValues(sizes).second);
      })
      .Case([&](tensor::ExpandShapeOp expand) {
        return tensor::ExpandShapeOp::create(builder, loc, type, expand.getSrc(), expand.getReassociationIndices(),
                                             known(expand.getMixedOutputShape()));
      })
      .Case([&](tensor::ExtractSliceOp slice) {
        return tensor::ExtractSliceOp::create(builder, loc, cast<RankedTensorType>(type), slice.getSource(),
                                              known(slice.getMixedOffsets()), known(slice.getMixedSizes()),
                                              known(slice.getMixedStrides()));
      })
      .Case([&](tensor::InsertSliceOp insert) {
        return tensor::InsertSliceOp::create(builder, loc, insert.getSource(), insert.getDest(),
                                             known(insert.getMixedOffsets()), known(insert.getMixedSizes()),
                                             known(insert.getMixedStrides()));
      })
      .Default([](Operation *) { return Value(); });
}

LogicalResult Specialiser::specialiseOp(Operation *op, SymbolicShapes &shapes) {
  SmallVector<Type> types;
  for (Value result : op->getResults()) {
    types.push_back(refine(result.getType(), shapes.shapeOf(result)));
    if (!types.back())
      return op->emitOpError("has other sizes in its type than the values given for the symbols mean");
  }
  if (Value made = types.empty() ? Value() : rebuildWithSizes(op, types.front(), shapes)) {
    shapes.setShape(made, SmallVector<AffineExpr>(shapes.shapeOf(op->getResult(0))));
    op->getResult(0).replaceAllUsesWith(made);
    op->erase();
    return success();
  }
  for (auto [result, type] : llvm::zip_equal(op->getResults(), types))
    result.setType(type);
  if (auto attend = dyn_cast<attn::AttendOp>(op))
    for (Region &region : attend->getRegions())
      if (!region.empty())
        for (auto [argument, capture] :
             llvm::zip_equal(region.getArguments().take_back(attend.getCaptures().size()), attend.getCaptures()))
          argument.setType(capture.getType());
  return success();
}

LogicalResult Specialiser::run() {
  if (symbols.empty())
    return success();
  if (failed(specialiseSignature()) || failed(specialiseConstraints()))
    return failure();
  graph.walk([&](Operation *op) {
    if (isa<plan::KernelOp, plan::LaunchOp>(op))
      for (NamedAttribute attribute : llvm::to_vector(op->getAttrs()))
        op->setAttr(attribute.getName(), symbols.specialise(attribute.getValue()));
    auto symbol = dyn_cast<plan::SymbolOp>(op);
    if (std::optional<int64_t> value = symbol ? symbols.valueOf(symbol.getName()) : std::nullopt) {
      OpBuilder builder(op);
      symbol.replaceAllUsesWith(arith::ConstantIndexOp::create(builder, op->getLoc(), *value).getResult());
      op->erase();
    }
  });
  SymbolicShapes shapes(graph);
  for (Operation &op : llvm::make_early_inc_range(graph.getBody().front()))
    if (failed(specialiseOp(&op, shapes)))
      return failure();
  graph.setFunctionType(FunctionType::get(graph.getContext(), graph.getBody().getArgumentTypes(),
                                          graph.getBody().front().getTerminator()->getOperandTypes()));
  return success();
}

namespace {
struct SpecialiseSymbolsPass : PassWrapper<SpecialiseSymbolsPass, OperationPass<func::FuncOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(SpecialiseSymbolsPass)
  SpecialiseSymbolsPass() = default;
  SpecialiseSymbolsPass(const SpecialiseSymbolsPass &other) : PassWrapper(other), fixed(other.fixed) {}
  explicit SpecialiseSymbolsPass(ArrayRef<FixedSymbol> fixed) : fixed(fixed) {}
  ListOption<std::string> dims{*this, "dims", llvm::cl::desc("NAME=VALUE of symbols that always have one value")};
  std::vector<FixedSymbol> fixed;

  StringRef getArgument() const final { return "specialise-symbols"; }
  StringRef getDescription() const final { return "Make the sizes static that follow from given values of symbols"; }
  void getDependentDialects(DialectRegistry &registry) const final {
    registry.insert<arith::ArithDialect, tensor::TensorDialect>();
  }

  void runOnOperation() final {
    std::vector<FixedSymbol> all = fixed;
    for (const std::string &text : dims) {
      auto [name, value] = StringRef(text).split('=');
      int64_t size;
      if (name.empty() || value.getAsInteger(10, size) || size < 0) {
        getOperation().emitError("dims needs NAME=VALUE, got ") << text;
        return signalPassFailure();
      }
      all.push_back({name.str(), size});
    }
    if (failed(Specialiser(getOperation(), all).run()))
      signalPassFailure();
  }
};
} // namespace

std::unique_ptr<Pass> heed::createSpecialiseSymbolsPass(ArrayRef<FixedSymbol> fixed) {
  return std::make_unique<SpecialiseSymbolsPass>(fixed);
}
