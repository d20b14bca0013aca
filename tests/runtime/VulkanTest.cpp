// The Vulkan driver under the validation layer: every message of it fails a call. What all devices must do is in
// ConformanceTest.cpp.
#include "backends/vulkan/driver/VulkanDevice.h"
#include "runtime/Devices.h"
#include "runtime/HostCopy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <numeric>
#include <random>
#include <thread>
#include <unistd.h>

using namespace heed::rt;
using testing::AllOf;
using testing::HasSubstr;

#define EXPECT_OK(expression)                                                                                          \
  do {                                                                                                                 \
    Status status_ = (expression);                                                                                     \
    EXPECT_TRUE(status_.ok()) << status_.message();                                                                    \
  } while (false)

namespace {

std::vector<std::byte> readModule(const std::string &name) {
  std::ifstream file(HEED_TEST_VULKAN_KERNELS + name + ".spv", std::ios::binary);
  std::vector<char> text{std::istreambuf_iterator<char>(file), {}};
  auto bytes = std::as_bytes(std::span(text));
  return {bytes.begin(), bytes.end()};
}

std::string failure(const Status &status, Code code) {
  EXPECT_EQ(status.code(), code) << status.message();
  return std::string(status.message());
}

/// The first Vulkan device; with the parameter, as if the host could not see its memory.
class Vulkan : public testing::TestWithParam<bool> {
protected:
  void SetUp() override {
    setenv("HEED_VULKAN_VALIDATION", "1", 1);
    setenv("HEED_VULKAN_DISCRETE", GetParam() ? "1" : "0", 1);
    open();
  }

  void open() {
    context.reset();
    queue.reset();
    driver.reset();
    Status status = openDevice("vulkan", options, driver);
    ASSERT_TRUE(status.ok()) << status.message();
    ASSERT_TRUE(driver->createQueue(queue).ok());
    ASSERT_TRUE(driver->createContext(0, context).ok());
  }

  DevicePointer allocate(uint64_t bytes) {
    DevicePointer memory;
    EXPECT_OK(driver->allocate(bytes, memory));
    return memory;
  }

  /// A buffer with these floats.
  DevicePointer make(const std::vector<float> &values) {
    DevicePointer memory = allocate(values.size() * sizeof(float));
    EXPECT_OK(driver->upload(*queue, memory, values.data(), values.size() * sizeof(float)));
    EXPECT_OK(queue->synchronize());
    return memory;
  }

  std::vector<float> read(DevicePointer memory, size_t count) {
    std::vector<float> values(count, -99);
    EXPECT_OK(driver->download(*queue, values.data(), memory, count * sizeof(float)));
    EXPECT_OK(queue->synchronize());
    return values;
  }

  Status findKernel(const std::string &name, Variant variant, std::unique_ptr<DriverKernel> &found) {
    std::vector<std::byte> bytes = readModule(name);
    std::shared_ptr<DriverCode> code;
    EXPECT_OK(driver->loadCode({"test", CodeFormat::spirv, bytes}, code));
    if (variant.symbol.empty())
      variant.symbol = name;
    return code->findKernel(variant, found);
  }

  std::unique_ptr<DriverKernel> kernel(const std::string &name) {
    std::unique_ptr<DriverKernel> found;
    EXPECT_OK(findKernel(name, {}, found));
    return found;
  }

  Status launch(const std::unique_ptr<DriverKernel> &kernel, std::vector<DevicePointer> operands,
                std::array<int64_t, 3> grid, std::vector<int64_t> params = {}) {
    return context->launch(*queue, {kernel.get(), "probe", operands, params, grid, 0});
  }

  DriverOptions options;
  std::shared_ptr<Driver> driver;
  std::unique_ptr<DriverQueue> queue;
  std::unique_ptr<DriverContext> context;
};
INSTANTIATE_TEST_SUITE_P(Memory, Vulkan, testing::Bool(), [](const testing::TestParamInfo<bool> &info) {
  return info.param ? std::string("Staged") : std::string("Shared");
});

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
              HasSubstr("too many"));
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
  // Llvmpipe of Mesa 22.3 ends all loops of an invocation after 65,535 rounds together.
  int64_t rounds = driver->info().software ? 200 : 1000;
  std::unique_ptr<DriverKernel> count = kernel("long");
  DevicePointer out = allocate(4);
  EXPECT_OK(launch(count, {out}, {1, 1, 1}, {rounds, rounds}));
  EXPECT_EQ(read(out, 1)[0], static_cast<float>(rounds * rounds));
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

/// What heed-run says about Vulkan with these environment variables.
std::string listWith(const std::string &environment) {
  std::unique_ptr<FILE, int (*)(FILE *)> pipe(
      popen((environment + " " HEED_TOOLS "/heed-run --list-devices 2>&1").c_str(), "r"), pclose);
  std::string text;
  for (int byte; (byte = fgetc(pipe.get())) != EOF;)
    text += static_cast<char>(byte);
  return text;
}

