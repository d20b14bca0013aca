#include "backends/vulkan/driver/VulkanQueue.h"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace heed::rt {

static constexpr uint64_t pieceBytes = uint64_t(2) << 20;
/// More are not in flight at once: the host waits for the oldest.
static constexpr size_t mostSubmissions = 16;

Status VulkanQueue::create(VulkanDevice &device, VulkanLane &lane, std::unique_ptr<DriverQueue> &out) {
  std::unique_ptr<VulkanQueue> queue(new VulkanQueue(device, lane));
  HEED_TRY(VulkanTimeline::create(device, queue->timeline));
  out = std::move(queue);
  return {};
}

VulkanQueue::~VulkanQueue() {
  if (timeline && device.alive().ok())
    (void)synchronize(); // a failure is kept in the device
  if (device.hangs())
    return;
  for (VulkanStagingPiece &piece : pieces)
    if (piece.memory)
      device.staging->free(piece.memory);
}

Status VulkanQueue::synchronize() {
  HEED_TRY(submit());
  readByHost = 0;
  HEED_TRY(timeline->waitFor(submitted));
  return device.check(VK_SUCCESS, "synchronize");
}

bool VulkanQueue::idle() { return !current && timeline->reached(submitted); }

Status VulkanQueue::open(size_t words, VulkanCommands *&commands) {
  if (words * sizeof(uint64_t) > VulkanCommands::parameterBytes)
    return error(Code::unsupported, "a kernel takes ", words, " argument words, and at most ",
                 VulkanCommands::parameterBytes / sizeof(uint64_t), " are passed; split it");
  if (recording)
    return openRecording(words, commands);
  if (readByHost > 0) {
    // New work might overwrite what the host has yet to read.
    HEED_TRY(timeline->waitFor(readByHost));
    readByHost = 0;
  }
  if (current && !current->hasRoom(words))
    HEED_TRY(submit());
  if (!current) {
    HEED_TRY(device.alive());
    std::shared_ptr<VulkanCommands> next = timeline->takeFree();
    if (!next)
      if (uint64_t oldest = timeline->oldest(mostSubmissions)) {
        HEED_TRY(timeline->waitFor(oldest));
        next = timeline->takeFree();
      }
    if (!next)
      HEED_TRY(VulkanCommands::create(device, device.limits().queueFamily, false, next));
    HEED_TRY(next->begin());
    current = std::move(next);
  }
  commands = current.get();
  return {};
}

Status VulkanQueue::submit() {
  if (!current || recording)
    return {};
  std::shared_ptr<VulkanCommands> commands = std::move(current);
  current = nullptr;
  HEED_TRY(commands->end());
  return submitCommands(commands, true);
}

Status VulkanQueue::submitCommands(const std::shared_ptr<VulkanCommands> &commands, bool reusable) {
  HEED_TRY(device.alive());
  VkCommandBufferSubmitInfo buffer = {VK_STRUCTURE_TYPE_COMMAND_BUFFER_SUBMIT_INFO};
  buffer.commandBuffer = commands->handle();
  VkSemaphoreSubmitInfo signal = {VK_STRUCTURE_TYPE_SEMAPHORE_SUBMIT_INFO};
  signal.semaphore = timeline->semaphore;
  signal.value = submitted + 1;
  signal.stageMask = VK_PIPELINE_STAGE_2_ALL_COMMANDS_BIT;
  VkSubmitInfo2 info = {VK_STRUCTURE_TYPE_SUBMIT_INFO_2};
  info.commandBufferInfoCount = 1;
  info.pCommandBufferInfos = &buffer;
  info.signalSemaphoreInfoCount = 1;
  info.pSignalSemaphoreInfos = &signal;
  VkResult result;
  {
    std::scoped_lock guard(lane.lock);
    result = device.vk.vkQueueSubmit2(lane.queue, 1, &info, VK_NULL_HANDLE);
  }
  HEED_TRY(device.check(result, "vkQueueSubmit2"));
  timeline->expect(++submitted, commands, reusable);
  return {};
}

