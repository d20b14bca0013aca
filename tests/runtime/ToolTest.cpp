// What the command line tools are made of, and the tools themselves as a user starts them.
#include "runtime/tools/Compare.h"
#include "runtime/tools/Npy.h"
#include "runtime/tools/OnnxTensor.h"
#include "runtime/tools/ToolSupport.h"
#include "tests/runtime/TestPackage.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sys/wait.h>
#include <unistd.h>

using namespace heed::rt;
using heed::test::addConstantTwice;
using heed::test::runningSum;
using heed::test::twice;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

namespace {

std::string message(const Status &status) { return std::string(status.message()); }

TEST(HostTensor, SixteenBitFloatsRoundTrip) {
  for (ElementType type : {ElementType::f16, ElementType::bf16}) {
    HostTensor tensor;
    ASSERT_TRUE(makeTensor(type, {2}, tensor).ok());
    for (uint32_t bits = 0; bits < 65536; ++bits) {
      auto pattern = static_cast<uint16_t>(bits);
      std::memcpy(tensor.data.data(), &pattern, 2);
      double value = tensor.number(0);
      tensor.setNumber(1, value);
      uint16_t again;
      std::memcpy(&again, tensor.data.data() + 2, 2);
      if (std::isnan(value))
        ASSERT_TRUE(std::isnan(tensor.number(1)));
      else
        ASSERT_EQ(again, pattern) << value;
    }
  }
}

TEST(HostTensor, RoundsToNearestEven) {
  HostTensor half;
  ASSERT_TRUE(makeTensor(ElementType::f16, {1}, half).ok());
  for (auto [value, expected] : {std::pair{1.0 + 1.0 / 2048, 1.0},
                                 {1.0 + 3.0 / 2048, 1.0 + 4.0 / 2048},
                                 {65519.0, 65504.0},
                                 {65520.0, INFINITY},
                                 {std::ldexp(1, -25), 0.0},
                                 {std::ldexp(1.001, -25), std::ldexp(1, -24)},
                                 {-1e300, -INFINITY}}) {
    half.setNumber(0, value);
    EXPECT_EQ(half.number(0), expected);
  }
  HostTensor byte;
  ASSERT_TRUE(makeTensor(ElementType::i8, {1}, byte).ok());
  byte.setNumber(0, 1e9);
  EXPECT_EQ(byte.number(0), 127);
}

TEST(HostTensor, ShapesAsText) {
  ElementType type;
  std::vector<int64_t> sizes;
  EXPECT_TRUE(parseShape("2x3xf32", type, sizes).ok());
  EXPECT_EQ(printShape(type, sizes), "2x3xf32");
  EXPECT_TRUE(parseShape("bool", type, sizes).ok());
  EXPECT_TRUE(sizes.empty());
  for (const char *bad : {"", "2", "2x", "2x3", "x", "f33", "2xx3xf32", "-1xf32", "99999999999999999999xf32"})
    EXPECT_FALSE(parseShape(bad, type, sizes).ok()) << bad;
  HostTensor tensor;
  EXPECT_THAT(message(makeTensor(ElementType::f32, {1 << 30, 1 << 30}, tensor)), HasSubstr("too large"));
}

TEST(Npy, EveryTypeRoundTrips) {
  for (uint8_t type = firstElementType; type <= lastElementType; ++type)
    for (const std::vector<int64_t> &sizes : {std::vector<int64_t>{}, {3}, {2, 3}, {0, 4}, {2, 1, 3, 2}}) {
      HostTensor tensor, again;
      ASSERT_TRUE(makeTensor(static_cast<ElementType>(type), sizes, tensor).ok());
      for (int64_t i = 0; i < tensor.elementCount(); ++i)
        tensor.setNumber(i, static_cast<double>(i % 2));
      std::vector<std::byte> bytes = formatNpy(tensor);
      ASSERT_EQ((bytes.size() - tensor.data.size()) % 64, 0u);
      Status status = parseNpy(bytes, again);
      ASSERT_TRUE(status.ok()) << status.message();
      EXPECT_EQ(again.type, tensor.type);
      EXPECT_EQ(again.sizes, tensor.sizes);
      EXPECT_EQ(again.data, tensor.data);
    }
}

std::vector<std::byte> npyText(const std::string &header, const std::string &data) {
  std::string text = "\x93NUMPY";
  text += {'\x01', '\x00', static_cast<char>(header.size()), '\x00'};
  text += header + data;
  auto bytes = std::as_bytes(std::span(text));
  return {bytes.begin(), bytes.end()};
}

TEST(Npy, FortranOrderIsTurnedRound) {
  HostTensor tensor;
  Status status = parseNpy(npyText("{'descr': '|u1', 'fortran_order': True, 'shape': (2, 3), }\n", "adbecf"), tensor);
  ASSERT_TRUE(status.ok()) << status.message();
  EXPECT_EQ(std::memcmp(tensor.data.data(), "abcdef", 6), 0);
}

TEST(Npy, RefusesWhatItCannotRead) {
  HostTensor tensor;
  auto refusal = [&](const std::string &header, const std::string &data) {
    return message(parseNpy(npyText(header, data), tensor));
  };
  EXPECT_THAT(refusal("{'descr': '>f4', 'fortran_order': False, 'shape': (1,), }", "abcd"), HasSubstr("'>f4'"));
  EXPECT_THAT(refusal("{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }", "abcd"), HasSubstr("needs 8 bytes"));
  EXPECT_THAT(refusal("{'descr': '<f4', 'fortran_order': False}", ""), HasSubstr("missing"));
  EXPECT_THAT(refusal("{'descr': '<f4', 'shape': (99999999999999999999,)}", ""), HasSubstr("shape"));
  EXPECT_THAT(refusal("{'descr': '<f4', 'fortran_order': False, 'shape': (4611686018427387904,8)}", ""),
              HasSubstr("too large"));
  EXPECT_THAT(refusal("{'descr", ""), HasSubstr("does not end"));
  EXPECT_THAT(message(parseNpy({}, tensor)), HasSubstr("signature"));
  // Any cut of a good file is noticed.
  std::vector<std::byte> good = npyText("{'descr': '|u1', 'fortran_order': True, 'shape': (2, 3), }\n", "adbecf");
  for (size_t size = 0; size < good.size(); ++size)
    EXPECT_FALSE(parseNpy(std::span(good).first(size), tensor).ok());
}

HostTensor floats(std::vector<double> values) {
  HostTensor tensor;
  EXPECT_TRUE(makeTensor(ElementType::f32, {static_cast<int64_t>(values.size())}, tensor).ok());
  for (size_t i = 0; i < values.size(); ++i)
    tensor.setNumber(static_cast<int64_t>(i), values[i]);
  return tensor;
}

TEST(Compare, FollowsTheTolerances) {
  Comparison result;
  ASSERT_TRUE(compare(floats({1, 2, 4}), floats({1, 2.001, 4}), 1e-3, 0, result).ok());
  EXPECT_TRUE(result.matches);
  EXPECT_NEAR(result.worstError, 0.001, 1e-6);
  EXPECT_EQ(result.worstIndex, 1);
  EXPECT_NEAR(result.normWise, 0.00025, 1e-6);
  ASSERT_TRUE(compare(floats({1, 2, 4}), floats({1.5, 2, 4.4}), 1e-3, 0, result).ok());
  EXPECT_FALSE(result.matches);
  EXPECT_EQ(result.worstIndex, 0);
  ASSERT_TRUE(compare(floats({NAN, INFINITY}), floats({NAN, INFINITY}), 0, 0, result).ok());
  EXPECT_TRUE(result.matches);
  for (auto [got, expected] : {std::pair{NAN, 0.0f}, {0.0f, NAN}, {INFINITY, 1.0f}, {INFINITY, -INFINITY}}) {
    ASSERT_TRUE(compare(floats({got}), floats({expected}), 1e9, 1e9, result).ok());
    EXPECT_FALSE(result.matches);
  }
  EXPECT_THAT(message(compare(floats({1}), floats({1, 2}), 0, 0, result)), HasSubstr("is 1xf32, expected 2xf32"));
}

TEST(Compare, IntegersAreExact) {
  HostTensor got, expected;
  ASSERT_TRUE(makeTensor(ElementType::i64, {1}, got).ok());
  expected = got;
  int64_t large = (int64_t(1) << 60) + 1;
  std::memcpy(got.data.data(), &large, 8);
  --large;
  std::memcpy(expected.data.data(), &large, 8);
  Comparison result;
  ASSERT_TRUE(compare(got, expected, 1, 1, result).ok());
  EXPECT_FALSE(result.matches);
}

/// A folder with the hand-made packages, and the tools run in it.
class Tools : public testing::Test {
protected:
  void SetUp() override {
    folder = testing::TempDir() + "heed-tools-" + std::to_string(::getpid()) + "/";
    std::filesystem::create_directories(folder);
    for (const auto &[name, maker] : {std::pair{"add", addConstantTwice()}, {"twice", twice()}, {"sum", runningSum()}})
      ASSERT_TRUE(writePackageFile(maker.package, folder + name + ".heed").ok());
  }
  void TearDown() override { std::filesystem::remove_all(folder); }

