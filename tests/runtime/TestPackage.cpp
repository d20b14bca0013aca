#include "tests/runtime/TestPackage.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <iterator>

using namespace heed::rt;

namespace heed::test {

static std::vector<std::byte> readObject(const char *name) {
  const char *moved = std::getenv("HEED_TEST_KERNELS"); // when the build is run on another machine
  std::ifstream file(std::string(moved ? moved : HEED_TEST_KERNELS) + name, std::ios::binary);
  std::vector<char> text{std::istreambuf_iterator<char>(file), {}};
  auto bytes = std::as_bytes(std::span(text));
  return std::vector<std::byte>(bytes.begin(), bytes.end());
}

const std::vector<std::byte> &kernelObject() {
  static const std::vector<std::byte> object = readObject("2.so");
  return object;
}

const std::vector<std::byte> &otherKernelObject() {
  static const std::vector<std::byte> object = readObject("3.so");
  return object;
}

PackageMaker::PackageMaker() {
  package.model = "test";
  package.producer = "runtime tests";
  package.code.push_back({"x86-64", CodeFormat::cpuElf, kernelObject()});
  package.plans.emplace_back();
  plan().target = "cpu";
}

ExprId PackageMaker::symbol(const std::string &name) {
  auto &symbols = plan().symbols;
  auto found = std::find(symbols.begin(), symbols.end(), name);
  auto index = static_cast<uint32_t>(found - symbols.begin());
  if (found == symbols.end())
    symbols.push_back(name);
  return expressions().symbol(index);
}

uint32_t PackageMaker::input(const std::string &name, std::vector<ExprId> dims, bool strided, ElementType type) {
  plan().inputs.push_back({name, type, std::move(dims), strided, noIndex});
  return static_cast<uint32_t>(plan().inputs.size() - 1);
}

uint32_t PackageMaker::output(const std::string &name, std::vector<ExprId> dims) {
  plan().outputs.push_back({name, ElementType::f32, std::move(dims), false, noIndex, {}});
  return static_cast<uint32_t>(plan().outputs.size() - 1);
}

uint32_t PackageMaker::buffer(Buffer buffer) {
  plan().buffers.push_back(buffer);
  return static_cast<uint32_t>(plan().buffers.size() - 1);
}

uint32_t PackageMaker::kernel(const std::string &name, std::vector<Access> operands, uint32_t params, ExprId gridX) {
  Variant variant;
  variant.symbol = "test_" + name;
  variant.grid[0] = gridX;
  Kernel kernel;
  kernel.name = name;
  kernel.operands = std::move(operands);
  kernel.paramCount = params;
  kernel.variants.push_back(variant);
  plan().kernels.push_back(kernel);
  return static_cast<uint32_t>(plan().kernels.size() - 1);
}

void PackageMaker::launch(uint32_t kernel, std::vector<uint32_t> buffers, std::vector<ExprId> params) {
  LaunchStep step;
  step.kernel = kernel;
  for (uint32_t buffer : buffers)
    step.operands.push_back({buffer, noExpr, noExpr});
  step.params = std::move(params);
  plan().steps.push_back(step);
}

std::vector<std::byte> PackageMaker::write() const {
  std::vector<std::byte> bytes;
  Status status = writePackage(package, bytes);
  EXPECT_TRUE(status.ok()) << status.message();
  return bytes;
}

std::string PackageMaker::refusal() const {
  std::vector<std::byte> bytes;
  return std::string(writePackage(package, bytes).message());
}

PackageMaker addConstantTwice() {
  PackageMaker maker;
  ExprId n = maker.symbol("n");
  maker.input("x", {n});
  maker.output("y", {n});
  maker.package.constants.push_back({"c", ElementType::f32, {4}, std::as_bytes(std::span(constantValues))});
  maker.plan().constraints.push_back({n, Relation::equal, maker.constant(4), "x must be as long as c"});
  uint32_t x = maker.buffer(Buffer::input(0)), y = maker.buffer(Buffer::output(0)),
           c = maker.buffer(Buffer::constant(0));
  uint32_t between = maker.buffer(Buffer::arena(maker.expressions().mul(n, maker.constant(4)), 0, 1));
  uint32_t add = maker.kernel("add", {Access::read, Access::read, Access::write}, 0, n);
  maker.plan().kernels[add].flops = n;
  maker.plan().kernels[add].bytes = maker.expressions().mul(n, maker.constant(12));
  maker.launch(add, {x, c, between});
  maker.launch(add, {between, c, y});
  return maker;
}

PackageMaker twice() {
  PackageMaker maker;
  ExprId rows = maker.symbol("rows"), columns = maker.symbol("columns");
  maker.input("x", {rows, columns}, true);
  maker.output("y", {rows, columns});
  uint32_t x = maker.buffer(Buffer::input(0)), y = maker.buffer(Buffer::output(0));
  uint32_t kernel = maker.kernel("twice", {Access::read, Access::write}, 3, rows);
  maker.launch(kernel, {x, y}, {columns, maker.expressions().inputStride(0, 0), maker.expressions().inputStride(0, 1)});
  return maker;
}

PackageMaker runningSum() {
  PackageMaker maker;
  ExprId past = maker.symbol("past"), width = maker.symbol("width");
  ExprId total = maker.expressions().add(past, maker.constant(1));
  maker.input("state", {past, width}, true);
  maker.input("x", {width});
  maker.output("sum", {width});
  maker.output("next", {total, width});
  maker.plan().outputs[1].alias = 0;
  uint32_t x = maker.buffer(Buffer::input(1)), sum = maker.buffer(Buffer::output(0));
  uint32_t state = maker.buffer(Buffer::output(1));
  uint32_t append = maker.kernel("append", {Access::readWrite, Access::read, Access::write}, 3, maker.constant(1));
  maker.launch(append, {state, x, sum}, {past, width, maker.expressions().inputStride(0, 0)});
  return maker;
}

} // namespace heed::test
