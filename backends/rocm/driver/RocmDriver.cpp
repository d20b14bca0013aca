#include "backends/rocm/driver/RocmDriver.h"

#include "backends/gpu-driver/GpuPlatform.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>

namespace heed::rt {
namespace {

/// Drivers report 10000000 * major + 100000 * minor + patch.
constexpr int hipVersion(int major, int minor) { return 10000000 * major + 100000 * minor; }
constexpr int oldestDriver = hipVersion(5, 0);

/// Equal in HIP 5.2 and 6.3.
enum HipAttribute : int {
  l2CacheBytes = 19,
  maxThreadsPerBlock = 56,
  multiprocessors = 63,
  maxSharedPerBlock = 74,
  warpSize = 87,
};

enum HipCopyKind : int { deviceToDevice = 3 };

class HipPlatform : public GpuPlatform {
public:
  Status open();

  const char *kind() const override { return "rocm"; }
  const char *brand() const override { return "HIP"; }
  MemoryKind memoryKind() const override { return MemoryKind::hip; }

  std::string describe(int result) const override {
    const char *name = errorName(result), *text = errorString(result);
    return text && *text ? concat(name ? name : "error", " (", text, ")") : concat("error ", result);
  }

  Status describeDevice(int device, DeviceInfo &info) const override;

  // HIP knows current devices, and one context each.
  int retain(int device, GpuHandle &context) const override {
    int previous;
    context = nullptr;
    int result = enter(device, context, previous);
    if (result == gpuSuccess)
      leave(previous);
    return result;
  }
  void release(int) const override {}
  int enter(int device, GpuHandle, int &previous) const override {
    int result = currentDevice(&previous);
    return result != gpuSuccess || previous == device ? result : setDevice(device);
  }
  void leave(int previous) const override {
    int now;
    if (currentDevice(&now) == gpuSuccess && now != previous)
      (void)setDevice(previous);
  }

  Status checkFormat(const CodeSection &code) const override;
  int loadModule(const CodeSection &code, GpuHandle &module, std::string &) const override {
    return loadModuleData(&module, code.data.data());
  }
  int permitShared(GpuHandle, uint64_t, bool) const override { return gpuSuccess; } // needs no permission

  int copyRows(const CopyBlock &block, uint64_t destination, uint64_t source, GpuHandle stream) const override {
    return copy2D(destination, block.destinationPitch, source, block.sourcePitch, block.width, block.height,
                  deviceToDevice, stream);
  }

  /// The number of threads in x has 32 bits.
  int64_t maxGridX(int64_t threads) const override {
    constexpr int64_t most = (int64_t(1) << 31) - 1;
    return std::min(most, int64_t(std::numeric_limits<uint32_t>::max()) / threads);
  }

  bool isPinned(const void *memory) const override {
    unsigned type = 0;
    return api.pointerAttribute &&
           api.pointerAttribute(&type, gpuPointerMemoryType, reinterpret_cast<uintptr_t>(memory)) == gpuSuccess &&
           type == hostMemoryType;
  }

private:
  Status findFunctions();

