#include "runtime/Arena.h"

#include <algorithm>
#include <numeric>

namespace heed::rt {

ArenaPlanner::ArenaPlanner(size_t requestCount) {
  order.reserve(requestCount);
  blocking.reserve(requestCount);
}

int64_t ArenaPlanner::layOut(std::span<const ArenaRequest> requests, std::span<int64_t> offsets) {
  constexpr int64_t limit = int64_t(1) << 62;
  order.resize(requests.size());
  std::iota(order.begin(), order.end(), 0);
  std::sort(order.begin(), order.end(), [&](uint32_t a, uint32_t b) {
    return requests[a].bytes != requests[b].bytes ? requests[a].bytes > requests[b].bytes : a < b;
  });
  int64_t total = 0;
  for (size_t placed = 0; placed < order.size(); ++placed) {
    const ArenaRequest &request = requests[order[placed]];
    if (request.bytes > limit)
      return -1;
    blocking.clear();
    for (size_t i = 0; i < placed; ++i)
      if (requests[order[i]].first <= request.last && request.first <= requests[order[i]].last)
        blocking.push_back(order[i]);
    std::sort(blocking.begin(), blocking.end(), [&](uint32_t a, uint32_t b) { return offsets[a] < offsets[b]; });
    int64_t offset = 0;
    for (uint32_t other : blocking) {
      if (offsets[other] - offset >= request.bytes)
        break;
      int64_t end = (offsets[other] + requests[other].bytes + arenaAlignment - 1) / arenaAlignment * arenaAlignment;
      offset = std::max(offset, end);
    }
    if (offset > limit - request.bytes)
      return -1;
    offsets[order[placed]] = offset;
    total = std::max(total, offset + request.bytes);
  }
  return total;
}

} // namespace heed::rt
