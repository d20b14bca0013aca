// heed.h: statuses, versions, devices, queues, events, buffers.
#include "runtime/CapiObjects.h"
#include "runtime/PackageFormat.h"

using namespace heed::rt;

heed_code heed_status_code(heed_status status) { return status ? status->code : HEED_OK; }

const char *heed_status_message(heed_status status) { return status ? status->message.c_str() : ""; }

void heed_status_free(heed_status status) {
  if (status != &outOfMemoryStatus())
    delete status;
}

void heed_version(int *major, int *minor, int *patch) {
  if (major)
    *major = HEED_VERSION_MAJOR;
  if (minor)
    *minor = HEED_VERSION_MINOR;
  if (patch)
    *patch = HEED_VERSION_PATCH;
}

uint32_t heed_package_version(void) { return packageVersion; }

size_t heed_element_bytes(heed_element_type type) {
  return isElementType(type) ? static_cast<size_t>(byteWidth(static_cast<ElementType>(type))) : 0;
}

const char *heed_element_name(heed_element_type type) {
  return isElementType(type) ? elementTypeName(static_cast<ElementType>(type)).data() : "?";
}

Status heed::rt::readDeviceOptions(const heed_device_options *options, DriverOptions &result) {
  if (!options)
    return {};
  if (options->struct_bytes != sizeof(heed_device_options))
    return error(Code::invalidArgument, "heed_device_options::struct_bytes is ", options->struct_bytes,
                 ", this library expects ", sizeof(heed_device_options));
  result.workers = options->worker_count;
  result.parallelFor = options->parallel_for;
  result.parallelForHost = options->parallel_for_host;
  if (options->isa_limit)
    result.isaLimit = options->isa_limit;
  if (options->hang_seconds < 0)
    result.hangSeconds = 0;
  else if (options->hang_seconds > 0)
    result.hangSeconds = options->hang_seconds;
  if (const heed_vulkan_device *vulkan = options->vulkan)
    result.vulkan = {vulkan->instance, vulkan->physical_device, vulkan->device, vulkan->queue, vulkan->queue_family};
  return {};
}

heed_status heed_device_list_create(heed_device_list **list) {
  return guarded([&]() -> Status {
    HEED_TRY(requireArguments(list));
    auto created = std::make_unique<heed_device_list>();
    created->listings = listDevices();
    for (const DeviceListing &listing : created->listings) {
      for (const DeviceInfo &device : listing.devices)
        created->entries.push_back({&listing, &device, device.id(), joinFeatures(device)});
      if (!listing.whyNot.ok())
        created->entries.push_back({&listing, nullptr, {}, {}});
    }
    *list = created.release();
    return {};
  });
}

int32_t heed_device_list_count(const heed_device_list *list) {
  return list ? static_cast<int32_t>(list->entries.size()) : 0;
}

heed_status heed_device_list_entry(const heed_device_list *list, int32_t index, heed_device_entry *entry) {
  return guarded([&]() -> Status {
    HEED_TRY(requireArguments(list && entry));
    if (index < 0 || static_cast<size_t>(index) >= list->entries.size())
      return error(Code::invalidArgument, "index ", index, " is outside the ", list->entries.size(), " there are");
    const heed_device_list::Entry &found = list->entries[index];
    *entry = {};
    entry->kind = found.listing->kind.c_str();
    if (!found.device) {
      entry->why_not = found.listing->whyNot.message().data(); // the whole of a std::string
      return {};
    }
    entry->id = found.id.c_str();
    entry->name = found.device->name.c_str();
    entry->features = found.features.c_str();
    entry->is_software = found.device->software;
    return {};
  });
}

void heed_device_list_release(heed_device_list *list) { delete list; }

heed_status heed_device_open(const char *name, const heed_device_options *options, heed_device **device) {
  return guarded([&]() -> Status {
    HEED_TRY(requireArguments(name && device));
    DriverOptions read;
    HEED_TRY(readDeviceOptions(options, read));
    std::shared_ptr<Driver> driver;
    HEED_TRY(openDevice(name, read, driver));
    *device = new heed_device(std::move(driver));
    return {};
  });
}

void heed_device_release(heed_device *device) { delete device; }

const char *heed_device_kind(const heed_device *device) {
  return device ? device->driver->info().kind.c_str() : nullptr;
}

const char *heed_device_id(const heed_device *device) { return device ? device->id.c_str() : nullptr; }

const char *heed_device_name(const heed_device *device) {
  return device ? device->driver->info().name.c_str() : nullptr;
}

const char *heed_device_features(const heed_device *device) { return device ? device->features.c_str() : nullptr; }

uint32_t heed_device_worker_count(const heed_device *device) {
  return device ? static_cast<uint32_t>(device->driver->info().property(DeviceProperty::workers)) : 0;
}

heed_status heed_queue_create(heed_device *device, heed_queue **queue) {
  return guarded([&]() -> Status {
    HEED_TRY(requireArguments(device && queue));
    auto created = std::make_unique<heed_queue>();
    created->driver = device->driver;
    HEED_TRY(device->driver->alive());
    HEED_TRY(device->driver->createQueue(created->queue));
    *queue = created.release();
    return {};
  });
}

