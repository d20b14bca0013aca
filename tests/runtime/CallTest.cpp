// Load, bind, run through the C ABI and its C++ wrapper.
#include "tests/runtime/TestDevices.h"

#include <gmock/gmock.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <numeric>
#include <thread>

using namespace heed;
using namespace heed::test;
using testing::AllOf;
using testing::HasSubstr;

namespace {

class CallOnDevice : public OnDevice {};
HEED_ON_EVERY_DEVICE(CallOnDevice);

TEST_P(CallOnDevice, LoadsBindsAndRuns) {
  Loaded loaded = load(addConstantTwice());
  Call call = loaded.module.createCall().value();
  std::vector<float> x = {1, 2, 3, 4}, y(4);
  EXPECT_OK(call.bindInput("x", view(x.data(), {4})));
  EXPECT_OK(call.bindOutput("y", view(y.data(), {4})));
  EXPECT_OK(call.run());
  EXPECT_EQ(y, (std::vector<float>{21, 42, 63, 84}));
}

TEST(Call, LoadsFromAFile) {
  PackageMaker maker = addConstantTwice();
  std::string path = testing::TempDir() + "add.heed";
  auto status = rt::writePackageFile(maker.package, path);
  ASSERT_TRUE(status.ok()) << status.message();
  auto module = Module::loadFile(path.c_str(), nullptr, HEED_LOAD_VERIFY_CONSTANTS);
  ASSERT_TRUE(module.ok()) << module.message();
  Call call = module->createCall().value();
  std::remove(path.c_str()); // the mapping stays
  float x[4] = {};
  EXPECT_OK(call.bindInput("x", view(x, {4})));
  EXPECT_OK(call.run());
  EXPECT_EQ(static_cast<float *>(call.output("y")->data)[3], 80);
}

TEST(Call, MemoryMayBeDroppedWhenCopied) {
  std::vector<std::byte> bytes = addConstantTwice().write();
  auto module = Module::loadMemory(bytes, nullptr, HEED_LOAD_COPY);
  ASSERT_TRUE(module.ok()) << module.message();
  std::fill(bytes.begin(), bytes.end(), std::byte{0xff});
  Call call = module->createCall().value();
  float x[4] = {};
  EXPECT_OK(call.bindInput("x", view(x, {4})));
  EXPECT_OK(call.run());
  EXPECT_EQ(static_cast<float *>(call.output("y")->data)[0], 20);
}

TEST(Call, ConstantsAreUsedInPlace) {
  // Aligned memory of the caller is not copied: a change of a constant there shows in the result.
  std::vector<std::byte> bytes = addConstantTwice().write();
  auto *aligned = static_cast<std::byte *>(std::aligned_alloc(4096, (bytes.size() + 4095) / 4096 * 4096));
  std::copy(bytes.begin(), bytes.end(), aligned);
  {
    auto module = Module::loadMemory({aligned, bytes.size()});
    ASSERT_TRUE(module.ok()) << module.message();
    auto *constant = reinterpret_cast<float *>(std::search(aligned, aligned + bytes.size(),
                                                           reinterpret_cast<const std::byte *>(constantValues),
                                                           reinterpret_cast<const std::byte *>(constantValues + 4)));
    EXPECT_EQ(reinterpret_cast<uintptr_t>(constant) % 4096, 0u);
    constant[0] = 1000;
    Call call = module->createCall().value();
    float x[4] = {};
    EXPECT_OK(call.bindInput("x", view(x, {4})));
    EXPECT_OK(call.run());
    EXPECT_EQ(static_cast<float *>(call.output("y")->data)[0], 2000);
  }
  std::free(aligned);
}

TEST_P(CallOnDevice, TakesInputsOfAnyStrides) {
  Loaded loaded = load(twice());
  Call call = loaded.module.createCall().value();
  std::vector<float> x = {0, 1, 2, 3, 4, 5}, y(6);
  EXPECT_OK(call.bindOutput("y", view(y.data(), {2, 3})));
  EXPECT_OK(call.bindInput("x", view(x.data(), {2, 3}, {1, 2}))); // transposed
  EXPECT_OK(call.run());
  EXPECT_EQ(y, (std::vector<float>{0, 4, 8, 2, 6, 10}));
  EXPECT_OK(call.bindInput("x", view(x.data() + 5, {2, 3}, {-3, -1}))); // backwards
  EXPECT_OK(call.run());
  EXPECT_EQ(y, (std::vector<float>{10, 8, 6, 4, 2, 0}));
  EXPECT_OK(call.bindInput("x", view(x.data() + 4, {2, 3}, {0, 0}))); // one element everywhere
  EXPECT_OK(call.run());
  EXPECT_EQ(y, (std::vector<float>(6, 8)));
}

TEST_P(CallOnDevice, TakesUnalignedMemory) {
  Loaded loaded = load(twice());
  Call call = loaded.module.createCall().value();
  std::vector<char> memory(65), result(65);
  float values[4] = {1, 2, 3, 4};
  std::memcpy(memory.data() + 1, values, sizeof(values));
  EXPECT_OK(call.bindInput("x", TensorView(memory.data() + 1, HEED_F32, std::array<int64_t, 2>{1, 4})));
  EXPECT_OK(call.bindOutput("y", TensorView(result.data() + 3, HEED_F32, std::array<int64_t, 2>{1, 4})));
  EXPECT_OK(call.run());
  std::memcpy(values, result.data() + 3, sizeof(values));
  EXPECT_THAT(values, testing::ElementsAre(2, 4, 6, 8));
}

TEST_P(CallOnDevice, ShapesMayChangeBetweenRuns) {
  Loaded loaded = load(twice());
  Call call = loaded.module.createCall().value();
  std::vector<float> x(1000);
  std::iota(x.begin(), x.end(), 0.0f);
  for (auto [rows, columns] : {std::pair<int64_t, int64_t>{10, 100}, {1, 1}, {0, 5}, {1000, 1}, {7, 0}, {3, 4}}) {
    EXPECT_OK(call.bindInput("x", view(x.data(), {rows, columns})));
    auto shape = call.outputShape("y");
    ASSERT_TRUE(shape.ok()) << shape.message();
    EXPECT_EQ(*shape, (std::vector<int64_t>{rows, columns}));
    EXPECT_OK(call.run());
    auto *y = static_cast<float *>(call.output("y")->data);
    for (int64_t i = 0; i < rows * columns; ++i)
      ASSERT_EQ(y[i], 2 * x[i]);
  }
}

TEST_P(CallOnDevice, GivesOutputShapesBeforeMemoryExists) {
  Loaded loaded = load(twice());
  Call call = loaded.module.createCall().value();
  EXPECT_THAT(failure(call.outputShape("y")), HasSubstr("input 'x' is not bound"));
  EXPECT_OK(call.bindInput("x", view(static_cast<float *>(nullptr), {5, 6})));
  EXPECT_EQ(call.outputShape("y").value(), (std::vector<int64_t>{5, 6}));
  EXPECT_THAT(failure(call.run()), HasSubstr("input 'x' has no memory"));
}

TEST_P(CallOnDevice, NamesWhatIsWrong) {
  Loaded loaded = load(addConstantTwice());
  Call call = loaded.module.createCall().value();
  std::vector<float> x(8), y(8);
  std::vector<int64_t> integers(4);
  EXPECT_THAT(failure(call.bindInput("z", view(x.data(), {4}))), HasSubstr("no input 'z'; it has x"));
  EXPECT_THAT(failure(call.bindOutput("z", view(x.data(), {4}))), HasSubstr("no output 'z'; it has y"));
  EXPECT_THAT(failure(call.bindInput("x", view(integers.data(), {4}))), AllOf(HasSubstr("f32"), HasSubstr("i64")));
  EXPECT_THAT(failure(call.bindInput("x", view(x.data(), {2, 2}))), AllOf(HasSubstr("rank 1"), HasSubstr("[2, 2]")));
  EXPECT_THAT(failure(call.bindInput("x", view(x.data(), {-1}))), HasSubstr("negative"));
  EXPECT_THAT(failure(call.bindInput("x", view(x.data(), {INT64_MAX}))), HasSubstr("64-bit"));
  EXPECT_THAT(failure(call.bindInput("x", view(x.data(), {4}, {2}))), HasSubstr("must be dense"));
  EXPECT_THAT(failure(call.run()), HasSubstr("input 'x' is not bound"));
  EXPECT_THAT(failure(call.output("y")), HasSubstr("before a successful run"));

  EXPECT_OK(call.bindInput("x", view(x.data(), {5})));
  EXPECT_THAT(failure(call.run()), AllOf(HasSubstr("x must be as long as c"), HasSubstr("5 and 4")));
  EXPECT_OK(call.bindInput("x", view(x.data(), {4})));
  EXPECT_OK(call.bindOutput("y", view(y.data(), {3})));
  EXPECT_THAT(failure(call.run()), AllOf(HasSubstr("[4]"), HasSubstr("[3]")));
  EXPECT_OK(call.bindOutput("y", view(x.data() + 2, {4})));
  EXPECT_THAT(failure(call.run()), HasSubstr("overlaps input 'x'"));
  EXPECT_OK(call.unbindOutput("y"));
  EXPECT_OK(call.run());
}

TEST_P(CallOnDevice, SaysWhichDimensionDisagrees) {
  PackageMaker maker = twice();
  rt::ExprId rows = maker.symbol("rows");
  maker.input("mask", {maker.expressions().add(rows, maker.constant(1)), rows});
  Loaded loaded = load(maker);
  Call call = loaded.module.createCall().value();
  std::vector<float> x(100);
  EXPECT_OK(call.bindInput("x", view(x.data(), {3, 4})));
  EXPECT_OK(call.bindInput("mask", view(x.data(), {5, 3})));
  EXPECT_THAT(failure(call.run()), HasSubstr("input 'mask' dimension 0 must be rows + 1 = 4, got 5"));
  EXPECT_OK(call.bindInput("mask", view(x.data(), {4, 2})));
  EXPECT_THAT(failure(call.run()),
              HasSubstr("input 'mask' dimension 1 must be rows = 3 (from input 'x' dimension 0), got 2"));
}

TEST_P(CallOnDevice, ReadsHostScalars) {
  PackageMaker maker;
  rt::ExprId n = maker.symbol("n");
  uint32_t length = maker.input("length", {}, false, rt::ElementType::i32);
  maker.plan().inputs[length].hostScalar = 0;
  maker.output("y", {n});
  uint32_t y = maker.buffer(rt::Buffer::output(0));
  maker.launch(maker.kernel("grid", {rt::Access::write}, 0, n), {y});
  Loaded loaded = load(maker);
  EXPECT_EQ(loaded.module.inputs()[0].is_host_scalar, 1);
  Call call = loaded.module.createCall().value();
  int32_t value = 3;
  EXPECT_OK(call.bindInput("length", view(&value, {})));
  EXPECT_OK(call.run());
  EXPECT_EQ(call.output("y")->sizes[0], 3);
  value = 7; // the same memory with another value: a new shape
  EXPECT_OK(call.run());
  EXPECT_EQ(call.output("y")->sizes[0], 7);
  EXPECT_EQ(static_cast<float *>(call.output("y")->data)[6], 6);
  value = -1;
  EXPECT_THAT(failure(call.run()), HasSubstr("would be n = -1"));
}

TEST_P(CallOnDevice, ArithmeticErrorsAreStatuses) {
  for (bool overflow : {false, true}) {
    PackageMaker maker = twice();
    rt::ExprPool &pool = maker.expressions();
    rt::ExprId rows = maker.symbol("rows"), columns = maker.symbol("columns");
    rt::ExprId bad = overflow ? pool.mul(pool.mul(rows, maker.constant(INT64_MAX)), maker.constant(2))
                              : pool.floorDiv(columns, pool.sub(rows, maker.constant(2)));
    maker.plan().constraints.push_back({bad, rt::Relation::greaterEqual, maker.constant(0), ""});
    Loaded loaded = load(maker);
    Call call = loaded.module.createCall().value();
    std::vector<float> x(100);
    EXPECT_OK(call.bindInput("x", view(x.data(), {2, 4})));
    Status status = call.run();
    EXPECT_EQ(status.code(), HEED_ARITHMETIC);
    EXPECT_THAT(std::string(status.message()), HasSubstr(overflow ? "overflows" : "divides by zero"));
  }
}

TEST_P(CallOnDevice, SlicesOutsideTheirBufferAreRefused) {
  PackageMaker maker = twice();
  auto &launch = std::get<rt::LaunchStep>(maker.plan().steps[0]);
  launch.operands[1].bytes = maker.constant(64);
  Loaded loaded = load(maker);
  Call call = loaded.module.createCall().value();
  std::vector<float> x(100);
  EXPECT_OK(call.bindInput("x", view(x.data(), {4, 4})));
  EXPECT_OK(call.run());
  EXPECT_OK(call.bindInput("x", view(x.data(), {3, 5})));
  EXPECT_THAT(failure(call.run()), AllOf(HasSubstr("kernel 'twice'"), HasSubstr("outside the buffer")));
}

TEST_P(CallOnDevice, RunsOnAQueueWithAnEvent) {
  Loaded loaded = load(addConstantTwice());
  Call call = loaded.module.createCall().value();
  float x[4] = {};
  EXPECT_OK(call.bindInput("x", view(x, {4})));
  heed_queue *queue = nullptr;
  heed_event *event = nullptr;
  EXPECT_OK(Status(heed_queue_create(heed_module_device(loaded.module.raw()), &queue)));
  EXPECT_OK(Status(heed_call_run(call.raw(), queue, &event)));
  EXPECT_OK(Status(heed_event_wait(event)));
  EXPECT_EQ(heed_event_reached(event), 1);
  EXPECT_EQ(static_cast<float *>(call.output("y")->data)[1], 40);
  heed_event_release(event);
  heed_queue_release(queue);
}

TEST_P(CallOnDevice, BuffersAreCheckedAgainstTheirSize) {
  Loaded loaded = load(addConstantTwice());
  Call call = loaded.module.createCall().value();
  heed_buffer *buffer = nullptr;
  EXPECT_OK(Status(heed_buffer_allocate(heed_module_device(loaded.module.raw()), 20, &buffer)));
  const std::vector<float> ones(5, 1.0f);
  EXPECT_OK(Status(heed_buffer_write(buffer, 0, ones.data(), 20, nullptr)));
  int64_t sizes[1] = {4};
  heed_tensor_view x = {};
  x.buffer = buffer, x.type = HEED_F32, x.rank = 1, x.sizes = sizes, x.byte_offset = 8;
  EXPECT_THAT(failure(Status(heed_call_bind_input(call.raw(), "x", &x))), HasSubstr("buffer of 20 bytes"));
  x.byte_offset = 4;
  EXPECT_OK(Status(heed_call_bind_input(call.raw(), "x", &x)));
  EXPECT_OK(call.run());
  EXPECT_EQ(static_cast<float *>(call.output("y")->data)[0], 21);
  heed_buffer_release(buffer);
}

TEST(Call, NullArgumentsAreErrors) {
  EXPECT_EQ(Status(heed_call_run(nullptr, nullptr, nullptr)).code(), HEED_INVALID_ARGUMENT);
  EXPECT_EQ(Status(heed_module_load_file(nullptr, nullptr, nullptr, nullptr)).code(), HEED_INVALID_ARGUMENT);
  EXPECT_EQ(Status(heed_device_open("abacus", nullptr, nullptr)).code(), HEED_INVALID_ARGUMENT);
  EXPECT_EQ(heed_module_input_count(nullptr), 0);
  EXPECT_EQ(heed_status_code(nullptr), HEED_OK);
  heed_call_release(nullptr);
  heed_module_release(nullptr);
  heed_status_free(nullptr);
  int major = -1;
  heed_version(&major, nullptr, nullptr);
  EXPECT_EQ(major, HEED_VERSION_MAJOR);
}

TEST(Call, ListsWhatAModuleHolds) {
  Loaded loaded = load(runningSum());
  auto inputs = loaded.module.inputs(), outputs = loaded.module.outputs();
  ASSERT_EQ(inputs.size(), 2u);
  EXPECT_STREQ(inputs[0].name, "state");
  EXPECT_STREQ(inputs[0].dims[1], "width");
  EXPECT_EQ(inputs[0].sizes[0], -1);
  EXPECT_EQ(inputs[0].accepts_strides, 1);
  ASSERT_EQ(outputs.size(), 2u);
  EXPECT_STREQ(outputs[1].dims[0], "past + 1");
  EXPECT_EQ(outputs[1].alias, 0);
  EXPECT_EQ(outputs[0].alias, -1);
  EXPECT_STREQ(loaded.module.kernels()[0].variant, "generic");
  EXPECT_EQ(heed_module_plan_count(loaded.module.raw()), 1);
  EXPECT_STREQ(heed_module_plan_target(loaded.module.raw(), 0), "cpu");
  EXPECT_EQ(heed_module_plan_target(loaded.module.raw(), 1), nullptr);
}

TEST_P(CallOnDevice, ConcurrentCallsOfOneModule) {
  Loaded loaded = load(addConstantTwice());
  std::vector<std::thread> threads;
  std::atomic<int> wrong = 0;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&, t] {
      Call call = loaded.module.createCall().value();
      std::vector<float> x(4, static_cast<float>(t)), y(4);
      wrong += !call.bindInput("x", view(x.data(), {4})).ok() || !call.bindOutput("y", view(y.data(), {4})).ok();
      for (int i = 0; i < 500; ++i)
        wrong += !call.run().ok() || y[1] != 40 + t;
    });
  for (std::thread &thread : threads)
    thread.join();
  EXPECT_EQ(wrong, 0);
}

