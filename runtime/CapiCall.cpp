// heed.h: calls.
#include "runtime/CapiObjects.h"

#include <algorithm>

using namespace heed::rt;

heed_status heed_call_create(heed_module *module, heed_call **call) {
  return guarded([&]() -> Status {
    HEED_TRY(requireArguments(module && call));
    auto created = std::make_unique<heed_call>();
    created->driver = module->device.driver;
    HEED_TRY(Call::create(module->module, created->call));
    created->results.resize(module->outputs.size());
    created->buffers = std::vector<heed_buffer>(module->outputs.size());
    for (heed_buffer &buffer : created->buffers) {
      buffer.driver = created->driver;
      buffer.transfers = module->device.transfers;
    }
    *call = created.release();
    return {};
  });
}

void heed_call_release(heed_call *call) { delete call; }

static Status readMemory(Driver &driver, const heed_tensor_view &view, Tensor &tensor) {
  if (!view.buffer) {
    tensor.capacityBytes = view.capacity_bytes;
    if (driver.info().memoryIsHost)
      tensor.memory = {view.data, 0};
    else
      tensor.host = view.data;
    return {};
  }
  if (view.buffer->driver.get() != &driver)
    return error(Code::invalidArgument, "its buffer belongs to another device");
  ByteRange covered;
  HEED_TRY(coveredBytes(tensor.rank, tensor.sizes, tensor.strides, byteWidth(tensor.type), covered));
  uint64_t total = view.buffer->bytes;
  if (view.byte_offset > total || static_cast<uint64_t>(covered.high) > total - view.byte_offset ||
      static_cast<uint64_t>(-covered.low) > view.byte_offset)
    return error(Code::invalidArgument, "it covers bytes ", covered.low, " to ", covered.high, " around offset ",
                 view.byte_offset, " of a buffer of ", total, " bytes");
  tensor.memory = view.buffer->memory.advanced(static_cast<int64_t>(view.byte_offset));
  tensor.capacityBytes = total - view.byte_offset;
  return {};
}

static Status readView(Driver &driver, const heed_tensor_view &view, Tensor &tensor) {
  if (!isElementType(view.type))
    return error(Code::invalidArgument, "unknown element type ", static_cast<int>(view.type));
  if (view.rank < 0 || view.rank > static_cast<int32_t>(maxRank))
    return error(Code::invalidArgument, "rank ", view.rank, " is not between 0 and ", maxRank);
  if (view.rank > 0 && !view.sizes)
    return error(Code::invalidArgument, "sizes are NULL");
  tensor.type = static_cast<ElementType>(view.type);
  tensor.rank = static_cast<uint32_t>(view.rank);
  std::copy_n(view.sizes, tensor.rank, tensor.sizes.begin());
  if (view.strides) {
    std::copy_n(view.strides, tensor.rank, tensor.strides.begin());
  } else {
    int64_t bytes;
    HEED_TRY(denseStrides(tensor.rank, tensor.sizes, byteWidth(tensor.type), tensor.strides, bytes));
  }
  return readMemory(driver, view, tensor);
}

heed_status heed_call_bind_input(heed_call *call, const char *name, const heed_tensor_view *view) {
  return guarded([&]() -> Status {
    HEED_TRY(requireArguments(call && name && view));
    Tensor tensor;
    HEED_TRY(readView(*call->driver, *view, tensor).within("input '", name, "'"));
    return call->call->bindInput(name, tensor);
  });
}

heed_status heed_call_bind_output(heed_call *call, const char *name, const heed_tensor_view *view) {
  return guarded([&]() -> Status {
    HEED_TRY(requireArguments(call && name));
    if (!view)
      return call->call->unbindOutput(name);
    Tensor tensor;
    HEED_TRY(readView(*call->driver, *view, tensor).within("output '", name, "'"));
    return call->call->bindOutput(name, tensor);
  });
}

heed_status heed_call_output_shape(heed_call *call, const char *name, int32_t *rank, int64_t *sizes) {
  return guarded([&]() -> Status {
    HEED_TRY(requireArguments(call && name && rank && sizes));
    ElementType type;
    uint32_t count;
    Extents extents;
    HEED_TRY(call->call->outputShape(name, type, count, extents));
    *rank = static_cast<int32_t>(count);
    std::copy_n(extents.begin(), count, sizes);
    return {};
  });
}

heed_status heed_call_run(heed_call *call, heed_queue *queue, heed_event **event) {
  return guarded([&]() -> Status {
    HEED_TRY(requireArguments(call));
    if (event && !queue)
      return error(Code::invalidArgument, "an event needs a queue; without one the run is over when it returns");
    if (queue && queue->driver != call->driver)
      return error(Code::invalidArgument, "the queue belongs to another device");
    HEED_TRY(call->call->run(queue ? queue->queue.get() : nullptr));
    if (!event)
      return {};
    auto created = std::make_unique<heed_event>();
    created->driver = call->driver;
    HEED_TRY(call->driver->recordEvent(*queue->queue, false, created->event));
    *event = created.release();
    return {};
  });
}

