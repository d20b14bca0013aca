#include "tests/unit/LaneEvaluator.h"

#include <algorithm>
#include <random>

using namespace heed::tile;

namespace heed::test {

Matrix randomMatrix(unsigned seed, int64_t rows, int64_t columns) {
  std::mt19937 random(seed);
  Matrix matrix(rows, columns);
  for (double &element : matrix.elements)
    element = int(random() % 15) - 7;
  return matrix;
}

Matrix multiply(const Matrix &left, const Matrix &right, const Matrix &accumulator) {
  Matrix sum = accumulator;
  for (int64_t row = 0; row < left.rows; ++row)
    for (int64_t inner = 0; inner < left.columns; ++inner)
      for (int64_t column = 0; column < right.columns; ++column)
        sum.at(row, column) += left.at(row, inner) * right.at(inner, column);
  return sum;
}

Matrix transpose(const Matrix &matrix) {
  Matrix result(matrix.columns, matrix.rows);
  for (int64_t row = 0; row < matrix.rows; ++row)
    for (int64_t column = 0; column < matrix.columns; ++column)
      result.at(column, row) = matrix.at(row, column);
  return result;
}

Fragments scatter(const Matrix &matrix, const Layout &layout) {
  Fragments fragments(layout.numWarps(), WarpFragments(layout.numLanes(), Fragment(layout.numRegisters())));
  for (int64_t warp = 0; warp < layout.numWarps(); ++warp)
    for (int64_t lane = 0; lane < layout.numLanes(); ++lane)
      for (int64_t reg = 0; reg < layout.numRegisters(); ++reg) {
        Coordinates at = layout.coordinates(reg, lane, warp);
        fragments[warp][lane][reg] = matrix.at(at[0], at[1]);
      }
  return fragments;
}

Matrix gather(const Fragments &fragments, const Layout &layout, std::string &error) {
  Matrix matrix(layout.shape()[0], layout.shape()[1]);
  std::vector<bool> seen(matrix.elements.size(), false);
  for (int64_t warp = 0; warp < layout.numWarps(); ++warp)
    for (int64_t lane = 0; lane < layout.numLanes(); ++lane)
      for (int64_t reg = 0; reg < layout.numRegisters(); ++reg) {
        Coordinates at = layout.coordinates(reg, lane, warp);
        double value = fragments[warp][lane][reg];
        if (seen[at[0] * matrix.columns + at[1]] && matrix.at(at[0], at[1]) != value)
          error = "replicas of an element differ";
        matrix.at(at[0], at[1]) = value;
        seen[at[0] * matrix.columns + at[1]] = true;
      }
  if (std::find(seen.begin(), seen.end(), false) != seen.end())
    error = "an element has no owner";
  return matrix;
}

/// The value of an element all of whose places agree.
static double read(const WarpFragments &fragments, const Places &places, std::string &error) {
  double value = fragments[places[0].lane][places[0].reg];
  for (LaneRegister place : places)
    if (fragments[place.lane][place.reg] != value)
      error = "the instruction wants replicas of an element that differ";
  return value;
}

WarpFragments execute(const Instruction &instruction, const WarpFragments &left, const WarpFragments &right,
                      const WarpFragments &sum, std::string &error) {
  WarpFragments result = sum;
  for (int64_t row = 0; row < instruction.m; ++row)
    for (int64_t column = 0; column < instruction.n; ++column) {
      double value = read(sum, instruction.sum(row, column), error);
      for (int64_t inner = 0; inner < instruction.k; ++inner)
        value += read(left, instruction.left(row, inner), error) * read(right, instruction.right(inner, column), error);
      for (LaneRegister place : instruction.sum(row, column))
        result[place.lane][place.reg] = value;
    }
  return result;
}

WarpFragments executeAtom(const Atom &atom, const WarpFragments &left, const WarpFragments &right,
                          const WarpFragments &sum, std::string &error) {
  const Instruction *instruction = findInstruction(atom.name);
  if (!instruction) {
    error = "no instruction is known for " + atom.name;
    return sum;
  }
  return atom.isTransposed ? execute(*instruction, right, left, sum, error)
                           : execute(*instruction, left, right, sum, error);
}

/// The registers of every lane that hold the atom at these coordinates.
static WarpFragments atomAt(const WarpFragments &tile, const Layout &layout, const Layout &atom, Coordinates offset,
                            std::string &error) {
  WarpFragments fragments(tile.size());
  std::optional<int64_t> first = layout.registerAt(offset);
  if (!first || *first % atom.numRegisters() != 0) {
    error = "no fragment begins at an atom's corner";
    return WarpFragments(tile.size(), Fragment(atom.numRegisters()));
  }
  for (size_t lane = 0; lane < tile.size(); ++lane)
    fragments[lane].assign(tile[lane].begin() + *first, tile[lane].begin() + *first + atom.numRegisters());
  return fragments;
}

Fragments multiplyTiles(const Atom &atom, const AtomTiling &tiling, const Fragments &left, const Fragments &right,
                        const Fragments &sum, std::string &error) {
  Fragments result = sum;
  int64_t depth = tiling.left.shape()[1];
  for (int64_t warp = 0; warp < tiling.sum.numWarps(); ++warp)
    for (int64_t reg = 0; reg < tiling.sum.numRegisters(); reg += atom.sum.numRegisters()) {
      Coordinates corner = tiling.sum.registerOffset(reg);
      for (int64_t inner = 0; inner < depth; inner += atom.k) {
        WarpFragments a = atomAt(left[warp], tiling.left, atom.left, {corner[0], inner}, error);
        WarpFragments b = atomAt(right[warp], tiling.right, atom.right, {inner, corner[1]}, error);
        WarpFragments c(result[warp].size());
        for (size_t lane = 0; lane < c.size(); ++lane)
          c[lane].assign(result[warp][lane].begin() + reg, result[warp][lane].begin() + reg + atom.sum.numRegisters());
        WarpFragments d = executeAtom(atom, a, b, c, error);
        for (size_t lane = 0; lane < c.size(); ++lane)
          std::copy(d[lane].begin(), d[lane].end(), result[warp][lane].begin() + reg);
      }
    }
  return result;
}

} // namespace heed::test
