// One broken rule a test case: the writer refuses what the reader would refuse.
#include "tests/runtime/TestPackage.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

using namespace heed::rt;
using namespace heed::test;

namespace {

struct Rule {
  const char *name;
  std::function<PackageMaker()> start;
  std::function<void(PackageMaker &, Plan &)> breakIt;
  const char *message;
};

LaunchStep &launch(Plan &plan, size_t step) { return std::get<LaunchStep>(plan.steps[step]); }

/// A copy x -> y to break.
PackageMaker copying() {
  PackageMaker maker = twice();
  CopyStep copy;
  copy.source = {0, noExpr, {maker.constant(1)}};
  copy.destination = {1, noExpr, {maker.constant(1)}};
  copy.sizes = {maker.constant(1)};
  maker.plan().steps.push_back(copy);
  return maker;
}

/// Prepare packs the constant; the second launch reads the packed one.
PackageMaker preparing() {
  PackageMaker maker = addConstantTwice();
  uint32_t packed = maker.buffer(Buffer::persistent(maker.constant(16)));
  CopyStep pack;
  pack.source = {2, noExpr, {maker.constant(1)}};
  pack.destination = {packed, noExpr, {maker.constant(1)}};
  pack.sizes = {maker.constant(4)};
  maker.plan().prepare.push_back(pack);
  launch(maker.plan(), 1).operands[1].buffer = packed;
  return maker;
}

/// y = 2 x whose kernel has a tensor map of x, rows of 64 bytes.
PackageMaker mapped() {
  PackageMaker maker = twice();
  Variant &variant = maker.plan().kernels[0].variants[0];
  variant.operandAlignment = 16;
  variant.tensorMaps = {{0,
                         4,
                         noExpr,
                         {maker.symbol("rows"), maker.constant(64)},
                         {maker.constant(64), maker.constant(1)},
                         {8, 32},
                         128}};
  return maker;
}

TensorMap &map(Plan &plan) { return plan.kernels[0].variants[0].tensorMaps[0]; }

const Rule rules[] = {
    {"target", twice, [](auto &, Plan &plan) { plan.target.clear(); }, "has no target"},
    {"expression op", twice, [](auto &, Plan &plan) { plan.expressions.append({static_cast<ExprOp>(99), 0, 0}); },
     "unknown operation 99"},
    {"expression order", twice, [](auto &, Plan &plan) { plan.expressions.append({ExprOp::add, 0, 1000}); },
     "must come before"},
    {"negative operand", twice, [](auto &, Plan &plan) { plan.expressions.append({ExprOp::add, -1, 0}); },
     "must come before"},
    {"symbol index", twice, [](auto &, Plan &plan) { plan.expressions.append({ExprOp::symbol, 7, 0}); }, "no symbol 7"},
    {"stride of no input", twice, [](auto &, Plan &plan) { plan.expressions.append({ExprOp::inputStride, 3, 0}); },
     "no input 3"},
    {"stride of no dim", twice, [](auto &, Plan &plan) { plan.expressions.append({ExprOp::inputStride, 0, 2}); },
     "dimension 2"},
    {"device property", twice, [](auto &, Plan &plan) { plan.expressions.append({ExprOp::deviceProperty, 50, 0}); },
     "unknown device property 50"},
    {"symbol twice", twice, [](auto &, Plan &plan) { plan.symbols[1] = plan.symbols[0]; }, "symbol names"},
    {"symbol unbound", twice, [](auto &maker, Plan &) { maker.symbol("free"); }, "symbol 'free' is bound by no input"},
    {"input twice", twice, [](auto &maker, Plan &) { maker.input("x", {}); }, "input names must be unique"},
    {"input type", twice, [](auto &, Plan &plan) { plan.inputs[0].type = static_cast<ElementType>(77); },
     "unknown element type 77"},
    {"input rank", twice, [](auto &maker, Plan &plan) { plan.inputs[0].dims.resize(9, maker.constant(1)); }, "rank 9"},
    {"input dim", twice, [](auto &, Plan &plan) { plan.inputs[0].dims[0] = 999; }, "expression 999"},
    {"dim from a stride", twice,
     [](auto &maker, Plan &plan) { plan.inputs[0].dims.push_back(maker.expressions().inputStride(0, 0)); },
     "must not depend on an input's stride"},
    {"host scalar type", twice, [](auto &maker, Plan &plan) { plan.inputs[maker.input("s", {})].hostScalar = 0; },
     "must be one integer"},
    {"host scalar size", twice,
     [](auto &maker, Plan &plan) {
       plan.inputs[maker.input("s", {maker.constant(2)}, false, ElementType::i64)].hostScalar = 0;
     },
     "must be one integer"},
    {"host scalar symbol", twice,
     [](auto &maker, Plan &plan) { plan.inputs[maker.input("s", {}, false, ElementType::i64)].hostScalar = 9; },
     "symbol 9 of 2"},
    {"output unwritten", twice, [](auto &maker, Plan &) { maker.output("z", {}); }, "output 'z' is written by no step"},
    {"alias of no input", runningSum, [](auto &, Plan &plan) { plan.outputs[1].alias = 5; }, "aliases input 5 of 2"},
    {"alias of another rank", runningSum, [](auto &, Plan &plan) { plan.outputs[1].alias = 1; },
     "must have the type and rank"},
    {"aliased twice", runningSum,
     [](auto &maker, Plan &plan) { plan.outputs[maker.output("again", plan.inputs[0].dims)].alias = 0; },
     "which another output aliases"},
    {"capacity without alias", twice, [](auto &maker, Plan &plan) { plan.outputs[0].capacity = {maker.constant(1)}; },
     "has a capacity but aliases no input"},
    {"capacity rank", runningSum, [](auto &maker, Plan &plan) { plan.outputs[1].capacity = {maker.constant(1)}; },
     "one size a dimension"},
    {"constraint relation", addConstantTwice,
     [](auto &, Plan &plan) { plan.constraints[0].relation = static_cast<Relation>(9); }, "unknown relation 9"},
    {"constraint side", addConstantTwice, [](auto &, Plan &plan) { plan.constraints[0].right = 999; },
     "the right side refers to expression 999"},
    {"buffer of no input", twice, [](auto &, Plan &plan) { plan.buffers[0].index = 4; }, "refers to input 4 of 1"},
    {"buffer of no constant", addConstantTwice, [](auto &, Plan &plan) { plan.buffers[2].index = 1; },
     "refers to constant 1 of 1"},
    {"buffer kind", twice, [](auto &, Plan &plan) { plan.buffers[0].kind = static_cast<BufferKind>(9); },
     "unknown kind 9"},
    {"arena life", addConstantTwice, [](auto &, Plan &plan) { plan.buffers[3].lastStep = 2; },
     "lives from step 0 to 2 of 2"},
    {"use after life", addConstantTwice, [](auto &, Plan &plan) { plan.buffers[3].lastStep = 0; },
     "used outside its life"},
    {"use before life", addConstantTwice, [](auto &, Plan &plan) { plan.buffers[3].firstStep = 1; },
     "used outside its life"},
    {"read before write", addConstantTwice, [](auto &, Plan &plan) { launch(plan, 0).operands[0].buffer = 3; },
     "is read before it is written"},
    {"output read before write", addConstantTwice, [](auto &, Plan &plan) { launch(plan, 0).operands[0].buffer = 1; },
     "output 'y' is read before it is written"},
    {"input written", addConstantTwice, [](auto &, Plan &plan) { launch(plan, 1).operands[2].buffer = 0; },
     "is input and must not be written"},
    {"constant written", addConstantTwice, [](auto &, Plan &plan) { launch(plan, 1).operands[2].buffer = 2; },
     "is constant and must not be written"},
    {"persistent written by a step", preparing, [](auto &, Plan &plan) { launch(plan, 0).operands[2].buffer = 4; },
     "is persistent and must not be written"},
    {"persistent never written", preparing, [](auto &, Plan &plan) { plan.prepare.clear(); },
     "is read before it is written"},
    {"persistent size", preparing, [](auto &maker, Plan &plan) { plan.buffers[4].bytes = maker.symbol("n"); },
     "must not depend on a symbol"},
    {"zeroed size", preparing, [](auto &, Plan &plan) { plan.buffers.push_back(Buffer::zeroed(999)); },
     "the size refers to expression 999"},
    {"prepare uses zeroed memory", preparing,
     [](auto &maker, Plan &plan) {
       std::get<CopyStep>(plan.prepare[0]).destination.buffer = maker.buffer(Buffer::zeroed(maker.constant(16)));
     },
     "which a prepare step cannot use"},
    {"prepare size", preparing,
     [](auto &maker, Plan &plan) { std::get<CopyStep>(plan.prepare[0]).sizes[0] = maker.symbol("n"); },
     "which a prepare step has not"},
    {"prepare uses an input", preparing,
     [](auto &, Plan &plan) { std::get<CopyStep>(plan.prepare[0]).source.buffer = 0; },
     "which a prepare step cannot use"},
    {"prepare uses the arena", preparing,
     [](auto &, Plan &plan) { std::get<CopyStep>(plan.prepare[0]).destination.buffer = 3; }, "outside its life"},
    {"old state read later", runningSum,
     [](auto &maker, Plan &plan) {
       uint32_t old = maker.buffer(Buffer::input(0));
       maker.launch(maker.kernel("late", {Access::read}, 0, noExpr), {old});
       (void)plan;
     },
     "is read after the output that aliases it was written"},
    {"old state read beside the write", runningSum,
     [](auto &maker, Plan &plan) { launch(plan, 0).operands[1].buffer = maker.buffer(Buffer::input(0)); },
     "use one readWrite operand"},
    {"kernel index", twice, [](auto &, Plan &plan) { launch(plan, 0).kernel = 3; }, "launches kernel 3 of 1"},
    {"too few operands", twice, [](auto &, Plan &plan) { launch(plan, 0).operands.pop_back(); }, "passes 1 operands"},
    {"too few parameters", twice, [](auto &, Plan &plan) { launch(plan, 0).params.pop_back(); },
     "2 parameters to kernel 'twice'"},
    {"parameter missing", twice, [](auto &, Plan &plan) { launch(plan, 0).params[0] = noExpr; },
     "a parameter is missing"},
    {"operand buffer", twice, [](auto &, Plan &plan) { launch(plan, 0).operands[0].buffer = 8; }, "buffer 8 of 2"},
    {"operand offset", twice, [](auto &, Plan &plan) { launch(plan, 0).operands[0].offset = 800; }, "expression 800"},
    {"kernel without variant", twice, [](auto &, Plan &plan) { plan.kernels[0].variants.clear(); }, "has no variant"},
    {"kernels of one name", addConstantTwice, [](auto &, Plan &plan) { plan.kernels.push_back(plan.kernels[0]); },
     "kernel names must be unique"},
    {"variant code", twice, [](auto &, Plan &plan) { plan.kernels[0].variants[0].code = 1; }, "code section 1 of 1"},
    {"variant format", twice, [](auto &maker, Plan &) { maker.package.code[0].format = CodeFormat::spirv; },
     "cannot load"},
    {"variant symbol", twice, [](auto &, Plan &plan) { plan.kernels[0].variants[0].symbol.clear(); }, "has no symbol"},
    {"variant grid", twice, [](auto &, Plan &plan) { plan.kernels[0].variants[0].grid[2] = 500; },
     "the grid refers to expression 500"},
    {"variant alignment", twice, [](auto &, Plan &plan) { plan.kernels[0].variants[0].operandAlignment = 24; },
     "not a power of two"},
    {"variant scratch", twice,
     [](auto &, Plan &plan) { plan.kernels[0].variants[0].workerScratchBytes = uint64_t(1) << 40; }, "worker scratch"},
    {"variant threads", twice,
     [](auto &, Plan &plan) { plan.kernels[0].variants[0].workgroup = {64, 1u << 31, 1u << 31}; },
     "has more than 4096 threads"},
    {"variant shared memory", twice,
     [](auto &, Plan &plan) { plan.kernels[0].variants[0].sharedBytes = uint64_t(1) << 21; },
     "shared memory of 2097152"},
    {"variant workgroup", twice, [](auto &, Plan &plan) { plan.kernels[0].variants[0].workgroup[1] = 0; },
     "must not be zero"},
    {"tensor map alignment", mapped, [](auto &, Plan &plan) { plan.kernels[0].variants[0].operandAlignment = 8; },
     "need an operand alignment of 16"},
    {"tensor map operand", mapped, [](auto &, Plan &plan) { map(plan).operand = 7; }, "is of operand 7 of 2"},
    {"tensor map elements", mapped, [](auto &, Plan &plan) { map(plan).elementBytes = 3; }, "elements of 3 bytes"},
    {"tensor map rank", mapped, [](auto &, Plan &plan) { map(plan).sizes.pop_back(); },
     "1 sizes, 2 strides and a box of 2 dimensions"},
    {"tensor map size", mapped, [](auto &, Plan &plan) { map(plan).sizes[0] = 500; }, "a size or stride refers to"},
    {"tensor map stride", mapped, [](auto &maker, Plan &plan) { map(plan).strides[1] = maker.constant(2); },
     "the last stride 1"},
    {"tensor map box", mapped, [](auto &, Plan &plan) { map(plan).box[0] = 257; }, "a box of 1 to 256"},
    {"tensor map row", mapped, [](auto &, Plan &plan) { map(plan).swizzleBytes = 64; },
     "rows of 128 bytes and a swizzle of 64"},
    {"constant size", addConstantTwice, [](auto &maker, Plan &) { maker.package.constants[0].dims = {5}; },
     "do not give its 16 bytes"},
    {"constant dim", addConstantTwice, [](auto &maker, Plan &) { maker.package.constants[0].dims = {-2, -2}; },
     "do not give its 16 bytes"},
    {"copy width", copying, [](auto &, Plan &plan) { std::get<CopyStep>(plan.steps[1]).elementBytes = 3; },
     "elements of 3 bytes"},
    {"copy strides", copying, [](auto &, Plan &plan) { std::get<CopyStep>(plan.steps[1]).source.strides.clear(); },
     "1 sizes and 0 strides"},
    {"copy rank", copying, [](auto &, Plan &plan) { std::get<CopyStep>(plan.steps[1]).sizes.resize(9, 0); }, "rank 9"},
    {"copy buffer", copying, [](auto &, Plan &plan) { std::get<CopyStep>(plan.steps[1]).destination.buffer = 9; },
     "buffer 9 of 2"},
};

class Verifier : public testing::TestWithParam<Rule> {};

TEST_P(Verifier, RefusesWhatBreaksTheRule) {
  PackageMaker maker = GetParam().start();
  ASSERT_EQ(maker.refusal(), "") << "the unbroken package must pass";
  GetParam().breakIt(maker, maker.plan());
  EXPECT_THAT(maker.refusal(), testing::HasSubstr(GetParam().message));
}

INSTANTIATE_TEST_SUITE_P(Rules, Verifier, testing::ValuesIn(rules), [](const auto &info) {
  std::string name = info.param.name;
  for (char &c : name)
    c = c == ' ' ? '_' : c;
  return name;
});

} // namespace
