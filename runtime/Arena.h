// Where the values between kernels live: slices of one block of memory, shared by values that are never alive together.
#ifndef HEED_RUNTIME_ARENA_H
#define HEED_RUNTIME_ARENA_H

#include <cstdint>
#include <span>
#include <vector>

namespace heed::rt {

inline constexpr int64_t arenaAlignment = 256;

/// A value of `bytes`, alive from the start of step `first` to the end of step `last`.
struct ArenaRequest {
  int64_t bytes = 0;
  uint32_t first = 0;
  uint32_t last = 0;
};

/// First fit by liveness, larger values first. Keeps its working memory between runs: laying out as many requests as
/// before allocates nothing.
class ArenaPlanner {
public:
  explicit ArenaPlanner(size_t requestCount);

  /// Gives every request an offset that is a multiple of arenaAlignment, such that requests alive in a common step do
  /// not overlap. Returns the bytes of the whole arena, or -1 when they do not fit into 2^62.
  int64_t layOut(std::span<const ArenaRequest> requests, std::span<int64_t> offsets);

private:
  std::vector<uint32_t> order;    // by size
  std::vector<uint32_t> blocking; // already placed requests that are alive together with the one at hand, by offset
};

} // namespace heed::rt

#endif // HEED_RUNTIME_ARENA_H
