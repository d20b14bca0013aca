/// The skeletons: one C++ builder per kernel root. Each fills a KernelBuilder from a plan.kernel and ends it.
#pragma once

#include "backends/Backend.h"
#include "compiler/kernel/KernelBuilder.h"

namespace heed {

/// Online-softmax attention around an attn.attend: the kernels it becomes, which replace `source`.
mlir::LogicalResult buildAttends(plan::KernelOp source, llvm::StringRef name, const Backend &backend);
/// Contractions over one dimension that share their left operand, with an epilogue; in blocks of one of
/// matmulChoices().
mlir::LogicalResult buildMatmul(KernelBuilder &kernel, const MatmulBlocks &blocks, const MachineTraits &machine);
/// The same of these where lanes sum along the depth; called by buildMatmul.
mlir::LogicalResult buildFewRows(KernelBuilder &kernel, llvm::ArrayRef<mlir::linalg::GenericOp> products,
                                 const MatmulBlocks &blocks, const MachineTraits &machine);
/// What it may be blocked in, the best first. Fails, with an error, where there is no contraction.
mlir::FailureOr<llvm::SmallVector<MatmulBlocks>> matmulChoices(plan::KernelOp kernel, const Backend &backend);
/// Norms, softmax and reductions over the rows of a tensor.
mlir::LogicalResult buildRow(KernelBuilder &kernel, const Backend &backend);
/// The reductions among these; called by buildRow.
mlir::LogicalResult buildReduction(KernelBuilder &kernel, mlir::linalg::GenericOp root, const Backend &backend);
/// Anything index-mapped: elementwise, transposes, gathers.
mlir::LogicalResult buildMap(KernelBuilder &kernel, const Backend &backend);

/// Blocks of the last two dimensions of a tensor that a kernel makes element by element.
RowBlocks mapBlocksOf(mlir::RankedTensorType type, const Backend &backend);
/// Rows written into a cache, in whose place the result is.
mlir::LogicalResult buildAppend(KernelBuilder &kernel, const Backend &backend);

} // namespace heed
