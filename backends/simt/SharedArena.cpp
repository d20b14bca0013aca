#include "backends/simt/SharedArena.h"

#include <algorithm>

using namespace heed::simt;

static int64_t alignTo(int64_t bytes, int64_t alignment) { return (bytes + alignment - 1) / alignment * alignment; }

SharedRange SharedArena::allocate(int64_t bytes, int64_t alignment) {
  bytes = alignTo(bytes, 16);
  int64_t begin = 0;
  auto place = taken.begin();
  for (; place != taken.end() && place->begin < begin + bytes; ++place)
    begin = alignTo(place->end, alignment);
  SharedRange range{nextPiece++, begin, begin + bytes};
  taken.insert(place, range);
  highest = std::max(highest, range.end);
  return range;
}

void SharedArena::release(const SharedRange &range) {
  taken.erase(
      std::find_if(taken.begin(), taken.end(), [&](const SharedRange &other) { return other.begin == range.begin; }));
}

int64_t SharedArena::used() const {
  int64_t bytes = 0;
  for (const SharedRange &range : taken)
    bytes += range.end - range.begin;
  return bytes;
}
