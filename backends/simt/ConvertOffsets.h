/// Coordinates as floats.
#pragma once

#include "dialects/simt/Simt.h"

namespace heed::simt {

/// A lane converts many coordinates x + 1, x + 2, .. to floats, which few lanes can do at a time. They become sums of
/// the converted x and 1, 2, .., where x may be a sum and difference of several.
///
/// Products of all of them with one number, where they may be reassociated, become multiply-adds: x times the number,
/// and the number times 1, 2, ...
///
/// Coordinates do not wrap. Sums below 2^24 are exact; larger ones are off by 1.5 units in the last place at most,
/// where the conversion itself is by half a unit.
void convertOffsets(KernelOp kernel);

} // namespace heed::simt
