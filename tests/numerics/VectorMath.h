//===- VectorMath.h - Functions that vectorise -------------------*- C++ -*-===//
//
// exp and tanh in double precision without branches, calls or tables, so that loops over them become vector code and
// give the same bits on every machine (compile with -ffp-contract=off).
//
//===----------------------------------------------------------------------===//
#ifndef TESTS_NUMERICS_VECTORMATH_H
#define TESTS_NUMERICS_VECTORMATH_H

#include <bit>
#include <cstdint>

namespace heed::numerics {

/// exp(x) within about one unit in the last place for -708 <= x <= 708; 0 below, exp(708) above.
[[gnu::always_inline]] inline double exponential(double x) {
  constexpr double roundingShift = 0x1.8p52;
  constexpr double log2e = 0x1.71547652b82fep0, ln2High = 0x1.62e42fee00000p-1, ln2Low = 0x1.a39ef35793c76p-33;
  double clamped = x < -708.0 ? -708.0 : x;
  clamped = clamped > 708.0 ? 708.0 : clamped;
  double shifted = clamped * log2e + roundingShift;
  double whole = shifted - roundingShift;
  double r = (clamped - whole * ln2High) - whole * ln2Low;
  // The Taylor series to r^13: |r| <= ln(2)/2 leaves a remainder below 1e-17.
  double p = 1.0 / 6227020800.0;
  p = p * r + 1.0 / 479001600.0;
  p = p * r + 1.0 / 39916800.0;
  p = p * r + 1.0 / 3628800.0;
  p = p * r + 1.0 / 362880.0;
  p = p * r + 1.0 / 40320.0;
  p = p * r + 1.0 / 5040.0;
  p = p * r + 1.0 / 720.0;
  p = p * r + 1.0 / 120.0;
  p = p * r + 1.0 / 24.0;
  p = p * r + 1.0 / 6.0;
  p = p * r + 0.5;
  p = p * r + 1.0;
  p = p * r + 1.0;
  // The low bits of `shifted` hold the exponent as an integer.
  int64_t exponent = std::bit_cast<int64_t>(shifted) - std::bit_cast<int64_t>(roundingShift);
  double result = p * std::bit_cast<double>((exponent + 1023) << 52);
  return x < -708.0 ? 0.0 : result;
}

/// tanh(x) with an absolute error of at most 2^-51.
[[gnu::always_inline]] inline double hyperbolicTangent(double x) { return 1.0 - 2.0 / (exponential(2.0 * x) + 1.0); }

} // namespace heed::numerics

#endif // TESTS_NUMERICS_VECTORMATH_H
