/// The math ops on scalars.
#include "compiler/interp/Scalar.h"

#include "llvm/ADT/bit.h"

#include <cmath>

namespace heed::interp {
namespace {

template <double (*compute)(double)> bool realUnary(const ScalarCall &, const Scalar *operands, Scalar &result) {
  result.real = compute(operands[0].real);
  return true;
}

template <double (*compute)(double, double)>
bool realBinary(const ScalarCall &, const Scalar *operands, Scalar &result) {
  result.real = compute(operands[0].real, operands[1].real);
  return true;
}

template <bool (*holds)(double)> bool realTest(const ScalarCall &, const Scalar *operands, Scalar &result) {
  result.integer = -static_cast<int64_t>(holds(operands[0].real));
  return true;
}

template <uint64_t (*count)(uint64_t, unsigned)>
bool countBits(const ScalarCall &call, const Scalar *operands, Scalar &result) {
  uint64_t value = count(unsignedValue(operands[0].integer, call.operandWidth), call.operandWidth);
  result.integer = wrapInteger(static_cast<int64_t>(value), call.resultWidth);
  return true;
}

bool absoluteInteger(const ScalarCall &call, const Scalar *operands, Scalar &result) {
  auto bits = static_cast<uint64_t>(operands[0].integer);
  result.integer = wrapInteger(static_cast<int64_t>(operands[0].integer < 0 ? 0 - bits : bits), call.resultWidth);
  return true;
}

bool realToIntegerPower(const ScalarCall &, const Scalar *operands, Scalar &result) {
  result.real = std::pow(operands[0].real, static_cast<double>(operands[1].integer));
  return true;
}

bool multiplyAdd(const ScalarCall &, const Scalar *operands, Scalar &result) {
  result.real = std::fma(operands[0].real, operands[1].real, operands[2].real);
  return true;
}

bool clamp(const ScalarCall &, const Scalar *operands, Scalar &result) {
  result.real = std::fmin(std::fmax(operands[0].real, operands[1].real), operands[2].real);
  return true;
}

} // namespace

static void addElementaryFunctions(ScalarTable &table) {
  table["math.exp"] = realUnary<std::exp>;
  table["math.exp2"] = realUnary<std::exp2>;
  table["math.expm1"] = realUnary<std::expm1>;
  table["math.log"] = realUnary<std::log>;
  table["math.log2"] = realUnary<std::log2>;
  table["math.log10"] = realUnary<std::log10>;
  table["math.log1p"] = realUnary<std::log1p>;
  table["math.sqrt"] = realUnary<std::sqrt>;
  table["math.rsqrt"] = realUnary<[](double x) { return 1.0 / std::sqrt(x); }>;
  table["math.cbrt"] = realUnary<std::cbrt>;
  table["math.erf"] = realUnary<std::erf>;
  table["math.erfc"] = realUnary<std::erfc>;
  table["math.sin"] = realUnary<std::sin>;
  table["math.cos"] = realUnary<std::cos>;
  table["math.tan"] = realUnary<std::tan>;
  table["math.asin"] = realUnary<std::asin>;
  table["math.acos"] = realUnary<std::acos>;
  table["math.atan"] = realUnary<std::atan>;
  table["math.sinh"] = realUnary<std::sinh>;
  table["math.cosh"] = realUnary<std::cosh>;
  table["math.tanh"] = realUnary<std::tanh>;
  table["math.asinh"] = realUnary<std::asinh>;
  table["math.acosh"] = realUnary<std::acosh>;
  table["math.atanh"] = realUnary<std::atanh>;
  table["math.atan2"] = realBinary<std::atan2>;
  table["math.powf"] = realBinary<std::pow>;
  table["math.fpowi"] = realToIntegerPower;
}

void addMathFunctions(ScalarTable &table) {
  addElementaryFunctions(table);
  table["math.absf"] = realUnary<std::fabs>;
  table["math.ceil"] = realUnary<std::ceil>;
  table["math.floor"] = realUnary<std::floor>;
  table["math.round"] = realUnary<std::round>;
  table["math.roundeven"] = realUnary<std::nearbyint>;
  table["math.trunc"] = realUnary<std::trunc>;
  table["math.copysign"] = realBinary<std::copysign>;
  table["math.fma"] = multiplyAdd;
  table["math.clampf"] = clamp;
  table["math.isnan"] = realTest<[](double x) { return std::isnan(x); }>;
  table["math.isinf"] = realTest<[](double x) { return std::isinf(x); }>;
  table["math.isfinite"] = realTest<[](double x) { return std::isfinite(x); }>;
  table["math.absi"] = absoluteInteger;
  table["math.ctpop"] = countBits<[](uint64_t value, unsigned) { return uint64_t(llvm::popcount(value)); }>;
  table["math.ctlz"] =
      countBits<[](uint64_t value, unsigned width) { return uint64_t(llvm::countl_zero(value)) - (64 - width); }>;
  table["math.cttz"] =
      countBits<[](uint64_t value, unsigned width) { return std::min<uint64_t>(llvm::countr_zero(value), width); }>;
}

} // namespace heed::interp
