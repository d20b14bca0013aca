// Launches that start before the one before them has ended, on the fake libcuda.
#include "tests/runtime/gpu/CudaTest.h"

using namespace heed;
using namespace heed::test;

namespace {

/// The kernel "scale", which waits for the launch before it or does not, and whose may be of another call or not.
std::unique_ptr<rt::DriverKernel> findScale(OpenDevice &device, bool waits, bool opensCalls = false) {
  rt::Variant variant;
  variant.symbol = "scale";
  variant.workgroup = {128, 1, 1};
  variant.awaitsPrevious = waits;
  variant.opensCalls = opensCalls;
  return device.find(section(rt::CodeFormat::ptx, ptx), variant);
}

/// What processors keep for a cache is left to the device where launches shall not overlap.
TEST_F(CudaDriver, DividesProcessorsOnlyForOverlap) {
  ::setenv("HEED_GPU_OVERLAP", "0", 1);
  OpenDevice device("cuda:0");
  auto waiting = findScale(device, true);
  EXPECT_EQ(fake->calls("cuFuncSetAttribute"), 0);
}

/// A kernel that waits for the launch before it starts early directly behind a launch, and only there.
TEST_F(CudaDriver, StartsKernelsEarlyThatWait) {
  OpenDevice device("cuda:0");
  auto plain = findScale(device, false);
  EXPECT_EQ(fake->calls("cuFuncSetAttribute"), 0);
  auto waiting = findScale(device, true);
  EXPECT_EQ(fake->calls("cuFuncSetAttribute"), 1) << "processors are divided for it as for its neighbours";
  DeviceArray x(*device.driver, 400), y(*device.driver, 400);
  auto launch = [&](const rt::DriverKernel &kernel) {
    EXPECT_STATUS(device.launch(kernel, "scale", {y.memory, x.memory}, {100}, 1));
  };
  auto early = [&] { return fake->calls("cuLaunchKernelEx"); };
  launch(*waiting);
  EXPECT_EQ(early(), 0) << "what is before a call is not ours";
  launch(*waiting);
  launch(*waiting);
  EXPECT_EQ(early(), 2);
  launch(*plain);
  EXPECT_EQ(early(), 2);
  launch(*waiting); // behind a kernel that does not wait, which has not started early
  EXPECT_EQ(early(), 3);
  std::vector<float> values = counting<float>(100);
  auto expectNotEarly = [&] {
    long before = early();
    launch(*waiting);
    EXPECT_EQ(early(), before);
  };
  x.write(*device.queue, values);
  expectNotEarly();
  (void)y.read<float>(*device.queue);
  expectNotEarly();
  rt::StridedCopy copy = {x.memory, y.memory, 1, 4, {100}, {1}, {1}};
  ASSERT_STATUS(device.context->copy(*device.queue, copy));
  expectNotEarly();
  std::unique_ptr<rt::DriverEvent> event;
  ASSERT_STATUS(device.driver->recordEvent(*device.queue, true, event));
  expectNotEarly();
  ASSERT_STATUS(device.queue->synchronize());
  expectNotEarly();
  long before = early();
  for (int i = 0; i < 16; ++i) // behind every eighth is an event of the log
    launch(*waiting);
  EXPECT_EQ(early() - before, 14);
  EXPECT_STATUS(device.queue->synchronize());
}

TEST_F(CudaDriver, RecordsEarlyStarts) {
  ::setenv("HEED_GPU_OVERLAP", "1", 1);
  OpenDevice device("cuda:0");
  auto waiting = findScale(device, true);
  DeviceArray x(*device.driver, 400), y(*device.driver, 400), z(*device.driver, 400);
  x.write(*device.queue, counting<float>(100));
  auto launch = [&](const DeviceArray &to, const DeviceArray &from) {
    EXPECT_STATUS(device.launch(*waiting, "scale", {to.memory, from.memory}, {100}, 1));
  };
  launch(y, x);
  ASSERT_TRUE(device.context->canRecord(*device.queue));
  ASSERT_STATUS(device.context->beginRecording(*device.queue));
  launch(y, x);
  EXPECT_EQ(fake->calls("cuLaunchKernelEx"), 0) << "the first of a recording follows nothing";
  launch(z, y);
  EXPECT_EQ(fake->calls("cuLaunchKernelEx"), 1);
  std::unique_ptr<rt::DriverRecording> recording;
  ASSERT_STATUS(device.context->endRecording(*device.queue, recording));
  ASSERT_STATUS(device.context->replay(*device.queue, *recording));
  launch(y, x);
  EXPECT_EQ(fake->calls("cuLaunchKernelEx"), 1) << "not behind a recording";
  EXPECT_EQ(z.read<float>(*device.queue)[7], 28);
}

/// The first of a call starts early only when it is made for that, and behind a noted event too.
TEST_F(CudaDriver, OpensCallsEarly) {
  OpenDevice device("cuda:0");
  auto waiting = findScale(device, true), opening = findScale(device, true, true);
  DeviceArray x(*device.driver, 400), y(*device.driver, 400);
  auto isEarly = [&](const rt::DriverKernel &kernel, bool opensCall) {
    long before = fake->calls("cuLaunchKernelEx");
    EXPECT_STATUS(device.launch(kernel, "scale", {y.memory, x.memory}, {100}, 1, opensCall));
    return fake->calls("cuLaunchKernelEx") > before;
  };
  EXPECT_FALSE(isEarly(*opening, true)) << "nothing of ours is before it";
  EXPECT_TRUE(isEarly(*waiting, false));
  EXPECT_FALSE(isEarly(*waiting, true)) << "it may load early what the call before writes";
  EXPECT_TRUE(isEarly(*opening, true));
  std::unique_ptr<rt::DriverEvent> event;
  long events = fake->calls("cuEventRecord");
  ASSERT_STATUS(device.driver->noteEvent(*device.queue, event));
  EXPECT_EQ(fake->calls("cuEventRecord"), events);
  EXPECT_TRUE(isEarly(*opening, true));
  EXPECT_STATUS(event->wait());
  EXPECT_EQ(fake->calls("cuEventRecord"), events + 1) << "in the stream once somebody waits";
  EXPECT_TRUE(event->reached());
}

/// What a call waits for outlives the queue it ran in.
TEST_F(CudaDriver, NotedEventsOutliveTheirQueue) {
  OpenDevice device("cuda:0");
  auto opening = findScale(device, true, true);
  DeviceArray x(*device.driver, 400), y(*device.driver, 400);
  std::unique_ptr<rt::DriverEvent> event, finished;
  for (std::unique_ptr<rt::DriverEvent> *each : {&finished, &event}) {
    EXPECT_STATUS(device.launch(*opening, "scale", {y.memory, x.memory}, {100}, 1, true));
    ASSERT_STATUS(device.driver->noteEvent(*device.queue, *each));
    if (each == &finished)
      ASSERT_STATUS(device.queue->synchronize());
  }
  long events = fake->calls("cuEventRecord");
  EXPECT_TRUE(finished->reached()) << "its launches are known to have ended";
  device.queue.reset();
  EXPECT_TRUE(event->reached());
  EXPECT_STATUS(event->wait());
  EXPECT_EQ(fake->calls("cuEventRecord"), events);
  ASSERT_STATUS(device.driver->createQueue(device.queue));
}

/// A launch or two that overlap with those of the call before are not recorded: recordings overlap with nothing.
TEST_F(CudaDriver, RecordsCallsOfManyLaunches) {
  OpenDevice device("cuda:0");
  auto waiting = findScale(device, true), opening = findScale(device, true, true);
  DeviceArray x(*device.driver, 400), y(*device.driver, 400);
  auto recordsCallOf = [&](const rt::DriverKernel &first, int launches) {
    EXPECT_STATUS(device.launch(first, "scale", {y.memory, x.memory}, {100}, 1, true));
    for (int i = 1; i < launches; ++i)
      EXPECT_STATUS(device.launch(*waiting, "scale", {y.memory, x.memory}, {100}, 1));
    return device.context->canRecord(*device.queue);
  };
  EXPECT_FALSE(recordsCallOf(*opening, 1));
  EXPECT_FALSE(recordsCallOf(*opening, 2));
  EXPECT_TRUE(recordsCallOf(*opening, 3));
  EXPECT_TRUE(recordsCallOf(*waiting, 1));
  EXPECT_STATUS(device.queue->synchronize()); // before its memory goes
}

TEST_F(CudaDriver, StartsNothingEarlyWhereThatIsNotWanted) {
  auto earlyLaunches = [&](const char *library, int version, int refusal) {
    useLibrary(library);
    fake->set("version", version);
    if (refusal != 0)
      fake->fail("cuLaunchKernelEx", refusal, 0);
    OpenDevice device("cuda:0");
    auto waiting = findScale(device, true);
    DeviceArray x(*device.driver, 400), y(*device.driver, 400);
    for (int i = 0; i < 4; ++i)
      EXPECT_STATUS(device.launch(*waiting, "scale", {y.memory, x.memory}, {100}, 1));
    EXPECT_STATUS(device.queue->synchronize());
    return fake->calls("cuLaunchKernelEx");
  };
  EXPECT_EQ(earlyLaunches(HEED_FAKE_CUDA, 12030, 0), 3);
  ::setenv("HEED_GPU_OVERLAP", "0", 1);
  EXPECT_EQ(earlyLaunches(HEED_FAKE_CUDA, 12030, 0), 0);
  ::setenv("HEED_GPU_OVERLAP", "1", 1);
  EXPECT_EQ(earlyLaunches(HEED_FAKE_CUDA, 12030, 0), 3);
  EXPECT_EQ(earlyLaunches(HEED_FAKE_CUDA, 12020, 0), 0);
  EXPECT_EQ(earlyLaunches(HEED_FAKE_CUDA, 12030, 801), 1) << "once refused, never again";
  EXPECT_EQ(earlyLaunches(HEED_FAKE_CUDA_OLD, 12030, 0), 0);
  ::setenv("HEED_GPU_SYNCHRONOUS", "1", 1);
  EXPECT_EQ(earlyLaunches(HEED_FAKE_CUDA, 12030, 0), 0);
}

} // namespace
