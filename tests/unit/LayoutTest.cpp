#include "dialects/tile/Layout.h"

#include "tests/unit/RandomLayouts.h"

#include <gtest/gtest.h>
#include <set>

using namespace heed::tile;
using namespace heed::test;
using llvm::ArrayRef;
using llvm::SmallVector;

namespace {

/// Calls `visit` for every register of every lane of every warp.
template <typename Function> void forEachOwner(const Layout &layout, Function visit) {
  for (int64_t warp = 0; warp < layout.numWarps(); ++warp)
    for (int64_t lane = 0; lane < layout.numLanes(); ++lane)
      for (int64_t reg = 0; reg < layout.numRegisters(); ++reg)
        visit(Owner{reg, lane, warp});
}

using Elements = std::multiset<Coordinates>;

Elements elementsOf(const Layout &layout) {
  Elements elements;
  forEachOwner(layout, [&](Owner owner) { elements.insert(layout.coordinates(owner)); });
  return elements;
}

bool isInside(ArrayRef<int64_t> coordinates, ArrayRef<int64_t> shape) {
  return llvm::all_of(llvm::zip_equal(coordinates, shape),
                      [](auto pair) { return std::get<0>(pair) >= 0 && std::get<0>(pair) < std::get<1>(pair); });
}

/// Whose last warps are missing.
Layout randomCutLayout(Generator &random, SmallVector<int64_t> &shape, unsigned laneBits, unsigned warpBits) {
  for (int64_t &size : shape)
    size &= -size;
  unsigned dim = draw(random, shape.size());
  int64_t count = ArrayRef<int64_t>{3, 5, 6, 7}[draw(random, 4)];
  Layout whole = randomPlainLayout(random, shape, laneBits, warpBits);
  shape[dim] *= count;
  return whole.spread(Input::Warp, dim, count);
}

/// Runs `check` on layouts of all kinds.
template <typename Function> void forRandomLayouts(unsigned seed, Function check) {
  Generator random(seed);
  for (int round = 0; round < 200; ++round) {
    SmallVector<int64_t> shape = randomShape(random, 1 + draw(random, 3));
    unsigned laneBits = draw(random, 4), warpBits = draw(random, 3);
    Layout layout = round % 5 == 4 ? randomCutLayout(random, shape, laneBits, warpBits)
                    : round % 2    ? randomLayout(random, shape, laneBits, warpBits)
                                   : randomPlainLayout(random, shape, laneBits, warpBits);
    SCOPED_TRACE(layout.text());
    ASSERT_EQ(layout.shape(), ArrayRef<int64_t>(shape));
    check(random, layout);
  }
}

} // namespace

TEST(Layout, everyElementHasAnOwner) {
  forRandomLayouts(1, [](Generator &, const Layout &layout) {
    Elements elements = elementsOf(layout);
    std::set<Coordinates> distinct(elements.begin(), elements.end());
    EXPECT_EQ(int64_t(distinct.size()), layout.numElements());
    for (const Coordinates &coordinates : distinct)
      EXPECT_TRUE(isInside(coordinates, layout.shape()));
    EXPECT_EQ(layout.isInjective(), elements.size() == distinct.size());
  });
}

TEST(Layout, freeBitsLeaveOneOwner) {
  forRandomLayouts(2, [](Generator &, const Layout &layout) {
    Elements elements;
    forEachOwner(layout, [&](Owner owner) {
      if ((owner.reg & layout.freeVariableMask(Input::Register)) ||
          (owner.lane & layout.freeVariableMask(Input::Lane)) || (owner.warp & layout.freeVariableMask(Input::Warp)))
        return;
      elements.insert(layout.coordinates(owner));
      EXPECT_EQ(layout.ownerOf(layout.coordinates(owner)), owner);
    });
    EXPECT_EQ(int64_t(elements.size()), layout.numElements());
    EXPECT_EQ(int64_t(std::set<Coordinates>(elements.begin(), elements.end()).size()), layout.numElements());
  });
}

