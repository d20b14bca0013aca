/// How the elements of a tile get from one layout to another.
#pragma once

#include "dialects/tile/SharedLayout.h"

namespace heed::tile {

/// For every register of `to` the register of `from` that holds the same element in the same lane and warp, in all of
/// them; none when some element has to leave its lane.
std::optional<llvm::SmallVector<int64_t>> matchRegisters(const Layout &from, const Layout &to);

/// One move of a value from every lane of a warp to a lane of it.
struct ExchangeRound {
  /// The registers of the source a lane may offer: it offers offered[i], bit b of i being the parity of
  /// lane & offerMasks[b].
  llvm::SmallVector<int64_t> offered;
  /// What the lane a value is taken from is XORed with.
  int64_t laneXor;
};

/// An exchange within every warp. In each round every lane offers a register and takes the value offered by lane
/// sourceLane.apply(lane) ^ laneXor; afterwards register r of the result is the value of round kept[r][i], bit b of i
/// being the parity of lane & keepMasks[b].
struct LaneExchange {
  llvm::SmallVector<uint64_t> offerMasks, keepMasks;
  /// Of a lane's number. The identity makes every round a shuffle by XOR.
  BitMatrix sourceLane;
  llvm::SmallVector<ExchangeRound> rounds;
  llvm::SmallVector<llvm::SmallVector<unsigned>> kept;

  bool isXor() const { return sourceLane == BitMatrix::identity(sourceLane.inputBits()); }
  /// Whether values stay in their lane in this round.
  bool isLocal(const ExchangeRound &round) const { return isXor() && round.laneXor == 0; }
  /// Rounds that move values between lanes.
  unsigned numShuffles() const;
};

/// How values of a layout become values of another one of the same shape.
struct Conversion {
  enum class Kind {
    Registers, ///< every lane has its elements already: register r of the result is registers[r] of the source
    Lanes,     ///< lanes of a warp exchange
    Shared     ///< warps exchange: through shared memory
  };
  Kind kind;
  llvm::SmallVector<int64_t> registers;
  LaneExchange exchange;
  /// Registers, and in order.
  bool isIdentity() const;
};

Conversion planConversion(const Layout &from, const Layout &to);

/// Cycles that shared memory with 32 banks of 4 bytes takes for one access of a warp: lane i touches `bytes` bytes at
/// addresses[i], a multiple of `bytes`; negative addresses belong to lanes that do not take part. Lanes are served in
/// groups that ask for at most 128 bytes, words asked for by several of them once; vectors that each lane asks for
/// together with its neighbour, or each with the second next, count once.
int64_t countBankCycles(llvm::ArrayRef<int64_t> addresses, int64_t bytes);
/// Cycles beyond those the amount of data needs.
int64_t countBankConflicts(llvm::ArrayRef<int64_t> addresses, int64_t bytes);

/// A way a tile in shared memory is read or written by the lanes of a layout.
struct SharedAccess {
  Layout layout;
  /// Only one owner of each element takes part, as in a store.
  bool isStore = false;
};

/// A tile in shared memory and how its users reach it.
struct SharedPlan {
  SharedLayout layout;
  int64_t bytes = 0;                   ///< of the tile
  int64_t cycles = 0;                  ///< of one warp for all accesses, as counted
  int64_t conflicts = 0;               ///< of these, those beyond the amount of data
  llvm::SmallVector<int64_t> elements; ///< per access, elements along the fastest dimension in one vector
};

/// Elements that one access of at most `vectorBytes` covers: consecutive and aligned registers along the fastest
/// dimension that are consecutive and aligned in memory, too.
int64_t vectorElements(const Layout &layout, const SharedLayout &shared, int64_t elementBytes, int64_t vectorBytes);

/// What the users of a tile ask of its place beyond few cycles.
struct SharedDemands {
  std::optional<unsigned> fastest = {}; ///< the dimension whose elements are neighbours
  /// A power of two: pieces of this size stay whole and aligned where rows are made of them, for copies, instructions
  /// and vectors.
  int64_t pieceBytes = 1;
  bool isLinear = false; ///< equally far from row to row: addresses are sums
  /// In cycles: what an access costs whose address is not that of the lane's first one plus a constant, as in most
  /// swizzles.
  int64_t addressCost = 0;
};

/// The swizzle, padding or order with the fewest bank cycles for these accesses; among equals the smallest, and a plain
/// one before a swizzle.
SharedPlan planShared(llvm::ArrayRef<SharedAccess> accesses, int64_t elementBytes, int64_t vectorBytes,
                      const SharedDemands &demands = {});

} // namespace heed::tile
