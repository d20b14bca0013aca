#include "backends/gpu-driver/GpuQueue.h"

namespace heed::rt {

GpuQueue::GpuQueue(GpuDriver &driver, GpuHandle stream, bool borrowed)
    : driver(driver), handle(stream), borrowed(borrowed), launches(driver.createLog()) {}

// On a lost device everything is left as it is: its functions may not return.
GpuQueue::~GpuQueue() {
  GpuScope scope;
  if (!driver.enter(scope).ok() || (!isCaptured() && !finish().ok()))
    return;
  launches->destroyMarkers();
  if (!borrowed)
    (void)driver.api().destroyStream(handle);
}

Status GpuQueue::synchronize() {
  noteOther(); // until the next launch its owner may do anything
  GpuScope scope;
  HEED_TRY(driver.enter(scope));
  if (isCaptured())
    return error(Code::invalidArgument, "the ", driver.platform().brand(),
                 " stream is being captured by its owner, so its work cannot be waited for");
  return finish();
}

Status GpuQueue::finish() {
  uint64_t last = launches->last();
  HEED_TRY(driver.await(driver.api().queryStream, handle, *launches));
  launches->finish(last);
  return {};
}

Status GpuQueue::noteLaunch(std::string_view name) {
  HEED_TRY(driver.check(launches->note(name, handle, !isCaptured()), "event"));
  endsInLaunch = !launches->endsInMarker();
  return driver.synchronous() && !isCaptured() ? finish() : Status();
}

bool GpuQueue::isCaptured() const {
  int status = 0;
  return borrowed && driver.api().isCapturing && driver.api().isCapturing(handle, &status) == gpuSuccess && status != 0;
}

GpuEvent::~GpuEvent() {
  GpuScope scope;
  if (handle && driver.enter(scope).ok())
    (void)driver.api().destroyEvent(handle);
}

Status GpuEvent::record(const GpuQueue &queue, bool timed) {
  const GpuApi &api = driver.api();
  if (handle && timing != timed) {
    (void)api.destroyEvent(handle);
    handle = nullptr;
  }
  if (!handle)
    HEED_TRY(driver.check(api.createEvent(&handle, timed ? 0 : gpuEventNoTiming), "event"));
  timing = timed;
  HEED_TRY(driver.check(api.recordEvent(handle, queue.stream()), "event"));
  log = queue.log();
  launch = log->last();
  return {};
}

bool GpuEvent::reached() {
  GpuScope scope;
  return !driver.enter(scope).ok() || driver.api().queryEvent(handle) != gpuNotReady;
}

Status GpuEvent::wait() {
  GpuScope scope;
  HEED_TRY(driver.enter(scope));
  HEED_TRY(driver.await(driver.api().queryEvent, handle, *log));
  log->finish(launch);
  return {};
}

Status GpuEvent::secondsSince(const DriverEvent &start, double &seconds) {
  const auto &first = static_cast<const GpuEvent &>(start);
  if (!timing || !first.timing)
    return error(Code::invalidArgument, "an event was recorded without its time");
  GpuScope scope;
  HEED_TRY(driver.enter(scope));
  float milliseconds = 0;
  HEED_TRY(driver.check(driver.api().elapsed(&milliseconds, first.handle, handle), "time between events"));
  seconds = milliseconds * 1e-3;
  return {};
}

} // namespace heed::rt
