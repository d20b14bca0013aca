/// Constraints of plan.kernel (K1 to K3) and plan.launch (L1, L2).
#include "dialects/plan/Plan.h"

using namespace mlir;
using namespace heed::plan;

#define GET_OP_CLASSES
#include "dialects/plan/PlanOps.cpp.inc"

/// K2: the sizes of storage fit its type.
static LogicalResult verifyStorage(KernelOp op) {
  std::optional<ArrayAttr> storage = op.getStorageSizes();
  if (!storage)
    return success();
  if (storage->size() != op.getResults().size())
    return op.emitOpError("K2: needs storage sizes for every result, got ") << storage->size();
  for (auto [sizes, type] : llvm::zip_equal(storage->getAsValueRange<AffineMapAttr>(), op.getResultTypes()))
    if (sizes.getNumDims() != 0 ||
        sizes.getNumResults() != static_cast<unsigned>(cast<RankedTensorType>(type).getRank()))
      return op.emitOpError("K2: storage sizes must be ()[symbols] -> (sizes) for ")
             << type << ", got " << AffineMapAttr::get(sizes);
  return success();
}

/// K2: a view has an offset and a stride per dimension of the tensor seen through it, and there is a size per
/// dimension.
static LogicalResult verifyViews(KernelOp op, ArrayAttr views, ArrayAttr sizes, TypeRange seen, StringRef what) {
  if (views.size() != seen.size() || sizes.size() != seen.size())
    return op.emitOpError("K2: needs one view and one map of sizes per ") << what << ", got " << views.size();
  for (auto [view, size, type] :
       llvm::zip_equal(views.getAsValueRange<AffineMapAttr>(), sizes.getAsValueRange<AffineMapAttr>(), seen)) {
    auto tensor = dyn_cast<RankedTensorType>(type);
    if (!tensor || view.getNumDims() != 0 || view.getNumResults() != static_cast<unsigned>(tensor.getRank() + 1))
      return op.emitOpError("K2: the view of this ") << what << " must be ()[symbols] -> (offset, strides) for " << type
                                                     << ", got " << AffineMapAttr::get(view);
    if (size.getNumDims() != 0 || size.getNumResults() != static_cast<unsigned>(tensor.getRank()))
      return op.emitOpError("K2: the sizes of this ")
             << what << " must be ()[symbols] -> (sizes) for " << type << ", got " << AffineMapAttr::get(size);
  }
  return success();
}

LogicalResult KernelOp::verify() {
  Block &block = getBody().front();
  if (block.getNumArguments() != getOperands().size())
    return emitOpError("K1: the body needs one argument per operand, got ") << block.getNumArguments();
  for (auto [argument, operand] : llvm::zip_equal(block.getArguments(), getOperands())) {
    auto seen = dyn_cast<RankedTensorType>(argument.getType());
    if (!seen || seen.getElementType() != cast<RankedTensorType>(operand.getType()).getElementType())
      return emitOpError("K1: an argument is its operand through a view, so the element types agree; got ")
             << argument.getType() << " for " << operand.getType();
  }
  auto yield = dyn_cast<YieldOp>(block.getTerminator());
  if (!yield || yield.getValues().size() != getResults().size())
    return emitOpError("K3: the body must yield one value per result");
  for (auto [value, result] : llvm::zip_equal(yield.getValues(), getResults()))
    if (cast<RankedTensorType>(value.getType()).getElementType() !=
        cast<RankedTensorType>(result.getType()).getElementType())
      return emitOpError("K3: a result stores what the body yields, so the element types agree; got ")
             << value.getType() << " for " << result.getType();
  return failure(
      failed(verifyStorage(*this)) ||
      failed(verifyViews(*this, getOperandViews(), getOperandSizes(), block.getArgumentTypes(), "operand")) ||
      failed(verifyViews(*this, getResultViews(), getResultSizes(), yield.getValues().getTypes(), "result")));
}