TEST(Layout, separableOffsetsAdd) {
  unsigned separable = 0;
  forRandomLayouts(3, [&](Generator &, const Layout &layout) {
    if (!layout.isSeparable())
      return;
    ++separable;
    forEachOwner(layout, [&](Owner owner) {
      Coordinates sum = layout.registerOffset(owner.reg);
      for (auto [entry, addend] : llvm::zip_equal(sum, layout.coordinates(0, owner.lane, owner.warp)))
        entry += addend;
      EXPECT_EQ(sum, layout.coordinates(owner));
    });
  });
  EXPECT_GT(separable, 50u);
}

TEST(Layout, bitFieldsGiveTheCoordinatesOfALane) {
  forRandomLayouts(4, [](Generator &, const Layout &layout) {
    for (int64_t warp = 0; warp < layout.numWarps(); ++warp)
      for (int64_t lane = 0; lane < layout.numLanes(); ++lane)
        for (unsigned dim = 0; dim < layout.rank(); ++dim) {
          int64_t coordinate = 0;
          for (BitField field : layout.bitFields(Input::Lane, dim))
            coordinate ^= (lane >> field.from & ((1 << field.width) - 1)) << field.to;
          for (BitField field : layout.bitFields(Input::Warp, dim))
            coordinate ^= (warp >> field.from & ((1 << field.width) - 1)) << field.to;
          EXPECT_EQ(coordinate, layout.coordinates(0, lane, warp)[dim]);
        }
  });
}

TEST(Layout, equalExactlyWhenTheSameFunction) {
  // 2 x 6 columns: one layout written in three ways, and one in another order.
  Layout linear = Layout::get({12, 1}, {{1, 0}, {2, 0}}, {}, {}, {{0, 3}});
  EXPECT_EQ(linear, Layout::get({12, 1}, {{1, 0}}, {}, {}, {{0, 6}}));
  EXPECT_EQ(linear, Layout::get({12, 1}, {}, {}, {}, {{1, 1}, {0, 12}}));
  EXPECT_EQ(hash_value(linear), hash_value(Layout::get({12, 1}, {}, {}, {}, {{1, 1}, {0, 12}})));
  EXPECT_NE(linear, Layout::get({12, 1}, {{2, 0}, {1, 0}}, {}, {}, {{0, 3}}));
  // Beyond an odd count a power of two is no bit of the register any more.
  Layout columnsFirst = Layout::get({4, 3}, {}, {}, {}, {{1, 3}, {0, 4}});
  EXPECT_EQ(columnsFirst.repeats().size(), 2u);
  EXPECT_EQ(columnsFirst.coordinates(4, 0, 0), (Coordinates{1, 1}));
  EXPECT_NE(columnsFirst, Layout::get({4, 3}, {}, {}, {}, {{0, 4}, {1, 3}}));
}

TEST(Layout, registerAtFindsTheOffset) {
  forRandomLayouts(5, [](Generator &, const Layout &layout) {
    for (int64_t reg = 0; reg < layout.numRegisters(); ++reg) {
      std::optional<int64_t> found = layout.registerAt(layout.registerOffset(reg));
      ASSERT_TRUE(found);
      EXPECT_EQ(layout.registerOffset(*found), layout.registerOffset(reg));
    }
    EXPECT_EQ(layout.registerAt(layout.shape()), std::nullopt);
  });
}

TEST(Layout, sliceForgetsOneDimension) {
  forRandomLayouts(6, [](Generator &random, const Layout &layout) {
    unsigned dim = draw(random, layout.rank());
    Layout slice = layout.slice(dim);
    EXPECT_EQ(slice.numLanes(), layout.numLanes());
    EXPECT_EQ(slice.warpBases().size(), layout.warpBases().size());
    EXPECT_EQ(slice.cut().has_value(), layout.cut() && layout.cut()->dim != dim);
    EXPECT_FALSE(slice.isReplicated(Input::Register));
    // What lanes and warps contribute is unchanged, so broadcasting needs a register and no other lane.
    for (int64_t reg = 0; reg < layout.numRegisters(); ++reg) {
      Coordinates offset = layout.registerOffset(reg);
      offset.erase(offset.begin() + dim);
      EXPECT_TRUE(slice.registerAt(offset)) << reg;
    }
    for (int64_t lane = 0; lane < layout.numLanes(); ++lane) {
      Coordinates offset = layout.coordinates(0, lane, 0);
      offset.erase(offset.begin() + dim);
      EXPECT_EQ(slice.coordinates(0, lane, 0), offset);
    }
  });
}

