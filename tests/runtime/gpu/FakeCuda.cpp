// A libcuda.so that runs on the host, for tests of the driver: the functions of CUDA's driver library that Heed uses,
// over FakeState.h. It is stricter than the real one: a context must be current, asynchronous copies need pinned
// memory, copies must stay inside one allocation.
#include "tests/runtime/gpu/FakeState.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstring>

using namespace heed::test;

#define API extern "C" __attribute__((visibility("default"))) int
#define ENTER(needsDevice)                                                                                             \
  if (int result_ = enterCall(__func__, needsDevice); result_ != success)                                              \
    return result_;                                                                                                    \
  State &all = state();                                                                                                \
  std::scoped_lock guard(all.lock)

static Device &current() { return *currentDevices.back(); }

template <typename Things> static bool isAlive(const Things &things, void *handle) {
  return things.contains(static_cast<typename Things::key_type>(handle));
}

API cuInit(unsigned) {
  ENTER(false);
  return all.devices.empty() ? noDevice : success;
}

API cuDriverGetVersion(int *version) {
  ENTER(false);
  *version = all.version;
  return success;
}

API cuGetErrorName(int result, const char **name) {
  static const std::map<int, const char *> names = {
      {invalidValue, "CUDA_ERROR_INVALID_VALUE"}, {outOfMemory, "CUDA_ERROR_OUT_OF_MEMORY"},
      {noBinary, "CUDA_ERROR_NO_BINARY_FOR_GPU"}, {invalidPtx, "CUDA_ERROR_INVALID_PTX"},
      {700, "CUDA_ERROR_ILLEGAL_ADDRESS"},        {719, "CUDA_ERROR_LAUNCH_FAILED"}};
  auto found = names.find(result);
  *name = found == names.end() ? nullptr : found->second;
  return found == names.end() ? invalidValue : success;
}

API cuGetErrorString(int result, const char **text) {
  *text = result == 700 ? "an illegal memory access was encountered" : nullptr;
  return *text ? success : invalidValue;
}

API cuDeviceGetCount(int *count) {
  ENTER(false);
  *count = static_cast<int>(all.devices.size());
  return success;
}

API cuDeviceGet(int *device, int ordinal) {
  ENTER(false);
  *device = ordinal;
  return ordinal < static_cast<int>(all.devices.size()) ? success : invalidDevice;
}

API cuDeviceGetName(char *name, int bytes, int device) {
  ENTER(false);
  std::snprintf(name, static_cast<size_t>(bytes), "Fake GPU %d", device);
  return success;
}

API cuDeviceGetAttribute(int *value, int attribute, int device) {
  ENTER(false);
  const Device &of = *all.devices[static_cast<size_t>(device)];
  const std::map<int, int> values = {{1, all.maxThreads}, {10, 32},       {16, 132},       {38, 50 << 20},
                                     {75, of.major},      {76, of.minor}, {97, 227 * 1024}};
  auto found = values.find(attribute);
  *value = found == values.end() ? 0 : found->second;
  return found == values.end() ? invalidValue : success;
}

API cuDevicePrimaryCtxRetain(void **context, int device) {
  ENTER(false);
  Device &of = *all.devices[static_cast<size_t>(device)];
  ++of.references;
  *context = &of;
  return success;
}

// The last reference takes everything the context holds with it, errors too.
API cuDevicePrimaryCtxRelease_v2(int device) {
  ENTER(false);
  Device &of = *all.devices[static_cast<size_t>(device)];
  if (of.references == 0)
    return invalidContext;
  if (--of.references > 0)
    return success;
  auto drop = [&](auto &things, auto device) {
    std::erase_if(things, [&](auto *thing) {
      bool gone = device(*thing) == &of;
      if (gone)
        delete thing;
      return gone;
    });
  };
  drop(all.streams, [](Stream &stream) { return &stream.device; });
  drop(all.graphs, [](Graph &graph) { return graph.device; });
  drop(all.modules, [](Module &module) { return module.device; });
  std::erase_if(all.memory, [&](const auto &entry) {
    bool gone = entry.second.device == &of;
    if (gone)
      std::free(reinterpret_cast<void *>(entry.first));
    return gone;
  });
  std::erase_if(all.events, [&](const auto &entry) { return entry.first->device == &of; });
  of.used = 0;
  of.sticky = success;
  return success;
}

