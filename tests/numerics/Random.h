//===- Random.h - Counter-based random numbers -------------------*- C++ -*-===//
//
// A number depends only on (seed, stream, index), so that inputs can be made in any order, on any machine, and are the
// same everywhere: integer mixing and exact conversions, no library function.
//
//===----------------------------------------------------------------------===//
#ifndef TESTS_NUMERICS_RANDOM_H
#define TESTS_NUMERICS_RANDOM_H

#include <cstdint>

namespace heed::numerics {

/// A bijective mixing of 64 bits (the finaliser of SplitMix64).
[[gnu::always_inline]] inline uint64_t mixBits(uint64_t x) {
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ull;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebull;
  return x ^ (x >> 31);
}

/// One stream of random numbers, addressed by index.
class RandomStream {
public:
  RandomStream(uint64_t seed, uint64_t stream) : base(mixBits(mixBits(seed + 0x9e3779b97f4a7c15ull) + stream)) {}

  uint64_t bits(uint64_t index) const { return mixBits(base + (index + 1) * 0x9e3779b97f4a7c15ull); }

  /// A value in [0, count).
  int64_t below(uint64_t index, int64_t count) const {
    return static_cast<int64_t>((bits(index) >> 32) * static_cast<uint64_t>(count) >> 32);
  }

  /// A value in [low, high].
  int64_t between(uint64_t index, int64_t low, int64_t high) const { return low + below(index, high - low + 1); }

  /// True with the probability numerator / denominator.
  bool chance(uint64_t index, int64_t numerator, int64_t denominator) const {
    return below(index, denominator) < numerator;
  }

  /// Nearly normal with mean 0 and variance 1, within +-3.47: the sum of four uniform 16-bit numbers.
  float normal(uint64_t index) const {
    uint64_t word = bits(index);
    int32_t sum = static_cast<int32_t>(word & 0xffff) + static_cast<int32_t>((word >> 16) & 0xffff) +
                  static_cast<int32_t>((word >> 32) & 0xffff) + static_cast<int32_t>(word >> 48) - 2 * 0xffff;
    return static_cast<float>(sum) * (1.7320508f / 65536.0f);
  }

private:
  uint64_t base;
};

/// Draws one number after the other from a stream: for decisions, where the index carries no meaning.
class RandomSequence {
public:
  RandomSequence(uint64_t seed, uint64_t stream) : stream(seed, stream) {}
  int64_t below(int64_t count) { return stream.below(next++, count); }
  int64_t between(int64_t low, int64_t high) { return stream.between(next++, low, high); }
  bool chance(int64_t numerator, int64_t denominator) { return stream.chance(next++, numerator, denominator); }
  template <typename T, std::size_t count> T pick(const T (&choices)[count]) { return choices[below(count)]; }

private:
  RandomStream stream;
  uint64_t next = 0;
};

} // namespace heed::numerics

#endif // TESTS_NUMERICS_RANDOM_H