TEST(Layout, condenseKeepsWhatLanesAndWarpsHold) {
  int condensed = 0;
  forRandomLayouts(6, [&](Generator &random, const Layout &layout) {
    unsigned dim = draw(random, layout.rank());
    std::optional<Layout> parts = layout.condense(dim);
    if (!parts)
      return;
    ++condensed;
    EXPECT_TRUE(layout.isInjective());
    EXPECT_FALSE(layout.cut() && layout.cut()->dim == dim);
    EXPECT_EQ(parts->slice(dim), layout.slice(dim));
    // Every element has one owner, who holds as many of the layout's for it as any other.
    EXPECT_TRUE(parts->isInjective());
    Elements elements = elementsOf(*parts);
    EXPECT_EQ(int64_t(std::set<Coordinates>(elements.begin(), elements.end()).size()), parts->numElements());
    EXPECT_EQ(layout.numElements() * parts->numRegisters(), parts->numElements() * layout.numRegisters());
  });
  EXPECT_GT(condensed, 20);
}

TEST(Layout, condenseOfSumsHasAPartForEachLaneOfARow) {
  Layout sums = Layout::blocked({16, 32}, {1, 2}, {8, 4}, {1, 1}, {1, 0});
  EXPECT_EQ(sums.condense(1), Layout::blocked({16, 4}, {1, 1}, {8, 4}, {1, 1}, {1, 0}));
  EXPECT_EQ(sums.padded(Input::Warp, 2).condense(1), std::nullopt);
}

TEST(Layout, expandAndTransposeMoveDimensions) {
  forRandomLayouts(7, [](Generator &random, const Layout &layout) {
    unsigned dim = draw(random, layout.rank() + 1);
    SmallVector<unsigned> permutation;
    for (unsigned i = 0; i < layout.rank(); ++i)
      permutation.push_back(i);
    std::shuffle(permutation.begin(), permutation.end(), random);
    Layout expanded = layout.expand(dim), transposed = layout.transpose(permutation);
    forEachOwner(layout, [&](Owner owner) {
      Coordinates coordinates = layout.coordinates(owner), wide = coordinates;
      wide.insert(wide.begin() + dim, 0);
      EXPECT_EQ(expanded.coordinates(owner), wide);
      for (unsigned i = 0; i < layout.rank(); ++i)
        EXPECT_EQ(transposed.coordinates(owner)[i], coordinates[permutation[i]]);
    });
    if (!layout.isReplicated(Input::Register))
      EXPECT_EQ(expanded.slice(dim), layout);
  });
}

TEST(Layout, productDividesAgain) {
  Generator random(8);
  for (int round = 0; round < 200; ++round) {
    SmallVector<int64_t> inner = {1 << draw(random, 4), 1 << draw(random, 4)};
    Layout first = Layout::get({1, 1}, {}, {}, {});
    while (!first.repeats().empty() || first.shape() != ArrayRef<int64_t>(inner))
      first = randomLayout(random, inner, 3, 0);
    Layout outer = randomLayout(random, randomShape(random, 2), 2, 2);
    Layout product = first.product(outer);
    EXPECT_EQ(product.numRegisters(), first.numRegisters() * outer.numRegisters());
    EXPECT_EQ(product.numLanes(), first.numLanes() * outer.numLanes());
    std::optional<Layout> quotient = product.divide(first);
    ASSERT_TRUE(quotient);
    EXPECT_EQ(*quotient, outer);
    forEachOwner(product, [&](Owner owner) {
      Owner low = {owner.reg % first.numRegisters(), owner.lane % first.numLanes(), owner.warp % first.numWarps()};
      Owner high = {owner.reg / first.numRegisters(), owner.lane / first.numLanes(), owner.warp / first.numWarps()};
      Coordinates expected = first.coordinates(low);
      for (auto [dim, entry] : llvm::enumerate(expected))
        entry += outer.coordinates(high)[dim] * inner[dim];
      EXPECT_EQ(product.coordinates(owner), expected);
    });
  }
}

