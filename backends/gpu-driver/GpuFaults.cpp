// How results of the libraries become errors, and how hangs are noticed.
#include "backends/gpu-driver/GpuDriver.h"

#include <chrono>
#include <thread>

namespace heed::rt {

bool isFault(int result) {
  switch (result) {
  case gpuDeinitialized:
  case gpuInvalidContext:
  case gpuUncorrectableMemory:
  case gpuLinkUncorrectable:
  case gpuIllegalAddress:
  case gpuLaunchTimeout:
  case gpuContextDestroyed:
  case gpuAssert:
  case gpuHardwareStack:
  case gpuIllegalInstruction:
  case gpuMisalignedAddress:
  case gpuInvalidAddressSpace:
  case gpuInvalidProgramCounter:
  case gpuLaunchFailed:
  case gpuUnknown:
    return true;
  default:
    return false;
  }
}

Status GpuDriver::enter(GpuScope &scope) {
  HEED_TRY(alive());
  HEED_TRY(check(vendor->enter(device, context, scope.previous), "making the device current"));
  scope.platform = vendor.get();
  return {};
}

Status GpuDriver::check(int result, std::string_view what) {
  if (result == gpuSuccess)
    return {};
  if (isFault(result))
    return loseToFault(result);
  std::string reason = concat(what, ": ", vendor->brand(), " says ", vendor->describe(result));
  switch (result) {
  case gpuOutOfMemory:
    return error(Code::outOfMemory, reason);
  case gpuNotSupported:
  case gpuLaunchOutOfResources:
    return error(Code::unsupported, reason);
  case gpuInvalidHandle:
    return error(Code::invalidArgument, reason);
  default:
    return error(Code::internal, reason);
  }
}

uint64_t GpuDriver::unfinishedLaunches(std::string &names) const {
  std::scoped_lock guard(logsLock);
  uint64_t count = 0;
  for (const std::weak_ptr<GpuLaunchLog> &entry : logs)
    if (std::shared_ptr<GpuLaunchLog> log = entry.lock())
      count += log->addUnfinished(names);
  return count;
}

Status GpuDriver::loseToFault(int result) {
  HEED_TRY(alive());
  std::string names;
  uint64_t count = unfinishedLaunches(names);
  Code code = result == gpuLaunchTimeout ? Code::timeout : Code::deviceLost;
  std::string what = vendor->describe(result);
  if (count == 0)
    return loseDevice(code, concat("fault while no kernel of Heed was running: ", what));
  if (count == 1)
    return loseDevice(code, concat("kernel ", names, " faulted: ", what));
  return loseDevice(code, concat("one of the last ", count, " launches faulted, of kernels ", names, ": ", what,
                                 " (HEED_GPU_SYNCHRONOUS=1 tells which)"));
}

Status GpuDriver::loseToHang(const GpuLaunchLog &log) {
  HEED_TRY(alive());
  std::string names;
  uint64_t count = log.addUnfinished(names);
  hung = true;
  std::string seconds = std::to_string(hangSeconds);
  seconds.erase(seconds.find_last_not_of('0') + 1);
  if (seconds.ends_with('.'))
    seconds.pop_back();
  return loseDevice(Code::timeout,
                    count == 0 ? concat("no work of the queue finished for ", seconds, " s")
                               : concat(count == 1 ? "kernel " : "hang in one of the kernels ", names,
                                        count == 1 ? " did" : ", which did", " not finish for ", seconds, " s"));
}

Status GpuDriver::await(int (*query)(GpuHandle), GpuHandle object, GpuLaunchLog &log) {
  using Clock = std::chrono::steady_clock;
  constexpr int eagerPolls = 1000;
  constexpr auto pause = std::chrono::microseconds(50);
  for (int polls = 0; polls < eagerPolls; ++polls) {
    int result = query(object);
    if (result != gpuNotReady)
      return check(result, "wait");
  }
  auto lastProgress = Clock::now();
  uint64_t seen = progress.load(std::memory_order_relaxed);
  for (;;) {
    std::this_thread::sleep_for(pause);
    int result = query(object);
    if (result != gpuNotReady)
      return check(result, "wait");
    HEED_TRY(alive()); // another thread may have seen the fault or hang
    if (log.progressed())
      progress.fetch_add(1, std::memory_order_relaxed);
    if (uint64_t now = progress.load(std::memory_order_relaxed); now != seen) {
      seen = now;
      lastProgress = Clock::now();
    } else if (hangSeconds > 0 && std::chrono::duration<double>(Clock::now() - lastProgress).count() > hangSeconds) {
      return loseToHang(log);
    }
  }
}

} // namespace heed::rt
