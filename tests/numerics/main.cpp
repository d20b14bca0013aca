//===- main.cpp - heed-numerics -------------------------------------------===//

#include "tests/numerics/Case.h"
#include "tests/numerics/KernelText.h"
#include "tests/numerics/Runner.h"

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string_view>

using namespace heed::numerics;

static const char usage[] = R"(usage: heed-numerics COMMAND

  list [OPTION...]          print the cases: --filter, --rounds, --max-work, --sample
  emit DIR                  write DIR/<kernel>.mlir for every kernel
  run DIR [OPTION...]       run every case with the packages DIR/<kernel>.heed
    --device=NAME           where (cpu)
    --isa=NAME              highest CPU instruction set to use, e.g. x86-64-v2 (all there is)
    --filter=TEXT           only cases with TEXT in their name
    --rounds=N              cases of every kind for each kernel (1)
    --max-work=N            only cases of at most N multiply-adds
    --sample=N              about N cases of few kernels, for slow devices
    --repeats=N             runs of every case, which must give the same bits (2)
    --jobs=N                cases at a time (one per processor)
    --no-blocks             do not compare the count of visited key blocks
    --verbose               print the errors of every case
)";

static int reject(std::string_view what) {
  std::fprintf(stderr, "heed-numerics: do not understand '%.*s'\n%s", static_cast<int>(what.size()), what.data(),
               usage);
  return 2;
}

static int listAll(const RunOptions &options) {
  std::vector<Case> cases = chooseCases(options, listMechanisms());
  for (const Case &test : cases)
    std::printf("%s\n", test.name.c_str());
  std::printf("%zu cases\n", cases.size());
  return 0;
}

static int emitAll(const std::filesystem::path &folder) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  for (const Mechanism &mechanism : listMechanisms()) {
    std::filesystem::path path = folder / (mechanism.name + ".mlir");
    std::ofstream file(path);
    file << writeKernelText(mechanism);
    if (!file.flush()) {
      std::fprintf(stderr, "heed-numerics: cannot write %s\n", path.c_str());
      return 1;
    }
  }
  return 0;
}

/// Whether the argument is `name` followed by a value, which is set.
static bool takeOption(std::string_view argument, std::string_view name, std::string &value) {
  if (!argument.starts_with(name))
    return false;
  value = argument.substr(name.size());
  return true;
}

/// Whether the argument is `name` followed by a positive number, which is set.
template <typename Number> static bool takeNumber(std::string_view argument, std::string_view name, Number &value) {
  std::string text;
  long long number = takeOption(argument, name, text) ? std::atoll(text.c_str()) : 0;
  if (number <= 0)
    return false;
  value = static_cast<Number>(number);
  return true;
}

int main(int argc, char **argv) {
  std::string_view command = argc > 1 ? argv[1] : "";
  bool isRun = command == "run", isEmit = command == "emit";
  if (command == "-h" || command == "--help") {
    std::fputs(usage, stdout);
    return 0;
  }
  if (!isRun && !isEmit && command != "list")
    return reject(command);
  int firstOption = isRun || isEmit ? 3 : 2;
  if (argc < firstOption)
    return reject("");
  RunOptions options;
  options.folder = firstOption == 3 ? argv[2] : "";
  for (int i = firstOption; i < argc; ++i) {
    std::string_view argument = argv[i];
    if (!isEmit &&
        (takeOption(argument, "--filter=", options.filter) || takeNumber(argument, "--rounds=", options.rounds) ||
         takeNumber(argument, "--max-work=", options.maximumWork) || takeNumber(argument, "--sample=", options.sample)))
      continue;
    if (isRun && (takeOption(argument, "--device=", options.device) || takeOption(argument, "--isa=", options.isa) ||
                  takeNumber(argument, "--jobs=", options.jobs) || takeNumber(argument, "--repeats=", options.repeats)))
      continue;
    if (isRun && argument == "--no-blocks")
      options.countBlocks = false;
    else if (isRun && argument == "--verbose")
      options.verbose = true;
    else
      return reject(argument);
  }
  return isRun ? runCases(options) : isEmit ? emitAll(options.folder) : listAll(options);
}
