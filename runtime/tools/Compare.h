// How far an output is from what was expected.
#ifndef HEED_RUNTIME_TOOLS_COMPARE_H
#define HEED_RUNTIME_TOOLS_COMPARE_H

#include "runtime/tools/HostTensor.h"

namespace heed::rt {

struct Comparison {
  bool matches = true;
  double worstError = 0; // largest |got - expected|; infinite when one side only is NaN or infinite
  int64_t worstIndex = 0;
  double normWise = 0; // largest |error| over largest |expected|, or over 1 when all expected values are zero
};

/// |got - expected| <= atol + rtol |expected| must hold everywhere, NaN equals NaN; integers and bool must be equal.
/// Type and shape must agree, or it fails.
Status compare(const HostTensor &got, const HostTensor &expected, double rtol, double atol, Comparison &result);

/// "[1, 0, 3]" of a linear index.
std::string printIndex(const HostTensor &tensor, int64_t index);

} // namespace heed::rt

#endif // HEED_RUNTIME_TOOLS_COMPARE_H
