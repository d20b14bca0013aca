/// Matrix products on the host, carried out by the lanes of warps through the layouts of atoms.
///
/// What an instruction does with fragments is written here from its manual, without looking at the atom's layouts, so a
/// wrong layout gives a wrong product.
#pragma once

#include "dialects/tile/Atom.h"

#include <functional>
#include <string>
#include <vector>

namespace heed::test {

/// Row-major.
struct Matrix {
  int64_t rows, columns;
  std::vector<double> elements;

  Matrix(int64_t rows, int64_t columns) : rows(rows), columns(columns), elements(rows * columns) {}
  double &at(int64_t row, int64_t column) { return elements[row * columns + column]; }
  double at(int64_t row, int64_t column) const { return elements[row * columns + column]; }
  bool operator==(const Matrix &other) const { return columns == other.columns && elements == other.elements; }
};

/// Small integers, so that all sums are exact.
Matrix randomMatrix(unsigned seed, int64_t rows, int64_t columns);
/// accumulator + left x right.
Matrix multiply(const Matrix &left, const Matrix &right, const Matrix &accumulator);
Matrix transpose(const Matrix &matrix);

/// The registers of one lane, in order.
using Fragment = std::vector<double>;
/// Of the lanes of a warp.
using WarpFragments = std::vector<Fragment>;
/// Of the warps of a workgroup.
using Fragments = std::vector<WarpFragments>;

Fragments scatter(const Matrix &matrix, const tile::Layout &layout);
/// Fails (gives an error) when replicas of an element differ.
Matrix gather(const Fragments &fragments, const tile::Layout &layout, std::string &error);

/// Where one element is, by lane and register; several places when the instruction wants replicas.
struct LaneRegister {
  int64_t lane, reg;
};
using Places = std::vector<LaneRegister>;

/// One matrix instruction as its manual describes it.
struct Instruction {
  std::string atom; ///< the name of the atom it belongs to
  int64_t m, n, k, lanes;
  std::function<Places(int64_t row, int64_t column)> left, right, sum;
};

/// The instruction of an atom's name; null when the evaluator does not know it.
const Instruction *findInstruction(llvm::StringRef atom);

/// The sum's fragments after one instruction of a (transposed) atom. An error when an operand lacks a replica.
WarpFragments executeAtom(const tile::Atom &atom, const WarpFragments &left, const WarpFragments &right,
                          const WarpFragments &sum, std::string &error);
/// The same for the instruction as it is.
WarpFragments execute(const Instruction &instruction, const WarpFragments &left, const WarpFragments &right,
                      const WarpFragments &sum, std::string &error);

/// The product of tiles held in layouts that tileWithAtom made, one instruction for each atom of each warp.
Fragments multiplyTiles(const tile::Atom &atom, const tile::AtomTiling &tiling, const Fragments &left,
                        const Fragments &right, const Fragments &sum, std::string &error);

} // namespace heed::test