  /// Exit code; what it printed goes to `out` and `err`.
  int run(const std::string &tool, const std::string &arguments) {
    std::string command =
        "cd " + folder + " && " + HEED_TOOLS + "/" + tool + " " + arguments + " >out.txt 2>err.txt </dev/null";
    int status = std::system(command.c_str());
    out = read("out.txt");
    err = read("err.txt");
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }

  std::string read(const std::string &name) const {
    std::ifstream file(folder + name, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }

  void write(const std::string &name, const std::string &text) const {
    std::ofstream(folder + name, std::ios::binary) << text;
  }

  std::string folder, out, err;
};

TEST_F(Tools, RunPrintsAndWritesOutputs) {
  EXPECT_EQ(run("heed-run", "add.heed --input=x=4xf32=1,2,3,4"), 0) << err;
  EXPECT_EQ(out, "y: 4xf32 = 21 42 63 84\n");
  EXPECT_EQ(run("heed-run", "add.heed --input x=4xf32=0 --output=y=@y.npy --verify --threads=1"), 0) << err;
  EXPECT_EQ(out, "");
  EXPECT_EQ(run("heed-run", "add.heed --input=x=@y.npy"), 0) << err;
  EXPECT_EQ(out, "y: 4xf32 = 40 80 120 160\n");
  EXPECT_EQ(run("heed-run", "sum.heed --input=state=0x2xf32= --input=x=2xf32=3 --profile"), 0) << err;
  EXPECT_THAT(out, AllOf(HasSubstr("next: 1x2xf32 = 3 3"), HasSubstr("append")));
}

TEST_F(Tools, FailuresAreOneLineAndLeaveNothing) {
  const std::pair<const char *, const char *> failures[] = {
      {"none.heed", "heed-run: error: cannot read 'none.heed'"},
      {"add.heed", "input 'x' is not bound"},
      {"add.heed --input=x=5xf32=1 --output=y=@y.npy", "x must be as long as c"},
      {"add.heed --input=x=4xf32=1 --input=z=4xf32=1", "no input 'z'"},
      {"add.heed --input=x=4xf32=1,2", "has 4 elements, got 2 values"},
      {"add.heed --input=x=4xf32=1,2,3,four", "'four' is no number"},
      {"add.heed --input=x=4xi64=1", "has type f32, got i64"},
      {"add.heed --input=x=@none.npy", "none.npy"},
      {"add.heed --input=x=@add.heed", "add.heed: no valid npy file"},
      {"add.heed --input=nonsense", "name=value"},
      {"add.heed --input=x=4xf32=1 --output=z=@z.npy", "no output 'z'"},
      {"add.heed --input=x=4xf32=1 --output=y=@missing/y.npy", "cannot create 'missing/y.npy'"},
      {"add.heed --input=x=4xf32=1 --device=abacus", "unknown device 'abacus'; this build knows auto, "},
      {"add.heed --input=x=4xf32=1 --isa=pentium", "unknown instruction set"},
      {"add.heed --test-dir=.", "holds no output_0.pb"},
  };
  for (auto [arguments, expected] : failures) {
    EXPECT_EQ(run("heed-run", arguments), 1) << arguments;
    EXPECT_THAT(err, HasSubstr(expected)) << arguments;
    EXPECT_EQ(std::count(err.begin(), err.end(), '\n'), 1) << err;
  }
  for (const auto &entry : std::filesystem::directory_iterator(folder))
    EXPECT_THAT(entry.path().filename().string(),
                testing::AnyOf(testing::EndsWith(".heed"), testing::EndsWith(".txt")));
}

TEST_F(Tools, ListsDevices) {
  for (const char *tool : {"heed-run", "heed-bench"}) {
    EXPECT_EQ(run(tool, "--list-devices"), 0) << err;
    EXPECT_THAT(out, AllOf(HasSubstr("cpu:0: "), HasSubstr("cuda:"), HasSubstr("rocm:"), HasSubstr("vulkan:")));
  }
  heed_device_entry found = {"gpu", "gpu:1", "Abacus", "beads wire", nullptr, 1};
  heed_device_entry missing = {"gpu", nullptr, nullptr, nullptr, "no beads", 0};
  EXPECT_EQ(heed::tools::describeDevices({found, missing}),
            "gpu:1: Abacus, software (beads wire)\ngpu: none, no beads\n");
}

TEST_F(Tools, DevicesAreTakenAsThePackageAllows) {
  for (const char *device : {"auto", "cpu", "cpu:0"})
    EXPECT_EQ(run("heed-run", "add.heed --input=x=4xf32=1 --device=" + std::string(device)), 0) << err;
  EXPECT_EQ(run("heed-run", "add.heed --input=x=4xf32=1 --device=cpu:1"), 1);
  EXPECT_THAT(err, HasSubstr("there is one CPU, number 0"));
  EXPECT_EQ(run("heed-run", "add.heed --input=x=4xf32=1 --device=cuda:x"), 1);
  EXPECT_THAT(err, HasSubstr("'x' is not the number of a device"));
}

TEST_F(Tools, UsageErrorsExitWithTwo) {
  for (const char *tool : {"heed-run", "heed-bench", "heed-dump"}) {
    EXPECT_EQ(run(tool, ""), 2);
    EXPECT_THAT(err, HasSubstr(std::string(tool) + ": error: "));
    EXPECT_EQ(run(tool, "add.heed --nonsense"), 2);
    EXPECT_EQ(run(tool, "--help"), 0);
    EXPECT_LE(std::count(out.begin(), out.end(), '\n'), 40);
  }
}

/// A TensorProto of f32 values (raw), as the ONNX test data has it.
std::string onnxTensor(const std::string &name, const std::vector<float> &values) {
  std::string raw(reinterpret_cast<const char *>(values.data()), values.size() * 4);
  std::string text = {'\x08', static_cast<char>(values.size()), '\x10', '\x01', '\x42', static_cast<char>(name.size())};
  text += name;
  text += {'\x4a', static_cast<char>(raw.size())};
  return text + raw;
}

TEST_F(Tools, RunComparesOnnxTestFolders) {
  write("input_0.pb", onnxTensor("x", {1, 2, 3, 4}));
  write("output_0.pb", onnxTensor("y", {21, 42, 63, 84.01f}));
  EXPECT_EQ(run("heed-run", "add.heed --test-dir=."), 0) << err;
  EXPECT_THAT(out, AllOf(HasSubstr("y: 4xf32 worst error 0.01"), HasSubstr("norm-wise 0.000119 ok")));
  EXPECT_EQ(run("heed-run", "add.heed --test-dir=. --rtol=1e-5"), 1);
  EXPECT_THAT(err, HasSubstr("output 'y' at [3] is 84, expected 84.01"));
  // Tensors without a known name belong to the one at their position.
  write("input_0.pb", onnxTensor("", {1, 2, 3, 4}));
  write("output_0.pb", onnxTensor("other", {21, 42, 63, 84}));
  EXPECT_EQ(run("heed-run", "add.heed --test-dir=."), 0) << err;
  write("output_0.pb", onnxTensor("y", {21, 42, 63}));
  EXPECT_EQ(run("heed-run", "add.heed --test-dir=."), 1);
  EXPECT_THAT(err, HasSubstr("is 4xf32, expected 3xf32"));
  write("input_0.pb", "garbage");
  EXPECT_EQ(run("heed-run", "add.heed --test-dir=."), 1);
  EXPECT_THAT(err, HasSubstr("input_0.pb: no valid ONNX tensor"));
}

TEST_F(Tools, RunTakesListsOfTests) {
  std::filesystem::create_directories(folder + "data/good");
  std::filesystem::create_directories(folder + "data/bad");
  for (const char *data : {"data/good", "data/bad"})
    write(std::string(data) + "/input_0.pb", onnxTensor("x", {1, 2, 3, 4}));
  write("data/good/output_0.pb", onnxTensor("y", {21, 42, 63, 84}));
  write("data/bad/output_0.pb", onnxTensor("y", {21, 42, 63, 85}));
  std::filesystem::create_directories(folder + "lists");
  write("lists/good.txt", "# package, data, relative and absolute tolerance\n\n../add.heed ../data/good 0 0\n"
                          "../add.heed ../data/bad 0 1\n");
  EXPECT_EQ(run("heed-run", "--test-list=lists/good.txt --device=cpu"), 0) << err;
  EXPECT_THAT(out, AllOf(HasSubstr("ok ../add.heed: y: 4xf32 worst error 0 norm-wise 0 ok\n"),
                         HasSubstr("\n2 passed, 0 failed\n")));
  // What fails keeps nothing after it from running.
  write("lists/bad.txt", "../add.heed ../data/bad 0 0\n../none.heed ../data/good 0 0\n../add.heed ../data 0 0\n"
                         "../twice.heed ../data/good 0 0\n../add.heed ../data/good 0 0");
  EXPECT_EQ(run("heed-run", "--test-list=lists/bad.txt"), 1);
  EXPECT_THAT(out, AllOf(HasSubstr("FAIL ../add.heed: output 'y' at [3] is 84, expected 85"),
                         HasSubstr("FAIL ../none.heed: cannot read"), HasSubstr("holds no output_0.pb"),
                         HasSubstr("FAIL ../twice.heed: "), HasSubstr("\nok ../add.heed: "),
                         HasSubstr("\n1 passed, 4 failed\n")));
  EXPECT_THAT(err, HasSubstr("heed-run: error: 4 of 5 lines of 'lists/bad.txt' failed"));
  for (auto [text, expected] : {std::pair{"", "lists nothing to run"},
                                {"add.heed data 0", "list.txt:1: is not of the form PACKAGE FOLDER RTOL ATOL"},
                                {"add.heed data 0 0 0", "list.txt:1: is not of the form"},
                                {"\nadd.heed data x 0", "list.txt:2: is not of the form"}}) {
    write("list.txt", text);
    EXPECT_EQ(run("heed-run", "--test-list=list.txt"), 1) << text;
    EXPECT_THAT(err, HasSubstr(expected)) << text;
  }
  EXPECT_EQ(run("heed-run", "--test-list=none.txt"), 1);
  EXPECT_THAT(err, HasSubstr("cannot read 'none.txt'"));
  EXPECT_EQ(run("heed-run", "--test-list=list.txt --device=cpu:1"), 1);
  EXPECT_EQ(run("heed-run", "add.heed --test-list=list.txt"), 2);
  EXPECT_EQ(run("heed-run", "--test-list=list.txt --test-dir=."), 2);
  EXPECT_EQ(run("heed-run", ""), 2);
}

TEST_F(Tools, BenchReportsAndAsksForSizes) {
  EXPECT_EQ(run("heed-bench", "add.heed --dim n=4 --seconds=0.01 --warmup=0.01"), 0) << err;
  EXPECT_THAT(out, AllOf(HasSubstr("median"), HasSubstr("0 allocations in a call"), HasSubstr("add")));
  EXPECT_EQ(run("heed-bench", "twice.heed --input=x=5x6xf32 --seconds=0.01 --warmup=0.01 --json"), 0) << err;
  EXPECT_THAT(
      out, AllOf(HasSubstr("\"median_seconds\": "), HasSubstr("\"peak_flops\": "), HasSubstr("{\"name\": \"twice\"")));
  EXPECT_EQ(run("heed-bench", "twice.heed --dim rows=4"), 1);
  EXPECT_THAT(err, HasSubstr("give --dim columns=SIZE"));
}

TEST_F(Tools, DumpShowsPlansAsFormulas) {
  EXPECT_EQ(run("heed-dump", "add.heed --arena=n=4 --verify"), 0) << err;
  EXPECT_THAT(out, AllOf(HasSubstr("input x: f32[n]"), HasSubstr("slice      b3 = n*4 bytes, steps 0 to 1"),
                         HasSubstr("require n == 4"), HasSubstr("variant [generic]"),
                         HasSubstr("arena with n=4: 16 bytes")));
  EXPECT_EQ(run("heed-dump", "sum.heed --target=cpu"), 0) << err;
  EXPECT_THAT(out, AllOf(HasSubstr("output next: f32[past + 1, width] in place of state"),
                         HasSubstr("append(b2, b0, b1) [past, width, stride(state, 0)]")));
  EXPECT_EQ(run("heed-dump", "add.heed --target=vulkan"), 1);
  EXPECT_EQ(run("heed-dump", "add.heed --arena=m=4"), 1);
  EXPECT_THAT(err, HasSubstr("no symbol 'm'"));
}

TEST_F(Tools, DamagedPackagesAreNamed) {
  std::string bytes = read("add.heed");
  write("broken.heed", bytes.substr(0, bytes.size() / 2));
  for (const char *tool : {"heed-run", "heed-bench", "heed-dump"}) {
    EXPECT_EQ(run(tool, "broken.heed"), 1);
    EXPECT_THAT(err, AllOf(HasSubstr("broken.heed: damaged package"), Not(HasSubstr("terminate"))));
  }
}

} // namespace
