/// The arith ops on scalars.
#include "compiler/interp/Scalar.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "llvm/ADT/APFloat.h"

#include <cmath>
#include <limits>

using namespace mlir;

namespace heed::interp {
namespace {

template <double (*compute)(double, double)>
bool realBinary(const ScalarCall &, const Scalar *operands, Scalar &result) {
  result.real = compute(operands[0].real, operands[1].real);
  return true;
}

/// Integer arithmetic modulo 2^64, then reduced to the width; unsigned inside, where overflow is defined.
template <uint64_t (*compute)(uint64_t, uint64_t)>
bool wrappingBinary(const ScalarCall &call, const Scalar *operands, Scalar &result) {
  uint64_t value = compute(static_cast<uint64_t>(operands[0].integer), static_cast<uint64_t>(operands[1].integer));
  result.integer = wrapInteger(static_cast<int64_t>(value), call.resultWidth);
  return true;
}

template <int64_t (*compute)(int64_t, int64_t)>
bool signedBinary(const ScalarCall &, const Scalar *operands, Scalar &result) {
  result.integer = compute(operands[0].integer, operands[1].integer);
  return true;
}

template <uint64_t (*compute)(uint64_t, uint64_t)>
bool unsignedBinary(const ScalarCall &call, const Scalar *operands, Scalar &result) {
  uint64_t value = compute(unsignedValue(operands[0].integer, call.operandWidth),
                           unsignedValue(operands[1].integer, call.operandWidth));
  result.integer = wrapInteger(static_cast<int64_t>(value), call.resultWidth);
  return true;
}

/// Signed division with the quotient rounded by `adjust(quotient, remainder, divisor)`.
template <int64_t (*adjust)(int64_t, int64_t, int64_t)>
bool signedDivision(const ScalarCall &, const Scalar *operands, Scalar &result) {
  int64_t dividend = operands[0].integer, divisor = operands[1].integer;
  if (divisor == 0 || (divisor == -1 && dividend == std::numeric_limits<int64_t>::min()))
    return false;
  result.integer = adjust(dividend / divisor, dividend % divisor, divisor);
  return true;
}

template <uint64_t (*compute)(uint64_t, uint64_t)>
bool unsignedDivision(const ScalarCall &call, const Scalar *operands, Scalar &result) {
  return unsignedValue(operands[1].integer, call.operandWidth) != 0 && unsignedBinary<compute>(call, operands, result);
}

/// A shift by the width or more has no value.
template <uint64_t (*compute)(const ScalarCall &, int64_t, uint64_t)>
bool shift(const ScalarCall &call, const Scalar *operands, Scalar &result) {
  uint64_t amount = unsignedValue(operands[1].integer, call.operandWidth);
  if (amount >= call.operandWidth)
    return false;
  result.integer = wrapInteger(static_cast<int64_t>(compute(call, operands[0].integer, amount)), call.resultWidth);
  return true;
}

double larger(double a, double b) { return std::isnan(a) || std::isnan(b) ? NAN : std::fmax(a, b); }
double smaller(double a, double b) { return std::isnan(a) || std::isnan(b) ? NAN : std::fmin(a, b); }

bool compareReals(const ScalarCall &call, const Scalar *operands, Scalar &result) {
  double a = operands[0].real, b = operands[1].real;
  bool unordered = std::isnan(a) || std::isnan(b);
  auto holds = [&] {
    switch (static_cast<arith::CmpFPredicate>(call.immediate)) {
    case arith::CmpFPredicate::AlwaysFalse:
      return false;
    case arith::CmpFPredicate::OEQ:
      return a == b;
    case arith::CmpFPredicate::OGT:
      return a > b;
    case arith::CmpFPredicate::OGE:
      return a >= b;
    case arith::CmpFPredicate::OLT:
      return a < b;
    case arith::CmpFPredicate::OLE:
      return a <= b;
    case arith::CmpFPredicate::ONE:
      return !unordered && a != b;
    case arith::CmpFPredicate::ORD:
      return !unordered;
    case arith::CmpFPredicate::UEQ:
      return unordered || a == b;
    case arith::CmpFPredicate::UGT:
      return unordered || a > b;
    case arith::CmpFPredicate::UGE:
      return unordered || a >= b;
    case arith::CmpFPredicate::ULT:
      return unordered || a < b;
    case arith::CmpFPredicate::ULE:
      return unordered || a <= b;
    case arith::CmpFPredicate::UNE:
      return unordered || a != b;
    case arith::CmpFPredicate::UNO:
      return unordered;
    case arith::CmpFPredicate::AlwaysTrue:
      return true;
    }
    return false;
  };
  result.integer = -static_cast<int64_t>(holds());
  return true;
}

bool compareIntegers(const ScalarCall &call, const Scalar *operands, Scalar &result) {
  int64_t a = operands[0].integer, b = operands[1].integer;
  uint64_t ua = unsignedValue(a, call.operandWidth), ub = unsignedValue(b, call.operandWidth);
  auto holds = [&] {
    switch (static_cast<arith::CmpIPredicate>(call.immediate)) {
    case arith::CmpIPredicate::eq:
      return a == b;
    case arith::CmpIPredicate::ne:
      return a != b;
    case arith::CmpIPredicate::slt:
      return a < b;
    case arith::CmpIPredicate::sle:
      return a <= b;
    case arith::CmpIPredicate::sgt:
      return a > b;
    case arith::CmpIPredicate::sge:
      return a >= b;
    case arith::CmpIPredicate::ult:
      return ua < ub;
    case arith::CmpIPredicate::ule:
      return ua <= ub;
    case arith::CmpIPredicate::ugt:
      return ua > ub;
    case arith::CmpIPredicate::uge:
      return ua >= ub;
    }
    return false;
  };
  result.integer = -static_cast<int64_t>(holds());
  return true;
}

bool select(const ScalarCall &, const Scalar *operands, Scalar &result) {
  result = operands[0].integer != 0 ? operands[1] : operands[2];
  return true;
}

bool same(const ScalarCall &, const Scalar *operands, Scalar &result) {
  result = operands[0];
  return true;
}

bool narrow(const ScalarCall &call, const Scalar *operands, Scalar &result) {
  result.integer = wrapInteger(operands[0].integer, call.resultWidth);
  return true;
}

bool zeroExtend(const ScalarCall &call, const Scalar *operands, Scalar &result) {
  uint64_t value = unsignedValue(operands[0].integer, call.operandWidth);
  result.integer = wrapInteger(static_cast<int64_t>(value), call.resultWidth);
  return true;
}

bool signedToReal(const ScalarCall &, const Scalar *operands, Scalar &result) {
  result.real = static_cast<double>(operands[0].integer);
  return true;
}

bool unsignedToReal(const ScalarCall &call, const Scalar *operands, Scalar &result) {
  result.real = static_cast<double>(unsignedValue(operands[0].integer, call.operandWidth));
  return true;
}

/// Truncates towards zero; a value that does not fit has no result.
bool realToSigned(const ScalarCall &call, const Scalar *operands, Scalar &result) {
  double whole = std::trunc(operands[0].real), limit = std::ldexp(1.0, static_cast<int>(call.resultWidth) - 1);
  if (!(whole >= -limit && whole < limit))
    return false;
  result.integer = static_cast<int64_t>(whole);
  return true;
}

bool realToUnsigned(const ScalarCall &call, const Scalar *operands, Scalar &result) {
  double whole = std::trunc(operands[0].real);
  if (!(whole >= 0 && whole < std::ldexp(1.0, static_cast<int>(call.resultWidth))))
    return false;
  result.integer = wrapInteger(static_cast<int64_t>(static_cast<uint64_t>(whole)), call.resultWidth);
  return true;
}

/// Bits have a meaning only after rounding to the float type, in either precision.
bool reinterpretBits(const ScalarCall &call, const Scalar *operands, Scalar &result) {
  llvm::APInt bits(call.operandWidth, unsignedValue(operands[0].integer, call.operandWidth));
  bool losesInfo = false;
  if (auto from = dyn_cast<FloatType>(call.operandType)) {
    llvm::APFloat value(operands[0].real);
    value.convert(from.getFloatSemantics(), llvm::APFloat::rmNearestTiesToEven, &losesInfo);
    bits = value.bitcastToAPInt();
  }
  if (auto to = dyn_cast<FloatType>(call.resultType)) {
    llvm::APFloat value(to.getFloatSemantics(), bits);
    value.convert(llvm::APFloat::IEEEdouble(), llvm::APFloat::rmNearestTiesToEven, &losesInfo);
    result.real = value.convertToDouble();
  } else {
    result.integer = bits.getSExtValue();
  }
  return true;
}

} // namespace

static void addRealFunctions(ScalarTable &table) {
  table["arith.addf"] = realBinary<[](double a, double b) { return a + b; }>;
  table["arith.subf"] = realBinary<[](double a, double b) { return a - b; }>;
  table["arith.mulf"] = realBinary<[](double a, double b) { return a * b; }>;
  table["arith.divf"] = realBinary<[](double a, double b) { return a / b; }>;
  table["arith.remf"] = realBinary<[](double a, double b) { return std::fmod(a, b); }>;
  table["arith.maximumf"] = realBinary<larger>;
  table["arith.minimumf"] = realBinary<smaller>;
  table["arith.maxnumf"] = realBinary<[](double a, double b) { return std::fmax(a, b); }>;
  table["arith.minnumf"] = realBinary<[](double a, double b) { return std::fmin(a, b); }>;
  table["arith.negf"] = [](const ScalarCall &, const Scalar *operands, Scalar &result) {
    result.real = -operands[0].real;
    return true;
  };
  table["arith.cmpf"] = compareReals;
}

static void addIntegerFunctions(ScalarTable &table) {
  table["arith.addi"] = wrappingBinary<[](uint64_t a, uint64_t b) { return a + b; }>;
  table["arith.subi"] = wrappingBinary<[](uint64_t a, uint64_t b) { return a - b; }>;
  table["arith.muli"] = wrappingBinary<[](uint64_t a, uint64_t b) { return a * b; }>;
  table["arith.andi"] = wrappingBinary<[](uint64_t a, uint64_t b) { return a & b; }>;
  table["arith.ori"] = wrappingBinary<[](uint64_t a, uint64_t b) { return a | b; }>;
  table["arith.xori"] = wrappingBinary<[](uint64_t a, uint64_t b) { return a ^ b; }>;
  table["arith.maxsi"] = signedBinary<[](int64_t a, int64_t b) { return std::max(a, b); }>;
  table["arith.minsi"] = signedBinary<[](int64_t a, int64_t b) { return std::min(a, b); }>;
  table["arith.maxui"] = unsignedBinary<[](uint64_t a, uint64_t b) { return std::max(a, b); }>;
  table["arith.minui"] = unsignedBinary<[](uint64_t a, uint64_t b) { return std::min(a, b); }>;
  table["arith.divsi"] = signedDivision<[](int64_t quotient, int64_t, int64_t) { return quotient; }>;
  table["arith.remsi"] = signedDivision<[](int64_t, int64_t remainder, int64_t) { return remainder; }>;
  table["arith.floordivsi"] = signedDivision<[](int64_t quotient, int64_t remainder, int64_t divisor) {
    return quotient - (remainder != 0 && (remainder < 0) != (divisor < 0));
  }>;
  table["arith.ceildivsi"] = signedDivision<[](int64_t quotient, int64_t remainder, int64_t divisor) {
    return quotient + (remainder != 0 && (remainder < 0) == (divisor < 0));
  }>;
  table["arith.divui"] = unsignedDivision<[](uint64_t a, uint64_t b) { return a / b; }>;
  table["arith.remui"] = unsignedDivision<[](uint64_t a, uint64_t b) { return a % b; }>;
  table["arith.ceildivui"] = unsignedDivision<[](uint64_t a, uint64_t b) { return a / b + (a % b != 0); }>;
  table["arith.shli"] =
      shift<[](const ScalarCall &, int64_t value, uint64_t amount) { return static_cast<uint64_t>(value) << amount; }>;
  table["arith.shrsi"] =
      shift<[](const ScalarCall &, int64_t value, uint64_t amount) { return static_cast<uint64_t>(value >> amount); }>;
  table["arith.shrui"] = shift<[](const ScalarCall &call, int64_t value, uint64_t amount) {
    return unsignedValue(value, call.operandWidth) >> amount;
  }>;
  table["arith.cmpi"] = compareIntegers;
}

void addArithFunctions(ScalarTable &table) {
  addRealFunctions(table);
  addIntegerFunctions(table);
  table["arith.select"] = select;
  table["arith.extf"] = same;
  table["arith.truncf"] = same;
  table["arith.extsi"] = same;
  table["arith.index_cast"] = narrow;
  table["arith.trunci"] = narrow;
  table["arith.extui"] = zeroExtend;
  table["arith.index_castui"] = zeroExtend;
  table["arith.sitofp"] = signedToReal;
  table["arith.uitofp"] = unsignedToReal;
  table["arith.fptosi"] = realToSigned;
  table["arith.fptoui"] = realToUnsigned;
  table["arith.bitcast"] = reinterpretBits;
}

} // namespace heed::interp
