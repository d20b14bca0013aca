// heed-bench: how fast a package runs, against what the machine can do at most.
#include "runtime/tools/BenchReport.h"
#include "runtime/tools/DeviceCeilings.h"
#include "runtime/tools/Peak.h"
#include "runtime/tools/ToolSupport.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <random>

using namespace heed;
using namespace heed::tools;
using rt::Code;
using rt::error;
using rt::HostTensor;

namespace {

struct Options {
  ModuleOptions module;
  std::vector<std::string> inputs;
  std::vector<std::string> dims;
  double seconds = 1;
  double warmup = 0.2;
  uint64_t seed = 1;
  std::vector<std::string> ceilings;
  bool json = false;
};

constexpr double ceilingSeconds = 0.15;

class Bench {
public:
  explicit Bench(const Options &options) : options(options), random(options.seed) {}

  rt::Status run() {
    BenchReport report;
    auto begin = Clock::now();
    HEED_TRY(session.open(options.module));
    report.loadSeconds = elapsed(begin);
    HEED_TRY(readDims());
    HEED_TRY(makeInputs());
    for (auto &[name, tensor] : inputs)
      HEED_TRY(bind(name, tensor).within("input '", name, "'"));
    HEED_TRY(measure(report));
    HEED_TRY(profile(report));
    report.package = options.module.package;
    report.device = heed_device_name(session.device());
    report.fallbackKernels = session.module->fallbackCount();
    if (onCpu())
      report.threads = heed_device_worker_count(session.device());
    HEED_TRY(measurePeaks(report));
    std::fputs((options.json ? formatJson(report) : formatText(report)).c_str(), stdout);
    return {};
  }

private:
  using Clock = std::chrono::steady_clock;
  static double elapsed(Clock::time_point begin) { return std::chrono::duration<double>(Clock::now() - begin).count(); }

  /// With the kernels of packages, and on a CPU with loops of this program.
  rt::Status measurePeaks(BenchReport &report) {
    for (const std::string &ceilings : options.ceilings) {
      ModuleOptions package = options.module;
      package.package = ceilings;
      package.device = heed_device_id(session.device());
      HEED_TRY(measureCeilings(package, ceilingSeconds, report.ceilings).within("--ceilings"));
    }
    for (const KernelReport &kernel : report.ceilings)
      if (kernel.seconds > 0) {
        report.peakFlops = std::max(report.peakFlops, kernel.flops / kernel.seconds);
        report.peakBytes = std::max(report.peakBytes, kernel.bytes / kernel.seconds);
      }
    if (onCpu()) {
      rt::Ceilings loops = rt::measureCeilings(report.threads, ceilingSeconds);
      report.peakFlops = std::max(report.peakFlops, loops.flops);
      report.peakBytes = std::max(report.peakBytes, loops.bytes);
    }
    return {};
  }

  bool onCpu() const { return std::string_view(heed_device_kind(session.device())) == "cpu"; }

  /// What is measured is the model, not the way to the device: there the inputs lie in buffers, but for those that give
  /// sizes.
  rt::Status bind(const std::string &name, HostTensor &tensor) {
    bool isSize = std::any_of(session.inputs.begin(), session.inputs.end(),
                              [&](const heed_tensor_info &info) { return info.name == name && info.is_host_scalar; });
    if (onCpu() || isSize)
      return fromC(session.call->bindInput(name.c_str(), viewOf(tensor)));
    heed_buffer *raw = nullptr;
    HEED_TRY(fromC(Status(heed_buffer_allocate(session.device(), tensor.data.size(), &raw))));
    Buffer &buffer = buffers.emplace_back(raw);
    HEED_TRY(fromC(buffer.write(0, tensor.data)));
    TensorView view(raw, 0, static_cast<heed_element_type>(tensor.type), tensor.sizes);
    return fromC(session.call->bindInput(name.c_str(), view));
  }

  rt::Status readDims() {
    for (const std::string &text : options.dims) {
      std::string name, value;
      HEED_TRY(splitNamed(text, name, value).within("--dim"));
      int64_t size;
      auto [end, code] = std::from_chars(value.data(), value.data() + value.size(), size);
      if (code != std::errc() || end != value.data() + value.size() || size < 0)
        return error(Code::invalidArgument, "--dim: '", value, "' is no size");
      dims[name] = size;
    }
    return {};
  }

  rt::Status makeInputs() {
    for (const std::string &text : options.inputs) {
      std::string name, value;
      HEED_TRY(splitNamed(text, name, value).within("--input"));
      HEED_TRY(makeInput(name, value).within("--input ", name));
    }
    for (const heed_tensor_info &info : session.inputs)
      if (!inputs.contains(info.name))
        HEED_TRY(makeDefaultInput(info).within("input '", info.name, "'"));
    return {};
  }

