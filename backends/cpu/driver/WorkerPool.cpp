#include "backends/cpu/driver/WorkerPool.h"

#include <algorithm>
#include <system_error>

namespace heed::rt {

// About 50 microseconds: longer than the gap between two kernels of a call, shorter than anyone would notice.
static constexpr int spinRounds = 1500;

static void pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}

WorkerPool::WorkerPool(uint32_t workers) {
  workers = std::clamp<uint32_t>(workers, 1, joinedMask);
  threads.reserve(workers - 1);
  for (uint32_t i = 1; i < workers; ++i) {
    try {
      threads.emplace_back([this, i] { work(i); });
    } catch (const std::system_error &) {
      break;
    }
  }
}

WorkerPool::~WorkerPool() {
  stopping.store(true);
  state.fetch_add(roundStep);
  state.notify_all();
  for (std::thread &thread : threads)
    thread.join();
}

void WorkerPool::run(const WorkerTask &newTask) {
  std::lock_guard<std::mutex> turn(asking);
  if (threads.empty()) {
    newTask.function(newTask.argument, 0);
    return;
  }
  // The previous round is closed and everybody who joined it has finished: nobody reads these two.
  task = newTask;
  finished.store(0, std::memory_order_relaxed);
  uint32_t round = (state.load(std::memory_order_relaxed) | joinedMask | closedBit) + 1;
  state.store(round, std::memory_order_release);
  state.notify_all();

  newTask.function(newTask.argument, 0);

  uint32_t joined = state.fetch_or(closedBit, std::memory_order_acq_rel) & joinedMask;
  for (int spins = 0; finished.load(std::memory_order_acquire) != joined;)
    if (++spins < spinRounds)
      pause();
    else
      std::this_thread::yield();
}

/// Returns the state of an open round other than `seen`, or of any round when the pool stops.
uint32_t WorkerPool::waitForRound(uint32_t seen) {
  int spins = 0;
  for (;;) {
    uint32_t now = state.load(std::memory_order_acquire);
    bool isNew = (now ^ seen) >= roundStep;
    if (stopping.load(std::memory_order_relaxed) || (isNew && !(now & closedBit)))
      return now;
    if (++spins < spinRounds) {
      pause();
      continue;
    }
    state.wait(now, std::memory_order_acquire);
    spins = 0;
  }
}

void WorkerPool::work(uint32_t worker) {
  uint32_t seen = closedBit;
  for (;;) {
    uint32_t now = waitForRound(seen);
    if (stopping.load(std::memory_order_relaxed))
      return;
    while (!(now & closedBit) && !state.compare_exchange_weak(now, now + 1, std::memory_order_acq_rel))
      ;
    if (now & closedBit)
      continue;
    seen = now;
    task.function(task.argument, worker);
    finished.fetch_add(1, std::memory_order_release);
  }
}

} // namespace heed::rt