Status VulkanQueue::launch(VkPipeline pipeline, std::span<const uint64_t> words, std::array<uint32_t, 2> groups,
                           std::string_view name) {
  VulkanCommands *commands;
  HEED_TRY(open(words.size(), commands));
  commands->launch(pipeline, words, groups, name);
  return {};
}

Status VulkanQueue::copy(VkBuffer source, VkBuffer destination, std::span<const VkBufferCopy> regions) {
  VulkanCommands *commands;
  HEED_TRY(open(0, commands));
  commands->copy(source, destination, regions);
  return {};
}

/// Room for `bytes`, at most pieceBytes, that is in use until the commands open now are done. The caller opens commands
/// afterwards.
Status VulkanQueue::stage(uint64_t bytes, VulkanStagingPiece *&out, uint64_t &offset) {
  VulkanStagingPiece *found = &pieces[piece];
  if (found->memory && found->used + bytes > pieceBytes) {
    HEED_TRY(submit()); // the device copies while the host fills the next piece
    piece = (piece + 1) % pieces.size();
    found = &pieces[piece];
    HEED_TRY(timeline->waitFor(found->lastUse));
    found->used = 0;
  }
  if (!found->memory)
    HEED_TRY(device.staging->allocate(pieceBytes, found->memory).within("staging memory"));
  offset = found->used;
  found->used += (bytes + 63) / 64 * 64;
  out = found;
  return {};
}

Status VulkanQueue::upload(DevicePointer destination, const void *source, uint64_t bytes) {
  if (bytes == 0)
    return {};
  if (recording)
    return error(Code::unsupported, "a recording holds launches and copies on the device; upload before it begins");
  HEED_TRY(device.alive());
  const VulkanAllocation &target = allocationOf(destination);
  if (target.host && idle()) {
    std::memcpy(target.host + destination.offset, source, bytes);
    return {};
  }
  auto *from = static_cast<const std::byte *>(source);
  for (uint64_t done = 0; done < bytes;) {
    uint64_t count = std::min(bytes - done, pieceBytes), offset;
    VulkanStagingPiece *piece;
    HEED_TRY(stage(count, piece, offset));
    std::memcpy(piece->memory->host + offset, from + done, count);
    VkBufferCopy region = {piece->memory->offset + offset, target.offset + destination.offset + done, count};
    HEED_TRY(copy(piece->memory->buffer, target.buffer, std::span(&region, 1)));
    piece->lastUse = submitted + 1;
    done += count;
  }
  return {};
}

Status VulkanQueue::download(void *destination, DevicePointer source, uint64_t bytes) {
  if (bytes == 0)
    return {};
  if (recording)
    return error(Code::unsupported, "a recording holds launches and copies on the device; download after it has run");
  HEED_TRY(device.alive());
  const VulkanAllocation &origin = allocationOf(source);
  if (origin.host) {
    const std::byte *from = origin.host + source.offset;
    HEED_TRY(submit());
    if (timeline->reached(submitted)) {
      std::memcpy(destination, from, bytes);
    } else {
      timeline->copyWhenReached(submitted, destination, from, bytes);
      readByHost = submitted;
    }
    return {};
  }
  auto *to = static_cast<std::byte *>(destination);
  for (uint64_t done = 0; done < bytes;) {
    uint64_t count = std::min(bytes - done, pieceBytes), offset;
    VulkanStagingPiece *piece;
    HEED_TRY(stage(count, piece, offset));
    VkBufferCopy region = {origin.offset + source.offset + done, piece->memory->offset + offset, count};
    HEED_TRY(copy(origin.buffer, piece->memory->buffer, std::span(&region, 1)));
    piece->lastUse = submitted + 1;
    timeline->copyWhenReached(submitted + 1, to + done, piece->memory->host + offset, count);
    done += count;
  }
  return {};
}

