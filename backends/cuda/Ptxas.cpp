#include "backends/cuda/Ptxas.h"

#include "backends/llvm/LinkElf.h"

#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/Process.h"
#include "llvm/Support/Program.h"

#include <algorithm>
#include <chrono>

using namespace mlir;
using namespace heed;

std::string heed::cuda::findPtxas() {
  if (std::optional<std::string> named = llvm::sys::Process::GetEnv("HEED_PTXAS"))
    return *named;
  if (auto found = llvm::sys::findProgramByName("ptxas"))
    return *found;
  std::string home = llvm::sys::Process::GetEnv("CUDA_HOME").value_or("/usr/local/cuda");
  llvm::SmallString<128> path(home);
  llvm::sys::path::append(path, "bin", "ptxas");
  return llvm::sys::fs::can_execute(path) ? path.str().str() : "";
}

/// Lines that say more than what was compiled.
static std::string warningsOf(StringRef report) {
  std::string warnings;
  SmallVector<StringRef> lines;
  report.split(lines, '\n', /*MaxSplit=*/-1, /*KeepEmpty=*/false);
  for (StringRef line : lines)
    if (line.contains("warning") || line.contains("Potential Performance Loss"))
      warnings += line.str() + "\n";
  return warnings;
}

/// The number before `unit` in a list such as "Used 40 registers, used 1 barriers, 1024 bytes smem"; 0 if there is
/// none.
static int64_t numberOf(StringRef list, StringRef unit) {
  for (StringRef item : llvm::split(list, ',')) {
    if (!item.consume_back(unit))
      continue;
    int64_t number = 0;
    item = item.trim();
    return item.substr(item.rfind(' ') + 1).getAsInteger(10, number) ? 0 : number;
  }
  return 0;
}

/// From what it says of every kernel: its name, then bytes of a lane in memory, then registers and the rest.
static std::map<std::string, simt::CodeFacts> factsOf(StringRef report) {
  std::map<std::string, simt::CodeFacts> facts;
  simt::CodeFacts *kernel = nullptr;
  for (StringRef line : llvm::split(report, '\n')) {
    if (line.contains("Compiling entry function"))
      kernel = &facts[line.split('\'').second.split('\'').first.str()];
    if (!kernel)
      continue;
    if (line.contains("bytes stack frame"))
      kernel->localBytes = numberOf(line, "bytes stack frame");
    if (auto [before, used] = line.split("Used "); !used.empty()) {
      kernel->registers = numberOf(used, "registers");
      kernel->sharedBytes = numberOf(used, "bytes smem");
    }
  }
  return facts;
}

int64_t cuda::Cubin::localBytes() const {
  int64_t most = 0;
  for (const auto &[kernel, fact] : facts)
    most = std::max(most, fact.localBytes);
  return most;
}

FailureOr<cuda::Cubin> heed::cuda::assemblePtx(ModuleOp module, StringRef assembler, StringRef ptx, StringRef chip,
                                               RegisterThrift thrift, std::string &message) {
  TemporaryFolder folder;
  if (folder.error) {
    message = "cannot make a temporary folder: " + folder.error.message();
    return failure();
  }
  std::string input = folder.file("kernels.ptx"), output = folder.file("kernels.cubin"), log = folder.file("log");
  if (failed(writeFile(module, input, ptx)))
    return failure();
  std::string architecture = "-arch=" + chip.str();
  SmallVector<StringRef> arguments = {
      assembler, architecture, "--warn-on-spills", "--warn-on-local-memory-usage", "-v", input, "-o", output};
  if (thrift == RegisterThrift::Greater)
    arguments.push_back("--register-usage-level=8"); // of 10; 5 is usual
  std::optional<StringRef> redirects[] = {StringRef(), StringRef(log), StringRef(log)};
  std::optional<llvm::sys::ProcessStatistics> statistics;
  int status = llvm::sys::ExecuteAndWait(assembler, arguments, std::nullopt, redirects, /*SecondsToWait=*/0,
                                         /*MemoryLimit=*/0, &message, /*ExecutionFailed=*/nullptr, &statistics);
  FailureOr<std::string> report = llvm::sys::fs::exists(log) ? readFile(module, log) : std::string();
  if (status != 0) {
    if (message.empty() && succeeded(report))
      message = StringRef(*report).trim().split('\n').first.str();
    return failure();
  }
  FailureOr<std::string> bytes = readFile(module, output);
  if (failed(bytes) || failed(report))
    return failure();
  double seconds = statistics ? std::chrono::duration<double>(statistics->TotalTime).count() : 0;
  return Cubin{std::move(*bytes), warningsOf(*report), factsOf(*report), seconds};
}
