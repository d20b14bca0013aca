/// How long a thread has worked.
#pragma once

#include <ctime>

namespace heed {

/// Seconds that the processor has spent on this thread.
inline double processorSeconds() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return double(time.tv_sec) + double(time.tv_nsec) * 1e-9;
}

/// Adds the time from here to the end of its scope.
class ProcessorTimer {
public:
  explicit ProcessorTimer(double &seconds) : seconds(seconds), start(processorSeconds()) {}
  ~ProcessorTimer() { seconds += processorSeconds() - start; }
  ProcessorTimer(const ProcessorTimer &) = delete;
  ProcessorTimer &operator=(const ProcessorTimer &) = delete;

private:
  double &seconds;
  double start;
};

} // namespace heed
