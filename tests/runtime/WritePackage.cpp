// Writes the hand-made packages to files: for tests of the command line tools and as the first inputs of the fuzzers.
//
//   heed-test-packages DIR
#include "tests/runtime/TestPackage.h"

#include <cstdio>
#include <string>

int main(int argc, char **argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: heed-test-packages DIR\n");
    return 2;
  }
  const std::pair<const char *, heed::test::PackageMaker> packages[] = {
      {"add", heed::test::addConstantTwice()}, {"twice", heed::test::twice()}, {"sum", heed::test::runningSum()}};
  for (const auto &[name, maker] : packages) {
    heed::rt::Status status = heed::rt::writePackageFile(maker.package, std::string(argv[1]) + "/" + name + ".heed");
    if (!status.ok()) {
      std::fprintf(stderr, "heed-test-packages: error: %s\n", std::string(status.message()).c_str());
      return 1;
    }
  }
  return 0;
}
