/// The functions that ExpandMath and ExpandVectorMath write out, at every instruction set, against double.
///
/// Inputs are every 2003rd bit pattern of f32 (zeros, denormals, infinities and NaNs among them), the special points of
/// each function, and dense ranges where cancellation could show.
#include "tests/unit/cpu/Program.h"

#include <gtest/gtest.h>

#include <bit>
#include <cfloat>
#include <cmath>
#include <functional>
#include <limits>

using namespace heed::test;

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr double tiny = 0x1p-126; ///< the smallest normal f32

/// What an error may be: the sum of these.
struct Bound {
  double ulps;         ///< distances of f32 numbers at the exact value
  double relative = 0; ///< times the exact value
  double absolute = 0;
};

struct Function {
  const char *name;
  std::string body; ///< of %x0, and %x1 if there are two
  std::function<double(double, double)> exact;
  Bound bound;
  double lowest = -infinity, highest = infinity; ///< arguments outside are not held to the bound
  std::vector<float> points = {};                ///< tested with their neighbours
  /// Of functions of two arguments: what else is allowed, relative to the exact value.
  std::function<double(double, double)> relative = {};
};

/// The distance of f32 numbers at an exact value.
double ulp(double exact) {
  int exponent;
  std::frexp(exact, &exponent);
  return std::ldexp(1.0, std::max(exponent - 24, -149));
}

std::vector<float> unaryInputs(const Function &function) {
  std::vector<float> inputs;
  for (uint64_t bits = 0; bits < 1ull << 32; bits += 2003)
    inputs.push_back(std::bit_cast<float>(static_cast<uint32_t>(bits)));
  for (float start : {1.0f, -1.0f, 0.5f, 2.0f, -0.5f, 0.4f, -0.4f, 88.0f, -87.3f, -103.0f, 127.0f, -126.0f, -149.0f})
    for (int32_t step = -300; step <= 300; ++step)
      inputs.push_back(std::bit_cast<float>(std::bit_cast<int32_t>(start) + step));
  for (int32_t i = -40000; i <= 40000; ++i)
    inputs.push_back(static_cast<float>(i) * 0.5f); // halves, which rounding must break the right way
  for (float point : function.points)
    for (int32_t step = -3; step <= 3; ++step)
      inputs.push_back(std::bit_cast<float>(std::bit_cast<int32_t>(point) + step));
  return inputs;
}

/// Two inputs: a grid of magnitudes, and small whole numbers and halves of both signs.
std::pair<std::vector<float>, std::vector<float>> binaryInputs() {
  std::vector<float> values = {0.0f, -0.0f, INFINITY, -INFINITY, NAN, FLT_MAX, -FLT_MAX, FLT_MIN, 1e-45f, -1e-45f};
  for (int i = -24; i <= 24; ++i)
    values.push_back(static_cast<float>(i) * 0.5f);
  for (uint64_t bits = 12345; bits < 1ull << 32; bits += 4999999)
    values.push_back(std::bit_cast<float>(static_cast<uint32_t>(bits)));
  for (int i = 0; i < 400; ++i)
    values.push_back(0.9f + 0.0005f * static_cast<float>(i));
  std::vector<float> left, right;
  for (float x : values)
    for (float y : values) {
      left.push_back(x);
      right.push_back(y);
    }
  return {left, right};
}

const std::vector<Function> &functions();

using Parameter = std::tuple<std::string, size_t>;
class CpuMath : public testing::TestWithParam<Parameter> {};

/// The error of a result in units of what is allowed; infinite when a NaN is wrong. Infinities count as the first
/// number out of range.
double excess(double result, double exact, double ulps, double allowed) {
  if (std::isnan(exact) || std::isnan(result))
    return std::isnan(exact) && std::isnan(result) ? 0 : infinity;
  result = std::clamp(result, -0x1p128, 0x1p128);
  exact = std::clamp(exact, -0x1p128, 0x1p128);
  double error = std::abs(result - exact);
  allowed += ulps * ulp(exact);
  return error == 0 ? 0 : error / allowed;
}

} // namespace

