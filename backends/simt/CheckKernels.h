/// What a backend may rely on when it is given simt.kernels.
#pragma once

#include "backends/simt/SimtTarget.h"

#include "mlir/IR/BuiltinOps.h"

namespace heed::simt {

/// Checks that the module holds nothing but simt.kernels made for this chip: its lanes, limits and abilities, and the
/// ops and types of the dialect's specification. Code generators may end the process on anything else.
mlir::LogicalResult checkKernels(mlir::ModuleOp module, const SimtTarget &target);

} // namespace heed::simt
