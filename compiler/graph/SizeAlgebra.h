/// Sizes and indices as polynomials: the one place that decides whether two of them are equal.
///
/// Symbols are sizes, so they are taken as not negative; dimensions are indices, not negative and below their extents.
#pragma once

#include "mlir/IR/AffineExpr.h"
#include "llvm/ADT/ArrayRef.h"

namespace heed {

/// `expression` in normal form: sums of products in a fixed order, quotients and remainders taken out where that is
/// exact. `dimExtents[i]` is the number of values of d_i (null where it is not known); with it, (d0 * 12 + d1) mod 12
/// becomes d1 when d1 has 12 values. Null stays null; an expression whose coefficients overflow stays as it is.
mlir::AffineExpr simplifySize(mlir::AffineExpr expression, llvm::ArrayRef<mlir::AffineExpr> dimExtents = {});

/// Whether the two are equal for every value of their symbols and dimensions. Null equals nothing.
bool provablyEqual(mlir::AffineExpr left, mlir::AffineExpr right, llvm::ArrayRef<mlir::AffineExpr> dimExtents = {});

/// Whether the value cannot be negative, by the signs of the terms alone.
bool provablyNonNegative(mlir::AffineExpr expression);

} // namespace heed
