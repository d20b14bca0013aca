//===- Measure.h - Is an output good enough? ---------------------*- C++ -*-===//
//
// With e = out - float64 and e_ref the same for the plain computation, an output of at least 4,096 numbers in rows that
// see a key passes if
//   rms(e)  <= 1.25 rms(e_ref) + 0.5 ulp(T) rms(out)   and
//   max|e|  <= 2 max|e_ref| + 1 ulp(T) max|out|,
// where ulp(T) is the largest relative spacing of the storage type (2^-23 for f32, 2^-10 for f16, 2^-7 for bf16) and
// rms(out), max|out| are taken from the float64 result. Smaller outputs are too few for an rms: there each number must
// lie within 1e-7 + 1e-3 |out| (what ONNX asks) plus the bound on max|e|, without which numbers that cancel to nearly 0
// would fail even the plain computation. Rows without a visible key are exactly 0.
//
//===----------------------------------------------------------------------===//
#ifndef TESTS_NUMERICS_MEASURE_H
#define TESTS_NUMERICS_MEASURE_H

#include "tests/numerics/Reference.h"

#include <span>

namespace heed::numerics {

struct Verdict {
  bool passed = true;
  /// One line: what exceeds what. Empty if passed.
  std::string reason;
  double rmsError = 0, maxError = 0;
  double rmsPlain = 0, maxPlain = 0;
  double rmsOut = 0, maxOut = 0;
  /// rms(e) over its bound; not meaningful for small outputs.
  double rmsFraction = 0;
};

/// Judges an output of the shape [batch, queryHeads, rows, valueWidth].
Verdict judge(const Inputs &inputs, const Reference &reference, std::span<const float> out);

} // namespace heed::numerics

#endif // TESTS_NUMERICS_MEASURE_H
