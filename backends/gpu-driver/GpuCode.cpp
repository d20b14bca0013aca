#include "backends/gpu-driver/GpuCode.h"

namespace heed::rt {

GpuModule::~GpuModule() {
  GpuScope scope;
  if (driver.enter(scope).ok())
    (void)driver.api().unloadModule(handle);
}

/// The error for code that the library refuses.
static Status refused(GpuDriver &driver, const CodeSection &code, int result, std::string log) {
  for (char &letter : log)
    if (letter == '\n')
      letter = ' ';
  log.erase(log.find_last_not_of(" \r\t") + 1);
  std::string reason = concat(driver.platform().describe(result), log.empty() ? "" : ": ", log);
  switch (result) {
  case gpuNoBinaryForDevice:
    return error(Code::wrongArchitecture, "code '", code.name, "' is not for ", driver.info().name, " (", reason, ")");
  case gpuUnsupportedPtxVersion:
    return error(Code::wrongArchitecture, "code '", code.name, "' is PTX of a newer version than this ",
                 driver.platform().brand(), " driver knows; update the driver (", reason, ")");
  case gpuNoJitCompiler:
  case gpuJitDisabled:
    return error(Code::unsupported, "code '", code.name, "' is PTX and the driver's compiler for it is not available (",
                 reason, ")");
  case gpuInvalidValue:
  case gpuInvalidImage:
  case gpuInvalidPtx:
    return error(Code::badPackage, "code '", code.name, "' is refused by the driver (", reason, ")");
  default:
    return driver.check(result, concat("loading code '", code.name, "'"));
  }
}

Status loadGpuCode(GpuDriver &driver, const CodeSection &code, std::shared_ptr<DriverCode> &loaded) {
  HEED_TRY(driver.platform().checkFormat(code));
  GpuHandle handle = nullptr;
  std::string log;
  if (int result = driver.platform().loadModule(code, handle, log); result != gpuSuccess)
    return refused(driver, code, result, std::move(log));
  loaded = std::make_shared<GpuCode>(std::make_shared<const GpuModule>(driver, handle), code.name);
  return {};
}

Status GpuCode::findKernel(const Variant &variant, std::unique_ptr<DriverKernel> &found) {
  GpuDriver &driver = module->driver;
  const GpuApi &api = driver.api();
  GpuScope scope;
  HEED_TRY(driver.enter(scope));
  auto kernel = std::make_unique<GpuKernel>();
  kernel->module = module;
  kernel->workgroup = variant.workgroup;
  int result = api.function(&kernel->function, module->handle, variant.symbol.c_str());
  if (result == gpuNotFound)
    return error(Code::badPackage, "code '", name, "' has no kernel '", variant.symbol, "'");
  HEED_TRY(driver.check(result, concat("kernel '", variant.symbol, "'")));

  int maxThreads = 0, staticShared = 0;
  HEED_TRY(driver.check(api.functionAttribute(&maxThreads, gpuFunctionMaxThreads, kernel->function), "kernel"));
  HEED_TRY(driver.check(api.functionAttribute(&staticShared, gpuFunctionSharedBytes, kernel->function), "kernel"));
  if (kernel->threads() > maxThreads)
    return error(Code::unsupported, "kernel '", variant.symbol, "' runs in workgroups of ", kernel->threads(),
                 " threads, this device takes ", maxThreads, " of it");
  auto most = static_cast<uint64_t>(driver.info().property(DeviceProperty::sharedBytes));
  if (variant.sharedBytes + static_cast<uint64_t>(staticShared) > most)
    return error(Code::unsupported, "kernel '", variant.symbol, "' needs ", variant.sharedBytes + staticShared,
                 " bytes of shared memory, this device has ", most);
  kernel->sharedBytes = static_cast<uint32_t>(variant.sharedBytes);
  kernel->mostWorkgroups = variant.residentWorkgroups * driver.info().property(DeviceProperty::workers);
  kernel->hasUnevenPrograms = variant.hasUnevenPrograms;
  kernel->awaitsPrevious = variant.awaitsPrevious;
  kernel->opensCalls = variant.opensCalls;
  bool overlaps = variant.awaitsPrevious && driver.overlapsLaunches();
  HEED_TRY(driver.check(driver.platform().permitShared(kernel->function, variant.sharedBytes, overlaps),
                        concat("shared memory of kernel '", variant.symbol, "'")));
  found = std::move(kernel);
  return {};
}

} // namespace heed::rt
