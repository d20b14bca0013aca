/// Matrix instructions, described by shape, element types and layouts. A new chip is new rows in its target's table.
#pragma once

#include "dialects/tile/Layout.h"

#include "llvm/ADT/StringRef.h"

#include <string>

namespace mlir {
class Type;
} // namespace mlir

namespace heed::tile {

enum class Element { F16, BF16, F32, F64, I8, I32 };

/// The kind of a type, if matrix instructions know it.
std::optional<Element> elementOf(mlir::Type type);
llvm::StringRef stringifyElement(Element element);

/// How an instruction takes an operand.
enum class Residence {
  Registers, ///< a fragment in the registers of every lane, as its layout says
  Shared     ///< a tile in shared memory that the instruction reads by itself; the layout is empty
};

/// accumulator [m, n] += left [m, k] x right [k, n], carried out together by the lanes of one warp, or of several that
/// the warp number's lowest bits count.
///
/// The layouts map (register, lane) to the operand's coordinates; their register numbers are the order of the elements
/// of a fragment. An instruction may want operands replicated over lanes, and then every copy must be there.
struct Atom {
  std::string name;
  int64_t m, n, k;
  Element operand;     ///< of left and right
  Element accumulator; ///< of the sum
  Layout left, right, sum;
  Residence leftResidence = Residence::Registers, rightResidence = Residence::Registers;
  /// The instruction is given the operands exchanged: it computes sum^T += right^T x left^T. Everything above describes
  /// the product as its users see it.
  bool isTransposed = false;
  /// What the target's code generator emits; opaque to everybody else.
  std::string instruction;

  int64_t lanes() const { return sum.numLanes(); }
  int64_t warps() const { return sum.numWarps(); }
  /// Why the record contradicts itself, or empty.
  std::string findError() const;
};

/// The layouts of a product of tiles [M, K] x [K, N] made of an atom.
struct AtomTiling {
  Layout left, right, sum;
};

/// Warps in a grid of `rowWarps` x `columnWarps` (rows fastest), each holding every rowWarps-th row of atoms and every
/// columnWarps-th column; operands are replicated over the warps that share them. A register's atom follows from its
/// offset, and a fragment is `left.numRegisters()` (of the atom) consecutive registers. M and N must be multiples of
/// what all warps cover in one step, K of the atom's k. Where an instruction takes several warps, these grids count
/// groups of them. Operands in shared memory have no layout.
AtomTiling tileWithAtom(const Atom &atom, int64_t rows, int64_t columns, int64_t depth, int64_t rowWarps,
                        int64_t columnWarps);

/// How two chained products P = f(A B), O = P C are held so that P needs no exchange between lanes.
enum class Orientation {
  Straight,  ///< the sum of A B is the left operand of P C as it stands
  Transposed ///< B^T A^T is computed: its sum is the right operand of O^T = C^T P^T
};

/// The orientation in which the sum of `first` is, register by register, an operand of `second`; straight where both
/// are. None when either needs an exchange between lanes.
std::optional<Orientation> chooseOrientation(const Atom &first, const Atom &second);

/// The same instruction computing the transposed product, with operands exchanged.
Atom transposed(const Atom &atom);

/// The atom, or the transposed one: that whose sum gets to the left operand of a product with the same atom with less
/// exchange between lanes, best with none. Attention made of it needs no further thought about orientations.
Atom orientedForChains(const Atom &atom);

} // namespace heed::tile