Status VulkanQueue::recordEvent(bool timed, std::unique_ptr<DriverEvent> &event) {
  if (recording)
    return error(Code::unsupported,
                 "a recording holds launches and copies on the device; record events after it has run");
  if (!event)
    event = std::make_unique<VulkanEvent>(device);
  auto &point = static_cast<VulkanEvent &>(*event);
  point.timed = timed && device.limits().timestampBits > 0;
  if (point.timed) {
    HEED_TRY(point.makeQuery());
    VulkanCommands *commands;
    HEED_TRY(open(0, commands));
    commands->timestamp(point.query);
  }
  HEED_TRY(submit());
  point.timeline = timeline;
  point.value = submitted;
  return {};
}

Status VulkanQueue::beginRecording() {
  HEED_TRY(submit());
  recording = std::make_unique<VulkanRecording>();
  return {};
}

Status VulkanQueue::openRecording(size_t words, VulkanCommands *&commands) {
  auto &parts = recording->parts;
  if (parts.empty() || !parts.back()->hasRoom(words)) {
    if (!parts.empty())
      HEED_TRY(parts.back()->end());
    std::shared_ptr<VulkanCommands> next;
    HEED_TRY(VulkanCommands::create(device, device.limits().queueFamily, true, next));
    HEED_TRY(next->begin());
    parts.push_back(std::move(next));
  }
  commands = parts.back().get();
  return {};
}

Status VulkanQueue::endRecording(std::unique_ptr<DriverRecording> &out) {
  std::unique_ptr<VulkanRecording> made = std::move(recording);
  if (!made)
    return error(Code::internal, "nothing is being recorded");
  if (!made->parts.empty())
    HEED_TRY(made->parts.back()->end());
  out = std::move(made);
  return {};
}

Status VulkanQueue::replay(const VulkanRecording &recording) {
  HEED_TRY(submit());
  if (readByHost > 0)
    HEED_TRY(timeline->waitFor(readByHost));
  readByHost = 0;
  for (const std::shared_ptr<VulkanCommands> &part : recording.parts) {
    if (uint64_t oldest = timeline->oldest(mostSubmissions))
      HEED_TRY(timeline->waitFor(oldest));
    HEED_TRY(submitCommands(part, false));
  }
  return {};
}

VulkanEvent::~VulkanEvent() {
  if (query && !device.hangs())
    device.vk.vkDestroyQueryPool(device.handle, query, nullptr);
}

Status VulkanEvent::makeQuery() {
  if (query)
    return {};
  VkQueryPoolCreateInfo create = {VK_STRUCTURE_TYPE_QUERY_POOL_CREATE_INFO};
  create.queryType = VK_QUERY_TYPE_TIMESTAMP;
  create.queryCount = 1;
  return device.check(device.vk.vkCreateQueryPool(device.handle, &create, nullptr, &query), "vkCreateQueryPool");
}

bool VulkanEvent::reached() { return !timeline || timeline->reached(value); }

Status VulkanEvent::wait() { return timeline ? timeline->waitFor(value) : Status(); }

Status VulkanEvent::readTime(uint64_t &ticks) const {
  if (!timed)
    return error(Code::unsupported, "the event has no time: it was not timed, or the device has no clock");
  return device.check(device.vk.vkGetQueryPoolResults(device.handle, query, 0, 1, sizeof(ticks), &ticks, sizeof(ticks),
                                                      VK_QUERY_RESULT_64_BIT | VK_QUERY_RESULT_WAIT_BIT),
                      "vkGetQueryPoolResults");
}

Status VulkanEvent::secondsSince(const DriverEvent &start, double &seconds) {
  uint64_t from, to;
  HEED_TRY(device.alive());
  HEED_TRY(static_cast<const VulkanEvent &>(start).readTime(from));
  HEED_TRY(readTime(to));
  uint32_t bits = device.limits().timestampBits;
  uint64_t mask = bits >= 64 ? UINT64_MAX : (uint64_t(1) << bits) - 1; // the counter wraps
  seconds = static_cast<double>((to - from) & mask) * device.limits().timestampSeconds;
  return {};
}

} // namespace heed::rt
