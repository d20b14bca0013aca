/// Compiling and running on a Vulkan device in one process. Mesa's drivers bring an LLVM of their own, of another
/// version than the compiler's.
#include "CompilerTest.h"

#include "runtime/heed.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <numeric>

using namespace heed::test;

namespace {

/// Compiles and runs the model; expects the doubled numbers.
void compileAndRun(const char *target, heed::Device &device) {
  heed_compile_options options = {};
  options.struct_bytes = sizeof(options);
  options.targets = target;
  options.cache_directory = "";
  heed_compile_code code;
  Compilation compiled = compileText(doubling, &options, code);
  ASSERT_EQ(code, HEED_COMPILE_OK) << heed_compilation_diagnostics(compiled.get());
  auto *data = static_cast<const std::byte *>(heed_compilation_data(compiled.get()));
  auto module = heed::Module::loadMemory({data, heed_compilation_bytes(compiled.get())}, &device);
  ASSERT_TRUE(module) << module.message();
  heed::Call call = module->createCall().value();
  std::vector<float> x(37 * 8), y(x.size()), expected(x.size());
  std::iota(x.begin(), x.end(), 1.0f);
  for (size_t i = 0; i < x.size(); ++i)
    expected[i] = 2 * x[i];
  ASSERT_TRUE(call.bindInput("x", heed::view(x.data(), {37, 8})));
  ASSERT_TRUE(call.bindOutput("y", heed::view(y.data(), {37, 8})));
  auto status = call.run();
  ASSERT_TRUE(status) << status.message();
  EXPECT_EQ(y, expected);
}

TEST(Vulkan, compilesAndRunsInOneProcess) {
  setenv("HEED_VULKAN_VALIDATION", "1", 1);
  auto opened = heed::Device::open("vulkan");
  ASSERT_TRUE(opened) << opened.message();
  heed::Device vulkan = std::move(opened).value(), cpu = heed::Device::open("cpu").value();
  for (int round = 0; round < 2; ++round) {
    compileAndRun("vulkan", vulkan);
    compileAndRun("cpu,vulkan", cpu);
  }
}

} // namespace