  /// A file, a tensor with values, or only a shape that is filled at random.
  rt::Status makeInput(const std::string &name, const std::string &value) {
    HostTensor &tensor = inputs[name];
    if (value.starts_with('@') || value.find('=') != std::string::npos)
      return parseTensor(value, declaredType(session.inputs, name), tensor);
    rt::ElementType type;
    std::vector<int64_t> sizes;
    HEED_TRY(rt::parseShape(value, type, sizes));
    HEED_TRY(rt::makeTensor(type, sizes, tensor));
    rt::fillAtRandom(tensor, random);
    return {};
  }

  rt::Status makeDefaultInput(const heed_tensor_info &info) {
    std::vector<int64_t> sizes;
    for (int32_t i = 0; i < info.rank; ++i) {
      auto given = dims.find(info.dims[i]);
      if (info.sizes[i] < 0 && given == dims.end())
        return error(Code::invalidArgument, "dimension ", i, " is '", info.dims[i], "': give --dim ", info.dims[i],
                     "=SIZE, or the whole tensor with --input");
      sizes.push_back(info.sizes[i] < 0 ? given->second : info.sizes[i]);
    }
    HostTensor &tensor = inputs[info.name];
    HEED_TRY(rt::makeTensor(static_cast<rt::ElementType>(info.type), sizes, tensor));
    rt::fillAtRandom(tensor, random);
    if (!info.is_host_scalar)
      return {};
    auto given = dims.find(info.name);
    if (given == dims.end())
      return error(Code::invalidArgument, "gives a size: say which with --dim ", info.name, "=VALUE");
    tensor.setNumber(0, static_cast<double>(given->second));
    return {};
  }

  rt::Status measure(BenchReport &report) {
    auto begin = Clock::now();
    HEED_TRY(fromC(session.call->run()));
    report.firstSeconds = elapsed(begin);
    begin = Clock::now();
    HEED_TRY(fromC(session.call->run()));
    report.secondSeconds = elapsed(begin);
    do
      HEED_TRY(fromC(session.call->run()));
    while (elapsed(begin) < options.warmup);
    begin = Clock::now();
    while (report.samples.size() < 3 || elapsed(begin) < options.seconds) {
      auto start = Clock::now();
      HEED_TRY(fromC(session.call->run()));
      report.samples.push_back(elapsed(start));
    }
    std::sort(report.samples.begin(), report.samples.end());
    std::optional<int64_t> value;
    HEED_TRY(take(session.call->counter(HEED_COUNTER_ARENA_BYTES), value));
    report.arenaBytes = *value;
    HEED_TRY(take(session.call->counter(HEED_COUNTER_ALLOCATIONS), value));
    report.allocations = *value;
    return {};
  }

  /// After the timed calls, so that they are not slowed down.
  rt::Status profile(BenchReport &report) {
    HEED_TRY(fromC(session.call->setFlags(HEED_CALL_PROFILE)));
    int runs = static_cast<int>(std::clamp<size_t>(report.samples.size(), 1, 20));
    for (int i = 0; i < runs; ++i)
      HEED_TRY(fromC(session.call->run()));
    for (const heed_profile_entry &entry : session.call->profile()) {
      if (entry.launches == 0)
        continue;
      report.kernels.push_back({entry.name, static_cast<double>(entry.launches) / runs, entry.seconds / runs,
                                entry.flops / runs, entry.bytes / runs});
      report.flops += entry.flops / runs;
      report.bytes += entry.bytes / runs;
    }
    return {};
  }

  const Options &options;
  std::mt19937_64 random;
  std::vector<Buffer> buffers; // outlive the call
  Session session;
  std::map<std::string, int64_t> dims;
  std::map<std::string, HostTensor> inputs;
};

} // namespace

int main(int argc, char **argv) {
  Options options;
  CLI::App app("Measures a compiled model.", "heed-bench");
  options.module.addTo(app);
  app.add_option("--input", options.inputs, "name=@x.npy, name=2x3xf32=0, or name=2x3xf32 for random values")
      ->allow_extra_args(false);
  app.add_option("--dim", options.dims, "symbol=size, for inputs that are not given (repeatable)")
      ->allow_extra_args(false);
  app.add_option("--seconds", options.seconds, "How long to measure")->capture_default_str();
  app.add_option("--warmup", options.warmup, "How long to run before")->capture_default_str();
  app.add_option("--seed", options.seed, "Of the random inputs")->capture_default_str();
  app.add_option("--ceilings", options.ceilings, "Package to measure what the device can do (repeatable)")
      ->allow_extra_args(false);
  app.add_flag("--json", options.json, "Print one JSON object");
  return runTool(app, argc, argv, [&] { return Bench(options).run(); });
}
