/// heedc: compiles an ONNX or MLIR model to a package.
#include "compiler/Target.h"
#include "compiler/host/Compile.h"
#include "runtime/AtomicFile.h"
#include "runtime/PackageWriter.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/raw_ostream.h"

#include <CLI/CLI.hpp>
#include <unistd.h>

namespace {

enum ExitCode { exitOk = 0, exitFailure = 1, exitUsage = 2 };

struct CommandLine {
  std::string input;
  std::string output;
  std::vector<std::string> dims;
  heed::CompileOptions options;
};

/// The levels of all targets, each once.
std::string levelNames() {
  std::vector<std::string> names;
  std::string error;
  for (const heed::TargetKind &kind : heed::targetKinds())
    for (const std::string &level : heed::printableLevels(*heed::createBackends(kind.name, error).front()))
      if (!llvm::is_contained(names, level))
        names.push_back(level);
  return llvm::join(names, ", ");
}

void declare(CLI::App &app, CommandLine &line) {
  heed::CompileOptions &options = line.options;
  app.set_help_flag("-h,--help", "Show this help");
  app.set_version_flag("--version", heed::compilerVersion().str(), "Show the version");
  app.add_option("input", line.input, "The model: .onnx, or .mlir")->required()->type_name("MODEL");
  app.add_option("-o,--output", line.output, "The package to write, or the text of --emit")->type_name("FILE");
  app.add_option("--target", options.targets, "Targets, separated by commas; this build knows: " + heed::targetNames())
      ->delimiter(',')
      ->allow_extra_args(false)
      ->type_name("LIST")
      ->capture_default_str();
  app.add_option("--dim", line.dims, "Fix a symbolic dimension, as in --dim sequence=128; repeatable")
      ->type_name("NAME=VALUE")
      ->allow_extra_args(false);
  app.add_flag("--explain", options.explain, "List every kernel: what was fused, schedule, work, and why not more");
  app.add_flag("--require-fused", options.requireFused, "Fail when an attention would be materialised");
  app.add_option("--emit", options.emit, "Print a level instead of a package: " + levelNames())->type_name("LEVEL");
  app.add_option("--dump-ir", options.dumpDirectory, "Write the module after every pass into this folder")
      ->type_name("DIR");
  app.add_option("--threads", options.threads, "Threads that generate code; default: one a processor")->type_name("N");
  app.add_flag("--verify-each", options.verifyEach, "Check the IR after every pass");
}

int fail(ExitCode code, const llvm::Twine &message) {
  llvm::errs() << "heedc: error: " << message << '\n';
  return code;
}

/// Checks what CLI11 cannot; an empty result means all is well.
std::string finish(CommandLine &line) {
  for (const std::string &text : line.dims) {
    auto [name, value] = llvm::StringRef(text).split('=');
    int64_t size;
    if (name.empty() || value.getAsInteger(10, size) || size < 0)
      return "--dim needs NAME=VALUE with a value of at least 0, got '" + text + "'";
    line.options.dims.push_back({name.str(), size});
  }
  for (const std::string &target : line.options.targets) {
    std::string error;
    std::vector<std::unique_ptr<heed::Backend>> backends = heed::createBackends(target, error);
    for (const std::unique_ptr<heed::Backend> &backend : backends)
      if (error.empty() && !line.options.emit.empty())
        error = heed::checkLevel(line.options.emit, *backend);
    if (!error.empty())
      return error;
  }
  if (line.output.empty() && line.options.emit.empty() && !line.options.explain)
    return "nothing to do: give -o FILE for a package, --emit=LEVEL for text, or --explain";
  return {};
}

/// One line that is overwritten, and gone at the end. On a terminal only, so that logs stay clean.
class Progress {
public:
  Progress() : enabled(isatty(STDERR_FILENO)) {}
  ~Progress() { clear(); }
  void show(llvm::StringRef what) {
    if (enabled)
      llvm::errs() << "\r\x1b[Kheedc: " << what;
  }
  void clear() {
    if (enabled)
      llvm::errs() << "\r\x1b[K";
  }

private:
  bool enabled;
};

heed::rt::Status writeText(const std::string &path, const std::string &text) {
  heed::rt::AtomicFile file;
  HEED_TRY(file.open(path));
  HEED_TRY(file.write(std::as_bytes(std::span(text))));
  return file.commit();
}

int run(CommandLine &line) {
  Progress progress;
  line.options.progress = [&](llvm::StringRef what) { progress.show(what); };
  std::string diagnostics;
  auto model = heed::compile({line.input, std::nullopt}, line.options, diagnostics);
  progress.clear();
  llvm::errs() << diagnostics;
  if (!model)
    return exitFailure;
  llvm::outs() << model->explanation;
  bool isText = !line.options.emit.empty();
  if (isText && line.output.empty())
    llvm::outs() << model->text;
  if (line.output.empty())
    return exitOk;
  auto status =
      isText ? writeText(line.output, model->text) : heed::rt::writePackageFile(model->package(), line.output);
  return status.ok() ? exitOk : fail(exitFailure, llvm::StringRef(status.message()));
}

} // namespace

int main(int argc, char **argv) {
  CLI::App app("Compiles a model into a package of fused kernels.", "heedc");
  CommandLine line;
  declare(app, line);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError &error) {
    if (error.get_exit_code() == static_cast<int>(CLI::ExitCodes::Success))
      return app.exit(error);
    return fail(exitUsage, llvm::Twine(error.what()) + "; see heedc --help");
  }
  if (std::string wrong = finish(line); !wrong.empty())
    return fail(exitUsage, wrong);
  return run(line);
}
