#include "dialects/tile/SharedLayout.h"

#include "tests/unit/RandomLayouts.h"

#include <gtest/gtest.h>
#include <set>

using namespace heed::tile;
using namespace heed::test;

TEST(SharedLayout, plainRowsFollowOneAnother) {
  SharedLayout rows({1, 0}), columns({0, 1});
  EXPECT_EQ(rows.elementOffset({2, 3}, {4, 8}, 2), 19);
  EXPECT_EQ(columns.elementOffset({2, 3}, {4, 8}, 2), 14);
  EXPECT_EQ(rows.sizeInBytes({4, 8}, 2), 64);
  EXPECT_EQ(SharedLayout(llvm::ArrayRef<unsigned>{}).sizeInBytes({}, 4), 4);
}

TEST(SharedLayout, swizzleMovesChunksByPhase) {
  SharedLayout layout({1, 0}, /*chunkBytes=*/16, /*rowsPerPhase=*/2, /*phases=*/4);
  EXPECT_EQ(layout.elementOffset({0, 8}, {16, 64}, 2), 8);
  EXPECT_EQ(layout.elementOffset({2, 0}, {16, 64}, 2), 2 * 64 + 8);
  EXPECT_EQ(layout.elementOffset({3, 8}, {16, 64}, 2), 3 * 64);
  EXPECT_EQ(layout.elementOffset({8, 9}, {16, 64}, 2), 8 * 64 + 9);
}

TEST(SharedLayout, panelsOfAllRowsFollowOneAnother) {
  SharedLayout layout({1, 0}, /*chunkBytes=*/16, /*rowsPerPhase=*/1, /*phases=*/8, /*padBytes=*/0, /*panelBytes=*/128);
  EXPECT_EQ(layout.findError({16, 128}, 2), "");
  EXPECT_EQ(layout.rowBytes({16, 128}, 2), 128);
  EXPECT_EQ(layout.sizeInBytes({16, 128}, 2), 16 * 256);
  EXPECT_EQ(layout.elementOffset({1, 0}, {16, 128}, 2), 64 + 8);
  EXPECT_EQ(layout.elementOffset({0, 64}, {16, 128}, 2), 16 * 64);
  EXPECT_EQ(layout.elementOffset({9, 72}, {16, 128}, 2), (16 + 9) * 64) << "row 9 exchanges chunks 0 and 1";
  EXPECT_NE(layout.findError({16, 96}, 2), "") << "96 elements are a panel and a half";
}

TEST(SharedLayout, lastPanelMayBeNarrower) {
  // 80 elements: 128 bytes, and 32 that are swizzled in groups of four rows, of two phases.
  SharedLayout layout({1, 0}, /*chunkBytes=*/16, /*rowsPerPhase=*/1, /*phases=*/8, /*padBytes=*/0, /*panelBytes=*/128,
                      /*lastPanelBytes=*/32);
  EXPECT_EQ(layout.findError({16, 80}, 2), "");
  EXPECT_EQ(layout.sizeInBytes({16, 80}, 2), 16 * 160);
  EXPECT_EQ(layout.elementOffset({1, 0}, {16, 80}, 2), 64 + 8);
  EXPECT_EQ(layout.elementOffset({0, 64}, {16, 80}, 2), 16 * 64);
  EXPECT_EQ(layout.elementOffset({3, 64}, {16, 80}, 2), 16 * 64 + 3 * 16);
  EXPECT_EQ(layout.elementOffset({4, 64}, {16, 80}, 2), 16 * 64 + 4 * 16 + 8);
  EXPECT_EQ(layout.elementOffset({8, 72}, {16, 80}, 2), 16 * 64 + 8 * 16 + 8);
  SharedLayout::Panel last = layout.panelAt(158, {16, 80}, 2);
  EXPECT_EQ(std::tuple(last.first, last.bytes, last.firstRow, last.rowsPerPhase, last.phases),
            std::tuple(128, 32, 64, 4, 2));
  EXPECT_EQ(layout.panelAt(127, {16, 80}, 2).bytes, 128);
  // One that is as wide as the others, and not filled.
  SharedLayout wide({1, 0}, 16, 1, 8, 0, 128, 128);
  EXPECT_EQ(wide.findError({16, 104}, 2), "");
  EXPECT_EQ(wide.sizeInBytes({16, 104}, 2), 16 * 256);
  EXPECT_EQ(wide.elementOffset({9, 72}, {16, 104}, 2), (16 + 9) * 64);
  EXPECT_NE(layout.findError({16, 96}, 2), "") << "the rest is wider";
  EXPECT_NE(SharedLayout({1, 0}, 16, 1, 8, 0, 128, 48).findError({16, 80}, 2), "");
  EXPECT_NE(SharedLayout({1, 0}, 16, 1, 8, 0, 128, 8).findError({16, 68}, 2), "") << "less than a phase";
  EXPECT_NE(SharedLayout({1, 0}, 16, 1, 8, 16, 128, 32).findError({16, 80}, 2), "") << "padding";
  EXPECT_NE(SharedLayout({1, 0}, 16, 1, 8, 0, 0, 32).findError({16, 80}, 2), "") << "no panels";
  EXPECT_NE(SharedLayout({1, 0}, 16, 1, 8, 0, 128, -32).findError({16, 80}, 2), "");
}

TEST(SharedLayout, everyElementHasAPlaceOfItsOwn) {
  Generator random(1);
  unsigned valid = 0;
  for (int round = 0; round < 2000; ++round) {
    llvm::SmallVector<int64_t> shape = randomShape(random, 1 + draw(random, 3));
    llvm::SmallVector<unsigned> order;
    for (unsigned dim = 0; dim < shape.size(); ++dim)
      order.push_back(dim);
    std::shuffle(order.begin(), order.end(), random);
    int64_t bytes = 1 << draw(random, 4);
    SharedLayout layout(order, bytes << draw(random, 4), 1 << draw(random, 3), 1 << draw(random, 4),
                        bytes * draw(random, 3), draw(random, 2) * bytes << draw(random, 6),
                        draw(random, 2) * bytes << draw(random, 4));
    if (!layout.findError(shape, bytes).empty())
      continue;
    ++valid;
    std::set<int64_t> offsets;
    Layout all = Layout::replicated(shape, 1, 1);
    for (int64_t reg = 0; reg < all.numRegisters(); ++reg) {
      int64_t offset = layout.elementOffset(all.registerOffset(reg), shape, bytes);
      EXPECT_TRUE(offset >= 0 && (offset + 1) * bytes <= layout.sizeInBytes(shape, bytes));
      EXPECT_TRUE(offsets.insert(offset).second);
    }
  }
  EXPECT_GT(valid, 300u);
}
