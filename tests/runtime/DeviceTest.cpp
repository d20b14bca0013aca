// The CPU driver: variants, workers, the host's own threads, scratch, counters.
#include "backends/cpu/driver/WorkerPool.h"
#include "runtime/HostCopy.h"
#include "tests/runtime/TestDevices.h"

#include <gmock/gmock.h>

#include <atomic>
#include <iterator>
#include <numeric>
#include <random>
#include <sstream>
#include <thread>

using namespace heed;
using namespace heed::test;
using testing::AllOf;
using testing::HasSubstr;

namespace {

class DeviceSteps : public OnDevice {};
HEED_ON_EVERY_DEVICE(DeviceSteps);

Device openCpu(uint32_t workers, const char *isa = nullptr, heed_parallel_for parallelFor = nullptr,
               void *host = nullptr) {
  heed_device_options options = {sizeof(options), workers, parallelFor, host, isa, 0, nullptr};
  return Device::open("cpu", &options).value();
}

/// y[p] = p over n programs, counted; every worker has scratch.
PackageMaker counting() {
  PackageMaker maker;
  rt::ExprId n = maker.symbol("n");
  maker.input("x", {n});
  maker.output("y", {n});
  uint32_t y = maker.buffer(rt::Buffer::output(0));
  uint32_t kernel = maker.kernel("count", {rt::Access::write}, 0, n);
  maker.plan().kernels[kernel].variants[0].workerScratchBytes = 4096;
  maker.launch(kernel, {y});
  return maker;
}

void expectCounts(Loaded &loaded, int64_t n) {
  Call call = loaded.module.createCall().value();
  std::vector<float> x(n), y(n, -2.0f), expected(n);
  std::iota(expected.begin(), expected.end(), 0.0f);
  EXPECT_OK(call.setFlags(HEED_CALL_COUNT));
  EXPECT_OK(call.bindInput("x", view(x.data(), {n})));
  EXPECT_OK(call.bindOutput("y", view(y.data(), {n})));
  for (int i = 0; i < 3; ++i) {
    EXPECT_OK(call.run());
    ASSERT_EQ(y, expected);
    ASSERT_EQ(call.counter(HEED_COUNTER_KEY_BLOCKS_VISITED).value(), n);
  }
}

TEST(Device, WorkersShareAGrid) {
  for (uint32_t workers : {1u, 2u, 4u, 7u}) {
    Device device = openCpu(workers);
    EXPECT_EQ(device.workerCount(), workers);
    Loaded loaded = load(counting(), &device);
    for (int64_t n : {1, 2, 3, 17, 1000, 3000})
      expectCounts(loaded, n);
  }
}

TEST(Device, CountersAreOffByDefault) {
  Loaded loaded = load(counting());
  Call call = loaded.module.createCall().value();
  float x[8] = {};
  EXPECT_OK(call.bindInput("x", view(x, {8})));
  EXPECT_OK(call.run());
  EXPECT_EQ(call.counter(HEED_COUNTER_KEY_BLOCKS_VISITED).value(), 0);
  EXPECT_EQ(call.counter(HEED_COUNTER_LAUNCHES).value(), 1);
}

TEST(Device, TheHostsThreadsCanRunKernels) {
  struct Host {
    std::atomic<int> calls = 0;
  } host;
  auto parallelFor = [](void *self, int64_t count, void (*body)(void *, int64_t), void *context) {
    ++static_cast<Host *>(self)->calls;
    std::vector<std::thread> threads;
    for (int64_t i = 0; i < count; ++i)
      threads.emplace_back([=] { body(context, i); });
    for (std::thread &thread : threads)
      thread.join();
  };
  Device device = openCpu(3, nullptr, parallelFor, &host);
  EXPECT_EQ(device.workerCount(), 3u);
  Loaded loaded = load(counting(), &device);
  expectCounts(loaded, 500);
  EXPECT_EQ(host.calls, 3);
}

TEST(Device, ConcurrentCallsShareTheWorkers) {
  Device device = openCpu(3);
  Loaded loaded = load(counting(), &device);
  std::vector<std::thread> threads;
  for (int i = 0; i < 3; ++i)
    threads.emplace_back([&, i] {
      for (int round = 0; round < 20; ++round)
        expectCounts(loaded, 50 + i);
    });
  for (std::thread &thread : threads)
    thread.join();
}

/// One kernel whose variants write their number; `features` in order of preference.
PackageMaker variants(const std::vector<std::vector<std::string>> &features) {
  PackageMaker maker;
  maker.input("x", {maker.constant(1)});
  maker.output("y", {maker.constant(1)});
  uint32_t y = maker.buffer(rt::Buffer::output(0));
  uint32_t kernel = maker.kernel("variant_1", {rt::Access::write}, 0, rt::noExpr);
  auto &list = maker.plan().kernels[kernel].variants;
  for (size_t i = 0; i < features.size(); ++i) {
    list.resize(std::max(list.size(), i + 1), list.front());
    list[i].symbol = "test_variant_" + std::to_string(i + 1);
    list[i].features = features[i];
  }
  maker.launch(kernel, {y});
  return maker;
}

int chosenVariant(const PackageMaker &maker, const char *isa = nullptr) {
  Device device = openCpu(1, isa);
  Loaded loaded = load(maker, &device);
  Call call = loaded.module.createCall().value();
  float x[1] = {};
  EXPECT_OK(call.bindInput("x", view(x, {1})));
  EXPECT_OK(call.run());
  return static_cast<int>(*static_cast<float *>(call.output("y")->data));
}

std::vector<std::string> cpuFeatures() {
  Device device = openCpu(1);
  std::istringstream words{std::string(device.features())};
  return {std::istream_iterator<std::string>(words), {}};
}

TEST(Device, TakesTheFirstVariantThatFits) {
  EXPECT_EQ(chosenVariant(variants({{"abacus"}, {}})), 2);
  EXPECT_EQ(chosenVariant(variants({{}, {}})), 1);
  for (const std::string &feature : cpuFeatures()) {
    EXPECT_EQ(chosenVariant(variants({{"abacus"}, {feature}, {}})), 2) << feature;
    EXPECT_EQ(chosenVariant(variants({{feature, "abacus"}, {feature}, {}})), 2) << feature;
  }
}

std::string openingFailure(const char *isa) {
  heed_device_options options = {sizeof(options), 0, nullptr, nullptr, isa, 0, nullptr};
  return failure(Device::open("cpu", &options));
}

// Processors other than those of x86-64 have none of the levels.
TEST(Device, TheInstructionSetCanBeLimited) {
  PackageMaker maker = variants({{"x86-64-v4"}, {"x86-64-v3"}, {"x86-64-v2"}, {}});
  std::vector<std::string> present = cpuFeatures();
  int expected = 4;
  for (const char *level : {"x86-64", "x86-64-v2", "x86-64-v3", "x86-64-v4"}) {
    if (testing::Value(present, testing::Contains(level)))
      EXPECT_EQ(chosenVariant(maker, level), expected--);
    else
      EXPECT_THAT(openingFailure(level), HasSubstr(level));
  }
  EXPECT_EQ(chosenVariant(maker), std::min(expected + 1, 4));
  EXPECT_THAT(openingFailure("pentium"), HasSubstr("'pentium'"));
}

TEST(Device, SaysWhichVariantsThereAre) {
  PackageMaker maker = variants({{"x86-64-v9"}, {"vax", "pdp"}});
  EXPECT_THAT(loadFailure(maker.write()), AllOf(HasSubstr("[x86-64-v9], [vax, pdp]"), HasSubstr("this device has")));
  maker = variants({{}});
  maker.plan().target = "abacus";
  Device cpu = openCpu(1);
  EXPECT_THAT(loadFailure(maker.write(), &cpu), HasSubstr("plans for abacus; this device is cpu"));
  EXPECT_EQ(Module::loadMemory(maker.write()).code(), HEED_WRONG_ARCHITECTURE);
  EXPECT_THAT(loadFailure(maker.write()),
              HasSubstr("no device here can run the package, which holds plans for abacus"));
  maker.plan().target = "cpu";
  maker.plan().features = {"abacus", "x86-64"};
  EXPECT_THAT(loadFailure(maker.write()),
              AllOf(HasSubstr("plans for cpu with abacus, x86-64; cpu:0: has"), HasSubstr("x86-64-v2")));
}

TEST(Device, RequirementsReadDeviceProperties) {
  PackageMaker maker = variants({{}, {}});
  maker.plan().kernels[0].variants[0].requirements = {{rt::DeviceProperty::workers, 2, 100}};
  EXPECT_EQ(chosenVariant(maker), 2);
  maker.plan().kernels[0].variants[0].requirements = {{rt::DeviceProperty::workers, 1, 1}};
  EXPECT_EQ(chosenVariant(maker), 1);
}

TEST(Device, ConditionsAndAlignmentAreDecidedPerCall) {
  PackageMaker maker;
  rt::ExprId n = maker.symbol("n");
  maker.input("x", {n});
  maker.output("y", {n});
  uint32_t y = maker.buffer(rt::Buffer::output(0));
  uint32_t kernel = maker.kernel("variant_1", {rt::Access::write}, 0, n);
  auto &list = maker.plan().kernels[kernel].variants;
  list.resize(3, list[0]);
  list[0].conditions = {{maker.expressions().mod(n, maker.constant(8)), rt::Relation::equal, maker.constant(0), ""}};
  list[1].symbol = "test_variant_2";
  list[1].operandAlignment = 64;
  list[2].symbol = "test_variant_3";
  maker.launch(kernel, {y});
  Loaded loaded = load(maker);
  Call call = loaded.module.createCall().value();
  std::vector<float> x(16);
  alignas(64) float out[32];
  auto run = [&](int64_t size, float *memory) {
    EXPECT_OK(call.bindInput("x", view(x.data(), {size})));
    EXPECT_OK(call.bindOutput("y", view(memory, {size})));
    EXPECT_OK(call.run());
    return memory[size - 1];
  };
  EXPECT_EQ(run(8, out + 1), 1);
  EXPECT_EQ(run(7, out), 2);
  EXPECT_EQ(run(7, out + 1), 3);
  EXPECT_EQ(run(7, out), 2);

  list.pop_back();
  Loaded strict = load(maker);
  Call strictCall = strict.module.createCall().value();
  EXPECT_OK(strictCall.bindInput("x", view(x.data(), {7})));
  EXPECT_OK(strictCall.bindOutput("y", view(out + 1, {7})));
  EXPECT_THAT(failure(strictCall.run()), HasSubstr("aligned to 64 bytes"));
}

TEST(Device, NoVariantForTheseShapes) {
  PackageMaker maker = variants({{}});
  maker.plan().kernels[0].variants[0].conditions = {{maker.constant(1), rt::Relation::greater, maker.constant(2), ""}};
  Loaded loaded = load(maker);
  Call call = loaded.module.createCall().value();
  float x[1] = {};
  EXPECT_OK(call.bindInput("x", view(x, {1})));
  EXPECT_THAT(failure(call.run()), HasSubstr("no variant of the kernel accepts these shapes"));
}

TEST_P(DeviceSteps, PrepareRunsOnceAtLoad) {
  PackageMaker maker = addConstantTwice();
  uint32_t packed = maker.buffer(rt::Buffer::persistent(maker.constant(16)));
  rt::CopyStep reverse; // c backwards
  reverse.source = {2, maker.constant(12), {maker.constant(-1)}};
  reverse.destination = {packed, rt::noExpr, {maker.constant(1)}};
  reverse.sizes = {maker.constant(4)};
  maker.plan().prepare.push_back(reverse);
  std::get<rt::LaunchStep>(maker.plan().steps[1]).operands[1].buffer = packed;
  Loaded loaded = load(maker);
  Call call = loaded.module.createCall().value();
  float x[4] = {};
  EXPECT_OK(call.bindInput("x", view(x, {4})));
  EXPECT_OK(call.run());
  auto *y = static_cast<float *>(call.output("y")->data);
  EXPECT_THAT(std::vector<float>(y, y + 4), testing::ElementsAre(50, 50, 50, 50));

  std::get<rt::CopyStep>(maker.plan().prepare[0]).source.offset = maker.constant(16);
  EXPECT_THAT(loadFailure(made(maker).write(), &device), AllOf(HasSubstr("prepare"), HasSubstr("outside the buffer")));
}

TEST(WorkerPool, EveryProgramRunsOnce) {
  rt::WorkerPool pool(4);
  for (int round = 0; round < 2000; ++round) {
    constexpr int64_t total = 100;
    struct Task {
      rt::WorkRange range{total, 4};
      std::atomic<int> visits[total] = {};
    } task;
    pool.run({[](void *argument, uint32_t) {
                auto &task = *static_cast<Task *>(argument);
                for (int64_t begin, end; task.range.claim(begin, end);)
                  for (int64_t i = begin; i < end; ++i)
                    ++task.visits[i];
              },
              &task});
    for (const std::atomic<int> &visits : task.visits)
      ASSERT_EQ(visits, 1);
    if (round % 500 == 0) // let the workers fall asleep
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
}

TEST(HostCopy, EqualsTheElementwiseCopy) {
  std::mt19937 random(5);
  for (int round = 0; round < 500; ++round) {
    auto rank = static_cast<uint32_t>(random() % 5);
    uint32_t width = 1u << random() % 4;
    int64_t sizes[8], from[8], to[8], count = 1;
    for (uint32_t i = 0; i < rank; ++i)
      sizes[i] = static_cast<int64_t>(random() % 5);
    std::vector<uint32_t> order(rank);
    std::iota(order.begin(), order.end(), 0u);
    std::shuffle(order.begin(), order.end(), random);
    for (uint32_t i : order) {
      to[i] = count;
      count *= std::max<int64_t>(sizes[i], 1);
    }
    for (uint32_t i = 0; i < rank; ++i)
      from[i] = static_cast<int64_t>(random() % 9) - 4;
    std::vector<std::byte> source(1000), got(static_cast<size_t>(count) * width, std::byte{7}), expected = got;
    for (std::byte &byte : source)
      byte = static_cast<std::byte>(random());
    const std::byte *start = source.data() + 500;
    rt::copyOnHost(rank, sizes, width, start, from, got.data(), to);
    for (int64_t linear = 0, total = std::accumulate(sizes, sizes + rank, int64_t(1), std::multiplies<>());
         linear < total; ++linear) {
      int64_t rest = linear, source = 0, destination = 0;
      for (uint32_t i = rank; i-- > 0; rest /= sizes[i]) {
        source += rest % sizes[i] * from[i];
        destination += rest % sizes[i] * to[i];
      }
      std::copy_n(start + source * width, width, expected.begin() + destination * width);
    }
    ASSERT_EQ(got, expected);
  }
}

} // namespace
