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

static DriverOptions readOptions(const heed_device_options *options) {
  DriverOptions result;
  if (!options)
    return result;
  result.workers = options->worker_count;
  result.parallelFor = options->parallel_for;
  result.parallelForHost = options->parallel_for_host;
  if (options->isa_limit)
    result.isaLimit = options->isa_limit;
  return result;
}

heed_status heed_device_open(const char *name, const heed_device_options *options, heed_device **device) {
  return guarded([&]() -> Status {
    HEED_TRY(requireArguments(name && device));
    if (options && options->struct_bytes != sizeof(heed_device_options))
      return error(Code::invalidArgument, "heed_device_options::struct_bytes is ", options->struct_bytes,
                   ", this library expects ", sizeof(heed_device_options));
    auto opened = std::make_unique<heed_device>();
    HEED_TRY(openDevice(name, readOptions(options), opened->driver));
    for (const std::string &feature : opened->driver->info().features)
      opened->features += (opened->features.empty() ? "" : " ") + feature;
    *device = opened.release();
    return {};
  });
}

void heed_device_release(heed_device *device) { delete device; }

const char *heed_device_kind(const heed_device *device) {
  return device ? device->driver->info().kind.c_str() : nullptr;
}

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
    HEED_TRY(device->driver->createQueue(created->queue));
    *queue = created.release();
    return {};
  });
}

heed_status heed_queue_synchronize(heed_queue *queue) {
  return guarded([&]() -> Status {
    HEED_TRY(requireArguments(queue));
    return queue->queue->synchronize();
  });
}

void heed_queue_release(heed_queue *queue) { delete queue; }

heed_status heed_event_wait(heed_event *event) {
  return guarded([&]() -> Status {
    HEED_TRY(requireArguments(event));
    return event->event->wait();
  });
}

int heed_event_reached(heed_event *event) { return event && event->event->reached() ? 1 : 0; }

void heed_event_release(heed_event *event) { delete event; }

heed_status heed_buffer_allocate(heed_device *device, uint64_t bytes, heed_buffer **buffer) {
  return guarded([&]() -> Status {
    HEED_TRY(requireArguments(device && buffer));
    auto created = std::make_unique<heed_buffer>();
    created->driver = device->driver;
    HEED_TRY(created->owned.allocate(*device->driver, bytes));
    created->memory = created->owned.pointer();
    created->bytes = bytes;
    *buffer = created.release();
    return {};
  });
}

heed_status heed_buffer_wrap(heed_device *device, heed_memory_kind kind, void *handle, uint64_t bytes,
                             heed_buffer **buffer) {
  return guarded([&]() -> Status {
    HEED_TRY(requireArguments(device && buffer && (handle || bytes == 0)));
    if (kind != HEED_MEMORY_HOST)
      return error(Code::unsupported, "unknown kind of memory ", static_cast<int>(kind));
    auto created = std::make_unique<heed_buffer>();
    created->driver = device->driver;
    HEED_TRY(device->driver->wrap(MemoryKind::host, handle, bytes, created->memory));
    created->bytes = bytes;
    *buffer = created.release();
    return {};
  });
}

void *heed_buffer_data(heed_buffer *buffer) { return buffer ? buffer->driver->hostAddress(buffer->memory) : nullptr; }

uint64_t heed_buffer_bytes(const heed_buffer *buffer) { return buffer ? buffer->bytes : 0; }

void heed_buffer_release(heed_buffer *buffer) { delete buffer; }
