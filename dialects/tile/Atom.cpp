#include "dialects/tile/Atom.h"

#include "dialects/tile/LayoutConversion.h"

#include "mlir/IR/BuiltinTypes.h"
#include "llvm/Support/FormatVariadic.h"

#include <limits>
#include <numeric>

using namespace heed::tile;

std::optional<Element> heed::tile::elementOf(mlir::Type type) {
  if (type.isF16())
    return Element::F16;
  if (type.isBF16())
    return Element::BF16;
  if (type.isF32())
    return Element::F32;
  if (type.isF64())
    return Element::F64;
  if (type.isInteger(8))
    return Element::I8;
  if (type.isInteger(32))
    return Element::I32;
  return std::nullopt;
}

llvm::StringRef heed::tile::stringifyElement(Element element) {
  switch (element) {
  case Element::F16:
    return "f16";
  case Element::BF16:
    return "bf16";
  case Element::F32:
    return "f32";
  case Element::F64:
    return "f64";
  case Element::I8:
    return "i8";
  case Element::I32:
    return "i32";
  }
  return "";
}

std::string Atom::findError() const {
  struct Operand {
    const char *name;
    const Layout &layout;
    Residence residence;
    Coordinates shape;
  } operands[] = {{"left", left, leftResidence, {m, k}},
                  {"right", right, rightResidence, {k, n}},
                  {"sum", sum, Residence::Registers, {m, n}}};
  for (const Operand &operand : operands) {
    if (operand.residence == Residence::Shared)
      continue;
    const Layout &layout = operand.layout;
    if (layout.shape() != operand.shape)
      return llvm::formatv("{0}: the layout of {1} has another shape than the instruction", name, operand.name);
    if (layout.numLanes() != lanes() || layout.numWarps() != warps())
      return llvm::formatv("{0}: the layout of {1} is not one of {2} lanes of {3} warps", name, operand.name, lanes(),
                           warps());
    if (!layout.repeats().empty() && warps() == 1)
      return llvm::formatv("{0}: the layout of {1} repeats", name, operand.name);
  }
  if (!sum.isInjective())
    return llvm::formatv("{0}: an element of the sum has several owners", name);
  return {};
}

AtomTiling heed::tile::tileWithAtom(const Atom &atom, int64_t rows, int64_t columns, int64_t depth, int64_t rowWarps,
                                    int64_t columnWarps) {
  // The bits of the warp count rows of warps first. An operand without rows (columns) is the same for all of them.
  auto spread = [&](const Layout &layout, bool hasRows, bool hasColumns) {
    int64_t own = layout.numWarps();
    Layout result = hasRows ? layout.spread(Input::Warp, 0, rowWarps) : layout.padded(Input::Warp, own * rowWarps);
    return hasColumns ? result.spread(Input::Warp, 1, columnWarps)
                      : result.padded(Input::Warp, own * rowWarps * columnWarps);
  };
  auto fill = [&](const Layout &layout, int64_t outer, int64_t inner) {
    return layout.repeated(1, inner / layout.shape()[1]).repeated(0, outer / layout.shape()[0]);
  };
  AtomTiling tiling;
  if (atom.leftResidence == Residence::Registers)
    tiling.left = fill(spread(atom.left, true, false), rows, depth);
  if (atom.rightResidence == Residence::Registers)
    tiling.right = fill(spread(atom.right, false, true), depth, columns);
  tiling.sum = fill(spread(atom.sum, true, true), rows, columns);
  return tiling;
}

/// Both layouts made to cover the smallest tile they both divide.
static std::pair<Layout, Layout> coverAlike(const Layout &a, const Layout &b) {
  auto cover = [](const Layout &layout, const Layout &other) {
    Layout result = layout;
    for (unsigned dim : {1u, 0u})
      result = result.repeated(dim, std::lcm(layout.shape()[dim], other.shape()[dim]) / layout.shape()[dim]);
    return result;
  };
  return {cover(a, b), cover(b, a)};
}

/// Whether the sum is the operand, lane by lane.
static bool feeds(const Layout &sum, const Layout &operand) {
  auto [from, to] = coverAlike(sum, operand);
  return matchRegisters(from, to).has_value();
}

std::optional<Orientation> heed::tile::chooseOrientation(const Atom &first, const Atom &second) {
  if (second.leftResidence == Residence::Registers && feeds(first.sum, second.left))
    return Orientation::Straight;
  if (second.rightResidence == Residence::Registers && feeds(first.sum, second.right))
    return Orientation::Transposed;
  return std::nullopt;
}

Atom heed::tile::transposed(const Atom &atom) {
  Atom result = atom;
  result.m = atom.n;
  result.n = atom.m;
  result.left = atom.right.transpose({1, 0});
  result.right = atom.left.transpose({1, 0});
  result.sum = atom.sum.transpose({1, 0});
  std::swap(result.leftResidence, result.rightResidence);
  result.isTransposed = !atom.isTransposed;
  return result;
}

/// Values that are moved or selected between for each register of an operand; the largest number where lanes of one
/// warp cannot do it.
static double exchangeCost(const Layout &sum, const Layout &operand) {
  auto [from, to] = coverAlike(sum, operand);
  Conversion conversion = planConversion(from, to);
  if (conversion.kind == Conversion::Kind::Registers)
    return 0;
  if (conversion.kind == Conversion::Kind::Shared)
    return std::numeric_limits<double>::max();
  const LaneExchange &exchange = conversion.exchange;
  double moves = double(exchange.numShuffles()) / to.numRegisters();
  return moves + (size_t(1) << exchange.offerMasks.size()) + (size_t(1) << exchange.keepMasks.size());
}

Atom heed::tile::orientedForChains(const Atom &atom) {
  if (atom.leftResidence != Residence::Registers || atom.rightResidence != Residence::Registers)
    return atom;
  return exchangeCost(atom.sum, atom.right) < exchangeCost(atom.sum, atom.left) ? transposed(atom) : atom;
}