TEST(Layout, composeMapsInputsFirst) {
  forRandomLayouts(9, [](Generator &random, const Layout &layout) {
    BitMatrix matrix = layout.matrix();
    if (!layout.repeats().empty())
      return;
    SmallVector<uint64_t> columns(BitMatrix::identity(matrix.inputBits()).columns());
    std::shuffle(columns.begin(), columns.end(), random);
    BitMatrix renamed(matrix.inputBits(), columns);
    Layout composed = layout.compose(renamed);
    EXPECT_EQ(composed.matrix(), matrix.compose(renamed));
    EXPECT_EQ(composed.compose(*renamed.invert()), layout);
    // With the inverse of a bijective layout the inputs are the flat coordinates.
    if (layout.isInjective())
      EXPECT_EQ(layout.compose(*matrix.invert()).matrix(), BitMatrix::identity(matrix.inputBits()));
  });
}

TEST(Layout, oddRepeatsRenumberRegistersOnly) {
  forRandomLayouts(10, [](Generator &, const Layout &layout) {
    SmallVector<int64_t> from;
    Layout odd = layout.withOddRepeats(from);
    ASSERT_EQ(int64_t(from.size()), layout.numRegisters());
    for (const Repeat &repeat : odd.repeats())
      EXPECT_EQ(repeat.count % 2, 1);
    forEachOwner(odd, [&](Owner owner) {
      EXPECT_EQ(odd.coordinates(owner), layout.coordinates(from[owner.reg], owner.lane, owner.warp));
    });
  });
}

TEST(Layout, contiguousRegistersAreVectors) {
  Generator random(11);
  unsigned wide = 0;
  for (int round = 0; round < 300; ++round) {
    Layout layout = round % 3 == 0
                        ? randomLayout(random, randomShape(random, 2), 2, 1)
                        : Layout::coalesced(randomShape(random, 2), 1 << draw(random, 4), 8, 2,
                                            draw(random, 2) ? ArrayRef<unsigned>{0, 1} : ArrayRef<unsigned>{1, 0});
    SCOPED_TRACE(layout.text());
    for (unsigned dim = 0; dim < 2; ++dim) {
      int64_t width = layout.contiguousRegisters(dim);
      EXPECT_LE(width, int64_t(1) << layout.contiguousBits(dim).size());
      wide += width > 1;
      forEachOwner(layout, [&](Owner owner) {
        Coordinates first = layout.coordinates(owner.reg / width * width, owner.lane, owner.warp);
        EXPECT_EQ(first[dim] % width, 0);
        first[dim] += owner.reg % width;
        EXPECT_EQ(layout.coordinates(owner), first);
      });
    }
  }
  EXPECT_GT(wide, 50u);
}

TEST(Layout, coalescedReadsRows) {
  // 16-bit elements, 8 a lane: a row of 64 takes 8 lanes, 32 lanes take 4 rows, 4 warps 16, and the rest repeats.
  Layout layout = Layout::coalesced({64, 64}, 8, 32, 4);
  EXPECT_EQ(layout.coordinates(1, 0, 0), (Coordinates{0, 1}));
  EXPECT_EQ(layout.coordinates(0, 1, 0), (Coordinates{0, 8}));
  EXPECT_EQ(layout.coordinates(0, 8, 0), (Coordinates{1, 0}));
  EXPECT_EQ(layout.coordinates(0, 0, 1), (Coordinates{4, 0}));
  EXPECT_EQ(layout.coordinates(8, 0, 0), (Coordinates{16, 0}));
  EXPECT_EQ(layout.numRegisters(), 32);
  EXPECT_EQ(layout.contiguousRegisters(1), 8);
  EXPECT_TRUE(layout.isSeparable());
  EXPECT_TRUE(layout.isInjective());
}

