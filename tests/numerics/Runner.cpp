//===- Runner.cpp - Runs the cases on a device ----------------------------===//
//
// Several cases run at a time, each in its own call, so that concurrent calls on one module and one device are tested
// along the way.
//
//===----------------------------------------------------------------------===//

#include "tests/numerics/Runner.h"

#include "runtime/heed.hpp"
#include "tests/numerics/DeviceTensor.h"
#include "tests/numerics/Measure.h"
#include "tests/numerics/Visibility.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <functional>
#include <mutex>
#include <numeric>
#include <thread>
#include <unistd.h>

using namespace heed::numerics;

//===----------------------------------------------------------------------===//
// Naming the case when a kernel crashes
//===----------------------------------------------------------------------===//

static constexpr unsigned maxJobs = 64;
static std::atomic<const char *> runningCases[maxJobs];

static void reportCrash(int signal) {
  auto print = [](const char *text) { [[maybe_unused]] ssize_t written = write(1, text, std::strlen(text)); };
  print("CRASH while these cases were running:\n");
  for (std::atomic<const char *> &running : runningCases)
    if (const char *name = running.load()) {
      print("  ");
      print(name);
      print("\n");
    }
  std::signal(signal, SIG_DFL);
  std::raise(signal);
}

//===----------------------------------------------------------------------===//
// One kernel
//===----------------------------------------------------------------------===//

namespace {
/// A loaded package, or why there is none.
struct LoadedKernel {
  std::once_flag once;
  std::optional<heed::Module> module;
  std::string error;
  /// The tilings of its kernels, and the most rows of a tile's heads together that each is for.
  struct Choice {
    Tiling tiling;
    int64_t mostRows;
  };
  std::vector<Choice> tilings;
  /// Set if the package names no tiling.
  std::string tilingError;
};

struct Outcome {
  std::string failure;
  Verdict verdict;
  bool countedBlocks = false;
};
} // namespace

/// The number behind `name=` among the words of a schedule such as "attend block_m=64 block_n=32 group=2", or 0.
static int64_t findNumber(std::string_view schedule, std::string_view name) {
  for (size_t at = 0; (at = schedule.find(name, at)) != std::string_view::npos; at += name.size()) {
    size_t end = at + name.size();
    bool starts = at == 0 || schedule[at - 1] == ' ' || schedule[at - 1] == ',';
    if (starts && end < schedule.size() && schedule[end] == '=')
      return std::strtoll(std::string(schedule.substr(end + 1)).c_str(), nullptr, 10);
  }
  return 0;
}

/// Tiles of keys start near the first key that rows see, unless pages or parts cut keys at multiples of a tile.
static int64_t firstKeyGranule(int64_t blockN, bool isCut) {
  constexpr int64_t keysOfVector = 8;
  return isCut ? blockN : std::gcd(keysOfVector, blockN);
}

static void readTiling(LoadedKernel &kernel, const Mechanism &mechanism) {
  for (const heed_kernel_info &info : kernel.module->kernels()) {
    std::string_view schedule = info.schedule;
    int64_t blockM = findNumber(schedule, "block_m"), blockN = findNumber(schedule, "block_n");
    if (std::string_view(info.root).find("attend") == std::string_view::npos || blockM <= 0 || blockN <= 0)
      continue;
    int64_t mostRows = findNumber(schedule, "most_rows");
    kernel.tilings.push_back({{blockM, blockN, std::max<int64_t>(1, findNumber(schedule, "group")),
                               firstKeyGranule(blockN, mostRows != 0 || mechanism.pageSize != 0)},
                              mostRows == 0 ? INT64_MAX : mostRows});
  }
  if (kernel.tilings.empty())
    kernel.tilingError = "no kernel of the package names block_m and block_n in its schedule";
}

/// Of the kernel that runs for so many rows: the one for the fewest that it fits.
static const Tiling &tilingFor(const LoadedKernel &kernel, int64_t rows) {
  const LoadedKernel::Choice *best = nullptr;
  for (const LoadedKernel::Choice &choice : kernel.tilings)
    if (rows * choice.tiling.foldedHeads <= choice.mostRows && (!best || choice.mostRows < best->mostRows))
      best = &choice;
  return best ? best->tiling : kernel.tilings.front().tiling;
}

