/// The atom every machine has: lanes multiply and add on their own.
#pragma once

#include "dialects/tile/Atom.h"

namespace heed::simt {

/// An outer product, k = 1, in which every lane has `rows` x `columns` elements of the sum; `lanes`, `rows` and
/// `columns` are powers of two. Lanes form a grid as square as can be, and hold `rows` elements of the left operand,
/// `columns` of the right one.
tile::Atom multiplyAdd(tile::Element element, int64_t lanes, int64_t rows, int64_t columns);

} // namespace heed::simt
