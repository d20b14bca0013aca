#include "backends/cuda/driver/CudaDriver.h"

#include "backends/gpu-driver/GpuPlatform.h"

#include <array>
#include <cstring>

namespace heed::rt {
namespace {

/// Drivers report 1000 * major + 10 * minor.
constexpr int oldestDriver = 11000;
/// From here on graphs keep that a launch may start early.
constexpr int oldestThatOverlaps = 12030;

enum CudaAttribute : int {
  maxThreadsPerBlock = 1,
  warpSize = 10,
  multiprocessors = 16,
  l2CacheBytes = 38,
  capabilityMajor = 75,
  capabilityMinor = 76,
  maxSharedOptIn = 97,
};

enum CudaJitOption : int { errorLog = 5, errorLogBytes = 6 };
enum CudaMemoryType : unsigned { hostMemory = 1, deviceMemory = 2 };

/// CUDA_MEMCPY2D.
struct CudaCopy2D {
  size_t sourceX, sourceY;
  unsigned sourceType;
  const void *sourceHost;
  uint64_t sourceDevice;
  GpuHandle sourceArray;
  size_t sourcePitch;
  size_t destinationX, destinationY;
  unsigned destinationType;
  void *destinationHost;
  uint64_t destinationDevice;
  GpuHandle destinationArray;
  size_t destinationPitch;
  size_t width, height;
};
static_assert(sizeof(CudaCopy2D) == 128);

/// CUlaunchAttribute.
struct CudaLaunchAttribute {
  int id;
  int padding;
  union {
    int isAllowed;
    char bytes[64];
  };
};
static_assert(sizeof(CudaLaunchAttribute) == 72);

/// CUlaunchConfig.
struct CudaLaunch {
  unsigned grid[3], block[3];
  unsigned sharedBytes;
  GpuHandle stream;
  CudaLaunchAttribute *attributes;
  unsigned attributeCount;
};
static_assert(sizeof(CudaLaunch) == 56);

/// CU_LAUNCH_ATTRIBUTE_PROGRAMMATIC_STREAM_SERIALIZATION.
constexpr int allowsOverlap = 6;

/// Arguments of cuTensorMapEncodeTiled. The kind of number only matters where copies add, so one for each width does.
enum CudaTensorMap : int {
  tensorOf8 = 0,
  tensorOf16 = 1,
  tensorOf32 = 2,
  tensorOf64 = 4,
  notInterleaved = 0,
  promoteTo256Bytes = 3,
  zerosOutside = 0,
};

class CudaPlatform : public GpuPlatform {
public:
  Status open();

  const char *kind() const override { return "cuda"; }
  const char *brand() const override { return "CUDA"; }
  MemoryKind memoryKind() const override { return MemoryKind::cuda; }

  std::string describe(int result) const override {
    const char *name = nullptr, *text = nullptr;
    if (errorName(result, &name) != gpuSuccess || !name)
      return concat("error ", result);
    bool explained = errorString(result, &text) == gpuSuccess && text;
    return explained ? concat(name, " (", text, ")") : std::string(name);
  }

  Status describeDevice(int device, DeviceInfo &info) const override;

  int retain(int device, GpuHandle &context) const override { return retainPrimary(&context, device); }
  void release(int device) const override { (void)releasePrimary(device); }
  int enter(int, GpuHandle context, int &) const override { return pushContext(context); }
  void leave(int) const override {
    GpuHandle popped;
    (void)popContext(&popped);
  }

  Status checkFormat(const CodeSection &code) const override;
  int loadModule(const CodeSection &code, GpuHandle &module, std::string &log) const override;

