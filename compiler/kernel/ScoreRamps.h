/// Scores to which a region adds a product of a number and a distance, as ALiBi does: s + slope[head] (key - row).
#pragma once

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/Region.h"

#include <optional>

namespace heed {

/// s + factor * distance, or s - factor * distance: `factor` is the same for all rows and keys, and `distance` is made
/// of where those are and of constants alone.
struct ScoreRamp {
  mlir::arith::MulFOp product;
  unsigned factor; ///< of its operands
  bool isSubtracted;
};

/// What a score region adds, if it does nothing else.
std::optional<ScoreRamp> findRamp(mlir::Region &score);

/// Makes `part`, a copy of that region, yield the factor divided by `scale`.
void yieldFactor(mlir::Region &part, double scale);

/// Makes `part`, another copy, yield the ramp of the factor that it is given instead of a score.
void yieldRamp(mlir::Region &part);

} // namespace heed
