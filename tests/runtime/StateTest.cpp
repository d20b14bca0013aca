// State in place, on every device: outputs that live in the memory of an input.
#include "tests/runtime/TestDevices.h"

#include <gmock/gmock.h>

using namespace heed;
using namespace heed::test;
using testing::ElementsAre;
using testing::HasSubstr;

namespace {

class State : public OnDevice {};
HEED_ON_EVERY_DEVICE(State);

int64_t copies(Call &call) { return call.counter(HEED_COUNTER_STATE_COPIES).value(); }

std::vector<float> values(Call &call, const char *name, int64_t count) {
  auto *data = static_cast<float *>(call.output(name)->data);
  return {data, data + count};
}

TEST_P(State, GrowsInPlaceWhereThereIsRoom) {
  Loaded loaded = load(runningSum());
  Call call = loaded.module.createCall().value();
  std::vector<float> cache(5 * 2, -1), x = {1, 2};
  EXPECT_OK(call.bindInput("x", view(x.data(), {2})));
  for (int64_t past = 0; past < 5; ++past) {
    EXPECT_OK(call.bindInput("state", view(cache.data(), {past, 2}, {2, 1}).capacityBytes(cache.size() * 4)));
    EXPECT_OK(call.run());
    EXPECT_EQ(copies(call), 0);
    EXPECT_EQ(call.output("next")->data, cache.data());
    EXPECT_EQ(call.output("next")->sizes[0], past + 1);
    auto total = static_cast<float>(past + 1);
    EXPECT_THAT(values(call, "sum", 2), ElementsAre(total, 2 * total));
  }
  // Full: the next state no longer fits and moves, with its content.
  EXPECT_OK(call.bindInput("state", view(cache.data(), {5, 2}, {2, 1}).capacityBytes(cache.size() * 4)));
  EXPECT_OK(call.run());
  EXPECT_EQ(copies(call), 1);
  EXPECT_NE(call.output("next")->data, cache.data());
  EXPECT_THAT(values(call, "sum", 2), ElementsAre(6, 12));
}

TEST_P(State, MovesWhenTheMemoryIsTooSmall) {
  Loaded loaded = load(runningSum());
  Call call = loaded.module.createCall().value();
  const std::vector<float> past = {1, 2, 3, 4};
  float x[2] = {10, 20};
  EXPECT_OK(call.bindInput("state", view(past.data(), {2, 2})));
  EXPECT_OK(call.bindInput("x", view(x, {2})));
  EXPECT_OK(call.run());
  EXPECT_EQ(copies(call), 1);
  EXPECT_EQ(past, (std::vector<float>{1, 2, 3, 4}));
  EXPECT_THAT(values(call, "next", 6), ElementsAre(1, 2, 3, 4, 10, 20));
  EXPECT_THAT(values(call, "sum", 2), ElementsAre(14, 26));
}

TEST_P(State, MayBeFedBackFromTheCallsOwnMemory) {
  // Each step's state is the one the call returned before; it outgrows its memory again and again.
  Loaded loaded = load(runningSum());
  Call call = loaded.module.createCall().value();
  float x[1] = {1}, none = 0;
  EXPECT_OK(call.bindInput("x", view(x, {1})));
  EXPECT_OK(call.bindInput("state", view(&none, {0, 1})));
  for (int step = 1; step <= 50; ++step) {
    x[0] = static_cast<float>(step);
    EXPECT_OK(call.run());
    ASSERT_EQ(values(call, "sum", 1)[0], static_cast<float>(step * (step + 1) / 2));
    heed_tensor_view next = call.output("next").value();
    EXPECT_OK(Status(heed_call_bind_input(call.raw(), "state", &next)));
  }
}

TEST_P(State, MayBeBoundElsewhere) {
  Loaded loaded = load(runningSum());
  Call call = loaded.module.createCall().value();
  const std::vector<float> past = {1, 2, 3, 4};
  std::vector<float> next(6), x = {10, 20};
  EXPECT_OK(call.bindInput("state", view(past.data(), {2, 2}, {1, 2}))); // any strides
  EXPECT_OK(call.bindInput("x", view(x.data(), {2})));
  EXPECT_OK(call.bindOutput("next", view(next.data(), {3, 2})));
  EXPECT_OK(call.run());
  EXPECT_EQ(copies(call), 1);
  EXPECT_THAT(next, ElementsAre(1, 3, 2, 4, 10, 20));
}

TEST_P(State, SharedMemoryMustHaveRoom) {
  Loaded loaded = load(runningSum());
  Call call = loaded.module.createCall().value();
  std::vector<float> cache(100), x = {10, 20};
  EXPECT_OK(call.bindInput("x", view(x.data(), {2})));
  EXPECT_OK(call.bindInput("state", view(cache.data(), {2, 2})));
  EXPECT_OK(call.bindOutput("next", view(cache.data(), {3, 2})));
  EXPECT_THAT(failure(call.run()), HasSubstr("capacity_bytes"));
  EXPECT_OK(call.bindInput("state", view(cache.data(), {2, 2}).capacityBytes(24)));
  EXPECT_OK(call.run());
  EXPECT_EQ(copies(call), 0);
}

TEST_P(State, CapacityIsAskedFor) {
  PackageMaker maker = runningSum();
  maker.plan().outputs[1].capacity = {maker.constant(8), maker.symbol("width")};
  Loaded loaded = load(maker);
  Call call = loaded.module.createCall().value();
  std::vector<float> cache(16), x = {10, 20};
  EXPECT_OK(call.bindInput("x", view(x.data(), {2})));
  EXPECT_OK(call.bindInput("state", view(cache.data(), {2, 2}).capacityBytes(15 * 4)));
  EXPECT_OK(call.run());
  EXPECT_EQ(copies(call), 1);
  // The memory the call took holds all eight rows, so the state stays from now on.
  for (int64_t past = 3; past < 8; ++past) {
    heed_tensor_view next = call.output("next").value();
    EXPECT_OK(Status(heed_call_bind_input(call.raw(), "state", &next)));
    EXPECT_OK(call.run());
    EXPECT_EQ(copies(call), 0);
    auto rows = static_cast<float>(past - 1); // the first two were zeros
    EXPECT_THAT(values(call, "sum", 2), ElementsAre(10 * rows, 20 * rows));
    if (GetParam().hostMemory)
      EXPECT_EQ(call.output("next")->data, next.data);
  }
}

TEST_P(State, ElementsMustBeApart) {
  // Rows one element apart overlap: such memory cannot hold state, so it moves.
  Loaded loaded = load(runningSum());
  Call call = loaded.module.createCall().value();
  std::vector<float> cache = {1, 2, 3, 4, 5, 6, 7, 8}, x = {10, 20};
  EXPECT_OK(call.bindInput("x", view(x.data(), {2})));
  EXPECT_OK(call.bindInput("state", view(cache.data(), {2, 2}, {1, 1}).capacityBytes(32)));
  EXPECT_OK(call.run());
  EXPECT_EQ(copies(call), 1);
  EXPECT_THAT(values(call, "next", 6), ElementsAre(1, 2, 2, 3, 10, 20));
}

/// z = x + z; y = z, with z zeroed for the call. A step that did as it should would leave z zero: what it leaves here
/// shows which memory z has.
PackageMaker keptZeroed() {
  PackageMaker maker = addConstantTwice();
  rt::Plan &plan = maker.plan();
  plan.constraints.clear();
  uint32_t z = maker.buffer(rt::Buffer::zeroed(plan.buffers[3].bytes));
  plan.steps.clear();
  plan.kernels[0].operands[2] = rt::Access::readWrite;
  maker.launch(0, {0, z, z});
  rt::CopyStep copy;
  copy.source = {z, rt::noExpr, {maker.constant(1)}};
  copy.destination = {1, rt::noExpr, {maker.constant(1)}};
  copy.sizes = {maker.symbol("n")};
  copy.elementBytes = 4;
  plan.steps.emplace_back(copy);
  plan.buffers[3] = rt::Buffer::constant(0); // used by nobody
  return maker;
}

std::vector<float> runOver(Call &call, const std::vector<float> &x) {
  EXPECT_OK(call.bindInput("x", view(x.data(), {static_cast<int64_t>(x.size())})));
  EXPECT_OK(call.run());
  return values(call, "y", static_cast<int64_t>(x.size()));
}

TEST_P(State, ZeroedMemoryIsZeroOnceAndKept) {
  Loaded loaded = load(keptZeroed());
  Call call = loaded.module.createCall().value();
  EXPECT_THAT(runOver(call, {1, 2}), ElementsAre(1, 2));
  EXPECT_THAT(runOver(call, {1, 2}), ElementsAre(2, 4));
  EXPECT_EQ(call.counter(HEED_COUNTER_ALLOCATIONS).value(), 0);
}

TEST_P(State, ZeroedMemoryIsOfOneCall) {
  Loaded loaded = load(keptZeroed());
  Call first = loaded.module.createCall().value(), second = loaded.module.createCall().value();
  EXPECT_THAT(runOver(first, {1, 2}), ElementsAre(1, 2));
  EXPECT_THAT(runOver(second, {5, 6}), ElementsAre(5, 6));
  EXPECT_THAT(runOver(first, {1, 2}), ElementsAre(2, 4));
}

TEST_P(State, ZeroedMemoryThatGrowsIsZeroAgain) {
  Loaded loaded = load(keptZeroed());
  Call call = loaded.module.createCall().value();
  EXPECT_THAT(runOver(call, {1, 2}), ElementsAre(1, 2));
  std::vector<float> x(1000, 3);
  EXPECT_EQ(runOver(call, x), x);
}

} // namespace
