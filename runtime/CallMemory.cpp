// The part of a call that decides where tensors and buffers lie.
#include "runtime/Call.h"

#include <algorithm>

namespace heed::rt {

/// More than counters of any launch take.
constexpr int64_t maxZeroedBytes = int64_t(1) << 32;

/// Grows only: a smaller need keeps what is there.
Status Call::reserve(DriverMemory &memory, int64_t bytes) {
  if (memory.size() >= static_cast<uint64_t>(bytes) && memory.size() > 0)
    return {};
  ++lastRun.allocations;
  if (memory.size() > 0)
    HEED_TRY(awaitLastRun()); // which may use the old memory
  return memory.allocate(loadedModule->driver(), static_cast<uint64_t>(std::max<int64_t>(bytes, 1)));
}

Status Call::checkMemoryGiven() const {
  auto missing = [](const Slot &slot, const Extents &sizes) {
    return slot.bound && !slot.given.memory.base && !slot.given.host && !isEmpty(slot.given.rank, sizes);
  };
  for (size_t i = 0; i < inputs.size(); ++i)
    if (missing(inputs[i], inputs[i].given.sizes))
      return error(Code::invalidArgument, "input '", plan.inputs[i].name, "' has no memory");
  for (size_t i = 0; i < outputs.size(); ++i)
    if (missing(outputs[i], outputs[i].given.sizes))
      return error(Code::invalidArgument, "output '", plan.outputs[i].name, "' has no memory");
  return {};
}

Status Call::placeOutputs() {
  relocated.clear();
  for (uint32_t i = 0; i < outputs.size(); ++i) {
    if (outputs[i].bound)
      HEED_TRY(placeGivenOutput(i));
    if (plan.outputs[i].alias != noIndex)
      HEED_TRY(placeState(i).within("output '", plan.outputs[i].name, "'"));
    else if (!outputs[i].bound || outputs[i].given.host)
      HEED_TRY(placeOwnedOutput(i).within("output '", plan.outputs[i].name, "'"));
    else
      outputs[i].result = outputs[i].placed;
  }
  return {};
}

Status Call::placeGivenOutput(uint32_t index) {
  Slot &slot = outputs[index];
  uint32_t rank = slot.placed.rank;
  if (!std::equal(slot.given.sizes.begin(), slot.given.sizes.begin() + rank, slot.placed.sizes.begin()))
    return error(Code::invalidArgument, "output '", plan.outputs[index].name, "' has sizes ",
                 printExtents(rank, slot.placed.sizes), " for these inputs, the given tensor has ",
                 printExtents(rank, slot.given.sizes));
  slot.placed.strides = slot.given.strides;
  slot.placed.memory = slot.given.memory;
  slot.placed.capacityBytes = slot.given.capacityBytes;
  slot.inOwnMemory = false;
  return {};
}

/// An output the caller wants nowhere, or on the host while the device has memory of its own.
Status Call::placeOwnedOutput(uint32_t index) {
  Slot &slot = outputs[index];
  Tensor &placed = slot.placed;
  int64_t bytes;
  HEED_TRY(denseStrides(placed.rank, placed.sizes, byteWidth(placed.type), placed.strides, bytes));
  HEED_TRY(reserve(ownedOutputs[index], bytes));
  placed.memory = ownedOutputs[index].pointer();
  placed.capacityBytes = ownedOutputs[index].size();
  slot.inOwnMemory = !slot.bound;
  slot.result = slot.bound ? slot.given : placed;
  return {};
}

/// Whether a tensor of `sizes` can live where `tensor` is, under its strides.
static bool holds(const Tensor &tensor, const Extents &sizes) {
  ByteRange own, needed;
  int64_t width = byteWidth(tensor.type);
  if (!coveredBytes(tensor.rank, tensor.sizes, tensor.strides, width, own).ok() ||
      !coveredBytes(tensor.rank, sizes, tensor.strides, width, needed).ok())
    return false;
  uint64_t capacity = tensor.capacityBytes ? tensor.capacityBytes : static_cast<uint64_t>(own.high);
  return needed.low >= 0 && static_cast<uint64_t>(needed.high) <= capacity &&
         elementsDistinct(tensor.rank, sizes, tensor.strides);
}

/// The sizes that the memory of a state must be able to hold.
Status Call::roomForState(uint32_t index, Extents &needed) const {
  const Output &output = plan.outputs[index];
  needed = {};
  for (uint32_t dim = 0; dim < outputs[index].placed.rank; ++dim) {
    int64_t capacity = 0;
    if (!output.capacity.empty())
      HEED_TRY(evaluation.get(output.capacity[dim], "capacity", capacity));
    needed[dim] = std::max({capacity, outputs[index].placed.sizes[dim], inputs[output.alias].given.sizes[dim]});
  }
  return {};
}

/// State lives in the caller's input memory if that can hold what it may grow to. If not, or if the caller bound the
/// output elsewhere, the old state is copied there before the steps run. State that the caller keeps on the host while
/// the device has memory of its own lives in the call's memory during the run: the old state goes there before the
/// steps, the new one comes back after them.
Status Call::placeState(uint32_t index) {
  const Output &output = plan.outputs[index];
  Slot &state = inputs[output.alias];
  Slot &slot = outputs[index];
  uint32_t rank = slot.placed.rank;
  Extents needed;
  HEED_TRY(roomForState(index, needed));
  state.room = slot.room = needed;
  bool sameMemory = slot.bound && slot.given.memory == state.given.memory && slot.given.host == state.given.host;
  if (slot.bound && !sameMemory && !holds(slot.given, needed))
    return error(Code::invalidArgument, "its memory must have room for sizes ", printExtents(rank, needed),
                 ", since it holds the state of input '", plan.inputs[output.alias].name, "'");
  if (sameMemory && !holds(state.given, needed))
    return error(Code::invalidArgument, "the memory it shares with input '", plan.inputs[output.alias].name,
                 "' has no room for sizes ", printExtents(rank, needed), "; say how much there is in capacity_bytes");
  bool inPlace = sameMemory || (!slot.bound && holds(state.given, needed));
  // Where the caller finds the new state; null for memory of the call.
  const Tensor *home = inPlace ? &state.given : slot.bound ? &slot.given : nullptr;
  if (home && !home->host) {
    slot.placed.memory = home->memory;
    slot.placed.strides = home->strides;
    slot.placed.capacityBytes = home->capacityBytes;
  } else {
    HEED_TRY(placeStateInOwnMemory(index));
  }
  state.placed = state.given;
  state.placed.host = nullptr;
  state.placed.memory = slot.placed.memory;
  state.placed.strides = slot.placed.strides;
  state.placed.capacityBytes = slot.placed.capacityBytes;
  // Also when the caller handed back what the call gave out before.
  const DriverMemory &owned = ownedOutputs[index];
  slot.inOwnMemory = !home || (!home->host && owned.size() > 0 && owned.pointer().base == home->memory.base);
  slot.result = slot.placed;
  if (home && home->host) {
    slot.result.memory = {};
    slot.result.host = home->host;
    slot.result.strides = home->strides;
    slot.result.capacityBytes = home->capacityBytes;
  }
  if (!inPlace || home->host)
    relocated.push_back(index);
  lastRun.stateCopies += !inPlace;
  if (!plan.inputs[output.alias].strided && (!isDense(state.placed) || !isDense(slot.placed)))
    return error(Code::invalidArgument, "input '", plan.inputs[output.alias].name, "' must stay dense");
  return {};
}

Status Call::placeStateInOwnMemory(uint32_t index) {
  Slot &slot = outputs[index];
  const Tensor &old = inputs[plan.outputs[index].alias].given;
  int64_t bytes;
  HEED_TRY(denseStrides(slot.placed.rank, slot.room, byteWidth(slot.placed.type), slot.placed.strides, bytes));
  DriverMemory &owned = ownedOutputs[index];
  // The old state may lie in the memory that is now too small, or be laid out in it with other strides.
  if (owned.size() > 0 && !old.host && owned.pointer().base == old.memory.base)
    retired.push_back(std::move(owned));
  HEED_TRY(reserve(owned, bytes));
  slot.placed.memory = owned.pointer();
  slot.placed.capacityBytes = owned.size();
  return {};
}

/// Dense outputs over dense inputs would be read after they are overwritten. Tensors are compared as the caller sees
/// them: those of the host with each other, and those of the device.
Status Call::checkNoOverlap() const {
  Driver &driver = loadedModule->driver();
  auto begin = [&](const Tensor &tensor) {
    return tensor.host ? reinterpret_cast<uintptr_t>(tensor.host) : driver.deviceAddress(tensor.memory);
  };
  auto bytes = [](const Tensor &tensor) {
    ByteRange range;
    (void)coveredBytes(tensor.rank, tensor.sizes, tensor.strides, byteWidth(tensor.type), range); // checked when bound
    return static_cast<uint64_t>(range.high);
  };
  auto given = [](const Tensor &tensor) { return tensor.host || tensor.memory.base; };
  auto overlap = [&](const Tensor &a, const Tensor &b) {
    return given(a) && given(b) && !a.host == !b.host && isDense(a) && isDense(b) && begin(a) < begin(b) + bytes(b) &&
           begin(b) < begin(a) + bytes(a);
  };
  auto seen = [](const Slot &input) -> const Tensor & { return input.given.host ? input.given : input.placed; };
  for (size_t i = 0; i < outputs.size(); ++i) {
    for (size_t j = 0; j < inputs.size(); ++j)
      if (plan.outputs[i].alias != j && overlap(outputs[i].result, seen(inputs[j])))
        return error(Code::invalidArgument, "the memory of output '", plan.outputs[i].name, "' overlaps input '",
                     plan.inputs[j].name, "'");
    for (size_t j = 0; j < i; ++j)
      if (overlap(outputs[i].result, outputs[j].result))
        return error(Code::invalidArgument, "the memory of output '", plan.outputs[i].name, "' overlaps output '",
                     plan.outputs[j].name, "'");
  }
  return {};
}

Status Call::layOutArena() {
  for (size_t i = 0; i < arenaBuffers.size(); ++i) {
    const Buffer &buffer = plan.buffers[arenaBuffers[i]];
    HEED_TRY(evaluation.get(buffer.bytes, "size", arenaRequests[i].bytes).within("buffer ", arenaBuffers[i]));
    if (arenaRequests[i].bytes < 0)
      return error(Code::badPackage, "buffer ", arenaBuffers[i], " has size ", evaluation.print(buffer.bytes), " = ",
                   arenaRequests[i].bytes);
  }
  arenaSize = arenaPlanner.layOut(arenaRequests, arenaOffsets);
  if (arenaSize < 0)
    return error(Code::outOfMemory, "the values between kernels need more than 2^62 bytes");
  return arenaSize > 0 ? reserve(arena, arenaSize).within("values between kernels") : Status();
}

/// Slices of a block of their own, which is zero all over whenever no step runs: other sizes need no new zeros.
Status Call::layOutZeroed() {
  int64_t bytes = 0;
  for (size_t i = 0; i < zeroedBuffers.size(); ++i) {
    const Buffer &buffer = plan.buffers[zeroedBuffers[i]];
    HEED_TRY(evaluation.get(buffer.bytes, "size", zeroedSizes[i]).within("buffer ", zeroedBuffers[i]));
    if (zeroedSizes[i] < 0 || zeroedSizes[i] > maxZeroedBytes - bytes)
      return error(Code::badPackage, "buffer ", zeroedBuffers[i], " has size ", evaluation.print(buffer.bytes), " = ",
                   zeroedSizes[i]);
    zeroedOffsets[i] = bytes;
    bytes += (zeroedSizes[i] + arenaAlignment - 1) / arenaAlignment * arenaAlignment;
  }
  if (bytes == 0 || static_cast<uint64_t>(bytes) <= zeroed.size())
    return {};
  HEED_TRY(reserve(zeroed, bytes).within("zeroed buffers"));
  // At once and in a queue of our own: the caller's may be recording what it will run later, and more than once.
  std::vector<std::byte> zeros(static_cast<size_t>(bytes));
  Status status = loadedModule->driver().upload(*ownQueue, zeroed.pointer(), zeros.data(), zeros.size());
  if (Status done = ownQueue->synchronize(); status.ok())
    status = std::move(done);
  if (!status.ok())
    zeroed.reset();
  return status;
}

void Call::placeBuffers() {
  size_t nextArena = 0, nextZeroed = 0;
  for (size_t i = 0; i < buffers.size(); ++i) {
    const Buffer &buffer = plan.buffers[i];
    switch (buffer.kind) {
    case BufferKind::input:
    case BufferKind::output:
      buffers[i].memory = (buffer.kind == BufferKind::input ? inputs : outputs)[buffer.index].placed.memory;
      break;
    case BufferKind::constant:
    case BufferKind::persistent:
      buffers[i].memory = loadedModule->residentBuffer(static_cast<uint32_t>(i));
      break;
    case BufferKind::arena:
      buffers[i].memory = arena.pointer().advanced(arenaOffsets[nextArena++]);
      break;
    case BufferKind::zeroed:
      buffers[i].memory = zeroed.pointer().advanced(zeroedOffsets[nextZeroed++]);
      break;
    }
  }
}

/// Bytes of an input or output that kernels may touch.
Status Call::bufferRange(uint32_t index, ByteRange &range) const {
  const Buffer &buffer = plan.buffers[index];
  bool isInput = buffer.kind == BufferKind::input;
  const Slot &slot = (isInput ? inputs : outputs)[buffer.index];
  bool isState = isInput ? loadedModule->isState(buffer.index) : plan.outputs[buffer.index].alias != noIndex;
  return coveredBytes(slot.placed.rank, isState ? slot.room : slot.placed.sizes, slot.placed.strides,
                      byteWidth(slot.placed.type), range);
}

/// Everything that depends on strides: done again only when one of them changed.
Status Call::resolveStrides() {
  auto gather = [](const std::vector<Slot> &slots, std::vector<int64_t> &strides) {
    for (size_t i = 0; i < slots.size(); ++i)
      std::copy_n(slots[i].placed.strides.begin(), slots[i].placed.rank, strides.begin() + i * maxRank);
  };
  gather(inputs, inputStrides);
  gather(outputs, outputStrides);
  recordable = stepsValid && inputStrides == resolvedInputStrides && outputStrides == resolvedOutputStrides;
  if (recordable)
    return {};
  stepsValid = false;
  evaluate();
  HEED_TRY(checkConstraints());
  HEED_TRY(layOutArena());
  HEED_TRY(layOutZeroed());
  size_t nextArena = 0, nextZeroed = 0;
  for (size_t i = 0; i < buffers.size(); ++i) {
    const Buffer &buffer = plan.buffers[i];
    ByteRange &range = buffers[i].range;
    if (buffer.kind == BufferKind::input || buffer.kind == BufferKind::output) {
      HEED_TRY(bufferRange(static_cast<uint32_t>(i), range));
      continue;
    }
    range = {0, buffer.kind == BufferKind::arena    ? arenaRequests[nextArena++].bytes
                : buffer.kind == BufferKind::zeroed ? zeroedSizes[nextZeroed++]
                                                    : loadedModule->residentBytes(static_cast<uint32_t>(i))};
  }
  HEED_TRY(steps.resolve(evaluation, buffers));
  resolvedInputStrides = inputStrides;
  resolvedOutputStrides = outputStrides;
  stepsValid = true;
  return {};
}

} // namespace heed::rt
