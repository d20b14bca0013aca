// How the Vulkan driver finds devices, shares an application's, reports what the validation layer says, and loses one.
#include "tests/runtime/LeftOut.h"
#include "tests/runtime/VulkanTest.h"

#include <chrono>
#include <cstdio>
#include <cstring>

using namespace heed::test;
using testing::AllOf;
using testing::HasSubstr;

namespace {

class VulkanDevices : public VulkanTest {};
INSTANTIATE_TEST_SUITE_P(Memory, VulkanDevices, testing::Bool(), memoryName);

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

TEST_P(VulkanDevices, OfTheApplicationAreShared) {
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

TEST_P(VulkanDevices, ValidationMessagesAreErrors) {
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

/// The host ends a kernel that hangs by writing into its memory, which it must see.
class VulkanHang : public VulkanTest {};

std::vector<bool> hangingDevices() {
  for (const DeviceListing &listing : listDevices())
    if (listing.kind == "vulkan" && !listing.devices.empty() && listing.devices.front().software)
      return {false};
  heed::test::leaveOut("VulkanHang on the first Vulkan device", "it is not software, so the host cannot end a kernel");
  return {};
}
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(VulkanHang);
INSTANTIATE_TEST_SUITE_P(Software, VulkanHang, testing::ValuesIn(hangingDevices()));

TEST_P(VulkanHang, IsReportedAndTheDeviceIsLost) {
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

TEST_P(VulkanDevices, SlowKernelsAreNoHang) {
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
