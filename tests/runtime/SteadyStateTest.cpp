// A run with the shapes of an earlier one takes no memory: operator new is counted in the whole process.
#include "tests/runtime/RuntimeTest.h"

#include <atomic>
#include <cstdlib>
#include <new>

static std::atomic<int64_t> newCalls = 0;

void *operator new(size_t bytes) {
  ++newCalls;
  if (void *memory = std::malloc(bytes ? bytes : 1))
    return memory;
  throw std::bad_alloc();
}
void *operator new[](size_t bytes) { return operator new(bytes); }
void operator delete(void *memory) noexcept { std::free(memory); }
void operator delete[](void *memory) noexcept { std::free(memory); }
void operator delete(void *memory, size_t) noexcept { std::free(memory); }
void operator delete[](void *memory, size_t) noexcept { std::free(memory); }

using namespace heed;
using namespace heed::test;

namespace {

TEST(SteadyState, TheCountSeesTheLibrary) {
  Loaded loaded = load(addConstantTwice());
  int64_t before = newCalls;
  Call call = loaded.module.createCall().value();
  EXPECT_GT(newCalls, before);
}

TEST(SteadyState, RepeatedRunsAllocateNothing) {
  Loaded loaded = load(addConstantTwice());
  Call call = loaded.module.createCall().value();
  float x[4] = {};
  EXPECT_OK(call.bindInput("x", view(x, {4})));
  EXPECT_OK(call.run());
  EXPECT_GT(call.counter(HEED_COUNTER_ALLOCATIONS).value(), 0);
  int64_t before = newCalls, taken = 0;
  for (int i = 0; i < 100; ++i) {
    if (!call.run().ok())
      FAIL();
    int64_t value = -1;
    heed_call_counter(call.raw(), HEED_COUNTER_ALLOCATIONS, &value);
    taken += value;
  }
  EXPECT_EQ(newCalls, before);
  EXPECT_EQ(taken, 0);
}

TEST(SteadyState, BindingAndChangingShapesAllocatesNothingOnceSeen) {
  Loaded loaded = load(twice());
  Call call = loaded.module.createCall().value();
  std::vector<float> x(1000);
  auto round = [&] {
    for (int64_t rows : {10, 3, 7, 0, 10})
      if (!call.bindInput("x", view(x.data(), {rows, 100})).ok() || !call.run().ok())
        ADD_FAILURE();
  };
  round();
  int64_t before = newCalls;
  round();
  EXPECT_EQ(newCalls, before);
}

TEST(SteadyState, GrowingStateInPlaceAllocatesNothing) {
  Loaded loaded = load(runningSum());
  Call call = loaded.module.createCall().value();
  std::vector<float> cache(64), x(1);
  if (!call.bindInput("x", view(x.data(), {1})).ok())
    FAIL();
  int64_t before = 0;
  for (int64_t past = 0; past < 64; ++past) {
    if (past == 1)
      before = newCalls;
    if (!call.bindInput("state", view(cache.data(), {past, 1}).capacityBytes(256)).ok() || !call.run().ok())
      FAIL();
  }
  EXPECT_EQ(newCalls, before);
}

} // namespace
