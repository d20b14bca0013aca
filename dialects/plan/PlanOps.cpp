/// Constraints of plan.kernel (K1 to K3) and plan.launch (L1).
#include "dialects/plan/Plan.h"

using namespace mlir;
using namespace heed::plan;

#define GET_OP_CLASSES
#include "dialects/plan/PlanOps.cpp.inc"

/// K2: a view has an offset and a stride per dimension of the tensor seen through it, and there is a size per
/// dimension.
static LogicalResult verifyViews(KernelOp op, ArrayAttr views, ArrayAttr sizes, TypeRange seen, StringRef what) {
  if (views.size() != seen.size() || sizes.size() != seen.size())
    return op.emitOpError("K2: needs one view and one map of sizes per ") << what << ", got " << views.size();
  for (auto [view, size, type] :
       llvm::zip_equal(views.getAsValueRange<AffineMapAttr>(), sizes.getAsValueRange<AffineMapAttr>(), seen)) {
    auto tensor = dyn_cast<RankedTensorType>(type);
    if (!tensor || view.getNumDims() != 0 || view.getNumResults() != static_cast<unsigned>(tensor.getRank() + 1))
      return op.emitOpError("K2: the view of a ") << what << " must be ()[symbols] -> (offset, strides) for " << type
                                                  << ", got " << AffineMapAttr::get(view);
    if (size.getNumDims() != 0 || size.getNumResults() != static_cast<unsigned>(tensor.getRank()))
      return op.emitOpError("K2: the sizes of a ")
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
  return failure(
      failed(verifyViews(*this, getOperandViews(), getOperandSizes(), block.getArgumentTypes(), "operand")) ||
      failed(verifyViews(*this, getResultViews(), getResultSizes(), yield.getValues().getTypes(), "result")));
}

LogicalResult LaunchOp::verifySymbolUses(SymbolTableCollection &symbols) {
  auto kernel = symbols.lookupNearestSymbolFrom<FunctionOpInterface>(*this, getKernelAttr());
  if (!kernel)
    return emitOpError("L1: no kernel named ") << getKernel();
  size_t bases = getOperands().size() + getResults().size();
  if (kernel.getNumArguments() != bases + getParams().getNumResults())
    return emitOpError("L1: kernel ") << getKernel() << " takes " << kernel.getNumArguments() << " arguments, got "
                                      << bases << " bases and " << getParams().getNumResults() << " parameters";
  return success();
}
