/// Which generics are matrix products that the matmul skeleton can tile.
#pragma once

#include "mlir/Dialect/Linalg/IR/Linalg.h"

namespace heed {

/// The loops of a contraction by their part in it.
struct Contraction {
  llvm::SmallVector<unsigned> outer; ///< parallel loops the grid walks one by one, batch loops among them
  unsigned row = 0;                  ///< innermost loop that only the left operand has
  unsigned column = 0;               ///< innermost loop that only the right operand has
  unsigned depth = 0;                ///< the one reduction loop
};

/// Matches `sum += left * right` over one reduction loop, with operands extended to the type of the sum if need be, a
/// zero initial value, and both a row and a column loop. Sums are f32, or f64 of f64 operands.
std::optional<Contraction> matchContraction(mlir::linalg::GenericOp generic);

/// Whether two contractions are the same but for their right operands, so that one kernel can work on both and read
/// what is left of them once. Sizes that are known at run time only are taken to be equal.
bool shareLeftOperand(mlir::linalg::GenericOp a, mlir::linalg::GenericOp b);

/// The contractions of a matmul kernel, in order; all share their left operand.
llvm::SmallVector<mlir::linalg::GenericOp> contractionsOf(mlir::Block &kernel);

} // namespace heed
