// What tests that go through the C ABI share.
#ifndef HEED_TESTS_RUNTIME_RUNTIMETEST_H
#define HEED_TESTS_RUNTIME_RUNTIMETEST_H

#include "runtime/heed.hpp"
#include "tests/runtime/TestPackage.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#define EXPECT_OK(expression)                                                                                          \
  do {                                                                                                                 \
    auto outcome_ = (expression);                                                                                      \
    EXPECT_TRUE(outcome_.ok()) << outcome_.message();                                                                  \
  } while (false)

namespace heed::test {

/// The message of something that must fail.
template <typename Outcome> std::string failure(Outcome outcome) {
  EXPECT_FALSE(outcome.ok());
  return std::string(outcome.message());
}

/// Keeps the package's bytes beside the module that uses them in place.
struct Loaded {
  std::vector<std::byte> bytes;
  Module module;
};

inline Loaded load(const PackageMaker &maker, const Device *device = nullptr) {
  std::vector<std::byte> bytes = maker.write();
  auto module = Module::loadMemory(bytes, device);
  if (!module)
    ADD_FAILURE() << module.message();
  return {std::move(bytes), std::move(module).value()};
}

inline std::string loadFailure(const std::vector<std::byte> &bytes, const Device *device = nullptr) {
  return failure(Module::loadMemory(bytes, device));
}

} // namespace heed::test

#endif // HEED_TESTS_RUNTIME_RUNTIMETEST_H