TEST(Call, ObjectsMayBeReleasedInAnyOrder) {
  auto device = std::make_unique<Device>(Device::open().value());
  auto loaded = std::make_unique<Loaded>(load(addConstantTwice(), device.get()));
  Call call = loaded->module.createCall().value();
  std::vector<std::byte> bytes = std::move(loaded->bytes);
  loaded.reset();
  device.reset();
  float x[4] = {};
  EXPECT_OK(call.bindInput("x", view(x, {4})));
  EXPECT_OK(call.run());
}

TEST_P(CallOnDevice, ProfilesKernels) {
  Loaded loaded = load(addConstantTwice());
  Call call = loaded.module.createCall().value();
  float x[4] = {};
  EXPECT_OK(call.bindInput("x", view(x, {4})));
  EXPECT_OK(call.run());
  EXPECT_TRUE(call.profile().empty());
  EXPECT_OK(call.setFlags(HEED_CALL_PROFILE));
  for (int i = 0; i < 3; ++i)
    EXPECT_OK(call.run());
  auto profile = call.profile();
  ASSERT_EQ(profile.size(), 2u);
  EXPECT_STREQ(profile[0].name, "add");
  EXPECT_EQ(profile[0].launches, 6);
  EXPECT_GT(profile[0].seconds, 0);
  EXPECT_EQ(profile[0].flops, 24);
  EXPECT_EQ(profile[0].bytes, 288);
  EXPECT_STREQ(profile[1].name, "copy");
  EXPECT_EQ(profile[1].launches, 0);
}

} // namespace
