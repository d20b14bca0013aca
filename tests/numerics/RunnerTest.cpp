//===- RunnerTest.cpp - Tests of heed-numerics itself ---------------------===//
//
// Packages made by hand around a simple kernel go through the whole program: a right kernel must pass, and each kind of
// wrong one must be reported for what it is.
//
//===----------------------------------------------------------------------===//

#include "runtime/PackageWriter.h"
#include "tests/numerics/Mechanism.h"
#include "tests/numerics/TestKernel.h"

#include <bit>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

using namespace heed::numerics;
using namespace heed::rt;

static int passed = 0, failed = 0;

static void check(bool condition, const std::string &what, const std::string &output) {
  condition ? ++passed : ++failed;
  if (!condition)
    std::printf("FAIL %s; the output ends with:\n%s\n", what.c_str(),
                output.substr(output.size() - std::min<size_t>(output.size(), 1500)).c_str());
}

static std::vector<std::byte> readFile(const std::filesystem::path &path) {
  std::ifstream file(path, std::ios::binary);
  std::vector<char> text{std::istreambuf_iterator<char>(file), {}};
  auto bytes = std::as_bytes(std::span(text));
  return {bytes.begin(), bytes.end()};
}

/// A package that runs the kernel of TestKernel.cpp for a mechanism without masks other than causal.
static void writeTestPackage(const Mechanism &m, TestMistake mistake, const std::filesystem::path &folder) {
  std::vector<std::byte> object = readFile(HEED_NUMERICS_TEST_KERNEL);
  Package package;
  package.model = m.name;
  package.producer = "numerics test";
  package.code.push_back({"x86-64", CodeFormat::cpuElf, object});
  Plan &plan = package.plans.emplace_back();
  plan.target = "cpu";
  plan.symbols = {"batch", "rows", "keys"};
  ExprPool &e = plan.expressions;
  ExprId batch = e.symbol(0), rows = e.symbol(1), keys = e.symbol(2);
  ExprId queryHeads = e.constant(m.queryHeads), keyHeads = e.constant(m.keyHeads);
  ExprId keyWidth = e.constant(m.keyWidth), valueWidth = e.constant(m.valueWidth);
  plan.inputs = {{"query", ElementType::f32, {batch, queryHeads, rows, keyWidth}, true, noIndex},
                 {"key", ElementType::f32, {batch, keyHeads, keys, keyWidth}, true, noIndex},
                 {"value", ElementType::f32, {batch, keyHeads, keys, valueWidth}, true, noIndex}};
  plan.outputs = {{"out", ElementType::f32, {batch, queryHeads, rows, valueWidth}, false, noIndex, {}}};
  plan.buffers = {Buffer::input(0), Buffer::input(1), Buffer::input(2), Buffer::output(0)};

  Kernel &kernel = plan.kernels.emplace_back();
  kernel.name = "attend";
  kernel.explain.root = "attn.attend";
  kernel.explain.schedule = "rows block_m=1 block_n=" + std::to_string(testBlockN);
  kernel.operands = {Access::read, Access::read, Access::read, Access::write};
  kernel.paramCount = TestParameterCount;
  Variant &variant = kernel.variants.emplace_back();
  variant.symbol = "attendRows";
  variant.grid[0] = e.mul(e.mul(batch, queryHeads), rows);
  variant.workerScratchBytes = 1 << 16;

  LaunchStep step;
  step.operands = {{0}, {1}, {2}, {3}};
  step.params = {queryHeads,
                 keyHeads,
                 rows,
                 keys,
                 keyWidth,
                 valueWidth,
                 e.constant(m.causal),
                 e.constant(std::bit_cast<int64_t>(static_cast<double>(m.scale))),
                 e.constant(mistake)};
  for (uint32_t input = 0; input < 3; ++input)
    for (uint32_t dim = 0; dim < 4; ++dim)
      step.params.push_back(e.inputStride(input, dim));
  plan.steps.emplace_back(step);

  std::vector<std::byte> bytes;
  if (Status status = writePackage(package, bytes); !status.ok()) {
    std::printf("cannot write the test's package: %s\n", std::string(status.message()).c_str());
    std::exit(1);
  }
  std::ofstream(folder / (m.name + ".heed"), std::ios::binary)
      .write(reinterpret_cast<const char *>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
}

/// Runs heed-numerics; returns its output and sets its exit status, -1 if a signal ended it.
static std::string runProgram(const std::string &arguments, int &status) {
  std::string output;
  FILE *pipe = popen(("'" HEED_NUMERICS_PROGRAM "' " + arguments + " 2>&1").c_str(), "r");
  char text[4096];
  for (size_t got; pipe && (got = std::fread(text, 1, sizeof text, pipe)) > 0;)
    output.append(text, got);
  int waited = pipe ? pclose(pipe) : -1;
  // popen's shell turns a signal into 128 and more.
  status = waited < 0 || (waited & 0x7f) || waited >> 8 > 127 ? -1 : waited >> 8;
  return output;
}

static bool contains(const std::string &text, const std::string &part) { return text.find(part) != std::string::npos; }

static void testMechanism(const Mechanism &m, const std::filesystem::path &folder) {
  int status;
  std::string arguments = "run '" + folder.string() + "' --filter='" + m.name + "/'";
  std::string output = runProgram(arguments, status);
  check(status == 1 && contains(output, "cannot read"), m.name + ": a missing package is reported", output);

  writeTestPackage(m, NoMistake, folder);
  output = runProgram(arguments, status);
  check(status == 0 && contains(output, " passed, 0 failed\n"), m.name + ": a right kernel passes", output);

  writeTestPackage(m, CountOffByOne, folder);
  output = runProgram(arguments, status);
  check(status == 1 && contains(output, "key blocks, expected") && contains(output, "\n0 passed"),
        m.name + ": a wrong count of blocks is reported", output);
  output = runProgram(arguments + " --no-blocks", status);
  check(status == 0, m.name + ": --no-blocks does not compare counts", output);

  writeTestPackage(m, Crash, folder);
  output = runProgram(arguments, status);
  check(status == -1 && contains(output, "CRASH") && contains(output, m.name + "/"),
        m.name + ": a crash names its cases", output);

  if (!m.causal)
    return;
  writeTestPackage(m, CausalOffByOne, folder);
  output = runProgram(arguments, status);
  check(status == 1 && contains(output, "rms error"), m.name + ": a wrong result is reported", output);
}

int main() {
  std::string pattern = (std::filesystem::temp_directory_path() / "heed-numerics-XX"
                                                                  "XXXX")
                            .string();
  if (!mkdtemp(pattern.data())) {
    std::perror("heed-numerics-runner-test: cannot make a folder");
    return 1;
  }
  for (const Mechanism &m : listMechanisms())
    if (m.name == "f32-d64-h4" || (m.name.starts_with("f32-causal-d") && m.groupSize() > 1 && m.keyWidth < 64))
      testMechanism(m, pattern);
  std::filesystem::remove_all(pattern);
  std::printf("%d passed, %d failed\n", passed, failed);
  return failed != 0 || passed < 11;
}