TEST(Layout, coalescedRepeatsWhatIsNoPowerOfTwo) {
  Layout layout = Layout::coalesced({64, 80}, 8, 32, 4);
  EXPECT_EQ(layout.shape(), (Coordinates{64, 80}));
  EXPECT_EQ(layout.baseShape(), (ArrayRef<int64_t>{64, 16}));
  EXPECT_EQ(layout.numRegisters(), 40);
  EXPECT_TRUE(layout.isInjective());
}

TEST(Layout, coalescedReplicatesWhatIsTooSmall) {
  Layout layout = Layout::coalesced({16}, 4, 32, 4);
  EXPECT_EQ(layout.numRegisters(), 4);
  EXPECT_EQ(layout.numLanes(), 32);
  EXPECT_EQ(layout.numWarps(), 4);
  EXPECT_EQ(layout.freeVariableMask(Input::Lane), 0b11100u);
  EXPECT_EQ(layout.freeVariableMask(Input::Warp), 0b11u);
  EXPECT_EQ(layout.ownerOf({13}), (Owner{1, 3, 0}));

  Layout scalar = Layout::coalesced({}, 1, 32, 4);
  EXPECT_EQ(scalar.numRegisters(), 1);
  EXPECT_EQ(scalar.coordinates(0, 31, 3), Coordinates{});
}

TEST(Layout, replicatedHoldsEverythingEverywhere) {
  Layout layout = Layout::replicated({6, 2}, 8, 2);
  EXPECT_EQ(layout.numRegisters(), 12);
  EXPECT_EQ(layout.coordinates(3, 0, 0), layout.coordinates(3, 7, 1));
  EXPECT_EQ(layout.freeVariableMask(Input::Lane), 0b111u);
}

TEST(Layout, warpsThatAreMissingHoldWhatIsBeyondTheEnd) {
  Layout rows = Layout::get({16, 2}, {{0, 1}}, {{1, 0}, {2, 0}}, {{4, 0}, {8, 0}});
  Layout three = rows.spread(Input::Warp, 0, 3);
  EXPECT_EQ(three.shape(), (Coordinates{48, 2}));
  EXPECT_EQ(three.numWarps(), 12);
  EXPECT_EQ(three.coordinates(1, 3, 11), (Coordinates{47, 1}));
  EXPECT_EQ(three.ownerOf({47, 1}), (Owner{1, 3, 11}));
  EXPECT_EQ(three, Layout::get({48, 2}, {{0, 1}}, {{1, 0}, {2, 0}}, {{4, 0}, {8, 0}, {16, 0}, {32, 0}}));
  EXPECT_NE(three, rows.spread(Input::Warp, 0, 4));
  EXPECT_EQ(three.divide(rows)->shape(), (Coordinates{3, 1}));
  EXPECT_EQ(rows.product(*three.divide(rows)), three);
  // Along the other dimension all warps hold the same.
  EXPECT_EQ(three.slice(0), rows.spread(Input::Warp, 0, 4).slice(0));
}

TEST(Layout, warpsThatAreNoPowerOfTwoRepeatWhatOthersHold) {
  Layout layout = Layout::coalesced({64, 8}, 1, 32, 12);
  EXPECT_EQ(layout.shape(), (Coordinates{64, 8}));
  EXPECT_EQ(layout.freeVariableMask(Input::Warp), 0b1000u);
  EXPECT_EQ(layout.coordinates(0, 5, 11), layout.coordinates(0, 5, 3));
}

TEST(Layout, repeatedAndSpreadGrow) {
  Layout atom = Layout::get({2, 2}, {{0, 1}}, {{1, 0}});
  Layout tile = atom.spread(Input::Warp, 0, 4).repeated(1, 3).repeated(0, 2);
  EXPECT_EQ(tile.shape(), (Coordinates{16, 6}));
  EXPECT_EQ(tile.coordinates(0, 0, 3), (Coordinates{6, 0}));
  EXPECT_EQ(tile.coordinates(2, 0, 0), (Coordinates{0, 2}));
  EXPECT_EQ(tile.coordinates(6, 0, 0), (Coordinates{8, 0}));
  EXPECT_EQ(tile.divide(atom)->shape(), (Coordinates{8, 3}));
  EXPECT_EQ(tile.divide(atom.transpose({1, 0})), std::nullopt);
}
