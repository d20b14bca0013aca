/// What the passes that build graph ops share.
#pragma once

#include "compiler/graph/Element.h"

namespace mlir {
class DialectRegistry;
} // namespace mlir

namespace heed {

/// The dialects that graph passes create ops of.
void registerRewritingDialects(mlir::DialectRegistry &registry);

/// Erases ops of the function without effects whose results nobody uses, last first, until none is left.
void eraseUnusedOps(mlir::func::FuncOp function);

enum class RaiseOrder { FirstToLast, LastToFirst };

/// What the passes that raise one tensor at a time have in common: shows `raise` every tensor of the function that is
/// used, with a walker over elements of its shape, and erases what is unused at the end.
void raiseTensors(mlir::func::FuncOp function, RaiseOrder order,
                  llvm::function_ref<void(mlir::Value tensor, ElementWalker &walker)> raise);

/// `tensor` as a value of `type`, of the same sizes: the width of floats changes by a linalg.generic, what the type
/// knows of the sizes by tensor.cast.
mlir::Value convertTo(mlir::OpBuilder &builder, mlir::Location location, mlir::Value tensor,
                      mlir::RankedTensorType type);
/// The same with the sizes of `tensor`.
mlir::Value convertElements(mlir::OpBuilder &builder, mlir::Location location, mlir::Value tensor,
                            mlir::Type elementType);

} // namespace heed