heed_status heed_queue_wrap(heed_device *device, void *handle, heed_queue **queue) {
  return guarded([&]() -> Status {
    HEED_TRY(requireArguments(device && queue));
    HEED_TRY(device->driver->alive());
    auto created = std::make_unique<heed_queue>();
    created->driver = device->driver;
    HEED_TRY(device->driver->wrapQueue(handle, created->queue));
    *queue = created.release();
    return {};
  });
}

heed_status heed_queue_synchronize(heed_queue *queue) {
  return guarded([&]() -> Status {
    HEED_TRY(requireArguments(queue));
    HEED_TRY(queue->driver->alive());
    return queue->queue->synchronize();
  });
}

void heed_queue_release(heed_queue *queue) { delete queue; }

heed_status heed_event_wait(heed_event *event) {
  return guarded([&]() -> Status {
    HEED_TRY(requireArguments(event));
    HEED_TRY(event->driver->alive());
    return event->event->wait();
  });
}

int heed_event_reached(heed_event *event) { return event && event->event->reached() ? 1 : 0; }

void heed_event_release(heed_event *event) { delete event; }

/// A buffer object without memory.
static std::unique_ptr<heed_buffer> emptyBuffer(const heed_device &device, uint64_t bytes) {
  auto buffer = std::make_unique<heed_buffer>();
  buffer->driver = device.driver;
  buffer->transfers = device.transfers;
  buffer->bytes = bytes;
  return buffer;
}

heed_status heed_buffer_allocate(heed_device *device, uint64_t bytes, heed_buffer **buffer) {
  return guarded([&]() -> Status {
    HEED_TRY(requireArguments(device && buffer));
    HEED_TRY(device->driver->alive());
    auto created = emptyBuffer(*device, bytes);
    HEED_TRY(created->owned.allocate(*device->driver, bytes));
    created->memory = created->owned.pointer();
    *buffer = created.release();
    return {};
  });
}

heed_status heed_buffer_wrap(heed_device *device, heed_memory_kind kind, void *handle, uint64_t bytes,
                             heed_buffer **buffer) {
  return guarded([&]() -> Status {
    HEED_TRY(requireArguments(device && buffer && (handle || bytes == 0)));
    HEED_TRY(device->driver->alive());
    if (kind < HEED_MEMORY_HOST || kind > HEED_MEMORY_VULKAN)
      return error(Code::unsupported, "unknown kind of memory ", static_cast<int>(kind));
    auto created = emptyBuffer(*device, bytes);
    HEED_TRY(device->driver->wrap(static_cast<MemoryKind>(kind), handle, bytes, created->memory));
    created->wrapped = true;
    *buffer = created.release();
    return {};
  });
}

void *heed_buffer_data(heed_buffer *buffer) { return buffer ? buffer->driver->hostAddress(buffer->memory) : nullptr; }

/// Runs copy(driver, queue) on the given queue, or on one of the device's own and to its end.
template <typename Copy>
static Status copyBuffer(heed_buffer &buffer, uint64_t offset, uint64_t bytes, heed_queue *queue, Copy copy) {
  Driver &driver = *buffer.driver;
  HEED_TRY(driver.alive());
  if (offset > buffer.bytes || bytes > buffer.bytes - offset)
    return error(Code::invalidArgument, bytes, " bytes at offset ", offset, " lie outside a buffer of ", buffer.bytes,
                 " bytes");
  if (queue && queue->driver != buffer.driver)
    return error(Code::invalidArgument, "the queue belongs to another device than the buffer");
  DevicePointer place = buffer.memory.advanced(static_cast<int64_t>(offset));
  if (queue)
    return copy(driver, *queue->queue, place);
  return buffer.transfers->run(driver, [&](DriverQueue &own) { return copy(driver, own, place); });
}

heed_status heed_buffer_write(heed_buffer *buffer, uint64_t offset, const void *data, uint64_t bytes,
                              heed_queue *queue) {
  return guarded([&]() -> Status {
    HEED_TRY(requireArguments(buffer && (data || bytes == 0)));
    return copyBuffer(*buffer, offset, bytes, queue, [&](Driver &driver, DriverQueue &target, DevicePointer place) {
      return driver.upload(target, place, data, bytes);
    });
  });
}

heed_status heed_buffer_read(heed_buffer *buffer, uint64_t offset, void *data, uint64_t bytes, heed_queue *queue) {
  return guarded([&]() -> Status {
    HEED_TRY(requireArguments(buffer && (data || bytes == 0)));
    return copyBuffer(*buffer, offset, bytes, queue, [&](Driver &driver, DriverQueue &target, DevicePointer place) {
      return driver.download(target, data, place, bytes);
    });
  });
}

uint64_t heed_buffer_bytes(const heed_buffer *buffer) { return buffer ? buffer->bytes : 0; }

void heed_buffer_release(heed_buffer *buffer) { delete buffer; }
