/// Comparisons of coordinates with what all elements of a row or column are compared with.
#pragma once

#include "dialects/simt/Simt.h"

namespace heed::simt {

/// A lane compares many coordinates x + 1, x + 2, .. with few bounds y, y + 8, .. They become comparisons of constants,
/// the differences of what is known, with y - x, which needs no register for each coordinate, and of which those of
/// equal differences are one: of a row's column and the next row's next column. Where an element has two bounds, the
/// smaller difference decides.
///
/// Coordinates, and sums that they are part of, do not wrap. The difference is taken in 64 bits and clamped, so that
/// any y will do.
void compareOffsets(KernelOp kernel);

} // namespace heed::simt
