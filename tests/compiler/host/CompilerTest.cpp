#include "CompilerTest.h"

#include "runtime/heed.hpp"

#include <gtest/gtest.h>
#include <thread>
#include <vector>

using namespace heed::test;

TEST(Compiler, packageLoadsInTheRuntime) {
  heed_compile_code code;
  Compilation compiled = compileText(doubling, nullptr, code);
  ASSERT_EQ(code, HEED_COMPILE_OK) << heed_compilation_diagnostics(compiled.get());
  auto data = static_cast<const std::byte *>(heed_compilation_data(compiled.get()));
  EXPECT_EQ(reinterpret_cast<uintptr_t>(data) % 64, 0u);
  EXPECT_STREQ(heed_compilation_diagnostics(compiled.get()), "");
  EXPECT_STREQ(heed_compilation_explanation(compiled.get()), "");
  EXPECT_EQ(heed_compilation_from_cache(compiled.get()), 0);

  auto module = heed::Module::loadMemory({data, heed_compilation_bytes(compiled.get())});
  ASSERT_TRUE(module) << module.message();
  EXPECT_EQ(module->name(), "model");
  heed::Call call = module->createCall().value();
  std::vector<float> x(5 * 8);
  for (size_t i = 0; i < x.size(); ++i)
    x[i] = float(i) - 7;
  ASSERT_TRUE(call.bindInput("x", heed::view(x.data(), {5, 8})));
  ASSERT_TRUE(call.run());
  auto y = static_cast<const float *>(call.output("y").value().data);
  for (size_t i = 0; i < x.size(); ++i)
    EXPECT_EQ(y[i], 2 * x[i]) << i;
}

/// One row of each head appended to a cache that lies row by row, then attention over it with one key head each.
constexpr std::string_view decoding = R"mlir(
#cache = affine_map<()[s0, s1, s2, s3] -> (1, 2, s0, 4)>
#strides = affine_map<()[s0, s1, s2, s3] -> (s1, s2, s3, 1)>
func.func @main(%keys: tensor<1x2x?x4xf32> {plan.name = "keys", plan.shape = #cache, plan.strides = #strides},
                %row: tensor<1x2x1x4xf32> {plan.name = "row"}, %at: tensor<1xi32> {plan.name = "at"})
    -> (tensor<1x2x1x4xf32> {plan.name = "out"}, tensor<1x2x?x4xf32> {plan.name = "after", plan.alias = 0 : i64})
    attributes {plan.symbols = ["capacity", "stride(keys,0)", "stride(keys,1)", "stride(keys,2)"]
} {
  %after = attn.append %row : tensor<1x2x1x4xf32> into %keys : tensor<1x2x?x4xf32> at %at : tensor<1xi32>
  %out = attn.attend query(%row : tensor<1x2x1x4xf32>) key(%after : tensor<1x2x?x4xf32>)
      value(%after : tensor<1x2x?x4xf32>) scale 0.0 -> tensor<1x2x1x4xf32>
  return %out, %after : tensor<1x2x1x4xf32>, tensor<1x2x?x4xf32>
}
)mlir";

TEST(Compiler, appendsToCachesWhereTheyLie) {
  heed_compile_code code;
  Compilation compiled = compileText(decoding, nullptr, code);
  ASSERT_EQ(code, HEED_COMPILE_OK) << heed_compilation_diagnostics(compiled.get());
  auto data = static_cast<const std::byte *>(heed_compilation_data(compiled.get()));
  auto module = heed::Module::loadMemory({data, heed_compilation_bytes(compiled.get())});
  ASSERT_TRUE(module) << module.message();
  heed::Call call = module->createCall().value();
  constexpr int64_t capacity = 3, rowElements = 10; // of both heads, and two that belong to nobody
  std::vector<float> cache(capacity * rowElements, 1.0f), row(8, 4.0f), expected = cache;
  int32_t at = 2;
  ASSERT_TRUE(call.bindInput(
      "keys", heed::view(cache.data(), {1, 2, capacity, 4}, {capacity * rowElements, 4, rowElements, 1})));
  ASSERT_TRUE(call.bindInput("row", heed::view(row.data(), {1, 2, 1, 4})));
  ASSERT_TRUE(call.bindInput("at", heed::view(&at, {1})));
  ASSERT_TRUE(call.run());
  std::fill_n(expected.begin() + 2 * rowElements, 8, 4.0f);
  EXPECT_EQ(cache, expected);
  auto out = static_cast<const float *>(call.output("out").value().data);
  for (int element = 0; element < 8; ++element)
    EXPECT_FLOAT_EQ(out[element], 2.0f) << element; // the mean of 1, 1 and 4
}

