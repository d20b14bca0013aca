/// Scalars of the float64 interpreter: every float is a double, every integer an int64_t kept sign-extended from its
/// width. The arith and math ops on scalars are functions in one table, used for scalars, element by element on
/// tensors, and inside compiled region bodies (ScalarProgram).
#pragma once

#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Operation.h"
#include "llvm/ADT/StringMap.h"

namespace heed::interp {

union Scalar {
  double real;
  int64_t integer;

  static Scalar ofReal(double value) { return Scalar{.real = value}; }
  static Scalar ofInteger(int64_t value) { return Scalar{.integer = value}; }
};

/// exact: floating-point results keep double precision whatever their type, conversions between float types do
/// nothing. rounded: every result is rounded to its type, as a machine without excess precision would.
enum class Precision { exact, rounded };

/// Bits of an integer or index type (index has 64) or of a float type.
unsigned bitWidth(mlir::Type type);
/// `value` reduced to `width` bits and sign-extended.
int64_t wrapInteger(int64_t value, unsigned width);
/// The `width` low bits of `value` as an unsigned number.
uint64_t unsignedValue(int64_t value, unsigned width);
/// The value of float type `type` nearest to `value`, ties to even.
double roundToType(double value, mlir::Type type);
/// What reading memory nobody wrote gives: NaN, or an unlikely integer.
Scalar poison(mlir::Type elementType);

struct ScalarCall;
/// Computes one result from operands; false means that the operation has no value (a division by zero).
using ScalarFunction = bool (*)(const ScalarCall &call, const Scalar *operands, Scalar &result);
using ScalarTable = llvm::StringMap<ScalarFunction>;

void addArithFunctions(ScalarTable &table);
void addMathFunctions(ScalarTable &table);

/// One arith or math op, looked up and with what its function needs to know about types.
struct ScalarCall {
  ScalarFunction function = nullptr;
  mlir::Type operandType, resultType; ///< element types of the first operand and of the result
  unsigned operandWidth = 0, resultWidth = 0;
  int64_t immediate = 0; ///< the predicate of a comparison
  bool rounds = false;   ///< round the result to resultType

  bool operator()(const Scalar *operands, Scalar &result) const {
    if (!function(*this, operands, result))
      return false;
    if (rounds)
      result.real = roundToType(result.real, resultType);
    return true;
  }
};

/// The call for `op`, or nothing when it is not a scalar arith or math op with one result that the table knows.
std::optional<ScalarCall> prepareScalarCall(mlir::Operation *op, Precision precision);

} // namespace heed::interp
