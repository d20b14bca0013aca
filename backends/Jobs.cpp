#include "backends/Jobs.h"

#include "mlir/IR/Diagnostics.h"
#include "llvm/Support/ThreadPool.h"

#include <atomic>
#include <utility>
#include <vector>

using namespace mlir;
using namespace heed;

using Reports = std::vector<Diagnostic>;

/// Of the job that this thread runs; null outside of jobs. A thread that waits for jobs of its job runs others
/// meanwhile.
static thread_local Reports *reportsOfJob = nullptr;

static LogicalResult keepReport(Diagnostic &report) {
  if (!reportsOfJob)
    return failure();
  reportsOfJob->push_back(std::move(report));
  return success();
}

static void lower(std::atomic<size_t> &number, size_t to) {
  size_t now = number;
  while (to < now && !number.compare_exchange_weak(now, to)) {
  }
}

LogicalResult heed::runJobs(MLIRContext &context, size_t count, llvm::function_ref<LogicalResult(size_t)> job) {
  if (!context.isMultithreadingEnabled() || count <= 1) {
    for (size_t index = 0; index < count; ++index)
      if (failed(job(index)))
        return failure();
    return success();
  }
  std::vector<Reports> reports(count);
  std::atomic<size_t> firstFailed = count;
  {
    ScopedDiagnosticHandler keeper(&context, keepReport);
    llvm::ThreadPoolTaskGroup group(context.getThreadPool());
    for (size_t index = 0; index < count; ++index)
      group.async([&, index] {
        if (index > firstFailed)
          return;
        Reports *others = std::exchange(reportsOfJob, &reports[index]);
        if (failed(job(index)))
          lower(firstFailed, index);
        reportsOfJob = others;
      });
    group.wait();
  }
  for (size_t index = 0; index < std::min(firstFailed + 1, count); ++index)
    for (Diagnostic &report : reports[index])
      context.getDiagEngine().emit(std::move(report));
  return failure(firstFailed != count);
}