API cuCtxPushCurrent_v2(void *context) {
  ENTER(false);
  auto *device = static_cast<Device *>(context);
  if (device->references == 0)
    return invalidContext;
  currentDevices.push_back(device);
  return success;
}

API cuCtxPopCurrent_v2(void **context) {
  ENTER(false);
  if (currentDevices.empty())
    return invalidContext;
  *context = currentDevices.back();
  currentDevices.pop_back();
  return success;
}

API cuMemGetInfo_v2(size_t *unused, size_t *total) {
  ENTER(true);
  *unused = current().memory - current().used;
  *total = current().memory;
  return success;
}

API cuMemAlloc_v2(uint64_t *address, size_t bytes) {
  ENTER(true);
  if (bytes == 0)
    return invalidValue;
  if (bytes > current().memory - current().used)
    return outOfMemory;
  void *memory = std::aligned_alloc(512, (bytes + 511) / 512 * 512);
  *address = reinterpret_cast<uintptr_t>(memory);
  std::memset(memory, 0xa5, bytes);
  all.memory[*address] = {bytes, &current(), false};
  current().used += bytes;
  return success;
}

API cuMemFree_v2(uint64_t address) {
  ENTER(true);
  auto found = all.memory.find(address);
  if (found == all.memory.end() || found->second.onHost)
    return invalidValue;
  found->second.device->used -= found->second.bytes;
  all.memory.erase(found);
  std::free(reinterpret_cast<void *>(address));
  return success;
}

API cuMemHostAlloc(void **memory, size_t bytes, unsigned) {
  ENTER(true);
  *memory = std::aligned_alloc(4096, (bytes + 4095) / 4096 * 4096);
  all.memory[reinterpret_cast<uintptr_t>(*memory)] = {bytes, &current(), true};
  return success;
}

API cuMemFreeHost(void *memory) {
  ENTER(true);
  if (all.memory.erase(reinterpret_cast<uintptr_t>(memory)) == 0)
    return invalidValue;
  std::free(memory);
  return success;
}

API cuPointerGetAttribute(void *value, int attribute, uint64_t address) {
  ENTER(true);
  Memory *memory = findMemory(address, 1);
  if (!memory)
    return invalidValue;
  if (attribute == 2)
    *static_cast<unsigned *>(value) = memory->onHost ? 1 : 2;
  else if (attribute == 9)
    *static_cast<int *>(value) = memory->device == all.devices[0].get() ? 0 : 1;
  else
    return invalidValue;
  return success;
}

static int add(void *stream, Work work, bool isLaunch = false) {
  if (!isAlive(state().streams, stream) || &static_cast<Stream *>(stream)->device != &current())
    return invalidHandle;
  static_cast<Stream *>(stream)->endsInLaunch = isLaunch;
  static_cast<Stream *>(stream)->add(std::move(work));
  return success;
}

static int addCopy(void *stream, uint64_t destination, uint64_t source, size_t bytes) {
  if (!findMemory(destination, bytes) || !findMemory(source, bytes))
    return invalidValue;
  return add(stream, [=] {
    std::memmove(reinterpret_cast<void *>(destination), reinterpret_cast<const void *>(source), bytes);
    return success;
  });
}

API cuMemcpyHtoDAsync_v2(uint64_t destination, const void *source, size_t bytes, void *stream) {
  ENTER(true);
  return addCopy(stream, destination, reinterpret_cast<uintptr_t>(source), bytes);
}

API cuMemcpyDtoHAsync_v2(void *destination, uint64_t source, size_t bytes, void *stream) {
  ENTER(true);
  return addCopy(stream, reinterpret_cast<uintptr_t>(destination), source, bytes);
}

API cuMemcpyDtoDAsync_v2(uint64_t destination, uint64_t source, size_t bytes, void *stream) {
  ENTER(true);
  return addCopy(stream, destination, source, bytes);
}

