//===- Case.h - The cases of the numerics suite ------------------*- C++ -*-===//
//
// A case is one call of a mechanism's kernel: sizes, run-time scalars, and how its inputs are made and laid out.
//
//===----------------------------------------------------------------------===//
#ifndef TESTS_NUMERICS_CASE_H
#define TESTS_NUMERICS_CASE_H

#include "tests/numerics/Mechanism.h"

namespace heed::numerics {

/// What the queries and keys are like.
enum class Profile {
  Normal,     ///< logits of about +-3
  Peaked,     ///< logits of about +-20
  HugeLogits, ///< logits of about +-1e5, dot products exact in f32
  HugeOffset, ///< ordinary differences between logits that all lie near 1e5
  Growing, ///< logits that grow, in most rows, from keys to later keys: little, by about 8 binary logarithms, by more
};

/// How lengths[batch] and offsets[batch] are drawn, where the mechanism has them.
enum class LengthRule { Full, Random, WithZero };
enum class OffsetRule { Zero, BottomRight, Random };

struct Case {
  std::string name;
  /// Index into listMechanisms().
  int64_t mechanism = 0;
  uint64_t seed = 0;
  int64_t batch = 1, rows = 1, keys = 1;
  int64_t windowLeft = 0, windowRight = 0;
  int64_t prefix = 0;
  Profile profile = Profile::Normal;
  LengthRule lengthRule = LengthRule::Full;
  OffsetRule offsetRule = OffsetRule::Zero;
  /// Some rows of the mask tensor hide every key.
  bool maskedRows = false;
  /// Lay the inputs out with permuted dimensions and gaps (filled with NaN), drawn from the seed.
  bool strided = false;
};

/// One case of every kind for each mechanism, `rounds` times with other draws.
std::vector<Case> listCases(const std::vector<Mechanism> &mechanisms, int64_t rounds = 1);

/// About `count` of the cases, of few of the kernels, as every kernel that is used costs its loading: some evenly
/// spread over the list, and some for what those lack. The same ones for the same list.
std::vector<Case> sampleCases(std::vector<Case> cases, size_t count);

} // namespace heed::numerics

#endif // TESTS_NUMERICS_CASE_H
