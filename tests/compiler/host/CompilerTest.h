/// What the tests of libheedc share: a small model and an owner of compilations.
#pragma once

#include "compiler/Heedc.h"

#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <string_view>

namespace heed::test {

/// y = x + x for any number of rows of 8.
inline constexpr std::string_view doubling = R"(
#rows = affine_map<()[s0] -> (s0, 8)>
#identity = affine_map<(d0, d1) -> (d0, d1)>
func.func @main(%x: tensor<?x8xf32> {plan.name = "x", plan.shape = #rows}) -> (tensor<?x8xf32> {plan.name = "y"})
    attributes {plan.symbols = ["rows"]} {
  %rows = plan.symbol "rows"
  %empty = tensor.empty(%rows) : tensor<?x8xf32>
  %y = linalg.generic {indexing_maps = [#identity, #identity], iterator_types = ["parallel", "parallel"]}
      ins(%x : tensor<?x8xf32>) outs(%empty : tensor<?x8xf32>) {
    ^bb0(%in: f32, %out: f32):
      %sum = arith.addf %in, %in : f32
      linalg.yield %sum : f32
  } -> tensor<?x8xf32>
  return %y : tensor<?x8xf32>
}
)";

struct Release {
  void operator()(heed_compilation *compilation) const { heed_compilation_release(compilation); }
};
using Compilation = std::unique_ptr<heed_compilation, Release>;

inline Compilation compileText(std::string_view text, const heed_compile_options *options, heed_compile_code &code) {
  heed_compilation *compilation = nullptr;
  code = heed_compile_memory(text.data(), text.size(), "model.mlir", options, &compilation);
  return Compilation(compilation);
}

inline std::string bytesOf(const Compilation &compilation) {
  return {static_cast<const char *>(heed_compilation_data(compilation.get())),
          heed_compilation_bytes(compilation.get())};
}

inline void writeFile(const std::filesystem::path &path, std::string_view bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
}

/// A folder of its own for each test, gone afterwards.
class TemporaryFolder {
public:
  TemporaryFolder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "heed-XXXXXX").string();
    root = mkdtemp(pattern.data());
  }
  ~TemporaryFolder() { std::filesystem::remove_all(root); }
  std::filesystem::path operator/(const char *name) const { return root / name; }

private:
  std::filesystem::path root;
};

} // namespace heed::test
