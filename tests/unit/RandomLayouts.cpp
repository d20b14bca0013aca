#include "tests/unit/RandomLayouts.h"

using namespace heed::tile;
using llvm::ArrayRef;

namespace heed::test {

unsigned draw(Generator &random, unsigned bound) { return random() % bound; }

llvm::SmallVector<int64_t> randomShape(Generator &random, unsigned rank) {
  llvm::SmallVector<int64_t> shape;
  for (unsigned dim = 0; dim < rank; ++dim)
    shape.push_back((int64_t(1) << draw(random, 10 / rank)) * (draw(random, 3) ? 1 : 3 + 2 * draw(random, 2)));
  return shape;
}

static Layout build(Generator &random, ArrayRef<int64_t> shape, unsigned laneBits, unsigned warpBits, bool mix) {
  Bases vectors;
  llvm::SmallVector<Repeat> repeats;
  for (auto [dim, size] : llvm::enumerate(shape)) {
    // Some powers of two are repeats, too.
    int64_t extent = (size & -size) >> (draw(random, 4) == 0 && size % 2 == 0);
    repeats.push_back({unsigned(dim), size / extent});
    for (int64_t step = 1; step < extent; step *= 2)
      vectors.emplace_back(shape.size(), 0)[dim] = step;
  }
  std::shuffle(repeats.begin(), repeats.end(), random);
  unsigned zeros = draw(random, 3);
  for (unsigned zero = 0; zero < zeros || vectors.size() < laneBits + warpBits; ++zero)
    vectors.emplace_back(shape.size(), 0);
  if (mix)
    for (unsigned round = 0; round < 2 * vectors.size(); ++round) {
      // Adding one vector to another keeps what they span.
      unsigned to = draw(random, vectors.size()), from = draw(random, vectors.size());
      if (to != from)
        for (auto [entry, addend] : llvm::zip_equal(vectors[to], vectors[from]))
          entry ^= addend;
    }
  std::shuffle(vectors.begin(), vectors.end(), random);
  ArrayRef<Coordinates> all = vectors;
  auto take = [&](unsigned from, unsigned count) {
    ArrayRef<Coordinates> part = all.slice(from, count);
    return Bases(part.begin(), part.end());
  };
  return Layout::get(shape, take(laneBits + warpBits, all.size() - laneBits - warpBits), take(0, laneBits),
                     take(laneBits, warpBits), repeats);
}

Layout randomLayout(Generator &random, ArrayRef<int64_t> shape, unsigned laneBits, unsigned warpBits) {
  return build(random, shape, laneBits, warpBits, /*mix=*/true);
}

Layout randomPlainLayout(Generator &random, ArrayRef<int64_t> shape, unsigned laneBits, unsigned warpBits) {
  return build(random, shape, laneBits, warpBits, /*mix=*/false);
}

} // namespace heed::test
