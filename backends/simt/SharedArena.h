/// Places in a workgroup's shared memory, handed out while a kernel is emitted in program order.
#pragma once

#include <cstdint>
#include <vector>

namespace heed::simt {

/// What a piece of emitted code does with a range of shared memory; written on the accesses as the attribute
/// `heed.shared = [piece, begin, end, ..]`, three numbers for each range, from which barriers are placed.
struct SharedRange {
  int64_t piece = 0; ///< accesses of one piece need no barrier between them
  int64_t begin = 0, end = 0;
};

constexpr char sharedRangeAttrName[] = "heed.shared";

/// Of a barrier in shared memory.
constexpr int64_t barrierBytes = 8;

/// On a branch whose else side is all that so many threads of a workgroup run: their barriers are their own.
constexpr char roleThreadsAttrName[] = "heed.role_threads";

class SharedArena {
public:
  /// First fit among what is free; every range starts at a multiple of `alignment`, a power of two from 16 on.
  SharedRange allocate(int64_t bytes, int64_t alignment = 16);
  void release(const SharedRange &range);
  /// Another piece of code that accesses the range.
  SharedRange again(SharedRange range) {
    range.piece = nextPiece++;
    return range;
  }
  /// Bytes in use, and the most that ever were.
  int64_t used() const;
  int64_t highWater() const { return highest; }

private:
  std::vector<SharedRange> taken; // in order
  int64_t highest = 0, nextPiece = 0;
};

} // namespace heed::simt
