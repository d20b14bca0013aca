/// How far two results are apart.
#pragma once

#include "compiler/interp/Values.h"

namespace heed::interp {

struct Difference {
  double largestError = 0;     ///< max |a - b|
  double largestReference = 0; ///< max |a|, infinities aside
  int64_t elements = 0;
  /// Set when the two cannot be compared, or hold a NaN or different infinities: a clause saying so.
  std::string mismatch;

  /// Norm-wise: the largest error over the largest reference; the error itself where the reference is 0 throughout.
  double relative() const { return largestReference > 0 ? largestError / largestReference : largestError; }
};

Difference compare(const RuntimeValue &reference, const RuntimeValue &other, mlir::Type type);

} // namespace heed::interp
