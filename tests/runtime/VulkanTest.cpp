// The Vulkan driver's memory, queues and kernels. What all devices must do is in ConformanceTest.cpp.
#include "tests/runtime/VulkanTest.h"

#include "runtime/HostCopy.h"

#include <chrono>
#include <filesystem>
#include <numeric>
#include <random>
#include <thread>
#include <unistd.h>

using namespace heed::test;
using testing::HasSubstr;

namespace {

class Vulkan : public VulkanTest {};
INSTANTIATE_TEST_SUITE_P(Memory, Vulkan, testing::Bool(), memoryName);

TEST_P(Vulkan, RunsAKernel) {
  constexpr int count = 1000;
  std::vector<float> a(count), expected(count);
  std::iota(a.begin(), a.end(), 0.0f);
  std::iota(expected.begin(), expected.end(), 0.5f);
  DevicePointer left = make(a), right = make(std::vector<float>(count, 0.5f)), sum = allocate(count * sizeof(float));
  EXPECT_EQ(driver->hostAddress(left) == nullptr, GetParam());
  std::unique_ptr<DriverKernel> add = kernel("add");
  EXPECT_OK(launch(add, {left, right, sum}, {count, 1, 1}));
  EXPECT_EQ(read(sum, count), expected);
  for (DevicePointer memory : {left, right, sum})
    driver->free(memory);
}

TEST_P(Vulkan, MemoryIsAlignedAndReused) {
  std::vector<DevicePointer> memory;
  std::mt19937 random(3);
  for (int round = 0; round < 300; ++round) {
    if (!memory.empty() && random() % 3 == 0) {
      driver->free(memory.back());
      memory.pop_back();
      continue;
    }
    uint64_t bytes = random() % 5 == 0 ? random() % (8 << 20) : random() % 3000;
    memory.push_back(allocate(bytes));
    EXPECT_EQ(driver->deviceAddress(memory.back()) % 256, 0u);
    uint64_t begin = driver->deviceAddress(memory.back());
    for (size_t i = 0; i + 1 < memory.size(); ++i) {
      uint64_t other = driver->deviceAddress(memory[i]);
      EXPECT_TRUE(begin + bytes <= other || other < begin);
    }
    std::shuffle(memory.begin(), memory.end(), random);
  }
  for (DevicePointer pointer : memory)
    driver->free(pointer);
}

TEST_P(Vulkan, TooMuchMemoryIsAnErrorAndTheNextCallWorks) {
  DevicePointer memory;
  EXPECT_THAT(failure(driver->allocate(uint64_t(1) << 60, memory), Code::outOfMemory), HasSubstr("at most"));
  EXPECT_EQ(driver->allocate(UINT64_MAX, memory).code(), Code::outOfMemory);
  DevicePointer small = make({1, 2, 3});
  EXPECT_EQ(read(small, 3), (std::vector<float>{1, 2, 3}));
  driver->free(small);
}

TEST_P(Vulkan, LargeTensorsPassBothWays) {
  std::vector<float> values(5'000'000);
  std::iota(values.begin(), values.end(), 0.0f);
  DevicePointer memory = make(values);
  EXPECT_TRUE(read(memory, values.size()) == values);
  driver->free(memory);
}

TEST_P(Vulkan, WorkOfAQueueIsInOrder) {
  std::unique_ptr<DriverKernel> add = kernel("add");
  std::vector<float> one = {1, 1}, two = {2, 2}, first(2), second(2);
  DevicePointer x = allocate(8), y = allocate(8), sum = allocate(8);
  for (int round = 0; round < 20; ++round) {
    EXPECT_OK(driver->upload(*queue, x, one.data(), 8));
    EXPECT_OK(driver->upload(*queue, y, one.data(), 8));
    EXPECT_OK(launch(add, {x, y, sum}, {2, 1, 1}));
    EXPECT_OK(driver->download(*queue, first.data(), sum, 8));
    EXPECT_OK(driver->upload(*queue, x, two.data(), 8));
    EXPECT_OK(launch(add, {x, sum, sum}, {2, 1, 1}));
    EXPECT_OK(driver->download(*queue, second.data(), sum, 8));
    EXPECT_OK(queue->synchronize());
    ASSERT_EQ(first, (std::vector<float>{2, 2}));
    ASSERT_EQ(second, (std::vector<float>{4, 4}));
  }
  for (DevicePointer memory : {x, y, sum})
    driver->free(memory);
}

TEST_P(Vulkan, ManyLaunchesSeeEachOther) {
  std::unique_ptr<DriverKernel> add = kernel("add");
  DevicePointer sum = make({0}), one = make({1});
  for (int i = 0; i < 1000; ++i)
    EXPECT_OK(launch(add, {sum, one, sum}, {1, 1, 1}));
  EXPECT_EQ(read(sum, 1)[0], 1000);
  driver->free(sum);
  driver->free(one);
}

TEST_P(Vulkan, WordsBeyondThePushedOnesLieInMemory) {
  std::unique_ptr<DriverKernel> weigh = kernel("weigh");
  DevicePointer out = allocate(4);
  std::vector<int64_t> params(20);
  std::iota(params.begin(), params.end(), 0);
  for (int round = 0; round < 400; ++round) { // more than one command buffer has room for
    params[19] = round;
    EXPECT_OK(launch(weigh, {out}, {1, 1, 1}, params));
  }
  EXPECT_EQ(read(out, 1)[0], 18 * 19 * 37 / 6 + 19 * 399);
  EXPECT_THAT(failure(launch(weigh, {out}, {1, 1, 1}, std::vector<int64_t>(10000)), Code::unsupported),
              HasSubstr("at most 8192 are passed"));
  driver->free(out);
}

TEST_P(Vulkan, GridsLongerThanADimension) {
  std::unique_ptr<DriverKernel> count = kernel("count");
  constexpr int64_t programs = 70001 * 3;
  DevicePointer out = allocate(programs * sizeof(float));
  EXPECT_OK(launch(count, {out}, {70001, 1, 3}));
  std::vector<float> expected(programs);
  std::iota(expected.begin(), expected.end(), 0.0f);
  EXPECT_TRUE(read(out, programs) == expected);
  EXPECT_THAT(failure(launch(count, {out}, {1 << 20, 1 << 20, 1}), Code::unsupported), HasSubstr("'probe'"));
  driver->free(out);
}

TEST_P(Vulkan, SubgroupsHaveTheSizeAskedFor) {
  DevicePointer out = allocate(64 * sizeof(float));
  bool any = false;
  for (uint32_t size = 4; size <= 64; size *= 2) {
    Variant variant;
    variant.features = {"subgroup" + std::to_string(size)};
    variant.workgroup = {64, 1, 1};
    std::unique_ptr<DriverKernel> lanes;
    Status status = findKernel("lanes", variant, lanes);
    if (!driver->info().features.contains(variant.features[0])) {
      EXPECT_THAT(failure(status, Code::wrongArchitecture), HasSubstr("subgroups of"));
      continue;
    }
    EXPECT_OK(std::move(status));
    any = true;
    EXPECT_OK(launch(lanes, {out}, {1, 1, 1}));
    std::vector<float> got = read(out, 64);
    for (uint32_t i = 0; i < 64; ++i)
      EXPECT_EQ(got[i], static_cast<float>(size * 1000 + i % size));
  }
  EXPECT_TRUE(any);
  driver->free(out);
}

TEST_P(Vulkan, LoopsMayBeLong) {
  std::unique_ptr<DriverKernel> count = kernel("long");
  DevicePointer out = allocate(4);
  for (int64_t rounds : {200, 1000, 200}) {
    EXPECT_OK(launch(count, {out}, {1, 1, 1}, {rounds, rounds}));
    // Llvmpipe ends all loops of an invocation after 65,535 rounds together. The next launch does not suffer from it.
    if (rounds > 200 && driver->info().name.find("llvmpipe") != std::string::npos) {
      Status status = queue->synchronize();
      EXPECT_EQ(status.code(), Code::unsupported);
      EXPECT_THAT(std::string(status.message()), HasSubstr("kernel 'probe' loops more than llvmpipe"));
    } else {
      EXPECT_EQ(read(out, 1)[0], static_cast<float>(rounds * rounds));
    }
  }
  driver->free(out);
}

TEST_P(Vulkan, StridedCopiesEqualTheHosts) {
  std::mt19937 random(7);
  constexpr uint64_t bytes = 4096;
  DevicePointer from = allocate(bytes), to = allocate(bytes);
  std::vector<std::byte> source(bytes), got(bytes), expected(bytes);
  for (std::byte &byte : source)
    byte = static_cast<std::byte>(random());
  EXPECT_OK(driver->upload(*queue, from, source.data(), bytes));
  for (int round = 0; round < 100; ++round) {
    StridedCopy copy = {
        from.advanced(bytes / 2), to, static_cast<uint32_t>(random() % 5), 1u << random() % 4, {}, {}, {}};
    std::vector<uint32_t> order(copy.rank);
    std::iota(order.begin(), order.end(), 0u);
    std::shuffle(order.begin(), order.end(), random);
    for (uint32_t i : order)
      copy.sizes[i] = 1 + static_cast<int64_t>(random() % 4);
    int64_t count = 1;
    for (uint32_t i : order) {
      copy.destinationStrides[i] = count;
      count *= copy.sizes[i];
      copy.sourceStrides[i] = static_cast<int64_t>(random() % 17) - 8;
    }
    std::fill(expected.begin(), expected.end(), std::byte{7});
    EXPECT_OK(driver->upload(*queue, to, expected.data(), bytes));
    EXPECT_OK(context->copy(*queue, copy));
    EXPECT_OK(driver->download(*queue, got.data(), to, bytes));
    EXPECT_OK(queue->synchronize());
    copyOnHost(copy.rank, copy.sizes.data(), copy.elementBytes, source.data() + bytes / 2, copy.sourceStrides.data(),
               expected.data(), copy.destinationStrides.data());
    ASSERT_TRUE(got == expected) << "round " << round;
  }
  driver->free(from);
  driver->free(to);
}

TEST_P(Vulkan, EventsTellTimeAndOutliveTheirQueue) {
  std::unique_ptr<DriverKernel> count = kernel("long");
  DevicePointer out = allocate(4);
  std::unique_ptr<DriverEvent> start, end;
  for (int round = 0; round < 3; ++round) {
    EXPECT_OK(driver->recordEvent(*queue, true, start));
    EXPECT_OK(launch(count, {out}, {1, 1, 1}, {200, 200}));
    EXPECT_OK(driver->recordEvent(*queue, true, end));
    EXPECT_OK(end->wait());
    EXPECT_TRUE(start->reached());
    double seconds = -1;
    EXPECT_OK(end->secondsSince(*start, seconds));
    EXPECT_GT(seconds, 0);
    EXPECT_LT(seconds, 10);
  }
  EXPECT_OK(driver->recordEvent(*queue, false, start));
  double seconds;
  EXPECT_EQ(end->secondsSince(*start, seconds).code(), Code::unsupported);
  queue.reset();
  EXPECT_OK(end->wait());
  EXPECT_TRUE(start->reached());
  driver->free(out);
}

TEST_P(Vulkan, RecordingsRunAgainAndAgain) {
  std::unique_ptr<DriverKernel> add = kernel("add"), weigh = kernel("weigh");
  DevicePointer sum = make({0}), one = make({1}), copied = make({0}), weighed = make({0});
  EXPECT_TRUE(context->canRecord(*queue));
  EXPECT_OK(context->beginRecording(*queue));
  for (int i = 0; i < 70; ++i)
    EXPECT_OK(launch(add, {sum, one, sum}, {1, 1, 1}));
  EXPECT_OK(launch(weigh, {weighed}, {1, 1, 1}, std::vector<int64_t>(20, 1)));
  EXPECT_OK(context->copy(*queue, {sum, copied, 0, 4, {}, {}, {}}));
  std::unique_ptr<DriverRecording> recording;
  EXPECT_OK(context->endRecording(*queue, recording));
  EXPECT_EQ(read(sum, 1)[0], 0);
  for (int round = 1; round <= 20; ++round) {
    EXPECT_OK(context->replay(*queue, *recording));
    EXPECT_OK(launch(add, {sum, one, sum}, {1, 1, 1}));
  }
  EXPECT_EQ(read(sum, 1)[0], 20 * 71);
  EXPECT_EQ(read(copied, 1)[0], 20 * 71 - 1);
  EXPECT_EQ(read(weighed, 1)[0], 190);
  for (DevicePointer memory : {sum, one, copied, weighed})
    driver->free(memory);
}

TEST_P(Vulkan, ThreadsWithQueuesOfTheirOwn) {
  std::unique_ptr<DriverKernel> add = kernel("add");
  auto work = [&](float step, bool &right) {
    std::unique_ptr<DriverQueue> own;
    std::unique_ptr<DriverContext> ownContext;
    right = driver->createQueue(own).ok() && driver->createContext(0, ownContext).ok();
    DevicePointer memory[2];
    for (DevicePointer &pointer : memory)
      right = right && driver->allocate(4, pointer).ok();
    for (int round = 0; right && round < 20; ++round) {
      float zero = 0, sum = -1;
      right = driver->upload(*own, memory[0], &zero, 4).ok() && driver->upload(*own, memory[1], &step, 4).ok();
      DevicePointer operands[] = {memory[0], memory[1], memory[0]};
      for (int i = 0; right && i < 50; ++i)
        right = ownContext->launch(*own, {add.get(), "add", operands, {}, {1, 1, 1}, 0}).ok();
      right = right && driver->download(*own, &sum, memory[0], 4).ok() && own->synchronize().ok() && sum == 50 * step;
    }
    for (DevicePointer pointer : memory)
      driver->free(pointer);
  };
  bool right[4] = {};
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i)
    threads.emplace_back([&, i] { work(static_cast<float>(i + 1), right[i]); });
  for (std::thread &thread : threads)
    thread.join();
  EXPECT_THAT(right, testing::Each(true));
}

