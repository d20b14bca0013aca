/// What elementwise ops, reductions and scans of tiles mean on one scalar or on a vector of any backend.
#pragma once

#include "dialects/tile/Tile.h"

#include "mlir/IR/Builders.h"

namespace heed::tile {

/// f16 or bf16, which are computed in f32 and rounded after every op.
inline bool isSmallFloat(mlir::Type type) { return type.isF16() || type.isBF16(); }

/// `x` and `y` combined. An extreme of two floats is `y` where one is a NaN.
mlir::Value combine(mlir::OpBuilder &b, mlir::Location loc, Combine kind, mlir::Value x, mlir::Value y);

/// What combining leaves as it is, as a constant of a scalar or vector type; for extremes of floats a finite one.
mlir::Value neutral(mlir::OpBuilder &b, mlir::Location loc, Combine kind, mlir::Type type);

/// A value of an integer type or of a vector of integers to another width.
mlir::Value castInteger(mlir::OpBuilder &b, mlir::Location loc, mlir::Value value, mlir::Type type, bool isUnsigned);

/// True for integer divisions and remainders.
bool isDivision(mlir::Operation *op);

/// The division `op` of other operands, as graphs need it from a compiler: nothing undefined and no trap for a zero
/// divisor or for the lowest value over -1. Padding holds anything, so this also keeps it harmless.
mlir::Value divide(mlir::OpBuilder &b, mlir::Operation *op, mlir::Value dividend, mlir::Value divisor);

} // namespace heed::tile
