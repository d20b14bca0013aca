/// What score regions add to a score.
#pragma once

#include "dialects/attn/Attn.h"

namespace heed {

/// Whether the score region adds something to the score that follows from batch, head and the distance of the key from
/// the row, or from the row's position, and does nothing else. What it makes of -0.0 is that term then.
bool addsTermOfDistance(attn::AttendOp attend);

} // namespace heed
