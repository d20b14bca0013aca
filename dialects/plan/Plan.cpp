/// The plan dialect itself and the checks of its attributes (G1 to G4 of SPEC.md).
#include "dialects/plan/Plan.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/DialectImplementation.h"
#include "mlir/IR/TypeUtilities.h"
#include "llvm/ADT/StringSet.h"

using namespace mlir;
using namespace heed::plan;

#include "dialects/plan/PlanDialect.cpp.inc"
#include "dialects/plan/PlanEnums.cpp.inc"

void PlanDialect::initialize() {
  addOperations<
#define GET_OP_LIST
#include "dialects/plan/PlanOps.cpp.inc"
      >();
}

/// G2, G3: a map on an argument has no dimensions, the graph's symbols, and a result per dimension of the argument.
static LogicalResult verifyArgumentMap(func::FuncOp graph, unsigned index, StringRef name, size_t numSymbols) {
  Attribute attr = graph.getArgAttr(index, name);
  if (!attr)
    return success();
  auto map = dyn_cast<AffineMapAttr>(attr);
  auto type = dyn_cast<RankedTensorType>(graph.getArgumentTypes()[index]);
  if (!map || !type || map.getValue().getNumDims() != 0 || map.getValue().getNumSymbols() != numSymbols ||
      map.getValue().getNumResults() != static_cast<unsigned>(type.getRank()))
    return graph.emitOpError("G2: ") << name << " of argument " << index << " must be an affine map over the "
                                     << numSymbols << " symbols of the graph with one result per dimension";
  if (name != shapeAttrName)
    return success();
  for (auto [dim, size] : llvm::enumerate(map.getValue().getResults())) {
    auto constant = dyn_cast<AffineConstantExpr>(size);
    if (!type.isDynamicDim(dim) && (!constant || constant.getValue() != type.getDimSize(dim)))
      return graph.emitOpError("G3: ") << name << " of argument " << index << " disagrees with " << type;
  }
  return success();
}

/// G4: a host scalar is one integer that gives a symbol its value; an alias is an input of the result's element type.
static LogicalResult verifyHostScalar(func::FuncOp graph, unsigned index, const llvm::StringSet<> &symbols) {
  Attribute attr = graph.getArgAttr(index, hostScalarAttrName);
  if (!attr)
    return success();
  auto name = dyn_cast<StringAttr>(attr);
  auto type = dyn_cast<RankedTensorType>(graph.getArgumentTypes()[index]);
  if (!name || !symbols.contains(name.getValue()) || !type || type.getRank() != 0 ||
      !isa<IntegerType>(type.getElementType()))
    return graph.emitOpError("G4: plan.host_scalar of argument ")
           << index << " must name a symbol of the graph, on an integer tensor of rank 0, got " << attr;
  return success();
}

static LogicalResult verifyAlias(func::FuncOp graph, unsigned index) {
  Attribute attr = graph.getResultAttr(index, aliasAttrName);
  if (!attr)
    return success();
  auto input = dyn_cast<IntegerAttr>(attr);
  bool exists = input && input.getInt() >= 0 && input.getInt() < graph.getNumArguments();
  if (!exists || getElementTypeOrSelf(graph.getArgumentTypes()[input.getInt()]) !=
                     getElementTypeOrSelf(graph.getResultTypes()[index]))
    return graph.emitOpError("G4: plan.alias of result ")
           << index << " must be the index of an argument with its element type, got " << attr;
  return success();
}

LogicalResult PlanDialect::verifyOperationAttribute(Operation *op, NamedAttribute attribute) {
  if (attribute.getName() != symbolsAttrName)
    return success();
  auto graph = dyn_cast<func::FuncOp>(op);
  auto names = dyn_cast<ArrayAttr>(attribute.getValue());
  if (!graph || !names)
    return op->emitOpError("G1: plan.symbols is an array of strings on a function");
  llvm::StringSet<> seen;
  for (Attribute name : names)
    if (!isa<StringAttr>(name) || !seen.insert(cast<StringAttr>(name).getValue()).second)
      return op->emitOpError("G1: plan.symbols must be different strings, got ") << name;
  for (unsigned index = 0; index < graph.getNumArguments(); ++index)
    if (failed(verifyArgumentMap(graph, index, shapeAttrName, names.size())) ||
        failed(verifyArgumentMap(graph, index, stridesAttrName, names.size())) ||
        failed(verifyHostScalar(graph, index, seen)))
      return failure();
  for (unsigned index = 0; index < graph.getNumResults(); ++index)
    if (failed(verifyAlias(graph, index)))
      return failure();
  return success();
}
