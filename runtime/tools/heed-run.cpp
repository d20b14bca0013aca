// heed-run: runs a package on tensors from files or from the command line.
#include "runtime/tools/Npy.h"
#include "runtime/tools/TestFolder.h"
#include "runtime/tools/TestList.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

using namespace heed;
using namespace heed::tools;
using rt::Code;
using rt::error;
using rt::HostTensor;

namespace {

struct Options {
  ModuleOptions module;
  std::vector<std::string> inputs;
  std::vector<std::string> outputs;
  std::string testFolder;
  std::string testList;
  Tolerance tolerance;
  bool profile = false;
};

class Runner {
public:
  explicit Runner(const Options &options) : options(options) {}

  rt::Status run() {
    HEED_TRY(session.open(options.module));
    HEED_TRY(readOutputPaths());
    HEED_TRY(readInputs());
    HEED_TRY(bindInputs());
    if (options.profile)
      HEED_TRY(fromC(session.call->setFlags(HEED_CALL_PROFILE)));
    HEED_TRY(fromC(session.call->run()));
    reportFallbacks();
    rt::Status status = handleOutputs();
    if (options.profile)
      printProfile();
    return status;
  }

private:
  rt::Status readOutputPaths() {
    for (const std::string &text : options.outputs) {
      std::string name, value;
      HEED_TRY(splitNamed(text, name, value).within("--output"));
      if (value.size() < 2 || value.front() != '@')
        return error(Code::invalidArgument, "--output: '", text, "' is not of the form name=@file.npy");
      bool known = std::any_of(session.outputs.begin(), session.outputs.end(),
                               [&](const heed_tensor_info &info) { return name == info.name; });
      if (!known)
        return error(Code::notFound, "the model has no output '", name, "'; it has ", listNames(session.outputs));
      paths[name] = value.substr(1);
    }
    return {};
  }

  static std::string listNames(const std::vector<heed_tensor_info> &infos) {
    std::string text;
    for (const heed_tensor_info &info : infos)
      text += (text.empty() ? "" : ", ") + std::string(info.name);
    return text;
  }

  rt::Status readInputs() {
    if (!options.testFolder.empty())
      HEED_TRY(test.read(options.testFolder, session));
    for (const std::string &text : options.inputs) {
      std::string name, value;
      HEED_TRY(splitNamed(text, name, value).within("--input"));
      HEED_TRY(parseTensor(value, declaredType(session.inputs, name), test.inputs[name]).within("--input ", name));
    }
    return {};
  }

  rt::Status bindInputs() {
    for (auto &[name, tensor] : test.inputs)
      HEED_TRY(fromC(session.call->bindInput(name.c_str(), viewOf(tensor))));
    return {};
  }

  void reportFallbacks() {
    for (const heed_kernel_info &kernel : session.module->kernels())
      if (kernel.fallback)
        std::fprintf(stderr, "heed-run: note: kernel '%s' (%s) is a fallback; heedc --explain tells why\n", kernel.name,
                     kernel.root);
  }

  rt::Status handleOutputs() {
    for (const heed_tensor_info &info : session.outputs) {
      std::optional<heed_tensor_view> view;
      HEED_TRY(take(session.call->output(info.name), view));
      HostTensor tensor = copyOutput(*view);
      if (auto path = paths.find(info.name); path != paths.end())
        HEED_TRY(rt::writeNpy(path->second, tensor).within("output '", info.name, "'"));
      else if (test.expected.empty())
        printTensor(info.name, tensor);
    }
    return compareOutputs(*session.call, test.expected, options.tolerance,
                          [](const std::string &line) { std::printf("%s\n", line.c_str()); });
  }

  static void printTensor(const char *name, const HostTensor &tensor) {
    constexpr int64_t shown = 16;
    std::printf("%s: %s =", name, rt::printShape(tensor.type, tensor.sizes).c_str());
    for (int64_t i = 0; i < std::min(tensor.elementCount(), shown); ++i)
      std::printf(" %.8g", tensor.number(i));
    std::printf("%s\n", tensor.elementCount() > shown ? " ..." : "");
  }

  void printProfile() {
    double total = 0;
    for (const heed_profile_entry &entry : session.call->profile())
      total += entry.seconds;
    std::printf("%-48s %8s %12s %6s %9s %8s\n", "kernel", "launches", "us", "%", "GFLOP/s", "GB/s");
    for (const heed_profile_entry &entry : session.call->profile())
      if (entry.launches > 0)
        std::printf("%-48s %8lld %12.1f %6.1f %9.2f %8.2f\n", entry.name, static_cast<long long>(entry.launches),
                    1e6 * entry.seconds, 100 * entry.seconds / total, entry.flops / entry.seconds * 1e-9,
                    entry.bytes / entry.seconds * 1e-9);
    int64_t arena = session.call->counter(HEED_COUNTER_ARENA_BYTES).value();
    std::printf("total %.1f us, %d fallback kernels, %lld bytes between kernels\n", 1e6 * total,
                session.module->fallbackCount(), static_cast<long long>(arena));
  }

  const Options &options;
  Session session;
  std::map<std::string, std::string> paths;
  TestFolder test;
};

} // namespace

int main(int argc, char **argv) {
  Options options;
  CLI::App app("Runs a compiled model.", "heed-run");
  CLI::Option *package = options.module.addTo(app)->required(false);
  app.add_option("--input", options.inputs, "name=@x.npy, name=2x3xf32=1,2,.. or name=2x3xf32=0 (repeatable)")
      ->allow_extra_args(false);
  app.add_option("--output", options.outputs, "name=@y.npy; outputs without a file are printed (repeatable)")
      ->allow_extra_args(false);
  app.add_option("--test-dir", options.testFolder, "Folder of input_N.pb and output_N.pb to run and compare");
  app.add_option("--test-list", options.testList,
                 "Instead of a package: file of lines PACKAGE TEST-DIR RTOL ATOL, all run on one device")
      ->excludes(package, app.get_option("--input"), app.get_option("--output"), app.get_option("--test-dir"));
  app.add_option("--rtol", options.tolerance.relative, "Relative tolerance of the comparison")->capture_default_str();
  app.add_option("--atol", options.tolerance.absolute, "Absolute tolerance of the comparison")->capture_default_str();
  app.add_flag("--profile", options.profile, "Print the time of each kernel");
  app.callback([&] {
    if (options.module.package.empty() && options.testList.empty())
      throw CLI::RequiredError("package");
  });
  return runTool(app, argc, argv, [&] {
    return options.testList.empty() ? Runner(options).run() : runTestList(options.testList, options.module);
  });
}
