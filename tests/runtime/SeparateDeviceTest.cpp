// What a run costs on a device with memory of its own, counted by a device that keeps count: waits, transfers, memory.
#include "runtime/CapiObjects.h"
#include "tests/runtime/TestDevices.h"

#include <gmock/gmock.h>

using namespace heed;
using namespace heed::test;
using testing::AllOf;
using testing::HasSubstr;

namespace {

const TestDevice separate = {"separate:0", "separate", false, false};

class SeparateDevice : public testing::Test {
protected:
  Loaded load(const PackageMaker &maker) { return test::load(madeFor(separate, maker), &opened.device); }
  SeparateDeviceProbe &probe() { return *opened.probe; }
  Buffer buffer(const std::vector<float> &values) {
    Buffer made = Buffer::allocate(opened.device, values.size() * 4).value();
    EXPECT_OK(made.write(0, std::as_bytes(std::span(values))));
    return made;
  }

  OpenedDevice opened = openTestDevice(separate);
};

TEST_F(SeparateDevice, EnqueuedRunsWaitForNothing) {
  Loaded loaded = load(addConstantTwice());
  Call call = loaded.module.createCall().value();
  Queue queue = Queue::create(opened.device).value();
  std::vector<float> x = {1, 2, 3, 4}, y(4);
  EXPECT_OK(call.bindInput("x", view(x.data(), {4})));
  EXPECT_OK(call.bindOutput("y", view(y.data(), {4})));
  EXPECT_OK(call.enqueue(queue));
  int64_t before = probe().waits;
  for (int i = 0; i < 20; ++i)
    EXPECT_OK(call.enqueue(queue));
  EXPECT_EQ(probe().waits, before);
  EXPECT_OK(queue.synchronize());
  EXPECT_EQ(y[3], 84);
}

TEST_F(SeparateDevice, EqualRunsAreRecordedOnce) {
  Loaded loaded = load(addConstantTwice());
  Call call = loaded.module.createCall().value();
  Buffer x = buffer({1, 2, 3, 4}), y = buffer({0, 0, 0, 0});
  TensorView xView(x.raw(), 0, HEED_F32, std::array<int64_t, 1>{4}),
      yView(y.raw(), 0, HEED_F32, std::array<int64_t, 1>{4});
  EXPECT_OK(call.bindInput("x", xView));
  EXPECT_OK(call.bindOutput("y", yView));
  for (int i = 0; i < 10; ++i) {
    EXPECT_OK(call.run());
    EXPECT_EQ(call.counter(HEED_COUNTER_LAUNCHES).value(), 2);
  }
  EXPECT_EQ(probe().recordings, 1);
  EXPECT_EQ(probe().replays, 9);
  EXPECT_EQ(probe().launches, 20);
  std::vector<float> got(4);
  EXPECT_OK(y.read(0, std::as_writable_bytes(std::span(got))));
  EXPECT_EQ(got, (std::vector<float>{21, 42, 63, 84}));
}

TEST_F(SeparateDevice, ARefusedRecordingIsNotTriedAgain) {
  probe().refuseRecording = true;
  Loaded loaded = load(addConstantTwice());
  Call call = loaded.module.createCall().value();
  std::vector<float> x = {1, 2, 3, 4}, y(4);
  EXPECT_OK(call.bindInput("x", view(x.data(), {4})));
  EXPECT_OK(call.bindOutput("y", view(y.data(), {4})));
  for (int i = 0; i < 10; ++i) {
    y[0] = 0;
    EXPECT_OK(call.run());
    EXPECT_EQ(y[0], 21);
  }
  EXPECT_EQ(probe().recordings, 1);
  EXPECT_EQ(probe().replays, 0);
}

/// y = 2 x, of which rows of 8 numbers from the second row on are a tensor map.
PackageMaker mapped(bool hasGeneric) {
  PackageMaker maker = twice();
  rt::ExprPool &expressions = maker.expressions();
  rt::ExprId rows = maker.symbol("rows"), stride = expressions.inputStride(0, 0);
  auto &variants = maker.plan().kernels[0].variants;
  rt::Variant special = variants[0];
  special.operandAlignment = 16;
  special.tensorMaps = {{0,
                         4,
                         expressions.mul(stride, maker.constant(4)),
                         {expressions.sub(rows, maker.constant(1)), maker.constant(8)},
                         {stride, maker.constant(1)},
                         {4, 8},
                         32}};
  if (hasGeneric)
    special.conditions = {{rows, rt::Relation::greater, maker.constant(1), ""}};
  variants.insert(variants.begin(), special);
  return maker;
}

TEST_F(SeparateDevice, TensorMapsAreMadeWhenNumbersOrAddressesChange) {
  probe().refuseRecording = true;
  Loaded loaded = load(mapped(true));
  Call call = loaded.module.createCall().value();
  Buffer x = buffer(std::vector<float>(64, 1)), other = buffer(std::vector<float>(64, 2)),
         y = buffer(std::vector<float>(64));
  auto run = [&](Buffer &from, int64_t rows) {
    std::array<int64_t, 2> sizes = {rows, 8};
    EXPECT_OK(call.bindInput("x", TensorView(from.raw(), 0, HEED_F32, sizes)));
    EXPECT_OK(call.bindOutput("y", TensorView(y.raw(), 0, HEED_F32, sizes)));
    EXPECT_OK(call.run());
    return probe().madeMaps.load();
  };
  EXPECT_EQ(run(x, 4), 1);
  EXPECT_EQ(probe().mapOuter, 3);
  int64_t address = probe().mapAddress;
  EXPECT_EQ(address % 4096, 32) << "one row into the operand";
  EXPECT_EQ(run(x, 4), 1);
  EXPECT_EQ(run(other, 4), 2);
  EXPECT_NE(probe().mapAddress, address);
  EXPECT_EQ(run(other, 5), 3);
  EXPECT_EQ(probe().mapOuter, 4);
  EXPECT_EQ(run(other, 1), 3) << "the variant without maps";
  EXPECT_EQ(run(other, 5), 4);
}

TEST_F(SeparateDevice, NumbersThatNoTensorMapHasAreReported) {
  Loaded loaded = load(mapped(false));
  Call call = loaded.module.createCall().value();
  std::vector<float> x(64), y(64);
  EXPECT_OK(call.bindInput("x", view(x.data(), {1, 8})));
  EXPECT_OK(call.bindOutput("y", view(y.data(), {1, 8})));
  EXPECT_THAT(failure(call.run()), AllOf(HasSubstr("tensor map 0"), HasSubstr("size 0 and stride 8 of dimension 0")));
}

TEST_F(SeparateDevice, ConstantsGoOverOnce) {
  Loaded loaded = load(addConstantTwice());
  EXPECT_EQ(probe().uploads, 1);
  Buffer x = buffer({1, 2, 3, 4});
  int64_t before = probe().uploads;
  for (int i = 0; i < 3; ++i) {
    Call call = loaded.module.createCall().value();
    EXPECT_OK(call.setFlags(HEED_CALL_DEVICE_OUTPUTS));
    EXPECT_OK(call.bindInput("x", TensorView(x.raw(), 0, HEED_F32, std::array<int64_t, 1>{4})));
    EXPECT_OK(call.run());
    EXPECT_OK(call.output("y"));
  }
  EXPECT_EQ(probe().uploads, before);
  EXPECT_EQ(probe().downloads, 0);
}

TEST_F(SeparateDevice, AllMemoryIsGivenBack) {
  {
    Loaded loaded = load(runningSum());
    Call call = loaded.module.createCall().value();
    Queue queue = Queue::create(opened.device).value();
    float x[1] = {1}, none = 0;
    EXPECT_OK(call.bindInput("x", view(x, {1})));
    EXPECT_OK(call.bindInput("state", view(&none, {0, 1})));
    for (int step = 1; step <= 20; ++step) {
      EXPECT_OK(call.enqueue(queue));
      heed_tensor_view next = call.output("next").value();
      EXPECT_OK(call.bindInput("state", next));
    }
    EXPECT_GT(probe().allocated, 0);
  }
  EXPECT_EQ(probe().allocated, 0);
}

TEST_F(SeparateDevice, StateOnTheDeviceStaysThere) {
  Loaded loaded = load(runningSum());
  Call call = loaded.module.createCall().value();
  EXPECT_OK(call.setFlags(HEED_CALL_DEVICE_OUTPUTS));
  Buffer cache = buffer(std::vector<float>(64)), x = buffer({1});
  EXPECT_OK(call.bindInput("x", TensorView(x.raw(), 0, HEED_F32, std::array<int64_t, 1>{1})));
  int64_t uploads = probe().uploads;
  for (int64_t past = 0; past < 64; ++past) {
    EXPECT_OK(call.bindInput("state", TensorView(cache.raw(), 0, HEED_F32, std::array<int64_t, 2>{past, 1})));
    EXPECT_OK(call.run());
    EXPECT_EQ(call.counter(HEED_COUNTER_STATE_COPIES).value(), 0);
  }
  EXPECT_EQ(probe().uploads, uploads);
  EXPECT_EQ(probe().downloads, 0);
  std::vector<float> got(64);
  EXPECT_OK(cache.read(0, std::as_writable_bytes(std::span(got))));
  EXPECT_EQ(got, std::vector<float>(64, 1));
}

TEST(SmallSeparateDevice, ACallThatDoesNotFitLeavesTheRestUsable) {
  SeparateDeviceOptions options;
  options.memoryBytes = 1 << 20;
  Device device(new heed_device(openSeparateDevice(options, std::make_shared<SeparateDeviceProbe>())));
  Loaded loaded = test::load(madeFor(separate, twice()), &device);
  Call call = loaded.module.createCall().value();
  std::vector<float> x(1 << 20, 1);
  EXPECT_OK(call.bindInput("x", view(x.data(), {1024, 1024})));
  Status refused = call.run();
  EXPECT_EQ(refused.code(), HEED_OUT_OF_MEMORY);
  EXPECT_THAT(std::string(refused.message()), HasSubstr("input 'x'"));
  EXPECT_OK(call.bindInput("x", view(x.data(), {10, 10})));
  EXPECT_OK(call.run());
  EXPECT_EQ(static_cast<float *>(call.output("y")->data)[99], 2);
}

} // namespace