  unsigned hostMemoryType = 1; // hipMemoryTypeHost
  const char *(*errorName)(int result) = nullptr;
  const char *(*errorString)(int result) = nullptr;
  int (*currentDevice)(int *device) = nullptr;
  int (*setDevice)(int device) = nullptr;
  int (*loadModuleData)(GpuHandle *module, const void *image) = nullptr;
  int (*copy2D)(uint64_t destination, size_t destinationPitch, uint64_t source, size_t sourcePitch, size_t width,
                size_t height, int kind, GpuHandle stream) = nullptr;
  int (*properties)(void *properties, int device) = nullptr;    // the layout of HIP 5
  int (*propertiesOf6)(void *properties, int device) = nullptr; // that of HIP 6 and later
};

Status HipPlatform::findFunctions() {
  const GpuSymbol symbols[] = {
      {api.init, "hipInit"},
      {api.driverVersion, "hipDriverGetVersion"},
      {api.deviceCount, "hipGetDeviceCount"},
      {api.device, "hipDeviceGet"},
      {api.deviceName, "hipDeviceGetName"},
      {api.deviceAttribute, "hipDeviceGetAttribute"},
      {api.memoryInfo, "hipMemGetInfo"},
      {api.allocate, "hipMalloc"},
      {api.free, "hipFree"},
      {api.allocateHost, "hipHostMalloc"},
      {api.freeHost, "hipHostFree"},
      {api.pointerAttribute, "hipPointerGetAttribute", optionalSymbol},
      {api.copyToDevice, "hipMemcpyHtoDAsync"},
      {api.copyToHost, "hipMemcpyDtoHAsync"},
      {api.copyOnDevice, "hipMemcpyDtoDAsync"},
      {copy2D, "hipMemcpy2DAsync"},
      {api.createStream, "hipStreamCreateWithFlags"},
      {api.destroyStream, "hipStreamDestroy"},
      {api.queryStream, "hipStreamQuery"},
      {api.createEvent, "hipEventCreateWithFlags"},
      {api.destroyEvent, "hipEventDestroy"},
      {api.recordEvent, "hipEventRecord"},
      {api.queryEvent, "hipEventQuery"},
      {api.elapsed, "hipEventElapsedTime"},
      {loadModuleData, "hipModuleLoadData"},
      {api.unloadModule, "hipModuleUnload"},
      {api.function, "hipModuleGetFunction"},
      {api.functionAttribute, "hipFuncGetAttribute"},
      {api.launch, "hipModuleLaunchKernel"},
      {errorName, "hipGetErrorName"},
      {errorString, "hipGetErrorString"},
      {currentDevice, "hipGetDevice"},
      {setDevice, "hipSetDevice"},
      {properties, "hipGetDeviceProperties"},
      {propertiesOf6, "hipGetDevicePropertiesR0600", optionalSymbol},
      {api.isCapturing, "hipStreamIsCapturing", optionalSymbol},
      {api.beginCapture, "hipStreamBeginCapture", optionalSymbol},
      {api.endCapture, "hipStreamEndCapture", optionalSymbol},
      {api.instantiateGraph, "hipGraphInstantiateWithFlags", optionalSymbol},
      {api.launchGraph, "hipGraphLaunch", optionalSymbol},
      {api.destroyExec, "hipGraphExecDestroy", optionalSymbol},
      {api.destroyGraph, "hipGraphDestroy", optionalSymbol},
  };
  return runtime.resolve(symbols);
}

Status HipPlatform::open() {
  constexpr const char *candidates[] = {"libamdhip64.so", "libamdhip64.so.7", "libamdhip64.so.6", "libamdhip64.so.5"};
  HEED_TRY(runtime.open("HEED_HIP_LIBRARY", candidates));
  HEED_TRY(findFunctions());
  int version = 0;
  if (api.driverVersion(&version) == gpuSuccess && version < oldestDriver)
    return error(Code::noDriver, runtime.name(), " is of HIP ", version / 10000000, ".", version % 10000000 / 100000,
                 ", too old: 5.0 or later is needed; update ROCm");
  if (version < hipVersion(6, 0))
    hostMemoryType = 0;
  return checkInit(*this, api.init(0));
}

Status HipPlatform::describeDevice(int device, DeviceInfo &info) const {
  int shared = 0, wave = 0, processors = 0, threads = 0, l2 = 0;
  struct Query {
    int attribute;
    int *value;
  };
  for (const Query &query :
       {Query{maxSharedPerBlock, &shared}, Query{warpSize, &wave}, Query{multiprocessors, &processors},
        Query{maxThreadsPerBlock, &threads}, Query{l2CacheBytes, &l2}})
    if (int result = api.deviceAttribute(query.value, query.attribute, device); result != gpuSuccess)
      return error(Code::noDevice, info.name, " cannot be asked for attribute ", query.attribute, ": ",
                   describe(result));
  // The one thing that only the properties tell. Their layout changed with HIP 6, which gave the function a new name.
  constexpr size_t chipOffset = 396, chipOffsetOf6 = 1160, chipBytes = 256;
  std::array<char, 8192> bytes = {}; // more than any version fills
  bool is6 = propertiesOf6;
  if (int result = is6 ? propertiesOf6(bytes.data(), device) : properties(bytes.data(), device); result != gpuSuccess)
    return error(Code::noDevice, info.name, " has no properties: ", describe(result));
  const char *chip = bytes.data() + (is6 ? chipOffsetOf6 : chipOffset);
  std::string_view name(chip, ::strnlen(chip, chipBytes));
  name = name.substr(0, name.find(':')); // "gfx942:sramecc+:xnack-"
  if (!name.starts_with("gfx"))
    return error(Code::noDevice, info.name, ": its architecture cannot be read from this version of ", runtime.name());
  info.features.insert(std::string(name));
  info.setProperty(DeviceProperty::workers, processors);
  info.setProperty(DeviceProperty::l2Bytes, l2);
  info.setProperty(DeviceProperty::sharedBytes, shared);
  info.setProperty(DeviceProperty::subgroupSize, wave);
  info.setProperty(DeviceProperty::workgroupThreads, threads);
  return {};
}

Status HipPlatform::checkFormat(const CodeSection &code) const {
  constexpr std::string_view elfMagic = "\177ELF";
  constexpr size_t elfHeaderBytes = 64;
  std::string_view bytes(reinterpret_cast<const char *>(code.data.data()), code.data.size());
  if (code.format != CodeFormat::hsaco || bytes.size() < elfHeaderBytes || !bytes.starts_with(elfMagic))
    return error(Code::badPackage, "code '", code.name, "' is no code object, as a ROCm device needs it");
  return {};
}

Status openPlatform(std::shared_ptr<const GpuPlatform> &platform) {
  auto opened = std::make_shared<HipPlatform>();
  HEED_TRY(opened->open());
  platform = std::move(opened);
  return {};
}

} // namespace

Status listRocm(const DriverOptions &, std::vector<DeviceInfo> &devices) {
  std::shared_ptr<const GpuPlatform> platform;
  HEED_TRY(openPlatform(platform));
  return listGpus(*platform, devices);
}

Status openRocm(uint32_t index, const DriverOptions &options, std::shared_ptr<Driver> &driver) {
  std::shared_ptr<const GpuPlatform> platform;
  HEED_TRY(openPlatform(platform));
  return openGpu(std::move(platform), index, options, driver);
}

} // namespace heed::rt
