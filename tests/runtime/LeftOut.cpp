#include "tests/runtime/LeftOut.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <vector>

namespace heed::test {
namespace {

std::vector<std::string> &lines() {
  static std::vector<std::string> lines;
  return lines;
}

class Report : public testing::EmptyTestEventListener {
  void OnTestProgramStart(const testing::UnitTest &) override { // even if no test is registered
    for (const std::string &line : lines())
      std::printf("left out: %s\n", line.c_str());
  }
};

const bool reports = [] {
  testing::UnitTest::GetInstance()->listeners().Append(new Report);
  return true;
}();

} // namespace

void leaveOut(const std::string &what, const std::string &why) {
  std::string line = what + ": " + why;
  if (std::find(lines().begin(), lines().end(), line) == lines().end()) // a suite asks once for each of its tests
    lines().push_back(std::move(line));
}

} // namespace heed::test
