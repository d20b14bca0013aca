/// Linear maps over GF(2), the algebra under layouts.
#pragma once

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/SmallVector.h"

#include <cstdint>
#include <optional>

namespace heed::tile {

/// A linear map over GF(2) from input bits to output bits: bit i of the input adds (by XOR) column i to the output.
/// At most 64 bits on either side.
class BitMatrix {
public:
  BitMatrix() = default;
  BitMatrix(unsigned outputBits, llvm::ArrayRef<uint64_t> columns);
  static BitMatrix identity(unsigned bits);

  unsigned inputBits() const { return entries.size(); }
  unsigned outputBits() const { return rows; }
  uint64_t column(unsigned bit) const { return entries[bit]; }
  llvm::ArrayRef<uint64_t> columns() const { return entries; }

  uint64_t apply(uint64_t input) const;
  /// First `inner`, then this one; inner's outputs are this one's inputs.
  BitMatrix compose(const BitMatrix &inner) const;

  unsigned rank() const;
  bool isInjective() const { return rank() == inputBits(); }
  bool isSurjective() const { return rank() == outputBits(); }
  /// The input bits whose columns are sums of the columns before them, as a mask. Leaving them at zero loses no output
  /// and makes the map injective.
  uint64_t dependentInputs() const;
  /// The input that gives `output` with all dependent bits zero; none when no input does.
  std::optional<uint64_t> solve(uint64_t output) const;
  /// The map from an output to solve(output). Exists for surjective maps; it is the inverse of a bijective one, and in
  /// general apply(invert()->apply(y)) == y.
  std::optional<BitMatrix> invert() const;

  bool operator==(const BitMatrix &other) const { return rows == other.rows && entries == other.entries; }
  bool operator!=(const BitMatrix &other) const { return !(*this == other); }

private:
  struct Pivot {
    uint64_t value;  // its highest bit is in no later pivot
    uint64_t inputs; // the input that gives the value
  };
  llvm::SmallVector<Pivot> eliminate(uint64_t &dependent) const;

  unsigned rows = 0;
  llvm::SmallVector<uint64_t> entries;
};

} // namespace heed::tile
