#include "backends/gpu-driver/GpuDriver.h"

#include "backends/gpu-driver/GpuCode.h"
#include "backends/gpu-driver/GpuContext.h"
#include "backends/gpu-driver/GpuQueue.h"

#include <algorithm>
#include <cstdlib>

namespace heed::rt {

GpuScope::~GpuScope() {
  if (platform)
    platform->leave(previous);
}

static bool isSet(const char *variable, bool otherwise = false) {
  const char *value = std::getenv(variable);
  return value && *value ? std::string_view(value) != "0" : otherwise;
}

GpuDriver::GpuDriver(std::shared_ptr<const GpuPlatform> platform, DeviceInfo description, int device, GpuHandle context,
                     const DriverOptions &options)
    : vendor(std::move(platform)), description(std::move(description)), device(device), context(context),
      hangSeconds(options.hangSeconds), waitsForLaunches(isSet("HEED_GPU_SYNCHRONOUS")),
      mayOverlap(vendor->overlapsLaunches() && !waitsForLaunches && isSet("HEED_GPU_OVERLAP", true)), staging(*this) {}

// A device that hangs would not return from any of this. After a fault, giving up the context frees all it holds if
// nobody else uses it.
GpuDriver::~GpuDriver() {
  if (hung)
    return;
  {
    GpuScope scope;
    if (enter(scope).ok())
      staging.release();
  }
  vendor->release(device);
}

Status GpuDriver::allocate(uint64_t bytes, DevicePointer &memory) {
  GpuScope scope;
  HEED_TRY(enter(scope));
  uint64_t address = 0;
  int result = api().allocate(&address, std::max<uint64_t>(bytes, 1));
  if (result == gpuOutOfMemory || (result == gpuInvalidValue && bytes > 0)) {
    size_t unused = 0, total = 0;
    (void)api().memoryInfo(&unused, &total);
    return error(Code::outOfMemory, "no memory for ", bytes, " bytes on ", description.id(), " (", description.name,
                 "): ", unused, " of ", total, " bytes are free");
  }
  HEED_TRY(check(result, "allocation"));
  memory = {reinterpret_cast<void *>(static_cast<uintptr_t>(address)), 0};
  return {};
}

void GpuDriver::free(DevicePointer memory) {
  GpuScope scope;
  if (memory.base && enter(scope).ok())
    (void)check(api().free(address({memory.base, 0})), "free"); // a fault shows here too, and later calls report it
}

Status GpuDriver::wrap(MemoryKind kind, void *handle, uint64_t, DevicePointer &pointer) {
  if (kind != vendor->memoryKind())
    return error(Code::unsupported, "a ", description.kind, " device uses device pointers of ", vendor->brand(),
                 " in place; memory of other kinds has to be copied");
  GpuScope scope;
  HEED_TRY(enter(scope));
  uint64_t address = reinterpret_cast<uintptr_t>(handle);
  int owner = -1;
  if (address && api().pointerAttribute) {
    int result = api().pointerAttribute(&owner, gpuPointerDevice, address);
    if (isFault(result))
      return check(result, "wrap");
    if (result != gpuSuccess)
      return error(Code::invalidArgument, "the pointer is not memory that ", vendor->brand(), " knows (",
                   vendor->describe(result), ")");
    if (owner != static_cast<int>(description.index))
      return error(Code::invalidArgument, "the memory belongs to device ", description.kind, ":", owner, ", not to ",
                   description.id());
  }
  pointer = {handle, 0};
  return {};
}

Status GpuDriver::upload(DriverQueue &queue, DevicePointer destination, const void *source, uint64_t bytes) {
  GpuScope scope;
  HEED_TRY(enter(scope));
  auto &target = static_cast<GpuQueue &>(queue);
  target.noteOther();
  if (bytes > 0 && vendor->isPinned(source))
    return check(api().copyToDevice(address(destination), source, bytes, target.stream()), "upload");
  return staging.upload(target, address(destination), static_cast<const std::byte *>(source), bytes);
}

Status GpuDriver::download(DriverQueue &queue, void *destination, DevicePointer source, uint64_t bytes) {
  GpuScope scope;
  HEED_TRY(enter(scope));
  auto &from = static_cast<GpuQueue &>(queue);
  from.noteOther();
  if (bytes > 0 && vendor->isPinned(destination))
    return check(api().copyToHost(destination, address(source), bytes, from.stream()), "download");
  return staging.download(from, static_cast<std::byte *>(destination), address(source), bytes);
}

Status GpuDriver::encodeTensorMap(DevicePointer base, const TensorMapShape &shape, EncodedTensorMap &encoded) {
  GpuScope scope;
  HEED_TRY(enter(scope));
  int result = vendor->encodeTensorMap(address(base), shape, encoded);
  if (result == gpuNotSupported)
    return error(Code::unsupported, "this ", vendor->brand(), " driver, or ", description.name,
                 ", does not make tensor maps; compile for an older chip, or update the driver");
  return check(result, "tensor map");
}

Status GpuDriver::loadCode(const CodeSection &code, std::shared_ptr<DriverCode> &loaded) {
  GpuScope scope;
  HEED_TRY(enter(scope));
  return loadGpuCode(*this, code, loaded);
}

Status GpuDriver::createContext(uint64_t, std::unique_ptr<DriverContext> &created) {
  HEED_TRY(alive());
  created = std::make_unique<GpuContext>(*this);
  return {};
}

Status GpuDriver::createQueue(std::unique_ptr<DriverQueue> &queue) {
  GpuScope scope;
  HEED_TRY(enter(scope));
  GpuHandle stream = nullptr;
  HEED_TRY(check(api().createStream(&stream, gpuStreamNonBlocking), "stream"));
  queue = std::make_unique<GpuQueue>(*this, stream, false);
  return {};
}

Status GpuDriver::wrapQueue(void *stream, std::unique_ptr<DriverQueue> &queue) {
  GpuScope scope;
  HEED_TRY(enter(scope));
  int result = api().queryStream(stream);
  if (result == gpuInvalidHandle || result == gpuInvalidContext || result == gpuInvalidValue)
    return error(Code::invalidArgument, "the handle is not a ", vendor->brand(), " stream of ", description.id(), " (",
                 vendor->describe(result), ")");
  if (isFault(result))
    return check(result, "stream");
  queue = std::make_unique<GpuQueue>(*this, stream, true);
  return {};
}

Status GpuDriver::recordEvent(DriverQueue &queue, bool timed, std::unique_ptr<DriverEvent> &event) {
  GpuScope scope;
  HEED_TRY(enter(scope));
  if (!event)
    event = std::make_unique<GpuEvent>(*this);
  static_cast<GpuQueue &>(queue).noteOther();
  return static_cast<GpuEvent &>(*event).record(static_cast<GpuQueue &>(queue), timed);
}

/// Where the next launch could not overlap anyway, and in a stream that its owner is capturing, the event comes at
/// once.
Status GpuDriver::noteEvent(DriverQueue &driverQueue, std::unique_ptr<DriverEvent> &event) {
  auto &queue = static_cast<GpuQueue &>(driverQueue);
  GpuScope scope;
  HEED_TRY(enter(scope));
  if (!overlapsLaunches() || !queue.endsWithLaunch() || queue.isCaptured())
    return recordEvent(queue, false, event);
  if (!event)
    event = std::make_unique<GpuEvent>(*this);
  static_cast<GpuEvent &>(*event).note(queue);
  return {};
}

std::shared_ptr<GpuLaunchLog> GpuDriver::createLog(GpuHandle stream) {
  auto log = std::make_shared<GpuLaunchLog>(api(), stream);
  std::scoped_lock guard(logsLock);
  std::erase_if(logs, [](const std::weak_ptr<GpuLaunchLog> &old) { return old.expired(); });
  logs.push_back(log);
  return log;
}

bool GpuDriver::canRecord() {
  std::call_once(recordingTried, [&] { recordingWorks = !waitsForLaunches && vendor->canRecord() && tryRecording(); });
  return recordingWorks;
}

/// Records nothing at all.
bool GpuDriver::tryRecording() {
  GpuScope scope;
  GpuHandle stream = nullptr, graph = nullptr, exec = nullptr;
  if (!enter(scope).ok() || api().createStream(&stream, gpuStreamNonBlocking) != gpuSuccess)
    return false;
  bool captured =
      api().beginCapture(stream, gpuCaptureThreadLocal) == gpuSuccess && api().endCapture(stream, &graph) == gpuSuccess;
  bool works = captured && api().instantiateGraph(&exec, graph, 0) == gpuSuccess;
  if (works)
    (void)api().destroyExec(exec);
  if (captured)
    (void)api().destroyGraph(graph);
  (void)api().destroyStream(stream);
  return works;
}

Status checkInit(const GpuPlatform &vendor, int result) {
  if (result == gpuSuccess || result == gpuNoDevice)
    return {};
  return error(Code::noDriver, vendor.runtime.name(), " was found, but initialising it gives ", vendor.describe(result),
               "; is the system's GPU driver loaded, and of the library's version?");
}

static Status countDevices(const GpuPlatform &vendor, int &count) {
  count = 0;
  int result = vendor.api.deviceCount(&count);
  if (result == gpuNoDevice || result == gpuNotInitialized) // initialising found none
    count = 0;
  else if (result != gpuSuccess)
    return error(Code::noDriver, vendor.runtime.name(), " gives no number of devices: ", vendor.describe(result));
  return {};
}

static Status describeGpu(const GpuPlatform &platform, int ordinal, int &device, DeviceInfo &info) {
  char name[256] = {};
  int result = platform.api.device(&device, ordinal);
  if (result == gpuSuccess)
    result = platform.api.deviceName(name, sizeof(name) - 1, device);
  if (result != gpuSuccess)
    return error(Code::noDevice, platform.describe(result));
  info.kind = platform.kind();
  info.index = static_cast<uint32_t>(ordinal);
  info.name = name;
  return platform.describeDevice(device, info);
}

Status listGpus(const GpuPlatform &platform, std::vector<DeviceInfo> &devices) {
  int count, device;
  HEED_TRY(countDevices(platform, count));
  for (int ordinal = 0; ordinal < count; ++ordinal)
    HEED_TRY(describeGpu(platform, ordinal, device, devices.emplace_back()));
  return {};
}

Status openGpu(std::shared_ptr<const GpuPlatform> platform, uint32_t index, const DriverOptions &options,
               std::shared_ptr<Driver> &driver) {
  int count, device;
  HEED_TRY(countDevices(*platform, count));
  if (index >= static_cast<uint32_t>(count))
    return error(Code::noDevice, "there ", count == 1 ? "is " : "are ", count, " ", platform->brand(),
                 count == 1 ? " device" : " devices", count ? ", numbered from 0" : "");
  DeviceInfo info;
  HEED_TRY(describeGpu(*platform, static_cast<int>(index), device, info));
  GpuHandle context = nullptr;
  int result = platform->retain(device, context);
  if (result == gpuOutOfMemory)
    return error(Code::outOfMemory, "no memory for a context on ", info.name);
  if (result != gpuSuccess)
    return error(Code::noDevice, info.name, " gives no context: ", platform->describe(result));
  driver = std::make_shared<GpuDriver>(std::move(platform), std::move(info), device, context, options);
  return {};
}

} // namespace heed::rt