  int permitShared(GpuHandle function, uint64_t bytes, bool overlaps) const override {
    // What devices leave to the cache otherwise is their choice, and may take the place of workgroups. And a processor
    // has kernels at the same time only where both want it divided alike.
    bool isOpen = bytes == 0 && !overlaps;
    if (int result = isOpen ? gpuSuccess : setFunctionAttribute(function, gpuFunctionSharedCarveout, 100);
        result != gpuSuccess)
      return result;
    constexpr uint64_t permittedAnyway = 48 * 1024;
    return bytes <= permittedAnyway
               ? gpuSuccess
               : setFunctionAttribute(function, gpuFunctionMaxDynamicShared, static_cast<int>(bytes));
  }

  int copyRows(const CopyBlock &block, uint64_t destination, uint64_t source, GpuHandle stream) const override {
    CudaCopy2D copy = {};
    copy.sourceType = copy.destinationType = deviceMemory;
    copy.sourceDevice = source;
    copy.destinationDevice = destination;
    copy.sourcePitch = block.sourcePitch;
    copy.destinationPitch = block.destinationPitch;
    copy.width = block.width;
    copy.height = block.height;
    return copy2D(&copy, stream);
  }

  bool overlapsLaunches() const override { return launchExtended && version >= oldestThatOverlaps; }

  int launchEarly(const GpuLaunch &launch) const override {
    CudaLaunchAttribute attribute = {};
    attribute.id = allowsOverlap;
    attribute.isAllowed = 1;
    const auto &[x, y, z] = launch.workgroup;
    CudaLaunch config = {
        {launch.grid[0], launch.grid[1], 1}, {x, y, z}, launch.sharedBytes, launch.stream, &attribute, 1};
    return launchExtended(&config, launch.function, launch.parameters, nullptr);
  }

  int encodeTensorMap(uint64_t address, const TensorMapShape &shape, EncodedTensorMap &encoded) const override;

  int64_t maxGridX(int64_t) const override { return (int64_t(1) << 31) - 1; }

  bool isPinned(const void *memory) const override {
    unsigned type = 0;
    return api.pointerAttribute(&type, gpuPointerMemoryType, reinterpret_cast<uintptr_t>(memory)) == gpuSuccess &&
           type == hostMemory;
  }

private:
  Status findFunctions();

