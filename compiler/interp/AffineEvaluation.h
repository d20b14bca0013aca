/// Values of affine maps.
#pragma once

#include "compiler/interp/Values.h"

#include "mlir/IR/AffineMap.h"

namespace heed::interp {

/// The value of `expr`, or nothing on a division by zero or an index outside of `dims` and `symbols`.
std::optional<int64_t> evaluate(mlir::AffineExpr expr, llvm::ArrayRef<int64_t> dims, llvm::ArrayRef<int64_t> symbols);
/// The values of all results of `map`.
std::optional<Shape> evaluate(mlir::AffineMap map, llvm::ArrayRef<int64_t> dims, llvm::ArrayRef<int64_t> symbols);

} // namespace heed::interp
