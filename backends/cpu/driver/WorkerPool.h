// Threads that run the programs of a kernel.
#ifndef HEED_BACKENDS_CPU_DRIVER_WORKERPOOL_H
#define HEED_BACKENDS_CPU_DRIVER_WORKERPOOL_H

#include <atomic>
#include <cstdint>
#include <mutex>
#include <thread>
#include <vector>

namespace heed::rt {

/// A range of programs handed out in pieces that shrink towards the end, so that workers finish together even when
/// programs differ in cost (causal attention).
class WorkRange {
public:
  WorkRange(int64_t total, uint32_t workers) : total(total), workers(workers) {}

  /// The next piece, or false when nothing is left. Thread-safe.
  bool claim(int64_t &begin, int64_t &end) {
    begin = next.load(std::memory_order_relaxed);
    do {
      if (begin >= total)
        return false;
      int64_t share = (total - begin) / (2 * static_cast<int64_t>(workers));
      end = begin + (share > 1 ? share : 1);
    } while (!next.compare_exchange_weak(begin, end, std::memory_order_relaxed));
    return true;
  }

private:
  std::atomic<int64_t> next = 0;
  int64_t total;
  uint32_t workers;
};

/// A function and its argument, without an allocation.
struct WorkerTask {
  void (*function)(void *argument, uint32_t worker);
  void *argument;
};

/// Worker 0 is the thread that asks; the others wait for work, at first awake so that the next kernel of a call starts
/// within a microsecond, then asleep. Thread-safe: calls from several threads take turns.
class WorkerPool {
public:
  /// `workers` counts the asking thread. When the system refuses threads, the pool has fewer.
  explicit WorkerPool(uint32_t workers);
  ~WorkerPool();

  uint32_t workerCount() const { return static_cast<uint32_t>(threads.size()) + 1; }

  /// Runs task.function(argument, worker) on worker 0 and on every other worker that wakes up before worker 0 is done,
  /// and returns when all of them are. The task must therefore hand out its work itself (WorkRange).
  void run(const WorkerTask &task);

private:
  void work(uint32_t worker);
  uint32_t waitForRound(uint32_t seen);

  // The state of a round in one word, so that a worker joins a round and the asker closes it without ever both
  // happening: bits 0-10 workers that joined, bit 11 closed, bits 12-31 number of the round.
  static constexpr uint32_t joinedMask = (1u << 11) - 1;
  static constexpr uint32_t closedBit = 1u << 11;
  static constexpr uint32_t roundStep = 1u << 12;

  alignas(64) std::atomic<uint32_t> state = closedBit;
  alignas(64) std::atomic<uint32_t> finished = 0;
  WorkerTask task = {};
  std::atomic<bool> stopping = false;
  std::mutex asking;
  std::vector<std::thread> threads;
};

} // namespace heed::rt

#endif // HEED_BACKENDS_CPU_DRIVER_WORKERPOOL_H
