/// Scores that a region bounds softly, c tanh(x / c), by an exponential and a reciprocal.
#pragma once

#include "mlir/IR/Builders.h"

namespace heed {

/// The largest c for which weights of that type do not show the difference: it changes a score by at most c 2^-21, and
/// a weight by that part of it, which is a sixteenth at most of what rounding it may change. 0: none.
double largestCap(mlir::Type weight);

/// `scores`, if they are c tanh(k x) with constants c, at most `largest`, and k, as c - 2 c / (1 + 2^(2 k log2(e) x));
/// else `scores`. Arithmetic must compute with infinities. The constants around the tanh become two.
mlir::Value capScores(mlir::OpBuilder &builder, mlir::Value scores, double largest);

} // namespace heed