static void loadKernel(LoadedKernel &kernel, const heed::Device &device, const Mechanism &mechanism,
                       const std::string &path) {
  heed::Result<heed::Module> module = heed::Module::loadFile(path.c_str(), &device);
  if (!module) {
    kernel.error = module.message();
    return;
  }
  kernel.module = std::move(module.value());
  if (kernel.module->fallbackCount() != 0)
    kernel.error = "attention is not fused: the package holds a fallback kernel";
  readTiling(kernel, mechanism);
}

//===----------------------------------------------------------------------===//
// One case
//===----------------------------------------------------------------------===//

/// Whether the case's tensors lie in memory of the device as they are, gaps included. Else they are the host's, which
/// the runtime packs and copies where the device has memory of its own.
static bool liesOnDevice(const Case &test, const heed::Device &device) {
  return device.kind() != "cpu" && (test.strided || (test.seed & 2));
}

/// Whether nothing can run on the device any more: then its memory cannot be had either.
static bool isLost(const heed::Device &device) {
  heed::Result<heed::Buffer> probe = heed::Buffer::allocate(device, 64);
  return !probe && (probe.code() == HEED_DEVICE_LOST || probe.code() == HEED_TIMEOUT);
}

/// Binds everything and runs once; returns what went wrong.
static std::string runCall(heed::Call &call, const std::vector<BoundTensor> &inputs, BoundTensor &out) {
  for (const BoundTensor &input : inputs)
    if (heed::Status status = call.bindInput(input.name().c_str(), input.view()); !status)
      return "cannot bind " + input.name() + ": " + std::string(status.message());
  heed::Result<std::vector<int64_t>> shape = call.outputShape(out.name().c_str());
  if (!shape)
    return "no output shape: " + std::string(shape.message());
  if (*shape != out.tensor().sizes)
    return "the output has another shape than [batch, query heads, rows, value width]";
  if (heed::Status status = call.bindOutput(out.name().c_str(), out.view()); !status)
    return "cannot bind the output: " + std::string(status.message());
  if (heed::Status status = call.run(); !status)
    return "cannot run: " + std::string(status.message());
  return out.fetch();
}

static std::string compareBlocks(heed::Call &call, const LoadedKernel &kernel, const Inputs &inputs) {
  if (!kernel.tilingError.empty())
    return kernel.tilingError;
  const Tiling &tiling = tilingFor(kernel, inputs.rows);
  heed::Result<int64_t> visited = call.counter(HEED_COUNTER_KEY_BLOCKS_VISITED);
  if (!visited)
    return "no count of visited blocks: " + std::string(visited.message());
  int64_t expected = countVisitedBlocks(inputs, tiling);
  if (*visited == expected)
    return "";
  return "visited " + std::to_string(*visited) + " key blocks, expected " + std::to_string(expected) + " (block_m " +
         std::to_string(tiling.blockM) + ", block_n " + std::to_string(tiling.blockN) + ", group " +
         std::to_string(tiling.foldedHeads) + ")";
}

/// Runs again, each time into other memory, which must give the same bits.
static std::string compareRepeats(const RunOptions &options, const heed::Device &device, heed::Call &call,
                                  const std::vector<BoundTensor> &inputs, const BoundTensor &first,
                                  const std::function<HostTensor()> &makeAnother) {
  for (int64_t run = 1; run < options.repeats; ++run) {
    BoundTensor again(makeAnother(), first.onDevice() ? &device : nullptr);
    if (std::string error = again.error().empty() ? runCall(call, inputs, again) : again.error(); !error.empty())
      return "run " + std::to_string(run + 1) + ": " + error;
    const GuardedMemory &expected = *first.tensor().memory, &got = *again.tensor().memory;
    if (std::memcmp(expected.data(), got.data(), expected.size()) != 0)
      return "run " + std::to_string(run + 1) + " gives other bits than the first";
  }
  return "";
}

