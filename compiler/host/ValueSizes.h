/// The sizes of a graph's tensors, as expressions of its plan.
#pragma once

#include "compiler/host/SymbolExpressions.h"
#include "mlir/IR/OpDefinition.h"

namespace heed {

/// Follows a tensor to its origin: an argument's `plan.shape`, a launch's `result_shapes`, a constant's type; reshapes
/// in between are applied. Errors are reported at the op that cannot be sized.
class ValueSizes {
public:
  ValueSizes(mlir::func::FuncOp graph, SymbolExpressions &symbols, rt::Plan &plan)
      : graph(graph), symbols(symbols), plan(plan) {}

  mlir::FailureOr<llvm::SmallVector<rt::ExprId>> sizes(mlir::Value tensor);
  /// The value of an index computation over symbols and sizes.
  mlir::FailureOr<rt::ExprId> index(mlir::OpFoldResult value);
  rt::ExprId product(llvm::ArrayRef<rt::ExprId> factors);

private:
  using Sizes = mlir::FailureOr<llvm::SmallVector<rt::ExprId>>;

  Sizes staticSizes(mlir::RankedTensorType type);
  Sizes argumentSizes(mlir::BlockArgument argument);
  Sizes launchSizes(mlir::OpResult result);
  Sizes expandedSizes(mlir::Value tensor);
  Sizes collapsedSizes(mlir::Value tensor);
  Sizes castSizes(mlir::Value tensor);
  mlir::FailureOr<rt::ExprId> indexOp(mlir::Operation *op);

  mlir::func::FuncOp graph;
  SymbolExpressions &symbols;
  rt::Plan &plan;
};

/// Whether an op shows the bytes of its operand 0 under another shape.
bool isReshape(mlir::Operation *op);

/// The value whose storage `tensor` is, through reshapes.
mlir::Value storageRoot(mlir::Value tensor);

} // namespace heed