namespace {

struct Copy2D {
  size_t sourceX, sourceY;
  unsigned sourceType;
  const void *sourceHost;
  uint64_t source;
  void *sourceArray;
  size_t sourcePitch, destinationX, destinationY;
  unsigned destinationType;
  void *destinationHost;
  uint64_t destination;
  void *destinationArray;
  size_t destinationPitch, width, height;
};

} // namespace

API cuMemcpy2DAsync_v2(const void *description, void *stream) {
  ENTER(true);
  const auto *copy = static_cast<const Copy2D *>(description);
  if (copy->sourceType != 2 || copy->destinationType != 2 || copy->width > copy->sourcePitch ||
      copy->width > copy->destinationPitch)
    return invalidValue;
  for (size_t row = 0; row < copy->height; ++row)
    if (int result = addCopy(stream, copy->destination + row * copy->destinationPitch,
                             copy->source + row * copy->sourcePitch, copy->width))
      return result;
  return success;
}

API cuStreamCreate(void **stream, unsigned) {
  ENTER(true);
  *stream = *all.streams.insert(new Stream(current())).first;
  return success;
}

API cuStreamDestroy_v2(void *stream) {
  ENTER(true);
  if (!isAlive(all.streams, stream))
    return invalidHandle;
  all.streams.erase(static_cast<Stream *>(stream));
  delete static_cast<Stream *>(stream);
  return success;
}

API cuStreamQuery(void *stream) {
  ENTER(true);
  if (!isAlive(all.streams, stream))
    return invalidHandle;
  auto &of = *static_cast<Stream *>(stream);
  if (of.capturing)
    return captureUnsupported;
  bool idle = of.idle();
  return of.device.sticky != success ? of.device.sticky.load() : idle ? success : notReady;
}

API cuEventCreate(void **event, unsigned flags) {
  ENTER(true);
  auto *created = new Event{&current(), (flags & 2) == 0};
  all.events.emplace(created, created);
  *event = created;
  return success;
}

API cuEventDestroy_v2(void *event) {
  ENTER(true);
  return all.events.erase(static_cast<Event *>(event)) ? success : invalidHandle;
}

API cuEventRecord(void *event, void *stream) {
  ENTER(true);
  if (!isAlive(all.events, event) || !isAlive(all.streams, stream))
    return invalidHandle;
  std::shared_ptr<Event> target = all.events[static_cast<Event *>(event)];
  target->captured = static_cast<Stream *>(stream)->capturing;
  uint64_t turn = ++target->recorded;
  return add(stream, [=] {
    target->seconds = std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
    target->reached = std::max<uint64_t>(target->reached, turn);
    return success;
  });
}

API cuEventQuery(void *event) {
  ENTER(true);
  if (!isAlive(all.events, event))
    return invalidHandle;
  const auto &of = *static_cast<Event *>(event);
  return of.captured ? capturedEvent : of.reached == of.recorded ? success : notReady;
}

API cuEventElapsedTime(float *milliseconds, void *start, void *end) {
  ENTER(true);
  const auto &from = *static_cast<Event *>(start), &to = *static_cast<Event *>(end);
  if (!from.timed || !to.timed || from.recorded == 0 || to.recorded == 0)
    return invalidHandle;
  *milliseconds = static_cast<float>((to.seconds - from.seconds) * 1e3);
  return from.reached == from.recorded && to.reached == to.recorded ? success : notReady;
}

/// Images are PTX, or an ELF header followed by the names of kernels.
API cuModuleLoadDataEx(void **module, const void *image, unsigned options, int *names, void **values) {
  ENTER(true);
  std::string text = static_cast<const char *>(image);
  int target = 0;
  if (text.starts_with("\177ELF")) {
    text = static_cast<const char *>(image) + 64;
    if (std::sscanf(text.c_str(), "sm_%d", &target) == 1 && target / 10 != current().major)
      return noBinary;
  } else {
    double version = 0;
    if (std::sscanf(text.c_str(), ".version %lf .target sm_%d", &version, &target) != 2) {
      for (unsigned i = 0; i < options; ++i)
        if (names[i] == 5)
          std::strcpy(static_cast<char *>(values[i]), "ptxas application ptx input, line 1; fatal\n: Parsing error\n");
      return invalidPtx;
    }
    if (version > 8.4)
      return unsupportedPtxVersion;
  }
  auto *loaded = new Module{&current(), std::move(text), {}};
  *module = *all.modules.insert(loaded).first;
  return success;
}

