// The part of a call that moves tensors of the host to a device with memory of its own, and back.
//
// A tensor without gaps goes over in one piece. Any other is gathered into a dense image on the host, and laid out on
// the device by the device's own strided copy where kernels want it with gaps (state with room to grow). So exactly the
// tensor's elements travel, and nothing between them is touched on either side.
#include "runtime/Call.h"
#include "runtime/HostCopy.h"

#include <utility>

namespace heed::rt {

static std::byte *hostAddress(const Tensor &tensor) { return static_cast<std::byte *>(tensor.host); }

/// The strides of the tensor's elements without gaps, and their bytes.
static Status packed(const Tensor &tensor, Extents &strides, int64_t &bytes) {
  return denseStrides(tensor.rank, tensor.sizes, byteWidth(tensor.type), strides, bytes);
}

static StridedCopy copyOf(const Tensor &tensor, DevicePointer source, const Extents &sourceStrides,
                          DevicePointer destination, const Extents &destinationStrides) {
  return {source,       destination,   tensor.rank,       static_cast<uint32_t>(byteWidth(tensor.type)),
          tensor.sizes, sourceStrides, destinationStrides};
}

Status Call::reserveImage(Staging &staging, int64_t bytes) {
  // The last run may still read it.
  HEED_TRY(awaitLastRun());
  if (staging.imageBytes >= static_cast<uint64_t>(bytes))
    return {};
  ++lastRun.allocations;
  staging.image.reset(new std::byte[static_cast<size_t>(bytes)]);
  staging.imageBytes = static_cast<uint64_t>(bytes);
  return {};
}

Status Call::toDevice(DriverQueue &queue, Staging &staging, const Tensor &host, const Tensor &device) {
  if (isEmpty(host.rank, host.sizes))
    return {};
  Driver &driver = loadedModule->driver();
  int64_t width = byteWidth(host.type), bytes;
  Extents dense;
  HEED_TRY(packed(host, dense, bytes));
  lastRun.uploadedBytes += bytes;
  // Laid out alike and without gaps: whatever the order of the elements, it is the same on both sides.
  if (host.strides == device.strides && isCompact(host)) {
    ByteRange range;
    HEED_TRY(coveredBytes(host.rank, host.sizes, host.strides, width, range));
    return driver.upload(queue, device.memory.advanced(range.low), hostAddress(host) + range.low,
                         static_cast<uint64_t>(range.high - range.low));
  }
  const std::byte *source = hostAddress(host);
  if (!isDense(host)) {
    HEED_TRY(reserveImage(staging, bytes));
    copyOnHost(host.rank, host.sizes.data(), static_cast<uint32_t>(width), source, host.strides.data(),
               staging.image.get(), dense.data());
    source = staging.image.get();
  }
  if (isDense(device))
    return driver.upload(queue, device.memory, source, static_cast<uint64_t>(bytes));
  HEED_TRY(reserve(staging.dense, bytes));
  HEED_TRY(driver.upload(queue, staging.dense.pointer(), source, static_cast<uint64_t>(bytes)));
  return context->copy(queue, copyOf(host, staging.dense.pointer(), dense, device.memory, device.strides));
}

Status Call::toHost(DriverQueue &queue, Staging &staging, const Tensor &device, const Tensor &host) {
  if (isEmpty(host.rank, host.sizes))
    return {};
  Driver &driver = loadedModule->driver();
  int64_t bytes;
  Extents dense;
  HEED_TRY(packed(host, dense, bytes));
  lastRun.downloadedBytes += bytes;
  DevicePointer source = device.memory;
  if (!isDense(device)) {
    HEED_TRY(reserve(staging.dense, bytes));
    source = staging.dense.pointer();
    HEED_TRY(context->copy(queue, copyOf(host, device.memory, device.strides, source, dense)));
  }
  if (isDense(host))
    return driver.download(queue, host.host, source, static_cast<uint64_t>(bytes));
  HEED_TRY(reserveImage(staging, bytes));
  staging.scatter = true;
  return driver.download(queue, staging.image.get(), source, static_cast<uint64_t>(bytes));
}

/// Host inputs get memory on the device; the transfer comes later, in the order of the queue. State is placed with its
/// output.
Status Call::placeInputs() {
  for (size_t i = 0; i < inputs.size(); ++i) {
    Slot &slot = inputs[i];
    slot.placed = slot.given;
    if (!slot.given.host || loadedModule->isState(static_cast<uint32_t>(i)))
      continue;
    slot.placed.host = nullptr;
    ByteRange range;
    if (isCompact(slot.given))
      HEED_TRY(coveredBytes(slot.given.rank, slot.given.sizes, slot.given.strides, byteWidth(slot.given.type), range));
    else
      HEED_TRY(packed(slot.given, slot.placed.strides, range.high));
    HEED_TRY(reserve(slot.staging.mirror, range.high - range.low).within("input '", plan.inputs[i].name, "'"));
    slot.placed.memory = slot.staging.mirror.pointer().advanced(-range.low);
    slot.placed.capacityBytes = 0;
  }
  return {};
}

/// Also puts states that are not updated where the caller keeps them into their new place.
Status Call::moveInputs(DriverQueue &queue) {
  for (size_t i = 0; i < inputs.size(); ++i)
    if (inputs[i].given.host && !loadedModule->isState(static_cast<uint32_t>(i)))
      HEED_TRY(toDevice(queue, inputs[i].staging, inputs[i].given, inputs[i].placed)
                   .within("input '", plan.inputs[i].name, "'"));
  for (uint32_t index : relocated) {
    Slot &state = inputs[plan.outputs[index].alias];
    if (state.given.host)
      HEED_TRY(toDevice(queue, state.staging, state.given, state.placed)
                   .within("input '", plan.inputs[plan.outputs[index].alias].name, "'"));
    else if (!isEmpty(state.given.rank, state.given.sizes))
      HEED_TRY(context->copy(queue, copyOf(state.given, state.given.memory, state.given.strides, state.placed.memory,
                                           state.placed.strides)));
  }
  return {};
}

Status Call::moveOutputs(DriverQueue &queue) {
  for (size_t i = 0; i < outputs.size(); ++i)
    if (outputs[i].result.host)
      HEED_TRY(toHost(queue, outputs[i].staging, outputs[i].placed, outputs[i].result)
                   .within("output '", plan.outputs[i].name, "'"));
  return {};
}

/// After the downloads are over.
void Call::scatterOutputs() {
  for (Slot &slot : outputs) {
    if (!std::exchange(slot.staging.scatter, false))
      continue;
    const Tensor &to = slot.result;
    Extents dense;
    int64_t bytes;
    (void)packed(to, dense, bytes); // was checked when the image was made
    copyOnHost(to.rank, to.sizes.data(), static_cast<uint32_t>(byteWidth(to.type)), slot.staging.image.get(),
               dense.data(), hostAddress(to), to.strides.data());
  }
}

/// A copy of an output that the call keeps on the device, with the strides it has there.
Status Call::copyToHost(uint32_t index) {
  Slot &slot = outputs[index];
  if (!slot.inOwnMemory || slot.result.host || isEmpty(slot.placed.rank, slot.placed.sizes))
    return {};
  ByteRange range;
  HEED_TRY(coveredBytes(slot.placed.rank, slot.placed.sizes, slot.placed.strides, byteWidth(slot.placed.type), range));
  HEED_TRY(reserveImage(slot.staging, range.high));
  HEED_TRY(loadedModule->driver().download(*ownQueue, slot.staging.image.get(), slot.placed.memory,
                                           static_cast<uint64_t>(range.high)));
  HEED_TRY(ownQueue->synchronize());
  slot.result.host = slot.staging.image.get();
  return {};
}

} // namespace heed::rt
