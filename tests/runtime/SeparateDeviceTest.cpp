// What a run costs on a device with memory of its own, counted by a device that keeps count: waits, transfers, memory.
#include "runtime/CapiObjects.h"
#include "tests/runtime/TestDevices.h"

#include <gmock/gmock.h>

using namespace heed;
using namespace heed::test;
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