LogicalResult LaunchOp::verifySymbolUses(SymbolTableCollection &symbols) {
  auto kernel = symbols.lookupNearestSymbolFrom<FunctionOpInterface>(*this, getKernelAttr());
  if (!kernel)
    return emitOpError("L1: no kernel named ") << getKernel();
  SmallVector<Type> stored(getOperandTypes());
  llvm::append_range(stored, getResultTypes());
  if (kernel.getNumArguments() != stored.size() + getParams().getNumResults())
    return emitOpError("L1: kernel ") << getKernel() << " takes " << kernel.getNumArguments() << " arguments, got "
                                      << stored.size() << " bases and " << getParams().getNumResults() << " parameters";
  for (auto [position, type] : llvm::enumerate(stored)) {
    auto base = dyn_cast<MemRefType>(kernel.getArgumentTypes()[position]);
    Type element = cast<RankedTensorType>(type).getElementType();
    // A truth value is a byte in memory.
    Type inMemory = element.isInteger(1) ? IntegerType::get(getContext(), 8) : element;
    if (!base || base.getElementType() != inMemory)
      return emitOpError("L1: argument ") << position << " of kernel " << getKernel() << " is no base for " << type;
  }
  for (const Alternative &each : alternatives()) {
    auto other = symbols.lookupNearestSymbolFrom<FunctionOpInterface>(*this, each.kernel);
    if (!other || other.getArgumentTypes() != kernel.getArgumentTypes())
      return emitOpError("L5: the alternative ")
             << each.kernel << " is no kernel with the arguments of " << getKernel();
  }
  return success();
}

SmallVector<LaunchOp::Alternative> LaunchOp::alternatives() {
  SmallVector<Alternative> found;
  if (getAlternatives())
    for (auto [kernel, grid, conditions] :
         llvm::zip_equal(getAlternativesAttr().getAsRange<FlatSymbolRefAttr>(),
                         getAlternativeGridsAttr().getAsValueRange<AffineMapAttr>(),
                         getAlternativeConditionsAttr().getAsValueRange<AffineMapAttr>()))
      found.push_back({kernel, grid, conditions});
  return found;
}

void LaunchOp::setAlternatives(ArrayRef<Alternative> alternatives) {
  SmallVector<Attribute> kernels, grids, conditions;
  for (const Alternative &each : alternatives) {
    kernels.push_back(each.kernel);
    grids.push_back(AffineMapAttr::get(each.grid));
    conditions.push_back(AffineMapAttr::get(each.conditions));
  }
  setAlternativesAttr(ArrayAttr::get(getContext(), kernels));
  setAlternativeGridsAttr(ArrayAttr::get(getContext(), grids));
  setAlternativeConditionsAttr(ArrayAttr::get(getContext(), conditions));
}

/// L5: a kernel, a grid and conditions each.
static LogicalResult verifyAlternatives(LaunchOp op) {
  auto sizeOf = [](ArrayAttr attribute) { return attribute ? attribute.size() : 0; };
  size_t kernels = sizeOf(op.getAlternativesAttr()), grids = sizeOf(op.getAlternativeGridsAttr());
  size_t conditions = sizeOf(op.getAlternativeConditionsAttr());
  if (kernels != grids || kernels != conditions)
    return op.emitOpError("L5: needs a grid and conditions per alternative, got ")
           << kernels << " kernels, " << grids << " grids and " << conditions << " conditions";
  for (const LaunchOp::Alternative &each : op.alternatives()) {
    if (each.grid.getNumDims() != 0 || each.grid.getNumResults() != op.getGrid().getNumResults())
      return op.emitOpError("L5: the grid of an alternative must be like ")
             << AffineMapAttr::get(op.getGrid()) << ", got " << AffineMapAttr::get(each.grid);
    if (each.conditions.getNumDims() != 0)
      return op.emitOpError("L5: conditions have symbols and no dimensions, got ")
             << AffineMapAttr::get(each.conditions);
  }
  return success();
}

LogicalResult LaunchOp::verify() {
  if (failed(verifyAlternatives(*this)))
    return failure();
  if (getResultShapes().size() != getResults().size())
    return emitOpError("L2: needs one shape per result, got ") << getResultShapes().size();
  for (auto [shape, result] : llvm::zip_equal(getResultShapes().getAsValueRange<AffineMapAttr>(), getResults())) {
    auto type = cast<RankedTensorType>(result.getType());
    if (shape.getNumDims() != 0 || shape.getNumResults() != static_cast<unsigned>(type.getRank()))
      return emitOpError("L2: a result shape must be ()[symbols] -> (sizes) for ")
             << type << ", got " << AffineMapAttr::get(shape);
  }
  if (getGrid().getNumResults() < 1 || getGrid().getNumResults() > 3)
    return emitOpError("L2: grid must have 1 to 3 sizes, got ") << getGrid().getNumResults();
  for (AffineMap map : {getParams(), getGrid(), getFlops(), getBytes()})
    if (map.getNumDims() != 0)
      return emitOpError("L2: maps have symbols and no dimensions, got ") << AffineMapAttr::get(map);
  return success();
}