API cuModuleUnload(void *module) {
  ENTER(true);
  if (!isAlive(all.modules, module))
    return invalidHandle;
  all.modules.erase(static_cast<Module *>(module));
  delete static_cast<Module *>(module);
  return success;
}

API cuModuleGetFunction(void **function, void *module, const char *name) {
  ENTER(true);
  if (!isAlive(all.modules, module))
    return invalidHandle;
  auto &of = *static_cast<Module *>(module);
  auto definition = all.kernels.find(name);
  if (definition == all.kernels.end() || of.text.find(name) == std::string::npos)
    return notFound;
  auto &slot = of.functions[name];
  if (!slot)
    slot.reset(new Function{name, definition->second.kernel, definition->second.words, definition->second.maps});
  *function = slot.get();
  return success;
}

API cuFuncGetAttribute(int *value, int attribute, void *) {
  ENTER(true);
  *value = attribute == 0 ? all.maxThreads : 0;
  return success;
}

API cuFuncSetAttribute(void *function, int attribute, int value) {
  ENTER(true);
  bool isCarveout = attribute == 9;
  if (isCarveout ? value < 0 || value > 100 : attribute != 8 || value > 227 * 1024)
    return invalidValue;
  if (isCarveout)
    return success;
  static_cast<Function *>(function)->permittedShared = value;
  return success;
}

namespace {

/// The beginning of CUlaunchConfig.
struct LaunchShape {
  unsigned grid[3], block[3];
  unsigned sharedBytes;
  void *stream;
};

struct LaunchAttribute {
  int id, padding, value;
  char rest[60];
};

struct LaunchConfig {
  LaunchShape shape;
  LaunchAttribute *attributes;
  unsigned attributeCount;
};

} // namespace

static int addLaunch(void *function, const LaunchShape &shape, void **params) {
  const auto &[grid, block, sharedBytes, stream] = shape;
  const auto &of = *static_cast<Function *>(function);
  if (grid[0] == 0 || grid[0] > 0x7fffffff || grid[1] == 0 || grid[1] > 65535 || grid[2] != 1 ||
      block[0] * block[1] * block[2] > static_cast<unsigned>(state().maxThreads) ||
      sharedBytes > static_cast<unsigned>(of.permittedShared))
    return invalidValue;
  std::vector<uint64_t> words(static_cast<size_t>(of.words));
  for (size_t i = 0; i < words.size(); ++i)
    words[i] = *static_cast<const uint64_t *>(params[i]);
  std::vector<FakeTensorMap> maps(static_cast<size_t>(of.maps));
  for (size_t i = 0; i < maps.size(); ++i)
    std::memcpy(&maps[i], params[words.size() + i], sizeof(FakeTensorMap));
  FakeLaunch launch = {nullptr, {grid[0], grid[1], grid[2]}, {block[0], block[1], block[2]}, sharedBytes, nullptr};
  auto run = [kernel = of.kernel, words = std::move(words), maps = std::move(maps), launch]() mutable {
    launch.words = words.data();
    launch.maps = maps.data();
    return kernel(launch);
  };
  return add(stream, std::move(run), /*isLaunch=*/true);
}

API cuLaunchKernel(void *function, unsigned gridX, unsigned gridY, unsigned gridZ, unsigned blockX, unsigned blockY,
                   unsigned blockZ, unsigned sharedBytes, void *stream, void **params, void **) {
  ENTER(true);
  return addLaunch(function, {{gridX, gridY, gridZ}, {blockX, blockY, blockZ}, sharedBytes, stream}, params);
}

#ifndef WITHOUT_GRAPHS

// Early launches only, and only directly behind another launch, where they make a difference.
API cuLaunchKernelEx(const void *description, void *function, void **params, void **) {
  ENTER(true);
  const auto &config = *static_cast<const LaunchConfig *>(description);
  if (config.attributeCount != 1 || config.attributes[0].id != 6 || config.attributes[0].value != 1 ||
      !isAlive(all.streams, config.shape.stream) || !static_cast<Stream *>(config.shape.stream)->endsInLaunch)
    return invalidValue;
  return addLaunch(function, config.shape, params);
}

