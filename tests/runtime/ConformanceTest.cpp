// What every device must do, through the C ABI: memory, queues, events, kernels, errors. State, strides and shapes on
// every device: StateTest.cpp, CallTest.cpp.
#include "runtime/CapiObjects.h"
#include "tests/runtime/TestDevices.h"

#include <gmock/gmock.h>

#include <atomic>
#include <numeric>
#include <thread>

using namespace heed;
using namespace heed::test;
using testing::AllOf;
using testing::HasSubstr;

namespace {

class Conformance : public OnDevice {
protected:
  Buffer allocate(uint64_t bytes) { return Buffer::allocate(device, bytes).value(); }
  int64_t counter(Call &call, heed_counter which) { return call.counter(which).value(); }
};
HEED_ON_EVERY_DEVICE(Conformance);

class LongLoops : public Conformance {};
HEED_ON_DEVICES_WITH(LongLoops, needs::longLoops);

class Streams : public Conformance {};
HEED_ON_DEVICES_WITH(Streams, needs::streams);

class NoStreams : public Conformance {};
HEED_ON_DEVICES_WITH(NoStreams, needs::noStreams);

/// A dense view of a buffer from its start on.
TensorView viewOf(const Buffer &buffer, std::initializer_list<int64_t> sizes, uint64_t offset = 0) {
  return TensorView(buffer.raw(), offset, HEED_F32, {sizes.begin(), sizes.size()});
}

std::vector<float> iota(int64_t count, float first = 0) {
  std::vector<float> values(count);
  std::iota(values.begin(), values.end(), first);
  return values;
}

template <typename Type> void write(Buffer &buffer, const std::vector<Type> &values, uint64_t offset = 0) {
  EXPECT_OK(buffer.write(offset, std::as_bytes(std::span(values))));
}

std::vector<float> read(Buffer &buffer, int64_t count, uint64_t offset = 0) {
  std::vector<float> values(count, -99);
  EXPECT_OK(buffer.read(offset, std::as_writable_bytes(std::span(values))));
  return values;
}

TEST_P(Conformance, DescribesItself) {
  EXPECT_EQ(device.id(), GetParam().id);
  EXPECT_EQ(device.kind(), GetParam().kind);
  EXPECT_FALSE(device.name().empty());
  if (GetParam().isSeparate())
    return;
  DeviceList list = DeviceList::create().value();
  bool listed = false;
  for (const heed_device_entry &entry : list.entries()) {
    ASSERT_NE(entry.kind, nullptr);
    EXPECT_NE(entry.id == nullptr, entry.why_not == nullptr);
    if (!entry.id || entry.id != GetParam().id)
      continue;
    listed = true;
    EXPECT_EQ(entry.name, device.name());
    EXPECT_EQ(entry.features, device.features());
  }
  EXPECT_TRUE(listed);
  auto missing = Device::open((GetParam().kind + ":99").c_str());
  EXPECT_EQ(missing.code(), HEED_NO_DEVICE);
  EXPECT_THAT(failure(std::move(missing)), HasSubstr(GetParam().kind + ":99"));
}

TEST_P(Conformance, BuffersAreWrittenAndRead) {
  Buffer buffer = allocate(1000);
  EXPECT_EQ(buffer.bytes(), 1000u);
  EXPECT_TRUE(buffer.data() || !GetParam().hostMemory);
  write(buffer, iota(250));
  write(buffer, iota(3, 1000), 40);
  std::vector<float> expected = iota(250);
  std::copy_n(iota(3, 1000).begin(), 3, expected.begin() + 10);
  EXPECT_EQ(read(buffer, 250), expected);
  EXPECT_EQ(read(buffer, 2, 44), (std::vector<float>{1001, 1002}));
  std::vector<std::byte> odd(7, std::byte{9});
  EXPECT_OK(buffer.write(993, odd));
  EXPECT_OK(buffer.read(993, odd));
  EXPECT_EQ(odd, std::vector<std::byte>(7, std::byte{9}));
  EXPECT_OK(buffer.write(1000, {}));
  EXPECT_THAT(failure(buffer.write(994, odd)), HasSubstr("7 bytes at offset 994 lie outside a buffer of 1000 bytes"));
  EXPECT_THAT(failure(buffer.read(UINT64_MAX, odd)), HasSubstr("outside a buffer"));
  EXPECT_OK(Buffer::allocate(device, 0));
}

TEST_P(Conformance, LargeTransfersArrive) {
  constexpr int64_t count = (int64_t(20) << 20) / 4 + 3;
  Buffer buffer = allocate(count * 4);
  std::vector<float> values = iota(count);
  write(buffer, values);
  EXPECT_TRUE(read(buffer, count) == values);
}

TEST_P(Conformance, TransfersFollowTheOrderOfTheirQueue) {
  Buffer buffer = allocate(400);
  Queue queue = Queue::create(device).value();
  std::vector<float> first = iota(100), second = iota(50, 500), got(100);
  EXPECT_OK(buffer.write(0, std::as_bytes(std::span(first)), &queue));
  EXPECT_OK(buffer.write(200, std::as_bytes(std::span(second)), &queue));
  EXPECT_OK(buffer.read(0, std::as_writable_bytes(std::span(got)), &queue));
  EXPECT_OK(queue.synchronize());
  std::copy(second.begin(), second.end(), first.begin() + 50);
  EXPECT_EQ(got, first);
}

TEST_P(Conformance, MemoryIsAligned) {
  for (uint64_t bytes : {1, 7, 300, 5000, 1 << 20}) {
    Buffer a = allocate(bytes), b = allocate(bytes);
    for (const Buffer *buffer : {&a, &b})
      EXPECT_EQ(buffer->raw()->driver->deviceAddress(buffer->raw()->memory) % 256, 0u);
  }
}

TEST_P(Conformance, RunningOutOfMemoryLeavesTheDeviceUsable) {
  auto refused = Buffer::allocate(device, uint64_t(1) << 56);
  EXPECT_EQ(refused.code(), HEED_OUT_OF_MEMORY);
  Buffer buffer = allocate(16);
  write(buffer, iota(4));
  EXPECT_EQ(read(buffer, 4), iota(4));
}

TEST_P(Conformance, BuffersAreUsedInPlace) {
  Loaded loaded = load(addConstantTwice());
  Call call = loaded.module.createCall().value();
  Buffer x = allocate(1024), y = allocate(1024);
  write(x, iota(4, 1), 512);
  EXPECT_OK(call.bindInput("x", viewOf(x, {4}, 512)));
  EXPECT_OK(call.bindOutput("y", viewOf(y, {4}, 256)));
  EXPECT_OK(call.run());
  EXPECT_EQ(read(y, 4, 256), (std::vector<float>{21, 42, 63, 84}));
  EXPECT_EQ(counter(call, HEED_COUNTER_UPLOADED_BYTES), 0);
  EXPECT_EQ(counter(call, HEED_COUNTER_DOWNLOADED_BYTES), 0);
  heed_tensor_view view = call.output("y").value();
  EXPECT_EQ(view.data == nullptr, !GetParam().hostMemory);
}

TEST_P(Conformance, HostTensorsTravelOnce) {
  Loaded loaded = load(addConstantTwice());
  Call call = loaded.module.createCall().value();
  std::vector<float> x = iota(4), y(4);
  EXPECT_OK(call.bindInput("x", view(x.data(), {4})));
  EXPECT_OK(call.bindOutput("y", view(y.data(), {4})));
  EXPECT_OK(call.run());
  EXPECT_EQ(y, (std::vector<float>{20, 41, 62, 83}));
  int64_t travelling = GetParam().hostMemory ? 0 : 16;
  EXPECT_EQ(counter(call, HEED_COUNTER_UPLOADED_BYTES), travelling);
  EXPECT_EQ(counter(call, HEED_COUNTER_DOWNLOADED_BYTES), travelling);
  EXPECT_EQ(call.output("y")->data, y.data());
}

TEST_P(Conformance, OutputsOfTheCallCanBeBoundToAnother) {
  Loaded loaded = load(addConstantTwice());
  Call first = loaded.module.createCall().value(), second = loaded.module.createCall().value();
  std::vector<float> x(4), y(4);
  EXPECT_OK(first.setFlags(HEED_CALL_DEVICE_OUTPUTS));
  EXPECT_OK(first.bindInput("x", view(x.data(), {4})));
  EXPECT_OK(first.run());
  heed_tensor_view between = first.output("y").value();
  EXPECT_EQ(between.data != nullptr, GetParam().hostMemory);
  EXPECT_EQ(between.buffer == nullptr, GetParam().hostMemory);
  EXPECT_OK(second.bindInput("x", between));
  EXPECT_OK(second.bindOutput("y", view(y.data(), {4})));
  EXPECT_OK(second.run());
  EXPECT_EQ(y, (std::vector<float>{40, 80, 120, 160}));
  EXPECT_EQ(counter(second, HEED_COUNTER_UPLOADED_BYTES), 0);
}

/// y = x, both of any strides, by a copy step.
PackageMaker copying() {
  PackageMaker maker;
  rt::ExprId rows = maker.symbol("rows"), columns = maker.symbol("columns");
  maker.input("x", {rows, columns}, true);
  maker.plan().outputs.push_back({"y", rt::ElementType::f32, {rows, columns}, true, rt::noIndex, {}});
  rt::ExprPool &pool = maker.expressions();
  rt::CopyStep copy;
  copy.source = {maker.buffer(rt::Buffer::input(0)), rt::noExpr, {pool.inputStride(0, 0), pool.inputStride(0, 1)}};
  copy.destination = {
      maker.buffer(rt::Buffer::output(0)), rt::noExpr, {pool.outputStride(0, 0), pool.outputStride(0, 1)}};
  copy.sizes = {rows, columns};
  maker.plan().steps.push_back(copy);
  return maker;
}

TEST_P(Conformance, OutputsOfTheHostMayHaveGaps) {
  Loaded loaded = load(copying());
  Call call = loaded.module.createCall().value();
  std::vector<float> x = iota(6, 1);
  for (bool queued : {false, true}) {
    std::vector<float> y(20, -1);
    EXPECT_OK(call.bindInput("x", view(x.data(), {2, 3}, {1, 2})));
    EXPECT_OK(call.bindOutput("y", view(y.data() + 1, {2, 3}, {10, 2})));
    Queue queue = Queue::create(device).value();
    EXPECT_OK(queued ? call.enqueue(queue) : call.run());
    EXPECT_OK(queue.synchronize());
    EXPECT_THAT(y, testing::ElementsAre(-1, 1, -1, 3, -1, 5, -1, -1, -1, -1, -1, 2, -1, 4, -1, 6, -1, -1, -1, -1));
  }
}

TEST_P(Conformance, CopiesFollowAnyStrides) {
  Loaded loaded = load(copying());
  Call call = loaded.module.createCall().value();
  Buffer x = allocate(400), y = allocate(400);
  write(x, iota(100));
  using Strides = std::array<int64_t, 2>;
  constexpr std::array<int64_t, 2> sizes = {3, 4};
  for (Strides from : {Strides{4, 1}, {10, 1}, {1, 3}, {-4, 1}, {0, 2}, {-9, -2}, {0, 0}})
    for (Strides to : {Strides{4, 1}, {12, 1}, {1, 3}, {8, 2}, {1, 20}}) {
      write(y, std::vector<float>(100, -1));
      uint64_t start = 50;
      EXPECT_OK(call.bindInput("x", TensorView(x.raw(), start * 4, HEED_F32, sizes, from)));
      EXPECT_OK(call.bindOutput("y", TensorView(y.raw(), 40, HEED_F32, sizes, to)));
      EXPECT_OK(call.run());
      std::vector<float> expected(100, -1);
      for (int64_t i = 0; i < 3; ++i)
        for (int64_t j = 0; j < 4; ++j)
          expected[10 + i * to[0] + j * to[1]] = static_cast<float>(50 + i * from[0] + j * from[1]);
      ASSERT_EQ(read(y, 100), expected) << from[0] << "," << from[1] << " to " << to[0] << "," << to[1];
    }
}

/// y[p] says which program of an n x 2 x 3 grid p is; n is the length of x.
PackageMaker grids() {
  PackageMaker maker;
  rt::ExprId n = maker.symbol("n");
  maker.input("x", {n});
  maker.output("y", {maker.expressions().mul(n, maker.constant(6))});
  uint32_t y = maker.buffer(rt::Buffer::output(0));
  uint32_t kernel = maker.kernel("grid", {rt::Access::write}, 0, n);
  maker.plan().kernels[kernel].variants[0].grid = {n, maker.constant(2), maker.constant(3)};
  maker.launch(kernel, {y});
  return maker;
}

void expectGrid(Call &call, int64_t n) {
  std::vector<float> x(n);
  EXPECT_OK(call.bindInput("x", view(x.data(), {n})));
  EXPECT_OK(call.run());
  auto *out = static_cast<const float *>(call.output("y")->data);
  for (int64_t p = 0; p < n * 6; ++p)
    ASSERT_EQ(out[p], static_cast<float>(p % n + 100 * (p / n % 2) + 10000 * (p / n / 2))) << p << " of " << n;
}

TEST_P(Conformance, GridsAreLinearisedXFastest) {
  Loaded loaded = load(grids());
  Call call = loaded.module.createCall().value();
  for (int64_t n : {1, 5, 64})
    expectGrid(call, n);
}

TEST_P(Conformance, GridsMayBeLarge) {
  Loaded loaded = load(grids());
  Call call = loaded.module.createCall().value();
  for (int64_t n : {65535, 65536, 70001})
    expectGrid(call, n);
}

/// y[p] = sum over the row p of x, in shared memory where there is such.
PackageMaker rowSums() {
  PackageMaker maker;
  rt::ExprId rows = maker.symbol("rows"), columns = maker.symbol("columns");
  maker.input("x", {rows, columns});
  maker.output("y", {rows});
  uint32_t x = maker.buffer(rt::Buffer::input(0)), y = maker.buffer(rt::Buffer::output(0));
  maker.launch(maker.kernel("sum", {rt::Access::read, rt::Access::write}, 1, rows), {x, y}, {columns});
  return maker;
}

TEST_P(Conformance, WorkgroupsShareMemory) {
  Loaded loaded = load(rowSums());
  Call call = loaded.module.createCall().value();
  for (auto [rows, columns] : {std::pair<int64_t, int64_t>{1, 1}, {3, 64}, {50, 1000}, {2, 63}}) {
    std::vector<float> x(rows * columns), y(rows, -1);
    for (size_t i = 0; i < x.size(); ++i)
      x[i] = static_cast<float>(i % 7);
    EXPECT_OK(call.bindInput("x", view(x.data(), {rows, columns})));
    EXPECT_OK(call.bindOutput("y", view(y.data(), {rows})));
    EXPECT_OK(call.run());
    for (int64_t p = 0; p < rows; ++p)
      ASSERT_EQ(y[p], std::accumulate(x.begin() + p * columns, x.begin() + (p + 1) * columns, 0.0f));
  }
}

TEST_P(LongLoops, EndByThemselves) {
  Loaded loaded = load(rowSums());
  Call call = loaded.module.createCall().value();
  constexpr int64_t columns = 64 * 70001; // 70001 rounds a lane; the sum is exact in f32
  std::vector<float> x(columns, 1), y(1, -1);
  EXPECT_OK(call.bindInput("x", view(x.data(), {1, columns})));
  EXPECT_OK(call.bindOutput("y", view(y.data(), {1})));
  EXPECT_OK(call.run());
  EXPECT_EQ(y[0], static_cast<float>(columns));
}

TEST_P(Conformance, ParametersMayExceedPushConstants) {
  PackageMaker maker;
  rt::ExprId n = maker.symbol("n");
  maker.input("x", {n});
  maker.output("y", {maker.constant(20)});
  std::vector<rt::ExprId> params;
  for (int64_t i = 0; i < 20; ++i)
    params.push_back(maker.expressions().add(n, maker.constant(100 * i)));
  uint32_t y = maker.buffer(rt::Buffer::output(0));
  maker.launch(maker.kernel("many", {rt::Access::write}, 20, maker.constant(1)), {y}, params);
  Loaded loaded = load(maker);
  Call call = loaded.module.createCall().value();
  Queue queue = Queue::create(device).value();
  // Several in flight: parameters must not be overwritten before they are read.
  std::vector<float> x(8);
  std::vector<std::vector<float>> results(8, std::vector<float>(20, -1));
  for (int64_t n = 1; n <= 8; ++n) {
    EXPECT_OK(call.bindInput("x", view(x.data(), {n})));
    EXPECT_OK(call.bindOutput("y", view(results[n - 1].data(), {20})));
    EXPECT_OK(call.enqueue(queue));
  }
  EXPECT_OK(queue.synchronize());
  for (int64_t n = 1; n <= 8; ++n)
    for (int64_t i = 0; i < 20; ++i)
      ASSERT_EQ(results[n - 1][i], static_cast<float>(n + 100 * i));
}

TEST_P(Conformance, EventsTellWhenARunIsOver) {
  Loaded loaded = load(addConstantTwice());
  Call call = loaded.module.createCall().value();
  Queue queue = Queue::create(device).value();
  std::vector<float> x = iota(4), y(4);
  EXPECT_OK(call.bindInput("x", view(x.data(), {4})));
  EXPECT_OK(call.bindOutput("y", view(y.data(), {4})));
  for (int i = 0; i < 5; ++i) {
    std::fill(y.begin(), y.end(), -1.0f);
    Event event = call.enqueueWithEvent(queue).value();
    EXPECT_OK(event.wait());
    EXPECT_TRUE(event.reached());
    EXPECT_EQ(y, (std::vector<float>{20, 41, 62, 83}));
  }
}

TEST_P(Conformance, RunsOfSeveralCallsFollowTheirQueue) {
  // Each call doubles a buffer into the next; nothing waits in between.
  Loaded loaded = load(twice());
  Queue queue = Queue::create(device).value();
  std::vector<Buffer> buffers;
  std::vector<Call> calls;
  for (int i = 0; i < 11; ++i)
    buffers.push_back(allocate(40));
  write(buffers[0], iota(10, 1));
  for (int i = 0; i < 10; ++i) {
    calls.push_back(loaded.module.createCall().value());
    EXPECT_OK(calls[i].bindInput("x", viewOf(buffers[i], {2, 5})));
    EXPECT_OK(calls[i].bindOutput("y", viewOf(buffers[i + 1], {2, 5})));
    EXPECT_OK(calls[i].enqueue(queue));
  }
  std::vector<float> got(10);
  EXPECT_OK(buffers[10].read(0, std::as_writable_bytes(std::span(got)), &queue));
  EXPECT_OK(queue.synchronize());
  for (int i = 0; i < 10; ++i)
    EXPECT_EQ(got[i], 1024.0f * static_cast<float>(i + 1));
}

TEST_P(Conformance, ACallMayMoveToAnotherQueueOrEndEarly) {
  Loaded loaded = load(addConstantTwice());
  Queue first = Queue::create(device).value(), second = Queue::create(device).value();
  std::vector<float> x = iota(4), y(4), z(4);
  Call call = loaded.module.createCall().value();
  EXPECT_OK(call.bindInput("x", view(x.data(), {4})));
  EXPECT_OK(call.bindOutput("y", view(y.data(), {4})));
  for (int i = 0; i < 20; ++i)
    EXPECT_OK(call.enqueue(i % 2 ? first : second));
  EXPECT_OK(call.bindOutput("y", view(z.data(), {4})));
  EXPECT_OK(call.run());
  EXPECT_EQ(z, (std::vector<float>{20, 41, 62, 83}));
  {
    Call brief = loaded.module.createCall().value();
    EXPECT_OK(brief.bindInput("x", view(x.data(), {4})));
    EXPECT_OK(brief.enqueue(first));
  }
  EXPECT_OK(first.synchronize());
}

TEST_P(Conformance, RepeatedRunsTakeNoMemory) {
  Loaded loaded = load(addConstantTwice());
  Call call = loaded.module.createCall().value();
  std::vector<float> x = iota(4), y(4);
  EXPECT_OK(call.bindInput("x", view(x.data(), {4})));
  EXPECT_OK(call.bindOutput("y", view(y.data(), {4})));
  EXPECT_OK(call.run());
  Queue queue = Queue::create(device).value();
  for (int i = 0; i < 50; ++i) {
    x[0] = static_cast<float>(i);
    EXPECT_OK(i % 2 ? call.enqueue(queue) : call.run());
    EXPECT_OK(queue.synchronize());
    EXPECT_EQ(y, (std::vector<float>{20 + static_cast<float>(i), 41, 62, 83}));
    EXPECT_EQ(counter(call, HEED_COUNTER_ALLOCATIONS), 0);
    EXPECT_EQ(counter(call, HEED_COUNTER_LAUNCHES), 2);
  }
}

TEST_P(Conformance, RepeatedRunsSeeNewBindings) {
  // A device that records runs must notice every change of address, size and flag.
  Loaded loaded = load(twice());
  Call call = loaded.module.createCall().value();
  Buffer a = allocate(400), b = allocate(400), out = allocate(400);
  write(a, iota(100));
  write(b, iota(100, 1000));
  EXPECT_OK(call.bindOutput("y", viewOf(out, {10, 10})));
  for (int round = 0; round < 3; ++round)
    for (Buffer *from : {&a, &b}) {
      EXPECT_OK(call.bindInput("x", viewOf(*from, {10, 10})));
      for (int i = 0; i < 4; ++i) {
        EXPECT_OK(call.setFlags(i == 3 ? HEED_CALL_PROFILE : 0));
        EXPECT_OK(call.run());
        EXPECT_EQ(read(out, 2), (from == &a ? std::vector<float>{0, 2} : std::vector<float>{2000, 2002}));
      }
      EXPECT_OK(call.bindInput(
          "x", TensorView(from->raw(), 0, HEED_F32, std::array<int64_t, 2>{10, 10}, std::array<int64_t, 2>{1, 10})));
      for (int i = 0; i < 3; ++i)
        EXPECT_OK(call.run());
      EXPECT_EQ(read(out, 2), (from == &a ? std::vector<float>{0, 20} : std::vector<float>{2000, 2020}));
    }
}

TEST_P(Conformance, CallsRunAtTheSameTime) {
  Loaded loaded = load(rowSums());
  std::vector<std::thread> threads;
  std::atomic<int> wrong = 0;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&, t] {
      Call call = loaded.module.createCall().value();
      Queue queue = Queue::create(device).value();
      int64_t rows = 3 + t;
      std::vector<float> x(rows * 100, static_cast<float>(t + 1)), y(rows);
      wrong += !call.bindInput("x", view(x.data(), {rows, 100})).ok();
      wrong += !call.bindOutput("y", view(y.data(), {rows})).ok();
      for (int i = 0; i < 50; ++i) {
        y[rows - 1] = 0;
        wrong += !call.enqueue(queue).ok() || !queue.synchronize().ok();
        wrong += y[rows - 1] != 100.0f * static_cast<float>(t + 1);
      }
    });
  for (std::thread &thread : threads)
    thread.join();
  EXPECT_EQ(wrong, 0);
}