static Outcome runCase(const RunOptions &options, const heed::Device &device, LoadedKernel &kernel,
                       const Mechanism &mechanism, const Case &test) {
  Outcome outcome;
  auto fail = [&](const std::string &why) { outcome.failure += (outcome.failure.empty() ? "" : "; ") + why; };
  auto give = [&](const std::string &why) {
    fail(why);
    return outcome;
  };
  if (!kernel.error.empty())
    return give(kernel.error);
  Inputs inputs = makeInputs(mechanism, test);
  const heed::Device *memory = liesOnDevice(test, device) ? &device : nullptr;
  std::vector<BoundTensor> tensors;
  for (HostTensor &tensor : layOutInputs(inputs, test))
    if (!tensors.emplace_back(std::move(tensor), memory).error().empty())
      return give(tensors.back().error());
  BoundTensor out(makeOutput(inputs, test), memory);
  if (!out.error().empty())
    return give(out.error());
  heed::Result<heed::Call> call = kernel.module->createCall();
  if (!call)
    return give("cannot create a call: " + std::string(call.message()));
  bool countBlocks = options.countBlocks && device.kind() == "cpu";
  if (heed::Status counting = call->setFlags(countBlocks ? HEED_CALL_COUNT : 0); !counting)
    return give("cannot count: " + std::string(counting.message()));
  if (std::string error = runCall(*call, tensors, out); !error.empty())
    return give(error);
  outcome.verdict = judge(inputs, evaluate(inputs), readNumbers(out.tensor()));
  if (!outcome.verdict.passed)
    fail(outcome.verdict.reason);
  if (countBlocks) {
    std::string error = compareBlocks(*call, kernel, inputs);
    outcome.countedBlocks = error.empty();
    if (!error.empty())
      fail(error);
  }
  std::string error = compareRepeats(options, device, *call, tensors, out, [&] { return makeOutput(inputs, test); });
  if (!error.empty())
    fail(error);
  return outcome;
}

std::vector<Case> heed::numerics::chooseCases(const RunOptions &options, const std::vector<Mechanism> &mechanisms) {
  std::vector<Case> chosen;
  auto isSmall = [&](const Case &test) {
    const Mechanism &m = mechanisms[static_cast<size_t>(test.mechanism)];
    int64_t work = test.batch * m.queryHeads * test.rows * test.keys * (m.keyWidth + m.valueWidth);
    return options.maximumWork == 0 || work <= options.maximumWork;
  };
  for (Case &test : listCases(mechanisms, options.rounds))
    if (test.name.find(options.filter) != std::string::npos && isSmall(test))
      chosen.push_back(std::move(test));
  return sampleCases(std::move(chosen), options.sample);
}

//===----------------------------------------------------------------------===//
// All cases
//===----------------------------------------------------------------------===//

namespace {
class Suite {
public:
  Suite(const RunOptions &options, heed::Device device)
      : options(options), device(std::move(device)), mechanisms(listMechanisms()), kernels(mechanisms.size()) {
    cases = chooseCases(options, mechanisms);
    outcomes.resize(cases.size());
  }

