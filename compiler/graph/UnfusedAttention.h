/// Attention that stays written out after raising: its scores would be materialised.
#pragma once

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/STLFunctionalExtras.h"

#include <string>

namespace heed {

/// The string attribute in which a pass says why an op stayed as it was.
constexpr llvm::StringLiteral noteAttrName = "heed.note";

/// Calls back for every softmax whose input derives from a contraction and whose output goes into one, with its note
/// (empty when raising did not get to see it). Returns whether there was one.
bool hasUnfusedAttention(mlir::func::FuncOp function,
                         llvm::function_ref<void(mlir::Operation *softmax, llvm::StringRef note)> callback);

/// Why the weights of a softmax must exist as a tensor although a product takes them: what else uses them; empty when
/// only products do.
std::string otherUseOfWeights(mlir::Operation *softmax);

} // namespace heed
