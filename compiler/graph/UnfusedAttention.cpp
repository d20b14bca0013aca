#include "compiler/graph/UnfusedAttention.h"

#include "compiler/graph/Element.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "llvm/ADT/SetVector.h"

using namespace mlir;
using namespace heed;

static bool isContraction(Operation *op) {
  auto structured = dyn_cast_or_null<linalg::LinalgOp>(op);
  return structured && structured.getNumReductionLoops() > 0 && linalg::isaContractionOpInterface(structured);
}

/// Ops that pass elements on, one by one.
static bool passesOn(Operation *op) {
  if (auto structured = dyn_cast<linalg::LinalgOp>(op))
    return isElementByElement(structured);
  return OpTrait::hasElementwiseMappableTraits(op) || isa<tensor::TensorDialect>(op->getDialect());
}

/// Calls back for the ops that end the ways from `start`, backwards or forwards, through ops that pass elements on.
static void walkFrom(Operation *start, bool forwards, llvm::function_ref<void(Operation *)> visit) {
  llvm::SetVector<Operation *> pending;
  auto extend = [&](Operation *op) {
    if (forwards)
      pending.insert(op->user_begin(), op->user_end());
    else
      for (Value operand : op->getOperands())
        if (Operation *producer = operand.getDefiningOp())
          pending.insert(producer);
  };
  extend(start);
  for (unsigned next = 0; next < pending.size(); ++next) {
    if (passesOn(pending[next]))
      extend(pending[next]);
    else
      visit(pending[next]);
  }
}

bool heed::hasUnfusedAttention(func::FuncOp function, llvm::function_ref<void(Operation *, StringRef)> callback) {
  bool found = false;
  function.walk([&](linalg::SoftmaxOp softmax) {
    bool fromProduct = false, intoProduct = false;
    walkFrom(softmax, false, [&](Operation *op) { fromProduct |= isContraction(op); });
    walkFrom(softmax, true, [&](Operation *op) { intoProduct |= isContraction(op); });
    if (!fromProduct || !intoProduct)
      return;
    found = true;
    auto note = softmax->getAttrOfType<StringAttr>(noteAttrName);
    callback(softmax, note ? note.getValue() : StringRef());
  });
  return found;
}

std::string heed::otherUseOfWeights(Operation *softmax) {
  std::string other;
  walkFrom(softmax, true, [&](Operation *op) {
    if (!isContraction(op) && other.empty())
      other = ("the weights are also used by " + op->getName().getStringRef()).str();
  });
  return other;
}
