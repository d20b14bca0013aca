#include "runtime/tools/TestList.h"

#include "runtime/tools/TestFolder.h"

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace heed::tools {

using rt::Code;
using rt::error;

namespace {
struct Line {
  std::string package, folder;
  Tolerance tolerance;
};
} // namespace

static rt::Status readLines(const std::string &path, std::vector<Line> &lines) {
  std::ifstream file(path);
  if (!file)
    return error(Code::notFound, "cannot read '", path, "'");
  size_t number = 0;
  for (std::string text; std::getline(file, text);) {
    ++number;
    if (text.empty() || text.front() == '#')
      continue;
    Line line;
    std::istringstream words(text);
    std::string more;
    if (!(words >> line.package >> line.folder >> line.tolerance.relative >> line.tolerance.absolute) || words >> more)
      return error(Code::invalidArgument, path, ":", number, ": is not of the form PACKAGE FOLDER RTOL ATOL");
    lines.push_back(std::move(line));
  }
  if (lines.empty())
    return error(Code::invalidArgument, "'", path, "' lists nothing to run");
  return {};
}

/// Runs a line; `outputs` says how each output compares.
static rt::Status runLine(const Line &line, const std::filesystem::path &root, ModuleOptions options,
                          const Device &device, std::string &outputs) {
  options.package = root / line.package;
  Session session;
  HEED_TRY(session.open(options, &device));
  TestFolder test;
  HEED_TRY(test.read(root / line.folder, session));
  for (auto &[name, tensor] : test.inputs)
    HEED_TRY(fromC(session.call->bindInput(name.c_str(), viewOf(tensor))));
  HEED_TRY(fromC(session.call->run()));
  return compareOutputs(*session.call, test.expected, line.tolerance,
                        [&](const std::string &text) { outputs += (outputs.empty() ? "" : "; ") + text; });
}

rt::Status runTestList(const std::string &path, const ModuleOptions &options) {
  std::vector<Line> lines;
  HEED_TRY(readLines(path, lines));
  std::optional<Device> device;
  heed_device_options limits = options.deviceOptions();
  HEED_TRY(take(Device::open(options.device.c_str(), &limits), device));
  size_t failed = 0;
  for (const Line &line : lines) {
    std::string outputs;
    rt::Status status = runLine(line, std::filesystem::path(path).parent_path(), options, *device, outputs);
    failed += !status.ok();
    std::printf("%s %s: %s\n", status.ok() ? "ok" : "FAIL", line.package.c_str(),
                status.ok() ? outputs.c_str() : std::string(status.message()).c_str());
    // A crash in the next line must not take this one along.
    std::fflush(stdout);
  }
  std::printf("%zu passed, %zu failed\n", lines.size() - failed, failed);
  return failed ? error(Code::invalidArgument, failed, " of ", lines.size(), " lines of '", path, "' failed")
                : rt::Status();
}

} // namespace heed::tools
