// How strided copies are cut into blocks: all of the copy, once, in few blocks.
#include "runtime/CopyBlocks.h"

#include <gtest/gtest.h>

#include <map>
#include <vector>

using namespace heed::rt;

namespace {

/// Blocks of a copy, after checking that they move every byte from where and to where the copy says.
std::vector<CopyBlock> blocksOf(const StridedCopy &copy, uint64_t maxPitch = std::numeric_limits<uint64_t>::max()) {
  std::map<int64_t, int64_t> expected, moved; // destination to source
  std::array<int64_t, maxRank> index = {};
  for (bool ended = false; !ended;) {
    auto source = int64_t(copy.source.offset / copy.elementBytes);
    int64_t destination = 0;
    for (uint32_t dim = 0; dim < copy.rank; ++dim) {
      source += index[dim] * copy.sourceStrides[dim];
      destination += index[dim] * copy.destinationStrides[dim];
    }
    for (int64_t byte = 0; byte < copy.elementBytes; ++byte)
      expected[destination * copy.elementBytes + byte] = source * copy.elementBytes + byte;
    ended = true;
    for (uint32_t dim = copy.rank; dim-- > 0 && ended;) {
      ended = ++index[dim] == copy.sizes[dim];
      if (ended)
        index[dim] = 0;
    }
  }
  std::vector<CopyBlock> blocks;
  Status status = forEachCopyBlock(
      copy,
      [&](const CopyBlock &block) {
        blocks.push_back(block);
        for (uint64_t row = 0; row < block.height; ++row)
          for (uint64_t byte = 0; byte < block.width; ++byte) {
            auto destination = int64_t(block.destination.offset + row * block.destinationPitch + byte);
            EXPECT_TRUE(moved.try_emplace(destination, block.source.offset + row * block.sourcePitch + byte).second);
          }
        EXPECT_LE(std::max(block.sourcePitch, block.destinationPitch), maxPitch);
        return Status();
      },
      maxPitch);
  EXPECT_TRUE(status.ok());
  EXPECT_EQ(moved, expected);
  return blocks;
}

StridedCopy copyOf(std::vector<int64_t> sizes, std::vector<int64_t> from, std::vector<int64_t> to) {
  StridedCopy copy{{}, {}, static_cast<uint32_t>(sizes.size()), 2, {}, {}, {}};
  std::copy(sizes.begin(), sizes.end(), copy.sizes.begin());
  std::copy(from.begin(), from.end(), copy.sourceStrides.begin());
  std::copy(to.begin(), to.end(), copy.destinationStrides.begin());
  return copy;
}

TEST(CopyBlocks, denseCopyIsOneRow) {
  std::vector<CopyBlock> blocks = blocksOf(copyOf({4, 6, 8}, {48, 8, 1}, {48, 8, 1}));
  ASSERT_EQ(blocks.size(), 1u);
  EXPECT_EQ(blocks[0].width, 4u * 6 * 8 * 2);
  EXPECT_EQ(blocks[0].height, 1u);
}

TEST(CopyBlocks, rowsRunAlongTheLongestDimension) {
  // Transposed: 3 blocks of 50 elements whichever side is dense.
  EXPECT_EQ(blocksOf(copyOf({50, 3}, {1, 50}, {3, 1})).size(), 3u);
  EXPECT_EQ(blocksOf(copyOf({3, 50}, {1, 3}, {50, 1})).size(), 3u);
  // Heads of 4 elements, 40 rows, 2 heads a row.
  EXPECT_EQ(blocksOf(copyOf({2, 40, 4}, {4, 8, 1}, {160, 4, 1})).size(), 2u);
  EXPECT_EQ(blocksOf(copyOf({40, 2, 4}, {8, 4, 1}, {4, 160, 1})).size(), 2u);
}

TEST(CopyBlocks, rowsNeedPitches) {
  // One source element for all of a dimension, and one read backwards from its end.
  EXPECT_EQ(blocksOf(copyOf({5, 3}, {0, 7}, {3, 1})).size(), 5u);
  EXPECT_EQ(blocksOf(copyOf({5}, {0}, {1})).size(), 5u);
  StridedCopy backwards = copyOf({5, 3}, {-3, 1}, {3, 1});
  backwards.source.offset = 12 * 2;
  EXPECT_EQ(blocksOf(backwards).size(), 5u);
  // The longest dimension's pitch is too great for the device, then all are.
  EXPECT_EQ(blocksOf(copyOf({50, 3}, {1, 50}, {3, 1}), /*maxPitch=*/64).size(), 3u);
  EXPECT_EQ(blocksOf(copyOf({3, 50}, {100, 1}, {1, 3}), /*maxPitch=*/64).size(), 3u);
  EXPECT_EQ(blocksOf(copyOf({50, 3}, {100, 1}, {1, 50}), /*maxPitch=*/64).size(), 150u);
}

} // namespace
