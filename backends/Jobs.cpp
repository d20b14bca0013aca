#include "backends/Jobs.h"

#include "llvm/Support/ThreadPool.h"

#include <algorithm>
#include <atomic>
#include <utility>

using namespace mlir;
using namespace heed;

/// Of the job that this thread runs; null outside of jobs. A thread that waits for jobs of its job runs others
/// meanwhile.
static thread_local Reports *reportsOfJob = nullptr;

static LogicalResult keepReport(Diagnostic &report) {
  if (!reportsOfJob)
    return failure();
  reportsOfJob->push_back(std::move(report));
  return success();
}

namespace {
/// Where this thread's reports go meanwhile.
class ReportsTo {
public:
  explicit ReportsTo(Reports &reports) : others(std::exchange(reportsOfJob, &reports)) {}
  ~ReportsTo() { reportsOfJob = others; }

private:
  Reports *others;
};
} // namespace

Reports heed::holdReports(MLIRContext &context, llvm::function_ref<void()> run) {
  Reports reports;
  ScopedDiagnosticHandler keeper(&context, keepReport);
  ReportsTo here(reports);
  run();
  return reports;
}

void heed::release(MLIRContext &context, Reports reports) {
  for (Diagnostic &report : reports)
    context.getDiagEngine().emit(std::move(report));
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
        ReportsTo here(reports[index]);
        if (failed(job(index)))
          lower(firstFailed, index);
      });
    group.wait();
  }
  for (size_t index = 0; index < std::min(firstFailed + 1, count); ++index)
    release(context, std::move(reports[index]));
  return failure(firstFailed != count);
}