// What the manual demands, and that the tensor begins in memory of the device.
API cuTensorMapEncodeTiled(void *map, int type, unsigned rank, void *address, const uint64_t *sizes,
                           const uint64_t *strides, const unsigned *box, const unsigned *steps, int interleave,
                           int swizzle, int promotion, int outside) {
  ENTER(true);
  constexpr unsigned widths[] = {1, 2, 4, 4, 8, 8, 2, 4, 8, 2};
  constexpr unsigned swizzles[] = {0, 32, 64, 128};
  auto first = reinterpret_cast<uint64_t>(address);
  if (reinterpret_cast<uintptr_t>(map) % 64 != 0 || type < 0 || type > 9 || rank < 1 || rank > 5 || first % 16 != 0 ||
      !findMemory(first, 1) || interleave != 0 || swizzle < 0 || swizzle > 3 || promotion < 0 || promotion > 3 ||
      outside != 0)
    return invalidValue;
  unsigned row = box[0] * widths[type];
  if (row % 16 != 0 || (swizzle != 0 && row > swizzles[swizzle]))
    return invalidValue;
  FakeTensorMap encoded = {};
  for (unsigned i = 0; i < rank; ++i) {
    if (sizes[i] < 1 || sizes[i] > uint64_t(1) << 32 || box[i] < 1 || box[i] > 256 || steps[i] != 1)
      return invalidValue;
    encoded.sizes[i] = sizes[i];
    encoded.box[i] = static_cast<uint16_t>(box[i]);
    if (i == 0)
      continue;
    if (strides[i - 1] % 16 != 0 || strides[i - 1] >= uint64_t(1) << 40)
      return invalidValue;
    encoded.strides[i - 1] = strides[i - 1];
  }
  encoded.address = first;
  encoded.type = static_cast<uint8_t>(type);
  encoded.swizzle = static_cast<uint8_t>(swizzle);
  encoded.rank = static_cast<uint16_t>(rank);
  std::memcpy(map, &encoded, sizeof(encoded));
  return success;
}

API cuStreamIsCapturing(void *stream, int *status) {
  ENTER(true);
  if (!isAlive(all.streams, stream))
    return invalidHandle;
  *status = static_cast<Stream *>(stream)->capturing;
  return success;
}

API cuStreamBeginCapture_v2(void *stream, int) {
  ENTER(true);
  auto &of = *static_cast<Stream *>(stream);
  if (!isAlive(all.streams, stream) || of.capturing)
    return captureUnsupported;
  of.capturing = true;
  of.endsInLaunch = false;
  return success;
}

API cuStreamEndCapture(void *stream, void **graph) {
  ENTER(true);
  auto &of = *static_cast<Stream *>(stream);
  if (!isAlive(all.streams, stream) || !of.capturing)
    return captureUnsupported;
  of.capturing = false;
  *graph = *all.graphs.insert(new Graph{&of.device, std::move(of.captured)}).first;
  of.captured.clear();
  return success;
}

API cuGraphInstantiateWithFlags(void **exec, void *graph, unsigned long long) {
  ENTER(true);
  *exec = *all.graphs.insert(new Graph(*static_cast<Graph *>(graph))).first;
  return success;
}

API cuGraphLaunch(void *exec, void *stream) {
  ENTER(true);
  if (!isAlive(all.graphs, exec))
    return invalidHandle;
  for (const Work &work : static_cast<Graph *>(exec)->work)
    if (int result = add(stream, work))
      return result;
  return success;
}

static int destroyGraph(void *graph) {
  if (!isAlive(state().graphs, graph))
    return invalidHandle;
  state().graphs.erase(static_cast<Graph *>(graph));
  delete static_cast<Graph *>(graph);
  return success;
}

API cuGraphExecDestroy(void *exec) {
  ENTER(true);
  return destroyGraph(exec);
}

API cuGraphDestroy(void *graph) {
  ENTER(true);
  return destroyGraph(graph);
}

#endif