TEST_P(CpuMath, staysWithinItsBound) {
  auto [level, index] = GetParam();
  const Function &function = functions()[index];
  bool isBinary = static_cast<bool>(function.relative);
  std::vector<float> x, y;
  if (isBinary)
    std::tie(x, y) = binaryInputs();
  else
    x = unaryInputs(function);
  std::vector<float> results(x.size(), -1234.0f);
  auto size = static_cast<int64_t>(x.size());
  std::map<std::string, heed::TensorView> inputs = {{"x0", heed::view(x.data(), {size})}};
  if (isBinary)
    inputs.emplace("x1", heed::view(y.data(), {size}));
  Program program(elementwise(std::vector<std::string>(inputs.size(), "f32"), "f32", function.body));
  program.run(level, inputs, {{"y", heed::view(results.data(), {size})}});

  const Bound &bound = function.bound;
  double worst = 0;
  size_t at = 0;
  for (size_t i = 0; i < x.size(); ++i) {
    if (x[i] < function.lowest || x[i] > function.highest)
      continue;
    double second = isBinary ? y[i] : 0, exact = function.exact(x[i], second);
    double relative = bound.relative + (isBinary ? function.relative(x[i], second) : 0);
    double allowed = bound.absolute + (std::isfinite(exact) ? relative * std::abs(exact) : 0);
    double beyond = excess(results[i], exact, bound.ulps, allowed);
    if (beyond > worst) {
      worst = beyond;
      at = i;
    }
  }
  double second = isBinary ? y[at] : 0;
  EXPECT_LE(worst, 1) << function.name << "(" << x[at] << ", " << second << ") is " << results[at] << ", exactly "
                      << function.exact(x[at], second);
  RecordProperty("worst", std::to_string(worst));
}

namespace {

std::vector<Function> listFunctions() {
  std::vector<Function> list;
  auto add = [&](const char *name, double (*exact)(double), Bound bound, double lowest = -infinity,
                 double highest = infinity, std::vector<float> points = {}) {
    std::string body = std::string("%r = math.") + name + " %x0 : f32";
    list.push_back(
        {name, body, [exact](double x, double) { return exact(x); }, bound, lowest, highest, std::move(points)});
  };
  std::vector<float> quarters;
  for (int i = -4000; i <= 4000; ++i)
    quarters.push_back(static_cast<float>(i * 0.7853981633974483));
  // Results below the smallest normal number may be flushed to zero where the exponent is put together by hand.
  add("exp2", std::exp2, {1.5, 0, tiny});
  add("log2", std::log2, {2});
  add("exp", std::exp, {2.5, 0, tiny});
  add("expm1", std::expm1, {4});
  add("log", std::log, {3});
  add("log10", std::log10, {3});
  add("log1p", std::log1p, {4});
  add("tanh", std::tanh, {1, 3.5e-7});
  add("erf", std::erf, {2, 4e-7});
  add("erfc", std::erfc, {0, 0, 5e-7});
  add("sin", std::sin, {0, 0, 1.5e-7}, -1e9, 1e9, quarters);
  add("cos", std::cos, {0, 0, 1.5e-7}, -1e9, 1e9, quarters);
  add("tan", std::tan, {4}, -1e3, 1e3);
  add("sinh", std::sinh, {4});
  add("cosh", std::cosh, {4});
  add("sqrt", std::sqrt, {0.5});
  add("rsqrt", [](double x) { return 1 / std::sqrt(x); }, {1.5});
  add("round", std::round, {0});
  add("roundeven", std::nearbyint, {0});
  add("floor", std::floor, {0});
  add("ceil", std::ceil, {0});
  add("trunc", std::trunc, {0});
  add("absf", std::fabs, {0});
  list.push_back(
      {"powf", "%r = math.powf %x0, %x1 : f32", [](double x, double y) { return std::pow(x, y); }, {3, 0, tiny}});
  list.back().relative = [](double x, double y) {
    double bits = std::abs(y * std::log2(std::abs(x)));
    return std::isfinite(bits) ? bits * 1e-7 : 0;
  };
  list.push_back({"remf", "%r = arith.remf %x0, %x1 : f32", [](double x, double y) { return std::fmod(x, y); }, {0}});
  list.back().relative = [](double x, double y) { return std::abs(x / y) < 0x1p29 ? 0.0 : infinity; };
  return list;
}

const std::vector<Function> &functions() {
  static const std::vector<Function> list = listFunctions();
  return list;
}

} // namespace

INSTANTIATE_TEST_SUITE_P(
    All, CpuMath, testing::Combine(testing::ValuesIn(instructionSets()), testing::Range<size_t>(0, functions().size())),
    [](const auto &info) {
      return std::string(functions()[std::get<1>(info.param)].name) + "_" + testName(std::get<0>(info.param));
    });
