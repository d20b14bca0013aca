#include "backends/gpu-driver/GpuLaunchLog.h"

#include "runtime/Status.h"

#include <algorithm>
#include <cstring>

namespace heed::rt {

void GpuLaunchLog::close() {
  std::scoped_lock guard(lock);
  isClosed = true;
  for (Marker &marker : markers)
    if (marker.event)
      (void)api.destroyEvent(marker.event);
  markers = {};
  pending = 0;
}

int GpuLaunchLog::note(std::string_view name, bool mark) {
  std::scoped_lock guard(lock);
  ++noted;
  std::array<char, nameBytes> &entry = names[noted % kept];
  size_t length = std::min(name.size(), nameBytes - 1);
  std::memcpy(entry.data(), name.data(), length);
  entry[length] = 0;
  if (!mark || noted % markerInterval != 0)
    return gpuSuccess;
  if (pending == markers.size()) { // later ones will tell
    oldest = (oldest + 1) % markers.size();
    --pending;
  }
  Marker &marker = markers[(oldest + pending) % markers.size()];
  if (!marker.event)
    if (int result = api.createEvent(&marker.event, gpuEventNoTiming); result != gpuSuccess)
      return result;
  marker.launch = noted;
  ++pending;
  return api.recordEvent(marker.event, stream);
}

bool GpuLaunchLog::endsInMarker() const {
  std::scoped_lock guard(lock);
  return noted % markerInterval == 0;
}

bool GpuLaunchLog::progressed() {
  std::scoped_lock guard(lock);
  uint64_t before = finished;
  while (pending > 0 && api.queryEvent(markers[oldest].event) == gpuSuccess) {
    finished = std::max(finished, markers[oldest].launch);
    oldest = (oldest + 1) % markers.size();
    --pending;
  }
  return finished != before;
}

uint64_t GpuLaunchLog::last() const {
  std::scoped_lock guard(lock);
  return noted;
}

void GpuLaunchLog::finish(uint64_t upTo) {
  std::scoped_lock guard(lock);
  finished = std::max(finished, upTo);
  while (pending > 0 && markers[oldest].launch <= finished) {
    oldest = (oldest + 1) % markers.size();
    --pending;
  }
}

bool GpuLaunchLog::hasFinished(uint64_t launch) const {
  std::scoped_lock guard(lock);
  return launch <= finished;
}

int GpuLaunchLog::recordEvent(GpuHandle event, bool &closed) {
  std::scoped_lock guard(lock);
  closed = isClosed;
  return closed ? gpuSuccess : api.recordEvent(event, stream);
}

uint64_t GpuLaunchLog::addUnfinished(std::string &text) const {
  std::scoped_lock guard(lock);
  uint64_t first = std::max(finished + 1, noted >= kept ? noted - kept + 1 : 1);
  for (uint64_t launch = first; launch <= noted; ++launch) {
    std::string name = concat("'", names[launch % kept].data(), "'");
    if (text.find(name) == std::string::npos)
      text += concat(text.empty() ? "" : ", ", name);
  }
  return noted - finished;
}

} // namespace heed::rt
