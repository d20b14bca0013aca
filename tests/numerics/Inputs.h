//===- Inputs.h - The input values of a case ---------------------*- C++ -*-===//
//
// All inputs as dense arrays of numbers that the storage type can represent, made from the seed of the case.
//
//===----------------------------------------------------------------------===//
#ifndef TESTS_NUMERICS_INPUTS_H
#define TESTS_NUMERICS_INPUTS_H

#include "tests/numerics/Case.h"

#include <algorithm>

namespace heed::numerics {

struct Inputs {
  Mechanism mechanism;
  int64_t batch, rows, keys;
  int64_t windowLeft, windowRight, prefix;

  std::vector<float> query;       ///< [batch, queryHeads, rows, keyWidth]
  std::vector<float> key;         ///< [batch, keyHeads, keys, keyWidth]
  std::vector<float> value;       ///< [batch, keyHeads, keys, valueWidth]
  std::vector<int64_t> lengths;   ///< [batch], all `keys` if the mechanism has none
  std::vector<int64_t> offsets;   ///< [batch], all 0 if the mechanism has none
  std::vector<int32_t> queryDocs; ///< [batch, rows], empty if the mechanism has none
  std::vector<int32_t> keyDocs;   ///< [batch, keys], likewise
  std::vector<float> slopes;      ///< [queryHeads], likewise
  std::vector<float> table;       ///< [queryHeads, distances], likewise
  std::vector<float> sinks;       ///< [queryHeads], likewise
  /// [batch or 1, queryHeads or 1, rows or 1, keys], likewise. A bool mask holds 0 and 1, a float mask numbers and
  /// -inf.
  std::vector<float> mask;

  int64_t maskBatches() const { return mechanism.maskPerBatch ? batch : 1; }
  int64_t maskHeads() const { return mechanism.maskPerHead ? mechanism.queryHeads : 1; }
  int64_t maskRows() const { return mechanism.maskPerRow ? rows : 1; }
  const float *maskRow(int64_t b, int64_t head, int64_t row) const {
    int64_t at = mechanism.maskPerBatch ? b : 0;
    at = at * maskHeads() + (mechanism.maskPerHead ? head : 0);
    at = at * maskRows() + (mechanism.maskPerRow ? row : 0);
    return mask.data() + at * keys;
  }
  /// What the table adds to a score.
  float ofDistance(int64_t head, int64_t position, int64_t k) const {
    int64_t place = position - k + mechanism.distances / 2;
    return table[head * mechanism.distances + std::clamp<int64_t>(place, 0, mechanism.distances - 1)];
  }
  int64_t outputCount() const { return batch * mechanism.queryHeads * rows * mechanism.valueWidth; }
};

Inputs makeInputs(const Mechanism &mechanism, const Case &test);

} // namespace heed::numerics

#endif // TESTS_NUMERICS_INPUTS_H