TEST(VulkanLoader, ItsAbsenceIsNoProblem) {
  std::string text = listWith("HEED_VULKAN_LIBRARY=/nonexistent/libvulkan.so.1");
  EXPECT_THAT(text, AllOf(HasSubstr("vulkan: none, the Vulkan loader /nonexistent/libvulkan.so.1 cannot be opened"),
                          HasSubstr("cpu:0: ")));
  EXPECT_THAT(listWith("HEED_VULKAN_LIBRARY=libm.so.6"), HasSubstr("libm.so.6 is no Vulkan loader"));
  EXPECT_THAT(listWith("VK_ICD_FILENAMES=/nonexistent.json VK_DRIVER_FILES=/nonexistent.json"),
              AllOf(HasSubstr("vulkan: none, "), HasSubstr("cpu:0: ")));
}

TEST(VulkanLoader, DevicesThatAreNotThereAreNamed) {
  std::shared_ptr<Driver> driver;
  EXPECT_THAT(failure(openDevice("vulkan:77", {}, driver), Code::noDevice),
              AllOf(HasSubstr("vulkan:77"), HasSubstr("Vulkan finds")));
}

/// What an application with a device of its own has.
struct Application {
  std::shared_ptr<VulkanInstance> instance;
  VkPhysicalDevice physical = VK_NULL_HANDLE;
  VulkanDescription description;
  VkDevice device = VK_NULL_HANDLE;
  VolkDeviceTable vk = {};
  VkQueue queue = VK_NULL_HANDLE;
  VkBuffer buffer = VK_NULL_HANDLE;
  VkDeviceMemory memory = VK_NULL_HANDLE;

  Status open() {
    HEED_TRY(VulkanInstance::create(instance));
    physical = instance->devices().at(0);
    description = describeVulkan(*instance, physical, 0);
    float priority = 1;
    VkDeviceQueueCreateInfo queues = {VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO};
    queues.queueFamilyIndex = description.limits.queueFamily;
    queues.queueCount = 1;
    queues.pQueuePriorities = &priority;
    VkDeviceCreateInfo create = {VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO, description.enabled.link()};
    create.queueCreateInfoCount = 1;
    create.pQueueCreateInfos = &queues;
    if (instance->vk.vkCreateDevice(physical, &create, nullptr, &device) != VK_SUCCESS)
      return error(Code::internal, "vkCreateDevice");
    volkLoadDeviceTable(&vk, device);
    vk.vkGetDeviceQueue(device, description.limits.queueFamily, 0, &queue);
    return {};
  }

  /// A buffer that kernels and copies can use.
  void makeBuffer(uint64_t bytes) {
    VkBufferCreateInfo create = {VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO};
    create.size = bytes;
    create.usage = VK_BUFFER_USAGE_STORAGE_BUFFER_BIT | VK_BUFFER_USAGE_TRANSFER_SRC_BIT |
                   VK_BUFFER_USAGE_TRANSFER_DST_BIT | VK_BUFFER_USAGE_SHADER_DEVICE_ADDRESS_BIT;
    vk.vkCreateBuffer(device, &create, nullptr, &buffer);
    VkMemoryRequirements needed;
    vk.vkGetBufferMemoryRequirements(device, buffer, &needed);
    VkMemoryAllocateFlagsInfo flags = {VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_FLAGS_INFO};
    flags.flags = VK_MEMORY_ALLOCATE_DEVICE_ADDRESS_BIT;
    auto type = static_cast<uint32_t>(__builtin_ctz(needed.memoryTypeBits));
    VkMemoryAllocateInfo allocate = {VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO, &flags, needed.size, type};
    vk.vkAllocateMemory(device, &allocate, nullptr, &memory);
    vk.vkBindBufferMemory(device, buffer, memory, 0);
  }

  ~Application() {
    vk.vkDestroyBuffer(device, buffer, nullptr);
    vk.vkFreeMemory(device, memory, nullptr);
    vk.vkDestroyDevice(device, nullptr);
  }
};

