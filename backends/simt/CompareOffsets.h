/// Comparisons of coordinates with what all elements of a row or column are compared with.
#pragma once

#include "dialects/simt/Simt.h"

namespace heed::simt {

/// A lane compares many coordinates x + 1, x + 2, .. with one bound y. They become comparisons of 1, 2, .. with y - x,
/// which needs no register for each coordinate; and where an element has two upper or two lower bounds, of 1, 2, ..
/// with the smaller or greater one.
///
/// Coordinates do not wrap. The difference is taken in 64 bits and clamped, so that any y will do.
void compareOffsets(KernelOp kernel);

} // namespace heed::simt
