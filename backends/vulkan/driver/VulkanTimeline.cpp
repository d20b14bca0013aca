#include "backends/vulkan/driver/VulkanQueue.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <utility>

namespace heed::rt {

Status VulkanTimeline::create(VulkanDevice &device, std::shared_ptr<VulkanTimeline> &out) {
  std::shared_ptr<VulkanTimeline> timeline(new VulkanTimeline(device));
  VkSemaphoreTypeCreateInfo type = {VK_STRUCTURE_TYPE_SEMAPHORE_TYPE_CREATE_INFO};
  type.semaphoreType = VK_SEMAPHORE_TYPE_TIMELINE;
  VkSemaphoreCreateInfo create = {VK_STRUCTURE_TYPE_SEMAPHORE_CREATE_INFO, &type, 0};
  HEED_TRY(device.check(device.vk.vkCreateSemaphore(device.handle, &create, nullptr, &timeline->semaphore),
                        "vkCreateSemaphore"));
  device.add(*timeline);
  out = std::move(timeline);
  return {};
}

VulkanTimeline::~VulkanTimeline() {
  device.remove(*this);
  if (!device.hangs())
    device.vk.vkDestroySemaphore(device.handle, semaphore, nullptr);
}

void VulkanTimeline::expect(uint64_t value, std::shared_ptr<VulkanCommands> commands, bool reusable) {
  std::scoped_lock guard(lock);
  submissions.push_back({value, std::move(commands), reusable});
}

void VulkanTimeline::copyWhenReached(uint64_t value, void *destination, const void *source, uint64_t bytes) {
  std::scoped_lock guard(lock);
  copies.push_back({value, destination, source, bytes});
}

Status VulkanTimeline::readCounter(uint64_t &value) {
  return device.check(device.vk.vkGetSemaphoreCounterValue(device.handle, semaphore, &value),
                      "vkGetSemaphoreCounterValue");
}

void VulkanTimeline::retire(uint64_t value) {
  std::scoped_lock guard(lock);
  for (; !copies.empty() && copies.front().value <= value; copies.pop_front())
    std::memcpy(copies.front().destination, copies.front().source, copies.front().bytes);
  for (; !submissions.empty() && submissions.front().value <= value; submissions.pop_front()) {
    if (std::string cut = submissions.front().commands->takeCut(); !cut.empty())
      cutKernel = std::move(cut);
    if (submissions.front().reusable)
      freeCommands.push_back(std::move(submissions.front().commands));
  }
  if (value > passed.load(std::memory_order_relaxed))
    passed.store(value, std::memory_order_release);
}

Status VulkanTimeline::takeCut() {
  std::scoped_lock guard(lock);
  if (cutKernel.empty())
    return {};
  return error(
      Code::unsupported, "kernel '", std::exchange(cutKernel, {}), "' loops more than ", device.info().name,
      " lets an invocation (65,535 rounds): what it computed is wrong; run it on the CPU or on another device");
}

bool VulkanTimeline::reached(uint64_t value) {
  if (passed.load(std::memory_order_acquire) >= value)
    return true;
  uint64_t counter = 0;
  // Who asks again and again must see a lost device too: waiting then tells what happened.
  if (!device.alive().ok() || !readCounter(counter).ok())
    return true;
  if (counter < value)
    return false;
  retire(counter);
  return true;
}

Status VulkanTimeline::waitFor(uint64_t value) {
  using Clock = std::chrono::steady_clock;
  if (passed.load(std::memory_order_acquire) >= value)
    return takeCut();
  double limit = device.hangSeconds();
  // Short enough to notice progress between the slices.
  double slice = limit > 0 ? std::clamp(limit / 4, 1e-3, 1.0) : 1.0;
  VkSemaphoreWaitInfo wait = {VK_STRUCTURE_TYPE_SEMAPHORE_WAIT_INFO};
  wait.semaphoreCount = 1;
  wait.pSemaphores = &semaphore;
  wait.pValues = &value;
  uint64_t seen = device.progress();
  Clock::time_point since = Clock::now();
  for (;;) {
    HEED_TRY(device.alive());
    VkResult result = device.vk.vkWaitSemaphores(device.handle, &wait, static_cast<uint64_t>(slice * 1e9));
    if (result == VK_SUCCESS) {
      uint64_t counter = value;
      HEED_TRY(readCounter(counter));
      retire(std::max(counter, value));
      return takeCut();
    }
    if (result == VK_ERROR_DEVICE_LOST)
      return device.lose(Code::deviceLost, concat("the device was lost at ", describeWork()));
    if (result != VK_TIMEOUT)
      return device.check(result, "vkWaitSemaphores");
    Clock::time_point now = Clock::now();
    if (uint64_t progress = device.progress(); progress != seen) {
      seen = progress;
      since = now;
    } else if (limit > 0 && std::chrono::duration<double>(now - since).count() >= limit) {
      return device.lose(Code::timeout, concat(describeWork(), " did not end within ", limit, " seconds"));
    }
  }
}

uint64_t VulkanTimeline::progress() {
  uint64_t counter = 0;
  if (device.vk.vkGetSemaphoreCounterValue(device.handle, semaphore, &counter) != VK_SUCCESS)
    return 0;
  std::scoped_lock guard(lock);
  uint64_t sum = counter * (VulkanCommands::mostLaunches + 1);
  for (const Submission &submission : submissions)
    if (submission.value > counter)
      return sum + submission.commands->endedLaunches();
  return sum;
}

std::string VulkanTimeline::describeWork() {
  uint64_t counter = 0;
  (void)device.vk.vkGetSemaphoreCounterValue(device.handle, semaphore, &counter); // stays 0 on a lost device
  std::scoped_lock guard(lock);
  for (const Submission &submission : submissions)
    if (submission.value > counter)
      return submission.commands->atWork(submission.commands->endedLaunches());
  return "no work";
}

std::shared_ptr<VulkanCommands> VulkanTimeline::takeFree() {
  if (uint64_t counter = 0; readCounter(counter).ok())
    retire(counter);
  std::scoped_lock guard(lock);
  if (freeCommands.empty())
    return nullptr;
  std::shared_ptr<VulkanCommands> commands = std::move(freeCommands.back());
  freeCommands.pop_back();
  return commands;
}

uint64_t VulkanTimeline::oldest(size_t most) {
  std::scoped_lock guard(lock);
  return submissions.size() < most ? 0 : submissions.front().value;
}

} // namespace heed::rt
