#include "backends/gpu-driver/GpuQueue.h"

namespace heed::rt {

GpuQueue::GpuQueue(GpuDriver &driver, GpuHandle stream, bool borrowed)
    : driver(driver), handle(stream), borrowed(borrowed), launches(driver.createLog(stream)) {}

// On a lost device everything is left as it is: its functions may not return.
GpuQueue::~GpuQueue() {
  GpuScope scope;
  if (!driver.enter(scope).ok() || (!isCaptured() && !finish().ok()))
    return;
  launches->close();
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
  HEED_TRY(driver.check(launches->note(name, !isCaptured()), "event"));
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

Status GpuEvent::create(bool timed) {
  const GpuApi &api = driver.api();
  if (handle && timing != timed) {
    (void)api.destroyEvent(handle);
    handle = nullptr;
  }
  timing = timed;
  return handle ? Status() : driver.check(api.createEvent(&handle, timed ? 0 : gpuEventNoTiming), "event");
}

Status GpuEvent::record(const GpuQueue &queue, bool timed) {
  HEED_TRY(create(timed));
  HEED_TRY(driver.check(driver.api().recordEvent(handle, queue.stream()), "event"));
  note(queue);
  isNoted = false;
  return {};
}

void GpuEvent::note(const GpuQueue &queue) {
  log = queue.log();
  launch = log->last();
  isNoted = true;
}

Status GpuEvent::placeNoted(bool &isPast) {
  isPast = isNoted && log->hasFinished(launch);
  if (!isNoted || isPast)
    return {};
  HEED_TRY(create(false));
  HEED_TRY(driver.check(log->recordEvent(handle, isPast), "event"));
  isNoted = isPast;
  return {};
}

bool GpuEvent::reached() {
  GpuScope scope;
  bool isPast = false;
  return !driver.enter(scope).ok() || !placeNoted(isPast).ok() || isPast ||
         driver.api().queryEvent(handle) != gpuNotReady;
}

Status GpuEvent::wait() {
  GpuScope scope;
  HEED_TRY(driver.enter(scope));
  bool isPast = false;
  HEED_TRY(placeNoted(isPast));
  if (isPast)
    return {};
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
