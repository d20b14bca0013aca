// What the tools share: exit codes, devices, and tensors named on the command line.
#ifndef HEED_RUNTIME_TOOLS_TOOLSUPPORT_H
#define HEED_RUNTIME_TOOLS_TOOLSUPPORT_H

#include "runtime/heed.hpp"
#include "runtime/tools/HostTensor.h"

#include <CLI/CLI.hpp>

#include <functional>
#include <map>
#include <string>
#include <vector>

namespace heed::tools {

enum ExitCode { exitOk = 0, exitFailure = 1, exitUsage = 2 };

/// Parses the command line and runs the body, whose failure becomes one line on stderr: "<tool>: error: <message>".
int runTool(CLI::App &app, int argc, char **argv, const std::function<rt::Status()> &body);

/// A status of the C functions as one of the inside.
rt::Status fromC(const heed::Status &status);
template <typename Value> rt::Status take(Result<Value> result, std::optional<Value> &value) {
  if (!result)
    return rt::Status(static_cast<rt::Code>(result.code()), std::string(result.message()));
  value.emplace(std::move(result).value());
  return {};
}

/// --device, --list-devices, --threads, --isa, --verify and the package.
struct ModuleOptions {
  std::string package;
  std::string device = "auto";
  uint32_t threads = 0;
  std::string isa;
  bool verify = false;

  /// Returns the option of the package.
  CLI::Option *addTo(CLI::App &app);
  /// Points into this object.
  heed_device_options deviceOptions() const;
};

/// A package loaded for a device, ready to run.
struct Session {
  std::optional<Module> module;
  std::optional<Call> call;
  std::vector<heed_tensor_info> inputs, outputs;

  /// Without a device the one is opened that the options name.
  rt::Status open(const ModuleOptions &options, const Device *device = nullptr);
  heed_device *device() const { return heed_module_device(module->raw()); }
};

/// The table of --list-devices.
std::string describeDevices(const std::vector<heed_device_entry> &entries);

/// "name=value", split at the first '='.
rt::Status splitNamed(const std::string &text, std::string &name, std::string &value);

/// An element type as far as a file says it: 16-bit integers of an npy file are taken for bf16 where `wanted` is bf16.
rt::Status readTensorFile(const std::string &path, rt::ElementType wanted, rt::HostTensor &tensor);

/// Reads "@file.npy", "2x3xf32=1,2,3,4,5,6" or "2x3xf32=0" (one value for all elements).
rt::Status parseTensor(const std::string &text, rt::ElementType wanted, rt::HostTensor &tensor);

/// The input's declared type; `wanted` stays f32 for a name the model does not have, binding it then says so.
rt::ElementType declaredType(const std::vector<heed_tensor_info> &infos, const std::string &name);

TensorView viewOf(rt::HostTensor &tensor);
/// A dense copy of an output.
rt::HostTensor copyOutput(const heed_tensor_view &view);

} // namespace heed::tools

#endif // HEED_RUNTIME_TOOLS_TOOLSUPPORT_H
