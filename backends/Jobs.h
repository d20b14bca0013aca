/// Independent pieces of a compilation, side by side.
#pragma once

#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/Support/LLVM.h"
#include "llvm/ADT/STLFunctionalExtras.h"

#include <cstddef>
#include <vector>

namespace heed {

/// Runs job(0) .. job(count - 1) on the threads of the context, in any order, or one after another where it has none.
/// Either way the outcome is that of one after another until one fails: diagnostics come in the order of the jobs, and
/// none from behind the first failure. Jobs may run jobs of their own. Dialects that they need must be loaded before.
mlir::LogicalResult runJobs(mlir::MLIRContext &context, size_t count,
                            llvm::function_ref<mlir::LogicalResult(size_t)> job);

/// What was said while something ran.
using Reports = std::vector<mlir::Diagnostic>;

/// Runs it, and keeps what it says until it is known whether it counts.
Reports holdReports(mlir::MLIRContext &context, llvm::function_ref<void()> run);
/// Says it now.
void release(mlir::MLIRContext &context, Reports reports);

} // namespace heed
