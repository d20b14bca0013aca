#include "CompilerTest.h"

#include "compiler/import/OnnxProto.h"

#include <gtest/gtest.h>

using namespace heed::test;
namespace fs = std::filesystem;

namespace {

class Cache : public testing::Test {
protected:
  Cache() : directory((folder / "cache").string()) {
    options.struct_bytes = sizeof(options);
    options.cache_directory = directory.c_str();
  }

  /// Whether the compilation, which must succeed, was answered by the cache.
  bool isCached(std::string_view text) {
    heed_compile_code code;
    Compilation compiled = compileText(text, &options, code);
    EXPECT_EQ(code, HEED_COMPILE_OK) << heed_compilation_diagnostics(compiled.get());
    last = bytesOf(compiled);
    return heed_compilation_from_cache(compiled.get()) != 0;
  }

  bool isFileCached(const fs::path &path) {
    heed_compilation *compilation = nullptr;
    EXPECT_EQ(heed_compile_file(path.c_str(), &options, &compilation), HEED_COMPILE_OK);
    Compilation compiled(compilation);
    EXPECT_STREQ(heed_compilation_diagnostics(compiled.get()), "");
    return heed_compilation_from_cache(compiled.get()) != 0;
  }

  fs::path onlyEntry() {
    auto entries = fs::directory_iterator(directory);
    fs::path entry = entries->path();
    EXPECT_EQ(++entries, fs::directory_iterator());
    return entry;
  }

  TemporaryFolder folder;
  std::string directory;
  heed_compile_options options = {};
  std::string last;
};

TEST_F(Cache, answersTheSecondTimeWithTheSameBytes) {
  EXPECT_FALSE(isCached(doubling));
  std::string first = last;
  EXPECT_TRUE(isCached(doubling));
  EXPECT_EQ(last, first);
}

TEST_F(Cache, isKeyedByModelAndOptions) {
  EXPECT_FALSE(isCached(doubling));
  EXPECT_FALSE(isCached(std::string(doubling) + "// another\n"));
  heed_dim dims[] = {{"rows", 3}};
  options.dims = dims;
  options.dim_count = 1;
  EXPECT_FALSE(isCached(doubling));
  dims[0].value = 4;
  EXPECT_FALSE(isCached(doubling));
  EXPECT_TRUE(isCached(doubling));
}

TEST_F(Cache, replacesADamagedEntry) {
  EXPECT_FALSE(isCached(doubling));
  std::string sound = last;
  std::string damaged = sound;
  damaged[damaged.size() / 2] ^= 1;
  writeFile(onlyEntry(), damaged);
  EXPECT_FALSE(isCached(doubling));
  EXPECT_EQ(last, sound);
  EXPECT_TRUE(isCached(doubling));
  EXPECT_EQ(last, sound);
}

TEST_F(Cache, distrustsAFolderThatOthersMayWriteTo) {
  EXPECT_FALSE(isCached(doubling));
  fs::permissions(directory, fs::perms::all);
  EXPECT_FALSE(isCached(doubling));
  fs::permissions(directory, fs::perms::owner_all);
  EXPECT_TRUE(isCached(doubling));
}

TEST_F(Cache, isNoReasonToFail) {
  writeFile(folder / "file", "in the way");
  directory = (folder / "file").string() + "/cache";
  options.cache_directory = directory.c_str();
  EXPECT_FALSE(isCached(doubling));
  EXPECT_FALSE(isCached(doubling));
}

TEST_F(Cache, comesFromTheEnvironmentUnlessRefused) {
  options.cache_directory = nullptr;
  setenv("HEED_CACHE_DIR", directory.c_str(), 1);
  EXPECT_FALSE(isCached(doubling));
  EXPECT_TRUE(isCached(doubling));
  options.cache_directory = "";
  EXPECT_FALSE(isCached(doubling));
  unsetenv("HEED_CACHE_DIR");
}

/// y = x + w with w in a file beside the model.
std::string modelWithExternalWeights() {
  onnx::ModelProto model;
  model.set_ir_version(9);
  auto *opset = model.add_opset_import();
  opset->set_domain("");
  opset->set_version(18);
  onnx::GraphProto &graph = *model.mutable_graph();
  graph.set_name("graph");
  for (auto *value : {graph.add_input(), graph.add_output()}) {
    value->set_name(graph.output_size() ? "y" : "x");
    auto *type = value->mutable_type()->mutable_tensor_type();
    type->set_elem_type(onnx::TensorProto::FLOAT);
    type->mutable_shape()->add_dim()->set_dim_value(256);
  }
  graph.mutable_input(0)->set_name("x");
  onnx::TensorProto &weights = *graph.add_initializer();
  weights.set_name("w");
  weights.set_data_type(onnx::TensorProto::FLOAT);
  weights.add_dims(256);
  weights.set_data_location(onnx::TensorProto::EXTERNAL);
  auto *location = weights.add_external_data();
  location->set_key("location");
  location->set_value("model.weights");
  onnx::NodeProto &node = *graph.add_node();
  node.set_op_type("Add");
  node.add_input("x");
  node.add_input("w");
  node.add_output("y");
  return model.SerializeAsString();
}

TEST_F(Cache, noticesOtherWeights) {
  writeFile(folder / "model.onnx", modelWithExternalWeights());
  std::string weights(256 * sizeof(float), '\0');
  writeFile(folder / "model.weights", weights);
  EXPECT_FALSE(isFileCached(folder / "model.onnx"));
  EXPECT_TRUE(isFileCached(folder / "model.onnx"));
  weights[2] = 1;
  writeFile(folder / "model.weights", weights);
  auto later = fs::last_write_time(folder / "model.weights") + std::chrono::seconds(1);
  fs::last_write_time(folder / "model.weights", later);
  EXPECT_FALSE(isFileCached(folder / "model.onnx"));
  EXPECT_TRUE(isFileCached(folder / "model.onnx"));
}

} // namespace
