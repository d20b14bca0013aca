/// What a kernel's code takes of its machine, in a line.
#pragma once

#include "backends/Backend.h"

namespace heed {

/// "sm_90a attend_aligned: 12 warps (4 copy with 40 registers, 8 compute with 232), 168 registers, local 0 bytes, ..":
/// what its image needs, its name and what is known of it; empty where the backend knows nothing. Shared memory is what
/// is asked for at launch plus what the code has by itself.
std::string describeEntry(const KernelEntry &entry, const CodeImage &image);

} // namespace heed
