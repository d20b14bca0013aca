/// Layouts drawn at random, for tests of laws.
#pragma once

#include "dialects/tile/Layout.h"

#include <random>

namespace heed::test {

using Generator = std::mt19937;

/// A shape of the given rank with a few thousand elements at most; sizes are powers of two times 1, 3 or 5.
llvm::SmallVector<int64_t> randomShape(Generator &random, unsigned rank);

/// A layout of the shape: the unit steps of all dimensions and the asked for zero vectors, shuffled over registers,
/// lanes and warps and mixed by sums, so that nothing but the constraints holds. What lanes and warps cannot take goes
/// to registers.
tile::Layout randomLayout(Generator &random, llvm::ArrayRef<int64_t> shape, unsigned laneBits, unsigned warpBits);

/// Of the same kind, but every vector is a unit step or zero, as in layouts that compilers make.
tile::Layout randomPlainLayout(Generator &random, llvm::ArrayRef<int64_t> shape, unsigned laneBits, unsigned warpBits);

/// Uniform in [0, bound).
unsigned draw(Generator &random, unsigned bound);

} // namespace heed::test
