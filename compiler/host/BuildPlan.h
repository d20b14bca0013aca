/// From launches and compiled kernels to the plan that the runtime runs.
#pragma once

#include "backends/Backend.h"
#include "compiler/host/ConstantPool.h"
#include "compiler/host/SymbolExpressions.h"
#include "runtime/PlanModel.h"

namespace heed {

/// Names of the attributes that this level reads beyond those of Plan.h; see buildPlan.
constexpr llvm::StringLiteral unsignedAttrName = "plan.unsigned";
constexpr llvm::StringLiteral capacityAttrName = "plan.capacity";

struct PlanRequest {
  std::string target;             ///< kind of driver: "cpu", "cuda", ..
  const CompiledKernels *kernels; ///< code of every tile.kernel that is launched
  uint32_t firstCode = 0;         ///< code section of the package that holds image 0
};

/// Makes the plan of a module in launch form. Its one function (or @main) holds, besides the terminator, only
///
/// * `arith.constant` tensors (dense or dense_resource),
/// * `plan.launch`,
/// * `tensor.expand_shape`, `tensor.collapse_shape` and `tensor.cast`: the same bytes under another shape,
/// * index arithmetic for the sizes of those: `plan.symbol`, `arith.constant`, `arith` on index, `affine.apply`,
///   `tensor.dim`.
///
/// Anything else is an error at that op, since it would have to be computed by no kernel. Attributes read beyond those
/// of Plan.td:
///
/// * `plan.constraints` on the function: affine sets over the symbols that every call must satisfy, each alone or as
///   `{set = affine_set<..>, message = ".."}` with the words for the user;
/// * `plan.unsigned` on an argument or result: its integers are unsigned for callers;
/// * `plan.shape` on a result: its sizes, where the compiler should not derive them;
/// * `plan.capacity` on a result with `plan.alias`: sizes the shared memory must be able to hold;
/// * `plan.tied` on a launch: for each result the operand whose content it starts from (the kernel writes only a part
/// of
///   it), or -1. The result takes the operand's storage when that is state in place, else a copy of it.
///
/// A launch's notes that start with "fused: " or "pulled in: " name what runs inside the kernel besides its root; one
/// that starts with "fallback: " says why the kernel is not what was hoped for.
///
/// A launch whose result is returned writes straight into the output. The order of steps is the order of launches;
/// launches nobody needs are left out.
mlir::LogicalResult buildPlan(mlir::ModuleOp module, const PlanRequest &request, ConstantPool &constants,
                              rt::Plan &plan);

/// The function a module's plan is made from: @main, or the only function. Reports an error when there is none.
mlir::FailureOr<mlir::func::FuncOp> findGraph(mlir::ModuleOp module);

} // namespace heed
