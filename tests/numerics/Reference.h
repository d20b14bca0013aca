//===- Reference.h - Attention in float64, and the plain f32 error --*- C++ -*-===//
//
// Two evaluations of a case in natural order: float64, which is the truth, and the plain computation a careful
// programmer would write, whose error is the yardstick (see Measure.h): f32 scores, softmax and accumulation, the
// probabilities rounded to the storage type once and the output once.
//
//===----------------------------------------------------------------------===//
#ifndef TESTS_NUMERICS_REFERENCE_H
#define TESTS_NUMERICS_REFERENCE_H

#include "tests/numerics/Inputs.h"

namespace heed::numerics {

struct Reference {
  /// [batch, queryHeads, rows, valueWidth]
  std::vector<double> out;
  /// Of the plain computation: what it stores.
  std::vector<float> plain;
  /// [batch, queryHeads, rows]: whether the row sees any key. Rows that do not must be exactly 0.
  std::vector<uint8_t> hasKey;
};

Reference evaluate(const Inputs &inputs);

} // namespace heed::numerics

#endif // TESTS_NUMERICS_REFERENCE_H