TEST(Compiler, explainsOnRequest) {
  heed_compile_options options = {};
  options.struct_bytes = sizeof(options);
  options.explain = 1;
  heed_compile_code code;
  Compilation compiled = compileText(doubling, &options, code);
  ASSERT_EQ(code, HEED_COMPILE_OK);
  std::string explanation = heed_compilation_explanation(compiled.get());
  EXPECT_NE(explanation.find("root map"), std::string::npos) << explanation;
}

TEST(Compiler, saysWhatIsWrongWithAModel) {
  heed_compile_code code;
  Compilation compiled = compileText("func.func @main(", nullptr, code);
  EXPECT_EQ(code, HEED_COMPILE_FAILED);
  ASSERT_TRUE(compiled);
  EXPECT_EQ(std::string(heed_compilation_diagnostics(compiled.get())).rfind("model.mlir:1:", 0), 0u)
      << heed_compilation_diagnostics(compiled.get());
  EXPECT_EQ(heed_compilation_data(compiled.get()), nullptr);
  EXPECT_EQ(heed_compilation_bytes(compiled.get()), 0u);
}

TEST(Compiler, refusesWrongArguments) {
  heed_compilation *compilation = nullptr;
  EXPECT_EQ(heed_compile_file(nullptr, nullptr, &compilation), HEED_COMPILE_INVALID_ARGUMENT);
  EXPECT_EQ(heed_compile_file("model.onnx", nullptr, nullptr), HEED_COMPILE_INVALID_ARGUMENT);
  EXPECT_EQ(heed_compile_memory(nullptr, 3, nullptr, nullptr, &compilation), HEED_COMPILE_INVALID_ARGUMENT);
  EXPECT_EQ(heed_compile_file("/nowhere/model.onnx", nullptr, &compilation), HEED_COMPILE_FAILED);
  Compilation missing(compilation);
  EXPECT_NE(std::string(heed_compilation_diagnostics(missing.get())).find("/nowhere/model.onnx"), std::string::npos);
  heed_compilation_release(nullptr);
  EXPECT_STREQ(heed_compilation_diagnostics(nullptr), "");

  heed_compile_code code;
  heed_compile_options options = {};
  options.struct_bytes = sizeof(options);
  options.dim_count = 1;
  EXPECT_TRUE(compileText(doubling, &options, code));
  EXPECT_EQ(code, HEED_COMPILE_INVALID_ARGUMENT);
  heed_dim dims[] = {{"rows", -1}};
  options.dims = dims;
  EXPECT_TRUE(compileText(doubling, &options, code));
  EXPECT_EQ(code, HEED_COMPILE_INVALID_ARGUMENT);
  options.dim_count = 0;
  options.targets = "abacus";
  Compilation unknown = compileText(doubling, &options, code);
  EXPECT_EQ(code, HEED_COMPILE_FAILED);
  EXPECT_NE(std::string(heed_compilation_diagnostics(unknown.get())).find("cpu"), std::string::npos);
}

TEST(Compiler, readsOptionsOfAnOlderHeader) {
  heed_compile_options options = {};
  options.struct_bytes = offsetof(heed_compile_options, dims);
  options.targets = "cpu";
  options.dim_count = 1000; // beyond what this caller knows about
  heed_compile_code code;
  compileText(doubling, &options, code);
  EXPECT_EQ(code, HEED_COMPILE_OK);
}

TEST(Compiler, fixesDimensions) {
  heed_dim dims[] = {{"rows", 3}};
  heed_compile_options options = {};
  options.struct_bytes = sizeof(options);
  options.dims = dims;
  options.dim_count = 1;
  heed_compile_code code;
  Compilation compiled = compileText(doubling, &options, code);
  ASSERT_EQ(code, HEED_COMPILE_OK) << heed_compilation_diagnostics(compiled.get());
  auto data = static_cast<const std::byte *>(heed_compilation_data(compiled.get()));
  auto module = heed::Module::loadMemory({data, heed_compilation_bytes(compiled.get())});
  ASSERT_TRUE(module) << module.message();
  EXPECT_EQ(module->inputs()[0].sizes[0], 3);
}

TEST(Compiler, compilesOnSeveralThreadsToTheSameBytes) {
  std::vector<std::string> results(4);
  std::vector<std::thread> threads;
  for (std::string &result : results)
    threads.emplace_back([&result] {
      heed_compile_code code;
      result = bytesOf(compileText(doubling, nullptr, code));
    });
  for (std::thread &thread : threads)
    thread.join();
  EXPECT_FALSE(results[0].empty());
  for (const std::string &result : results)
    EXPECT_EQ(result, results[0]);
}
