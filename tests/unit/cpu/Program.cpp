#include "tests/unit/cpu/Program.h"

#include <gtest/gtest.h>

#include <algorithm>

using namespace heed::test;

struct Program::Compiled {
  heed_compilation *compilation = nullptr;
  ~Compiled() { heed_compilation_release(compilation); }
  std::span<const std::byte> bytes() const {
    return {static_cast<const std::byte *>(heed_compilation_data(compilation)), heed_compilation_bytes(compilation)};
  }
};

static heed::Result<heed::Device> openCpu(const std::string &level) {
  heed_device_options options = {};
  options.struct_bytes = sizeof(options);
  options.worker_count = 2;
  options.isa_limit = level.c_str();
  return heed::Device::open("cpu", &options);
}

std::vector<std::string> heed::test::instructionSets() {
  std::vector<std::string> levels;
  heed::Result<heed::Device> device = heed::Device::open("cpu");
  std::string features = device ? " " + std::string(device->features()) + " " : "";
  for (const char *level : {"x86-64-v4", "x86-64-v3", "x86-64-v2"})
    if (features.find(std::string(" ") + level + " ") != std::string::npos)
      levels.push_back(level);
  return levels;
}

std::string heed::test::testName(std::string level) {
  std::replace(level.begin(), level.end(), '-', '_');
  return level;
}

Program::Program(const std::string &text) {
  static std::map<std::string, std::shared_ptr<const Compiled>> known;
  std::shared_ptr<const Compiled> &entry = known[text];
  if (!entry) {
    auto made = std::make_shared<Compiled>();
    heed_compile_options options = {};
    options.struct_bytes = sizeof(options);
    options.targets = "cpu";
    EXPECT_EQ(heed_compile_memory(text.data(), text.size(), "program.mlir", &options, &made->compilation),
              HEED_COMPILE_OK)
        << heed_compilation_diagnostics(made->compilation) << text;
    entry = made;
  }
  compiled = entry;
}

void Program::run(const std::string &level, const std::map<std::string, TensorView> &inputs,
                  const std::map<std::string, TensorView> &outputs) const {
  if (compiled->bytes().empty())
    return;
  heed::Result<heed::Device> device = openCpu(level);
  ASSERT_TRUE(device) << device.message();
  heed::Result<heed::Module> module = heed::Module::loadMemory(compiled->bytes(), &*device);
  ASSERT_TRUE(module) << module.message();
  for (const heed_kernel_info &kernel : module->kernels())
    ASSERT_STREQ(kernel.variant, level.c_str());
  heed::Result<heed::Call> call = module->createCall();
  ASSERT_TRUE(call) << call.message();
  for (const auto &[name, view] : inputs) {
    heed::Status bound = call->bindInput(name.c_str(), view);
    ASSERT_TRUE(bound) << bound.message();
  }
  for (const auto &[name, view] : outputs) {
    heed::Status bound = call->bindOutput(name.c_str(), view);
    ASSERT_TRUE(bound) << bound.message();
  }
  heed::Status ran = call->run();
  ASSERT_TRUE(ran) << ran.message();
}

std::string heed::test::elementwise(const std::vector<std::string> &inputs, const std::string &output,
                                    const std::string &body) {
  std::string arguments, names, types, maps, parameters;
  for (size_t i = 0; i < inputs.size(); ++i) {
    std::string comma = i ? ", " : "", name = "%in" + std::to_string(i), type = "tensor<?x" + inputs[i] + ">";
    arguments += comma + name + ": " + type + " {plan.name = \"x" + std::to_string(i) + "\", plan.shape = #size}";
    names += comma + name;
    types += comma + type;
    maps += "#same, ";
    parameters += "%x" + std::to_string(i) + ": " + inputs[i] + ", ";
  }
  std::string result = "tensor<?x" + output + ">";
  return "#size = affine_map<()[s0] -> (s0)>\n#same = affine_map<(d0) -> (d0)>\nfunc.func @main(" + arguments +
         ") -> (" + result + " {plan.name = \"y\"}) attributes {plan.symbols = [\"n\"]} {\n  %n = plan.symbol \"n\"\n" +
         "  %empty = tensor.empty(%n) : " + result + "\n  %y = linalg.generic {indexing_maps = [" + maps +
         "#same], iterator_types = [\"parallel\"]} ins(" + names + " : " + types + ") outs(%empty : " + result +
         ") {\n  ^bb0(" + parameters + "%out: " + output + "):\n    " + body + "\n    linalg.yield %r : " + output +
         "\n  } -> " + result + "\n  return %y : " + result + "\n}\n";
}
