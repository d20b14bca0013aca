// Values that are alive together never share memory.
#include "runtime/Arena.h"

#include <gtest/gtest.h>

#include <random>

using namespace heed::rt;

namespace {

void expectNoOverlap(const std::vector<ArenaRequest> &requests, const std::vector<int64_t> &offsets, int64_t total) {
  for (size_t i = 0; i < requests.size(); ++i) {
    ASSERT_GE(offsets[i], 0);
    ASSERT_EQ(offsets[i] % arenaAlignment, 0);
    ASSERT_LE(offsets[i] + requests[i].bytes, total);
    for (size_t j = 0; j < i; ++j) {
      bool together = requests[i].first <= requests[j].last && requests[j].first <= requests[i].last;
      bool overlap = offsets[i] < offsets[j] + requests[j].bytes && offsets[j] < offsets[i] + requests[i].bytes;
      ASSERT_FALSE(together && overlap) << i << " and " << j;
    }
  }
}

TEST(Arena, RandomLivesNeverOverlap) {
  std::mt19937 random(3);
  for (int round = 0; round < 300; ++round) {
    std::vector<ArenaRequest> requests(random() % 60);
    int64_t sum = 0;
    for (ArenaRequest &request : requests) {
      request.first = random() % 40;
      request.last = request.first + random() % 10;
      request.bytes = random() % 5 == 0 ? 0 : static_cast<int64_t>(random() % 100000);
      sum += request.bytes + arenaAlignment;
    }
    std::vector<int64_t> offsets(requests.size());
    int64_t total = ArenaPlanner(requests.size()).layOut(requests, offsets);
    ASSERT_LE(total, sum);
    expectNoOverlap(requests, offsets, total);
  }
}

TEST(Arena, AChainNeedsTwoValues) {
  std::vector<ArenaRequest> chain;
  for (uint32_t i = 0; i < 50; ++i)
    chain.push_back({1024, i, i + 1});
  std::vector<int64_t> offsets(chain.size());
  EXPECT_EQ(ArenaPlanner(chain.size()).layOut(chain, offsets), 2048);
}

TEST(Arena, GapsAreFilled) {
  // A large value in the middle of time leaves room beside it for the small ones before and after.
  std::vector<ArenaRequest> requests = {{4096, 2, 3}, {256, 0, 1}, {256, 4, 5}, {512, 0, 1}};
  std::vector<int64_t> offsets(requests.size());
  EXPECT_EQ(ArenaPlanner(requests.size()).layOut(requests, offsets), 4096);
}

TEST(Arena, TooLargeIsReported) {
  std::vector<ArenaRequest> requests = {{INT64_MAX, 0, 0}};
  std::vector<int64_t> offsets(2);
  EXPECT_EQ(ArenaPlanner(1).layOut(requests, offsets), -1);
  requests = {{int64_t(1) << 62, 0, 1}, {int64_t(1) << 62, 1, 1}};
  EXPECT_EQ(ArenaPlanner(2).layOut(requests, offsets), -1);
}

} // namespace