TEST_P(Vulkan, DevicesOfTheApplicationAreShared) {
  DevicePointer wrapped;
  int anything;
  EXPECT_THAT(failure(driver->wrap(MemoryKind::vulkan, &anything, 4, wrapped), Code::unsupported), HasSubstr("shared"));
  Application application;
  ASSERT_TRUE(application.open().ok());
  application.makeBuffer(64);
  options.vulkan = {application.instance->get(), application.physical, application.device, application.queue,
                    application.description.limits.queueFamily};
  open();
  EXPECT_OK(driver->wrap(MemoryKind::vulkan, application.buffer, 64, wrapped));
  std::unique_ptr<DriverKernel> add = kernel("add");
  DevicePointer one = make({1, 1, 1, 1});
  std::vector<float> values = {1, 2, 3, 4};
  EXPECT_OK(driver->upload(*queue, wrapped, values.data(), 16));
  EXPECT_OK(launch(add, {wrapped, one, wrapped.advanced(16)}, {4, 1, 1}));
  EXPECT_EQ(read(wrapped, 8), (std::vector<float>{1, 2, 3, 4, 2, 3, 4, 5}));
  driver->free(one);
  driver->unwrap(wrapped);
  EXPECT_OK(application.instance->messages->take());

  add.reset(), context.reset(), queue.reset(), driver.reset();
  options.vulkan->queueFamily = 99;
  EXPECT_THAT(failure(openDevice("vulkan", options, driver), Code::invalidArgument), HasSubstr("queue family 99"));
  options.vulkan->device = nullptr;
  EXPECT_THAT(failure(openDevice("vulkan", options, driver), Code::invalidArgument), HasSubstr("null"));
}

TEST_P(Vulkan, ValidationMessagesAreErrors) {
  auto &device = static_cast<VulkanDevice &>(*driver);
  VkBufferCreateInfo create = {};
  create.sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO;
  create.usage = VK_BUFFER_USAGE_STORAGE_BUFFER_BIT;
  VkBuffer buffer = VK_NULL_HANDLE;
  testing::internal::CaptureStderr();
  VkResult result = device.vk.vkCreateBuffer(device.handle, &create, nullptr, &buffer); // of no size
  EXPECT_THAT(testing::internal::GetCapturedStderr(), HasSubstr("VUID-VkBufferCreateInfo-size"));
  EXPECT_THAT(failure(device.check(VK_SUCCESS, "vkCreateBuffer"), Code::internal), HasSubstr("size"));
  EXPECT_OK(device.check(VK_SUCCESS, "vkCreateBuffer"));
  if (result == VK_SUCCESS)
    device.vk.vkDestroyBuffer(device.handle, buffer, nullptr);
}

TEST_P(Vulkan, HangsAreReportedAndTheDeviceIsLost) {
  if (!driver->info().software || GetParam())
    GTEST_SKIP() << "the host must be able to end the kernel";
  options.hangSeconds = 0.3;
  open();
  std::unique_ptr<DriverKernel> spin = kernel("spin"), add = kernel("add");
  DevicePointer flag = make({0}), other = make({1});
  EXPECT_OK(launch(add, {other, other, other}, {1, 1, 1}));
  EXPECT_OK(context->launch(*queue, {spin.get(), "spinner", std::span(&flag, 1), {}, {1 << 20, 1, 1}, 0}));
  EXPECT_OK(launch(add, {other, other, other}, {1, 1, 1}));
  std::unique_ptr<DriverEvent> event;
  EXPECT_OK(driver->recordEvent(*queue, false, event));
  EXPECT_FALSE(event->reached());
  EXPECT_THAT(failure(queue->synchronize(), Code::timeout), HasSubstr("kernel 'spinner' did not end within 0.3"));
  auto start = std::chrono::steady_clock::now();
  EXPECT_THAT(failure(driver->alive(), Code::deviceLost), HasSubstr("spinner"));
  EXPECT_EQ(queue->synchronize().code(), Code::deviceLost);
  EXPECT_EQ(event->wait().code(), Code::deviceLost);
  EXPECT_EQ(launch(add, {other, other, other}, {1, 1, 1}).code(), Code::deviceLost);
  DevicePointer memory;
  EXPECT_EQ(driver->allocate(4, memory).code(), Code::deviceLost);
  void *host = driver->hostAddress(flag);
  driver->free(flag);
  spin.reset(), add.reset(), event.reset(), queue.reset(), context.reset();
  driver.reset();
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::milliseconds(250));

  options.hangSeconds = 60; // another device of the same process works
  open();
  DevicePointer values = make({3});
  EXPECT_EQ(read(values, 1)[0], 3);
  driver->free(values);
  const uint32_t set = 1;
  std::memcpy(host, &set, sizeof(set)); // the memory stays mapped: nobody gives back what a kernel may use
}

TEST_P(Vulkan, SlowKernelsAreNoHang) {
  options.hangSeconds = 0.5;
  open();
  std::unique_ptr<DriverKernel> count = kernel("long");
  DevicePointer out = allocate(4);
  using Clock = std::chrono::steady_clock;
  auto start = Clock::now();
  EXPECT_OK(launch(count, {out}, {20, 1, 1}, {200, 200}));
  EXPECT_OK(queue->synchronize());
  auto one = std::max<Clock::duration>(Clock::now() - start, std::chrono::milliseconds(1));
  // Together longer than the limit, each much shorter.
  for (auto sum = Clock::duration::zero(); sum < std::chrono::milliseconds(700); sum += one)
    EXPECT_OK(launch(count, {out}, {20, 1, 1}, {200, 200}));
  EXPECT_OK(queue->synchronize());
  driver->free(out);
}

} // namespace