  int (*errorName)(int result, const char **name) = nullptr;
  int (*errorString)(int result, const char **text) = nullptr;
  int (*retainPrimary)(GpuHandle *context, int device) = nullptr;
  int (*releasePrimary)(int device) = nullptr;
  int (*pushContext)(GpuHandle context) = nullptr;
  int (*popContext)(GpuHandle *context) = nullptr;
  int (*setFunctionAttribute)(GpuHandle function, int attribute, int value) = nullptr;
  int (*loadModuleData)(GpuHandle *module, const void *image, unsigned options, int *names, void **values) = nullptr;
  int (*copy2D)(const void *copy, GpuHandle stream) = nullptr; // a CudaCopy2D
  int (*launchExtended)(const void *launch, GpuHandle function, void **params,
                        void **extra) = nullptr; // a CudaLaunch; optional
  int version = 0;
  int (*encodeTiled)(void *map, int type, unsigned rank, void *address, const uint64_t *sizes, const uint64_t *strides,
                     const unsigned *box, const unsigned *steps, int interleave, int swizzle, int promotion,
                     int outside) = nullptr; // optional
};

/// By the names that the library exports: _v2 where cuda.h renames.
Status CudaPlatform::findFunctions() {
  const GpuSymbol symbols[] = {
      {api.init, "cuInit"},
      {api.driverVersion, "cuDriverGetVersion"},
      {api.deviceCount, "cuDeviceGetCount"},
      {api.device, "cuDeviceGet"},
      {api.deviceName, "cuDeviceGetName"},
      {api.deviceAttribute, "cuDeviceGetAttribute"},
      {api.memoryInfo, "cuMemGetInfo_v2"},
      {api.allocate, "cuMemAlloc_v2"},
      {api.free, "cuMemFree_v2"},
      {api.allocateHost, "cuMemHostAlloc"},
      {api.freeHost, "cuMemFreeHost"},
      {api.pointerAttribute, "cuPointerGetAttribute"},
      {api.copyToDevice, "cuMemcpyHtoDAsync_v2"},
      {api.copyToHost, "cuMemcpyDtoHAsync_v2"},
      {api.copyOnDevice, "cuMemcpyDtoDAsync_v2"},
      {copy2D, "cuMemcpy2DAsync_v2"},
      {api.createStream, "cuStreamCreate"},
      {api.destroyStream, "cuStreamDestroy_v2"},
      {api.queryStream, "cuStreamQuery"},
      {api.createEvent, "cuEventCreate"},
      {api.destroyEvent, "cuEventDestroy_v2"},
      {api.recordEvent, "cuEventRecord"},
      {api.queryEvent, "cuEventQuery"},
      {api.elapsed, "cuEventElapsedTime"},
      {loadModuleData, "cuModuleLoadDataEx"},
      {api.unloadModule, "cuModuleUnload"},
      {api.function, "cuModuleGetFunction"},
      {api.functionAttribute, "cuFuncGetAttribute"},
      {setFunctionAttribute, "cuFuncSetAttribute"},
      {api.launch, "cuLaunchKernel"},
      {errorName, "cuGetErrorName"},
      {errorString, "cuGetErrorString"},
      {retainPrimary, "cuDevicePrimaryCtxRetain"},
      {releasePrimary, "cuDevicePrimaryCtxRelease_v2"},
      {pushContext, "cuCtxPushCurrent_v2"},
      {popContext, "cuCtxPopCurrent_v2"},
      {encodeTiled, "cuTensorMapEncodeTiled", optionalSymbol}, // from 11.8 on
      {launchExtended, "cuLaunchKernelEx", optionalSymbol},    // from 11.8 on
      {api.isCapturing, "cuStreamIsCapturing", optionalSymbol},
      {api.beginCapture, "cuStreamBeginCapture_v2", optionalSymbol},
      {api.endCapture, "cuStreamEndCapture", optionalSymbol},
      {api.instantiateGraph, "cuGraphInstantiateWithFlags", optionalSymbol}, // from 11.4 on
      {api.launchGraph, "cuGraphLaunch", optionalSymbol},
      {api.destroyExec, "cuGraphExecDestroy", optionalSymbol},
      {api.destroyGraph, "cuGraphDestroy", optionalSymbol},
  };
  return runtime.resolve(symbols);
}

Status CudaPlatform::open() {
  constexpr const char *candidates[] = {"libcuda.so.1", "libcuda.so"};
  HEED_TRY(runtime.open("HEED_CUDA_LIBRARY", candidates));
  HEED_TRY(findFunctions());
  if (api.driverVersion(&version) == gpuSuccess && version < oldestDriver)
    return error(Code::noDriver, runtime.name(), " is of CUDA ", version / 1000, ".", version % 1000 / 10,
                 ", too old: 11.0 or later is needed; update NVIDIA's driver");
  return checkInit(*this, api.init(0));
}

int CudaPlatform::encodeTensorMap(uint64_t address, const TensorMapShape &shape, EncodedTensorMap &encoded) const {
  if (!encodeTiled)
    return gpuNotSupported;
  // CUDA counts dimensions from the innermost, whose stride is not given, and strides in bytes.
  uint32_t rank = shape.rank;
  std::array<uint64_t, maxTensorMapRank> sizes = {}, strides = {};
  std::array<unsigned, maxTensorMapRank> box = {}, steps = {};
  for (uint32_t i = 0; i < rank; ++i) {
    uint32_t outer = rank - 1 - i;
    sizes[i] = static_cast<uint64_t>(shape.sizes[outer]);
    box[i] = shape.box[outer];
    steps[i] = 1;
    if (i > 0)
      strides[i - 1] = static_cast<uint64_t>(shape.strides[outer]) * shape.elementBytes;
  }
  int type = shape.elementBytes == 1   ? tensorOf8
             : shape.elementBytes == 2 ? tensorOf16
             : shape.elementBytes == 4 ? tensorOf32
                                       : tensorOf64;
  int swizzle = shape.swizzleBytes == 0 ? 0 : shape.swizzleBytes == 32 ? 1 : shape.swizzleBytes == 64 ? 2 : 3;
  return encodeTiled(encoded.bytes.data(), type, rank, reinterpret_cast<void *>(address), sizes.data(), strides.data(),
                     box.data(), steps.data(), notInterleaved, swizzle, promoteTo256Bytes, zerosOutside);
}

Status CudaPlatform::describeDevice(int device, DeviceInfo &info) const {
  int major = 0, minor = 0, shared = 0, warp = 0, processors = 0, threads = 0, l2 = 0;
  struct Query {
    int attribute;
    int *value;
  };
  for (const Query &query :
       {Query{capabilityMajor, &major}, Query{capabilityMinor, &minor}, Query{maxSharedOptIn, &shared},
        Query{warpSize, &warp}, Query{multiprocessors, &processors}, Query{maxThreadsPerBlock, &threads},
        Query{l2CacheBytes, &l2}})
    if (int result = api.deviceAttribute(query.value, query.attribute, device); result != gpuSuccess)
      return error(Code::noDevice, info.name, " cannot be asked for attribute ", query.attribute, ": ",
                   describe(result));
  info.features = cudaFeatures(major, minor);
  info.setProperty(DeviceProperty::workers, processors);
  info.setProperty(DeviceProperty::l2Bytes, l2);
  info.setProperty(DeviceProperty::sharedBytes, shared);
  info.setProperty(DeviceProperty::subgroupSize, warp);
  info.setProperty(DeviceProperty::workgroupThreads, threads);
  return {};
}

Status CudaPlatform::checkFormat(const CodeSection &code) const {
  constexpr std::string_view elfMagic = "\177ELF";
  constexpr size_t elfHeaderBytes = 64;
  std::string_view bytes(reinterpret_cast<const char *>(code.data.data()), code.data.size());
  if (code.format == CodeFormat::ptx)
    return {};
  if (code.format != CodeFormat::cubin)
    return error(Code::badPackage, "code '", code.name, "' is neither PTX nor a cubin, as a CUDA device needs it");
  if (bytes.size() < elfHeaderBytes || !bytes.starts_with(elfMagic))
    return error(Code::badPackage, "code '", code.name, "' is no cubin");
  return {};
}

int CudaPlatform::loadModule(const CodeSection &code, GpuHandle &module, std::string &log) const {
  if (code.format == CodeFormat::cubin)
    return loadModuleData(&module, code.data.data(), 0, nullptr, nullptr);
  std::string text(reinterpret_cast<const char *>(code.data.data()), code.data.size()); // zero terminated
  std::array<char, 4096> buffer = {};
  std::array<int, 2> options = {errorLog, errorLogBytes};
  // The second value is a number in the place of a pointer.
  std::array<void *, 2> values = {buffer.data(), reinterpret_cast<void *>(buffer.size() - 1)};
  int result = loadModuleData(&module, text.c_str(), options.size(), options.data(), values.data());
  log = buffer.data();
  return result;
}

Status openPlatform(std::shared_ptr<const GpuPlatform> &platform) {
  auto opened = std::make_shared<CudaPlatform>();
  HEED_TRY(opened->open());
  platform = std::move(opened);
  return {};
}

} // namespace

Status listCuda(const DriverOptions &, std::vector<DeviceInfo> &devices) {
  std::shared_ptr<const GpuPlatform> platform;
  HEED_TRY(openPlatform(platform));
  return listGpus(*platform, devices);
}

Status openCuda(uint32_t index, const DriverOptions &options, std::shared_ptr<Driver> &driver) {
  std::shared_ptr<const GpuPlatform> platform;
  HEED_TRY(openPlatform(platform));
  return openGpu(std::move(platform), index, options, driver);
}

} // namespace heed::rt
