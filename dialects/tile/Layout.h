/// Where the elements of a tile live: a map from (register, lane, warp) to the tile's coordinates.
#pragma once

#include "dialects/tile/BitMatrix.h"
#include "llvm/ADT/Hashing.h"

#include <string>

namespace llvm {
class raw_ostream;
} // namespace llvm

namespace heed::tile {

/// One entry per dimension of a tile.
using Coordinates = llvm::SmallVector<int64_t, 3>;
/// What each bit of an input adds (by XOR) to the coordinates, lowest bit first.
using Bases = llvm::SmallVector<Coordinates, 6>;

/// The dimensions of a row-major tile, fastest first.
llvm::SmallVector<unsigned, 3> rowMajor(unsigned rank);

enum class Input { Register, Lane, Warp };

/// Copies of the base tile along a dimension, held in further registers.
struct Repeat {
  unsigned dim;
  int64_t count;
  bool operator==(const Repeat &other) const { return dim == other.dim && count == other.count; }
};

/// The tile ends within its base tile: what would lie at `size` or beyond along `dim` is that of warps which do not
/// exist.
struct Cut {
  unsigned dim;
  int64_t size;
  bool operator==(const Cut &other) const { return dim == other.dim && size == other.size; }
};

/// Who holds an element: one register of one lane of one warp.
struct Owner {
  int64_t reg = 0, lane = 0, warp = 0;
  bool operator==(const Owner &other) const { return reg == other.reg && lane == other.lane && warp == other.warp; }
};

/// A run of bits of an input that moves unchanged into a coordinate: ((input >> from) & (2^width - 1)) << to.
struct BitField {
  unsigned from, width, to;
};

/// A layout is linear over GF(2) on a base tile whose extents are powers of two: every bit of register, lane and warp
/// contributes its basis vector to the coordinates by XOR, and a zero vector makes the bit a replication. Repeats then
/// lay copies of the base tile next to one another in further registers, the first repeat in the nearest ones; so
/// 64x80 is a base of 64x16 repeated 5 times along dimension 1.
///
/// Where warps are not as many as a power of two, one dimension that the highest bits of the warp count out may be cut:
/// 192x64 in 12 warps of 16 rows is a base of 256x64 whose rows from 192 on are those of warps 12 to 15.
///
/// Every element has at least one owner. Layouts are canonical (a power of two in the first repeat becomes part of the
/// base), so two layouts are equal exactly when they put the same elements into the same registers.
class Layout {
public:
  /// Rank 0 in one register of one lane of one warp.
  Layout() = default;

  /// Why there is no such layout, or empty when there is one. `repeats` name different dimensions; a dimension without
  /// repeats whose size is not a power of two is cut.
  static std::string findError(llvm::ArrayRef<int64_t> shape, const Bases &registers, const Bases &lanes,
                               const Bases &warps, llvm::ArrayRef<Repeat> repeats = {});
  /// The arguments must satisfy findError.
  static Layout get(llvm::ArrayRef<int64_t> shape, const Bases &registers, const Bases &lanes, const Bases &warps = {},
                    llvm::ArrayRef<Repeat> repeats = {});

  /// Per dimension `perThread` consecutive elements in registers, then `lanes`, then `warps` along it, the rest in
  /// further registers; dimensions take their bits in `order` (fastest first). All counts are powers of two, as many
  /// as dimensions. Lanes and warps for which a dimension is too small replicate.
  static Layout blocked(llvm::ArrayRef<int64_t> shape, llvm::ArrayRef<int64_t> perThread, llvm::ArrayRef<int64_t> lanes,
                        llvm::ArrayRef<int64_t> warps, llvm::ArrayRef<unsigned> order);
  /// The blocked layout that reads memory best: `vector` elements per lane along the fastest dimension, neighbouring
  /// lanes next to them, then the next dimension; warps outermost. An empty order is row-major. The numbers of lanes
  /// and warps are exactly those asked for: what a small tile cannot use replicates.
  static Layout coalesced(llvm::ArrayRef<int64_t> shape, int64_t vector, int64_t lanes, int64_t warps,
                          llvm::ArrayRef<unsigned> order = {});
  /// All of the tile in the registers of every lane of every warp, row-major.
  static Layout replicated(llvm::ArrayRef<int64_t> shape, int64_t lanes, int64_t warps);

  unsigned rank() const { return extents.size(); }
  Coordinates shape() const;
  int64_t numElements() const;
  llvm::ArrayRef<int64_t> baseShape() const { return extents; }
  llvm::ArrayRef<Repeat> repeats() const { return grid; }
  std::optional<Cut> cut() const { return end; }
  /// How many values of the input there are. Those of the register include the repeats, those of the warp only what
  /// exists.
  int64_t size(Input input) const;
  int64_t numRegisters() const { return size(Input::Register); }
  int64_t numLanes() const { return size(Input::Lane); }
  int64_t numWarps() const { return size(Input::Warp); }
  /// The basis vectors; those of the register are of the base tile.
  const Bases &bases(Input input) const { return vectors[unsigned(input)]; }
  const Bases &registerBases() const { return bases(Input::Register); }
  const Bases &laneBases() const { return bases(Input::Lane); }
  const Bases &warpBases() const { return bases(Input::Warp); }

