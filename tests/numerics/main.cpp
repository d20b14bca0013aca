//===- main.cpp - heed-numerics -------------------------------------------===//

#include "tests/numerics/Case.h"
#include "tests/numerics/KernelText.h"

#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>

using namespace heed::numerics;

static const char usage[] = R"(usage: heed-numerics COMMAND

  list              print the cases
  emit DIR          write DIR/<kernel>.mlir for every kernel
)";

static int listAll() {
  std::vector<Mechanism> mechanisms = listMechanisms();
  std::vector<Case> cases = listCases(mechanisms);
  for (const Case &test : cases)
    std::printf("%s\n", test.name.c_str());
  std::printf("%zu kernels, %zu cases\n", mechanisms.size(), cases.size());
  return 0;
}

static int emitAll(const std::filesystem::path &folder) {
  std::filesystem::create_directories(folder);
  for (const Mechanism &mechanism : listMechanisms()) {
    std::ofstream file(folder / (mechanism.name + ".mlir"));
    file << writeKernelText(mechanism);
    if (!file.flush()) {
      std::fprintf(stderr, "heed-numerics: cannot write %s\n", (folder / mechanism.name).c_str());
      return 1;
    }
  }
  return 0;
}

int main(int argc, char **argv) {
  if (argc == 2 && !std::strcmp(argv[1], "list"))
    return listAll();
  if (argc == 3 && !std::strcmp(argv[1], "emit"))
    return emitAll(argv[2]);
  std::fputs(usage, stderr);
  return 2;
}
