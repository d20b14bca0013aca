/// Jobs on several threads: what comes of them is what would come of one after another.
#include "backends/Jobs.h"

#include "mlir/IR/Diagnostics.h"
#include "llvm/Support/ThreadPool.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <string>
#include <thread>

using namespace mlir;
using namespace heed;

namespace {

class JobsTest : public testing::TestWithParam<unsigned> {
protected:
  JobsTest()
      : context(MLIRContext::Threading::DISABLED), pool(llvm::hardware_concurrency(GetParam())),
        handler(&context, [&](Diagnostic &report) { said += report.str() + ' '; }) {
    if (GetParam() > 1)
      context.setThreadPool(pool);
  }
  ~JobsTest() override { context.disableMultithreading(); }

  void say(const llvm::Twine &what) { emitWarning(UnknownLoc::get(&context), what); }

  MLIRContext context;
  llvm::DefaultThreadPool pool;
  std::string said;
  ScopedDiagnosticHandler handler;
};

void waitLonger(size_t index, size_t count) { std::this_thread::sleep_for(std::chrono::milliseconds(count - index)); }

TEST_P(JobsTest, ReportsComeInOrder) {
  EXPECT_TRUE(succeeded(runJobs(context, 12, [&](size_t index) {
    waitLonger(index, 12);
    say(llvm::Twine(index));
    return success();
  })));
  EXPECT_EQ(said, "0 1 2 3 4 5 6 7 8 9 10 11 ");
}

TEST_P(JobsTest, NothingIsHeardFromBehindAFailure) {
  EXPECT_TRUE(failed(runJobs(context, 12, [&](size_t index) {
    waitLonger(index, 12);
    say(llvm::Twine(index));
    return failure(index == 3 || index == 7);
  })));
  EXPECT_EQ(said, "0 1 2 3 ");
}

TEST_P(JobsTest, JobsMayHaveJobs) {
  std::atomic<int> ran = 0;
  EXPECT_TRUE(succeeded(runJobs(context, 4, [&](size_t outer) {
    say("from " + llvm::Twine(outer));
    LogicalResult result = runJobs(context, 3, [&](size_t inner) {
      waitLonger(inner, 3);
      say(llvm::Twine(10 * outer + inner));
      ++ran;
      return success();
    });
    say("to " + llvm::Twine(outer));
    return result;
  })));
  EXPECT_EQ(ran, 12);
  EXPECT_EQ(said, "from 0 0 1 2 to 0 from 1 10 11 12 to 1 from 2 20 21 22 to 2 from 3 30 31 32 to 3 ");
}

TEST_P(JobsTest, SeveralRunAtATime) {
  std::atomic<int> arrived = 0, met = 0;
  EXPECT_TRUE(succeeded(runJobs(context, 2, [&](size_t) {
    ++arrived;
    for (int waited = 0; arrived < 2 && waited < 2000 && GetParam() > 1; ++waited)
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    met += arrived == 2;
    return success();
  })));
  EXPECT_EQ(met, GetParam() > 1 ? 2 : 1);
}

INSTANTIATE_TEST_SUITE_P(Threads, JobsTest, testing::Values(1, 2, 4));

} // namespace