  /// The element that register `reg` of a lane holds.
  Coordinates coordinates(int64_t reg, int64_t lane, int64_t warp) const;
  Coordinates coordinates(Owner owner) const { return coordinates(owner.reg, owner.lane, owner.warp); }
  /// What the register contributes: coordinates(reg, 0, 0).
  Coordinates registerOffset(int64_t reg) const { return coordinates(reg, 0, 0); }
  /// coordinates(reg, lane, warp) is registerOffset(reg) XOR coordinates(0, lane, warp), always. Here it is also the
  /// sum, because registers touch no bit of a coordinate that lanes or warps do.
  bool isSeparable() const;
  /// The register with this offset, if there is one (the lowest).
  std::optional<int64_t> registerAt(llvm::ArrayRef<int64_t> offset) const;
  /// Coordinate `dim` of (0, lane, warp) is the XOR of these fields of the lane and of the warp.
  llvm::SmallVector<BitField> bitFields(Input input, unsigned dim) const;

  /// The bits of the input that hold nothing new: leaving all of them zero still reaches every element, and reaches it
  /// once. Only owners with these bits zero need to store.
  uint64_t freeVariableMask(Input input) const;
  bool isReplicated(Input input) const { return freeVariableMask(input) != 0; }
  bool isInjective() const;
  /// The owner of an element whose free bits are zero.
  Owner ownerOf(llvm::ArrayRef<int64_t> coordinates) const;

  /// The register bits that count 1, 2, 4, .. along `dim` from an aligned coordinate: 2^size registers make a vector.
  llvm::SmallVector<unsigned> contiguousBits(unsigned dim) const;
  /// How many consecutive registers, from any multiple of that number, step by one along `dim`.
  int64_t contiguousRegisters(unsigned dim) const;
  /// The registers in groups of `width`, a power of two of at most 2^contiguousBits(dim).size(), that step by one along
  /// `dim` within a group.
  llvm::SmallVector<llvm::SmallVector<int64_t>> vectorGroups(unsigned dim, int64_t width) const;

  /// The tile with a dimension removed, as after a reduction along it, or as the source of a broadcast along it: lanes
  /// and warps along the dimension become replications, registers disappear.
  Layout slice(unsigned dim) const;
  /// The tile with as many elements along a dimension as lanes and warps hold parts of it, each in one register: as
  /// after a reduction of each lane's own. None where some hold the same, or some of them are
  /// missing, or a part begins elsewhere along other dimensions, too.
  std::optional<Layout> condense(unsigned dim) const;
  /// The tile with a dimension of size one inserted before `dim`.
  Layout expand(unsigned dim) const;
  /// Dimension i of the result is dimension permutation[i] of this one.
  Layout transpose(llvm::ArrayRef<unsigned> permutation) const;
  /// Copies of this layout arranged as `outer` says: its bits follow those of this layout. This one has no repeats.
  Layout product(const Layout &outer) const;
  /// The layout `outer` with inner.product(outer) == *this, if there is one.
  std::optional<Layout> divide(const Layout &inner) const;
  /// `count` copies along a dimension in further registers.
  Layout repeated(unsigned dim, int64_t count) const;
  /// Copies along a dimension, one per further warp; this one has no repeats. Of warps, `count` may be any number if no
  /// dimension is cut: the last ones of a power of two are missing then.
  Layout spread(Input input, unsigned dim, int64_t count) const;
  /// With zero vectors added until the input has at least `size` values.
  Layout padded(Input input, int64_t size) const;
  /// The layout that first maps its own inputs (bits of register, lane, warp, in this order, of the base tile).
  Layout compose(const BitMatrix &inputs) const;
  /// Bits of (register, lane, warp) to bits of the base tile's coordinates, dimension 0 lowest.
  BitMatrix matrix() const;
  /// The same elements per lane with registers renumbered so that all repeat counts are odd and stand in order of
  /// dimension, and the repeat's bits come last in the base. `from[r]` is the old number of the new register r.
  Layout withOddRepeats(llvm::SmallVectorImpl<int64_t> &from) const;

  bool operator==(const Layout &other) const;
  bool operator!=(const Layout &other) const { return !(*this == other); }
  friend llvm::hash_code hash_value(const Layout &layout);
  /// `[64, 80], register = [[0, 1], ..], lane = [..], warp = [..], repeat = [[dim, count], ..]`.
  void print(llvm::raw_ostream &stream) const;
  std::string text() const;

private:
  Layout(llvm::ArrayRef<int64_t> baseShape, const Bases &registers, const Bases &lanes, const Bases &warps,
         llvm::ArrayRef<Repeat> repeats, std::optional<Cut> cut = std::nullopt);
  void canonicalise();
  /// Where the warps begin that do not exist; empty if no warp begins there.
  std::optional<int64_t> firstMissingWarp() const;
  /// The bits of coordinates within the base tile, dimension 0 lowest.
  uint64_t flatten(llvm::ArrayRef<int64_t> coordinates) const;
  /// What the repeats add to the number of a register that holds these coordinates.
  int64_t copyOf(llvm::ArrayRef<int64_t> coordinates) const;
  int64_t numBaseRegisters() const { return int64_t(1) << registerBases().size(); }
  /// Maps every basis vector.
  template <typename Function> Layout mapped(llvm::ArrayRef<int64_t> baseShape, Function function) const;
  /// The cut with its dimension counted as `dimension` says.
  template <typename Function> std::optional<Cut> movedCut(Function dimension) const;

  llvm::SmallVector<int64_t, 3> extents;
  Bases vectors[3];
  llvm::SmallVector<Repeat, 3> grid;
  std::optional<Cut> end;
};

inline llvm::raw_ostream &operator<<(llvm::raw_ostream &stream, const Layout &layout) {
  layout.print(stream);
  return stream;
}

} // namespace heed::tile