TEST_P(Conformance, TimesOfKernelsArePlausible) {
  Loaded loaded = load(rowSums());
  Call call = loaded.module.createCall().value();
  std::vector<float> x(1000 * 1000, 1);
  EXPECT_OK(call.bindInput("x", view(x.data(), {1000, 1000})));
  EXPECT_OK(call.setFlags(HEED_CALL_PROFILE));
  Queue queue = Queue::create(device).value();
  for (int i = 0; i < 3; ++i)
    EXPECT_OK(call.enqueue(queue));
  auto profile = call.profile();
  ASSERT_EQ(profile.size(), 2u);
  EXPECT_EQ(profile[0].launches, 3);
  EXPECT_GT(profile[0].seconds, 1e-7);
  EXPECT_LT(profile[0].seconds, 10);
}

TEST_P(Conformance, SaysWhatAPackageHoldsForOtherDevices) {
  PackageMaker maker = made(addConstantTwice());
  maker.plan().target = "abacus";
  EXPECT_EQ(Module::loadMemory(maker.write(), &device).code(), HEED_WRONG_ARCHITECTURE);
  EXPECT_THAT(loadFailure(maker.write(), &device),
              HasSubstr("plans for abacus; this device is " + GetParam().kind + " with"));
  maker.plan().target = GetParam().kind;
  maker.plan().features = {"beads"};
  EXPECT_THAT(loadFailure(maker.write(), &device), HasSubstr("plans for " + GetParam().kind + " with beads"));
  maker.plan().features.clear();
  for (rt::Variant &variant : maker.plan().kernels[0].variants)
    variant.features = {"beads"};
  EXPECT_EQ(Module::loadMemory(maker.write(), &device).code(), HEED_WRONG_ARCHITECTURE);
  EXPECT_THAT(loadFailure(maker.write(), &device), AllOf(HasSubstr("kernel 'add'"), HasSubstr("[beads]")));
}