  int run() {
    if (cases.empty()) {
      std::fprintf(stderr, "heed-numerics: no case has '%s' in its name\n", options.filter.c_str());
      return 2;
    }
    for (int signal : {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT})
      std::signal(signal, reportCrash);
    auto start = std::chrono::steady_clock::now();
    unsigned jobs = options.jobs ? options.jobs : std::max(1u, std::thread::hardware_concurrency());
    std::vector<std::thread> threads;
    for (unsigned job = 0; job < std::min(jobs, maxJobs); ++job)
      threads.emplace_back([this, job] { work(job); });
    for (std::thread &thread : threads)
      thread.join();
    return summarise(std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  }

private:
  void work(unsigned job) {
    for (size_t i; (i = next++) < cases.size();) {
      if (lost) {
        outcomes[i].failure = "not run: the device is lost";
        continue;
      }
      const Case &test = cases[i];
      const Mechanism &mechanism = mechanisms[test.mechanism];
      LoadedKernel &kernel = kernels[test.mechanism];
      runningCases[job] = test.name.c_str();
      std::call_once(kernel.once,
                     [&] { loadKernel(kernel, device, mechanism, options.folder + "/" + mechanism.name + ".heed"); });
      outcomes[i] = runCase(options, device, kernel, mechanism, test);
      runningCases[job] = nullptr;
      if (!outcomes[i].failure.empty() && isLost(device))
        lost = true;
      report(test, outcomes[i]);
    }
  }

  void report(const Case &test, const Outcome &outcome) {
    std::lock_guard lock(printing);
    if (!outcome.failure.empty())
      std::printf("FAIL %s: %s\n", test.name.c_str(), outcome.failure.c_str());
    else if (options.verbose)
      std::printf("ok   %s: rms error %.2e, plain %.2e; largest %.2e, plain %.2e\n", test.name.c_str(),
                  outcome.verdict.rmsError, outcome.verdict.rmsPlain, outcome.verdict.maxError,
                  outcome.verdict.maxPlain);
    std::fflush(stdout);
  }

  /// The case of a storage type that came closest to its bound on the rms error.
  void printWorst(StorageType storage) const {
    const Outcome *worst = nullptr;
    size_t at = 0;
    for (size_t i = 0; i < cases.size(); ++i)
      if (mechanisms[cases[i].mechanism].storage == storage && outcomes[i].failure.empty() &&
          (!worst || outcomes[i].verdict.rmsFraction > worst->verdict.rmsFraction)) {
        worst = &outcomes[i];
        at = i;
      }
    if (worst)
      std::printf("worst rms error in %-4s that passed: %3.0f %% of its bound, %.2e against %.2e plain, in %s\n",
                  mlirName(storage), 100 * worst->verdict.rmsFraction, worst->verdict.rmsError, worst->verdict.rmsPlain,
                  cases[at].name.c_str());
  }

  int summarise(double seconds) const {
    size_t failed = 0, counted = 0, longCases = 0;
    std::vector<char> used(mechanisms.size());
    for (size_t i = 0; i < cases.size(); ++i) {
      failed += !outcomes[i].failure.empty();
      counted += outcomes[i].countedBlocks;
      longCases += std::max(cases[i].rows, cases[i].keys) > 512;
      used[cases[i].mechanism] = 1;
    }
    for (StorageType storage : {StorageType::F32, StorageType::F16, StorageType::BF16})
      printWorst(storage);
    std::printf("%zu cases (%zu above 512) over %td kernels on %s in %.1f s; visited blocks agree in %zu\n",
                cases.size(), longCases, std::count(used.begin(), used.end(), 1), std::string(device.name()).c_str(),
                seconds, counted);
    if (lost)
      std::printf("FAIL the device was lost: %td cases were not run\n",
                  std::count_if(outcomes.begin(), outcomes.end(),
                                [](const Outcome &outcome) { return outcome.failure.starts_with("not run:"); }));
    std::printf("%zu passed, %zu failed\n", cases.size() - failed, failed);
    return failed != 0;
  }

  const RunOptions &options;
  heed::Device device;
  std::vector<Mechanism> mechanisms;
  std::vector<LoadedKernel> kernels;
  std::vector<Case> cases;
  std::vector<Outcome> outcomes;
  std::atomic<size_t> next = 0;
  std::atomic<bool> lost = false;
  std::mutex printing;
};
} // namespace

int heed::numerics::runCases(const RunOptions &options) {
  heed_device_options limits = {};
  limits.struct_bytes = sizeof(limits);
  // Software devices compile a kernel at its first launch, which takes a busy machine a while.
  limits.hang_seconds = 600;
  limits.isa_limit = options.isa.empty() ? nullptr : options.isa.c_str();
  heed::Result<heed::Device> device = heed::Device::open(options.device.c_str(), &limits);
  if (!device) {
    std::fprintf(stderr, "heed-numerics: cannot open device '%s': %s\n", options.device.c_str(),
                 std::string(device.message()).c_str());
    return 2;
  }
  return Suite(options, std::move(device.value())).run();
}
