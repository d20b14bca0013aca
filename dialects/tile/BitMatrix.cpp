#include "dialects/tile/BitMatrix.h"

#include "llvm/ADT/bit.h"

using namespace heed::tile;

BitMatrix::BitMatrix(unsigned outputBits, llvm::ArrayRef<uint64_t> columns) : rows(outputBits), entries(columns) {}

BitMatrix BitMatrix::identity(unsigned bits) {
  llvm::SmallVector<uint64_t> columns;
  for (unsigned bit = 0; bit < bits; ++bit)
    columns.push_back(uint64_t(1) << bit);
  return BitMatrix(bits, columns);
}

uint64_t BitMatrix::apply(uint64_t input) const {
  uint64_t output = 0;
  for (unsigned bit = 0; bit < entries.size(); ++bit)
    if (input >> bit & 1)
      output ^= entries[bit];
  return output;
}

BitMatrix BitMatrix::compose(const BitMatrix &inner) const {
  llvm::SmallVector<uint64_t> columns;
  for (uint64_t column : inner.entries)
    columns.push_back(apply(column));
  return BitMatrix(rows, columns);
}

llvm::SmallVector<BitMatrix::Pivot> BitMatrix::eliminate(uint64_t &dependent) const {
  llvm::SmallVector<Pivot> pivots;
  dependent = 0;
  for (unsigned bit = 0; bit < entries.size(); ++bit) {
    Pivot next = {entries[bit], uint64_t(1) << bit};
    for (const Pivot &pivot : pivots)
      if (next.value & llvm::bit_floor(pivot.value)) {
        next.value ^= pivot.value;
        next.inputs ^= pivot.inputs;
      }
    if (next.value)
      pivots.push_back(next);
    else
      dependent |= uint64_t(1) << bit;
  }
  return pivots;
}

unsigned BitMatrix::rank() const {
  uint64_t dependent;
  return eliminate(dependent).size();
}

uint64_t BitMatrix::dependentInputs() const {
  uint64_t dependent;
  eliminate(dependent);
  return dependent;
}

std::optional<uint64_t> BitMatrix::solve(uint64_t output) const {
  uint64_t dependent, inputs = 0;
  for (const Pivot &pivot : eliminate(dependent))
    if (output & llvm::bit_floor(pivot.value)) {
      output ^= pivot.value;
      inputs ^= pivot.inputs;
    }
  if (output)
    return std::nullopt;
  return inputs;
}

std::optional<BitMatrix> BitMatrix::invert() const {
  llvm::SmallVector<uint64_t> columns;
  for (unsigned bit = 0; bit < rows; ++bit) {
    std::optional<uint64_t> inputs = solve(uint64_t(1) << bit);
    if (!inputs)
      return std::nullopt;
    columns.push_back(*inputs);
  }
  return BitMatrix(inputBits(), columns);
}