TEST_P(Vulkan, BadCodeIsRefused) {
  std::shared_ptr<DriverCode> code;
  std::vector<std::byte> module = readModule("add");
  auto load = [&](std::span<const std::byte> bytes) {
    return driver->loadCode({"probe", CodeFormat::spirv, bytes}, code);
  };
  EXPECT_THAT(failure(driver->loadCode({"probe", CodeFormat::ptx, module}, code), Code::badPackage),
              HasSubstr("no SPIR-V"));
  EXPECT_THAT(failure(load(std::span(module).first(16)), Code::badPackage), HasSubstr("whole words"));
  EXPECT_THAT(failure(load(std::span(module).first(module.size() - 4)), Code::badPackage),
              HasSubstr("end of a function"));
  EXPECT_THAT(failure(load(std::span(module).first(24)), Code::badPackage), HasSubstr("does not fit"));
  std::vector<std::byte> damaged = module;
  damaged[0] = std::byte{0};
  EXPECT_THAT(failure(load(damaged), Code::badPackage), HasSubstr("magic"));
  std::unique_ptr<DriverKernel> found;
  Variant variant;
  variant.symbol = "subtract";
  EXPECT_THAT(failure(findKernel("add", variant, found), Code::badPackage), HasSubstr("no entry point 'subtract'"));
}

TEST_P(Vulkan, PipelinesAreKeptOnDisk) {
  std::filesystem::path folder = std::filesystem::temp_directory_path() / ("heed-vulkan-" + std::to_string(getpid()));
  setenv("HEED_CACHE_DIR", (folder / "made").c_str(), 1);
  auto useDevice = [&] {
    open();
    (void)kernel("add");
    context.reset(), queue.reset(), driver.reset();
    std::vector<std::filesystem::path> files;
    for (const auto &entry : std::filesystem::directory_iterator(folder / "made"))
      files.push_back(entry.path());
    EXPECT_EQ(files.size(), 1u);
    return files.at(0);
  };
  std::filesystem::path file = useDevice();
  auto bytes = std::filesystem::file_size(file);
  EXPECT_GT(bytes, 24u);
  EXPECT_EQ(useDevice(), file);
  std::fstream(file, std::ios::binary | std::ios::in | std::ios::out).seekp(30).put('!'); // damaged: made anew
  useDevice();
  std::filesystem::resize_file(file, 10);
  useDevice();
  EXPECT_EQ(std::filesystem::file_size(file), bytes);
  unsetenv("HEED_CACHE_DIR");
  std::filesystem::remove_all(folder);
}

} // namespace