/// The buffer begins at the lowest byte of the tensor.
static Status describeDeviceOutput(const Tensor &tensor, heed_buffer &buffer, heed_tensor_view &view) {
  view.data = tensor.host;
  if (!tensor.memory.base)
    return {};
  ByteRange range;
  HEED_TRY(coveredBytes(tensor.rank, tensor.sizes, tensor.strides, byteWidth(tensor.type), range));
  buffer.memory = tensor.memory.advanced(range.low);
  uint64_t usable = std::max(static_cast<uint64_t>(range.high), tensor.capacityBytes);
  buffer.bytes = usable + static_cast<uint64_t>(-range.low);
  view.buffer = &buffer;
  view.byte_offset = static_cast<uint64_t>(-range.low);
  return {};
}

heed_status heed_call_output(heed_call *call, const char *name, heed_tensor_view *view) {
  return guarded([&]() -> Status {
    HEED_TRY(requireArguments(call && name && view));
    Tensor tensor;
    HEED_TRY(call->call->output(name, !call->deviceOutputs, tensor));
    const auto &outputs = call->call->module().plan().outputs;
    auto found =
        std::find_if(outputs.begin(), outputs.end(), [&](const Output &output) { return output.name == name; });
    size_t index = found - outputs.begin();
    Tensor &kept = call->results[index];
    kept = tensor;
    *view = {};
    if (call->driver->info().memoryIsHost)
      view->data = call->driver->hostAddress(kept.memory);
    else
      HEED_TRY(describeDeviceOutput(kept, call->buffers[index], *view));
    view->type = static_cast<heed_element_type>(kept.type);
    view->rank = static_cast<int32_t>(kept.rank);
    view->sizes = kept.sizes.data();
    view->strides = kept.strides.data();
    view->capacity_bytes = kept.capacityBytes;
    return {};
  });
}

heed_status heed_call_set_flags(heed_call *call, uint32_t flags) {
  return guarded([&]() -> Status {
    HEED_TRY(requireArguments(call));
    if (flags & ~uint32_t(HEED_CALL_PROFILE | HEED_CALL_COUNT | HEED_CALL_DEVICE_OUTPUTS))
      return error(Code::invalidArgument, "unknown call flags ", flags);
    call->deviceOutputs = flags & HEED_CALL_DEVICE_OUTPUTS;
    call->call->profile(flags & HEED_CALL_PROFILE);
    call->call->countInKernels(flags & HEED_CALL_COUNT);
    return {};
  });
}

heed_status heed_call_counter(heed_call *call, heed_counter counter, int64_t *value) {
  return guarded([&]() -> Status {
    HEED_TRY(requireArguments(call && value));
    const RunCounters &counters = call->call->counters();
    switch (counter) {
    case HEED_COUNTER_KEY_BLOCKS_VISITED:
      *value = counters.keyBlocksVisited;
      return {};
    case HEED_COUNTER_ALLOCATIONS:
      *value = counters.allocations;
      return {};
    case HEED_COUNTER_LAUNCHES:
      *value = counters.launches;
      return {};
    case HEED_COUNTER_FALLBACK_LAUNCHES:
      *value = counters.fallbackLaunches;
      return {};
    case HEED_COUNTER_STATE_COPIES:
      *value = counters.stateCopies;
      return {};
    case HEED_COUNTER_ARENA_BYTES:
      *value = call->call->arenaBytes();
      return {};
    case HEED_COUNTER_UPLOADED_BYTES:
      *value = counters.uploadedBytes;
      return {};
    case HEED_COUNTER_DOWNLOADED_BYTES:
      *value = counters.downloadedBytes;
      return {};
    }
    return error(Code::invalidArgument, "unknown counter ", static_cast<int>(counter));
  });
}

int32_t heed_call_profile_count(const heed_call *call) {
  return call ? static_cast<int32_t>(call->call->profileEntries().size()) : 0;
}

heed_status heed_call_profile(const heed_call *call, int32_t index, heed_profile_entry *entry) {
  return guarded([&]() -> Status {
    HEED_TRY(requireArguments(call && entry));
    HEED_TRY(call->call->collectProfile());
    const auto &entries = call->call->profileEntries();
    if (index < 0 || static_cast<size_t>(index) >= entries.size())
      return error(Code::invalidArgument, "index ", index, " is outside the ", entries.size(), " profile entries");
    const ProfileEntry &found = entries[index];
    *entry = {found.name.c_str(), found.launches, found.seconds, found.flops, found.bytes};
    return {};
  });
}