// Where there are no workgroups, no size of one is beyond the limits: the first variant does.
TEST_P(Conformance, VariantsBeyondTheLimitsOfTheDeviceAreSkipped) {
  PackageMaker maker = made(addConstantTwice());
  auto &variants = maker.plan().kernels[0].variants;
  std::vector<rt::Variant> greedy = variants;
  for (rt::Variant &variant : greedy)
    variant.workgroup = {4096, 1, 1};
  variants.insert(variants.begin(), greedy.begin(), greedy.end());
  Loaded loaded = test::load(maker, &device);
  Call call = loaded.module.createCall().value();
  std::vector<float> x(4), y(4);
  EXPECT_OK(call.bindInput("x", view(x.data(), {4})));
  EXPECT_OK(call.bindOutput("y", view(y.data(), {4})));
  EXPECT_OK(call.run());
  EXPECT_EQ(y[0], 20);
}

TEST_P(Conformance, OnePackageServesSeveralDevices) {
  PackageMaker maker = made(twice());
  rt::Plan other = maker.plan();
  other.target = "abacus";
  maker.package.plans.insert(maker.package.plans.begin(), other);
  Loaded loaded = test::load(maker, &device);
  EXPECT_EQ(heed_module_plan_count(loaded.module.raw()), 2);
  Call call = loaded.module.createCall().value();
  std::vector<float> x = iota(2), y(2);
  EXPECT_OK(call.bindInput("x", view(x.data(), {1, 2})));
  EXPECT_OK(call.bindOutput("y", view(y.data(), {1, 2})));
  EXPECT_OK(call.run());
  EXPECT_EQ(y[1], 2);
}

TEST_P(NoStreams, OfTheCallerAreRefused) {
  auto queue = Queue::wrap(device, nullptr);
  EXPECT_EQ(queue.code(), HEED_UNSUPPORTED);
  EXPECT_THAT(failure(std::move(queue)),
              AllOf(HasSubstr("a " + GetParam().kind + " device"), HasSubstr("heed_queue_create")));
}

TEST_P(Streams, OfTheCallerAreBorrowed) {
  auto queue = Queue::wrap(device, nullptr); // the default stream
  ASSERT_TRUE(queue.ok()) << queue.message();
  Loaded loaded = load(addConstantTwice());
  Call call = loaded.module.createCall().value();
  std::vector<float> x = iota(4), y(4);
  EXPECT_OK(call.bindInput("x", view(x.data(), {4})));
  EXPECT_OK(call.bindOutput("y", view(y.data(), {4})));
  for (int i = 0; i < 4; ++i)
    EXPECT_OK(call.enqueue(*queue));
  EXPECT_OK(queue->synchronize());
  EXPECT_EQ(y, (std::vector<float>{20, 41, 62, 83}));
}

} // namespace
