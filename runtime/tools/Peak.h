// What the machine can do at most, measured: the ceilings that heed-bench compares with.
#ifndef HEED_RUNTIME_TOOLS_PEAK_H
#define HEED_RUNTIME_TOOLS_PEAK_H

#include <cstdint>

namespace heed::rt {

struct Ceilings {
  double flops = 0; // f32 operations per second, a fused multiply-add counts as two
  double bytes = 0; // read plus written per second by a copy larger than the caches
};

/// Runs `threads` threads at once for about `seconds` for each of the two figures; short stretches are timed and one of
/// the best tenth counts.
Ceilings measureCeilings(uint32_t threads, double seconds);

} // namespace heed::rt

#endif // HEED_RUNTIME_TOOLS_PEAK_H
