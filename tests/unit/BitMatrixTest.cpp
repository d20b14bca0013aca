#include "dialects/tile/BitMatrix.h"

#include "tests/unit/RandomLayouts.h"

#include <gtest/gtest.h>

using namespace heed::tile;
using namespace heed::test;

static BitMatrix randomMatrix(Generator &random, unsigned outputBits, unsigned inputBits) {
  llvm::SmallVector<uint64_t> columns;
  for (unsigned bit = 0; bit < inputBits; ++bit)
    columns.push_back(draw(random, 1u << outputBits));
  return BitMatrix(outputBits, columns);
}

TEST(BitMatrix, composesAsFunctionsDo) {
  Generator random(1);
  for (int round = 0; round < 300; ++round) {
    BitMatrix outer = randomMatrix(random, 5, 6), inner = randomMatrix(random, 6, 7);
    uint64_t input = draw(random, 128), other = draw(random, 128);
    EXPECT_EQ(outer.compose(inner).apply(input), outer.apply(inner.apply(input)));
    EXPECT_EQ(inner.apply(input ^ other), inner.apply(input) ^ inner.apply(other));
    EXPECT_EQ(inner.compose(BitMatrix::identity(7)), inner);
  }
}

TEST(BitMatrix, rankCountsOutputs) {
  Generator random(2);
  for (int round = 0; round < 300; ++round) {
    BitMatrix matrix = randomMatrix(random, 6, draw(random, 9));
    std::set<uint64_t> outputs, reduced;
    uint64_t dependent = matrix.dependentInputs();
    for (uint64_t input = 0; input < 1u << matrix.inputBits(); ++input) {
      outputs.insert(matrix.apply(input));
      if ((input & dependent) == 0)
        EXPECT_TRUE(reduced.insert(matrix.apply(input)).second) << "independent inputs reach an output once";
    }
    EXPECT_EQ(outputs.size(), 1u << matrix.rank());
    EXPECT_EQ(outputs, reduced);
  }
}

TEST(BitMatrix, invertSolvesEveryOutput) {
  Generator random(3);
  unsigned inverted = 0, bijective = 0;
  for (int round = 0; round < 500; ++round) {
    BitMatrix matrix = randomMatrix(random, 4, 3 + draw(random, 4));
    std::optional<BitMatrix> inverse = matrix.invert();
    ASSERT_EQ(inverse.has_value(), matrix.isSurjective());
    if (!inverse)
      continue;
    ++inverted;
    EXPECT_EQ(matrix.compose(*inverse), BitMatrix::identity(4));
    for (uint64_t output = 0; output < 16; ++output)
      EXPECT_EQ(inverse->apply(output) & matrix.dependentInputs(), 0u);
    if (matrix.isInjective()) {
      ++bijective;
      EXPECT_EQ(inverse->compose(matrix), BitMatrix::identity(4));
    }
  }
  EXPECT_GT(inverted, 100u);
  EXPECT_GT(bijective, 20u);
}

TEST(BitMatrix, solveRefusesWhatNothingReaches) {
  BitMatrix matrix(3, {0b001, 0b010, 0b011});
  EXPECT_EQ(matrix.solve(0b011), 0b011u);
  EXPECT_EQ(matrix.solve(0b100), std::nullopt);
  EXPECT_EQ(matrix.dependentInputs(), 0b100u);
}
