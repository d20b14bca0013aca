#include "compiler/interp/Scalar.h"

#include "mlir/IR/TypeUtilities.h"
#include "llvm/ADT/APFloat.h"

#include <limits>

using namespace mlir;

namespace heed::interp {

unsigned bitWidth(Type type) { return type.isIndex() ? 64 : type.isIntOrFloat() ? type.getIntOrFloatBitWidth() : 0; }

int64_t wrapInteger(int64_t value, unsigned width) {
  if (width >= 64)
    return value;
  unsigned unused = 64 - width;
  return static_cast<int64_t>(static_cast<uint64_t>(value) << unused) >> unused;
}

uint64_t unsignedValue(int64_t value, unsigned width) {
  auto bits = static_cast<uint64_t>(value);
  return width >= 64 ? bits : bits & ((uint64_t{1} << width) - 1);
}

double roundToType(double value, Type type) {
  if (type.isF64())
    return value;
  if (type.isF32())
    return static_cast<double>(static_cast<float>(value));
  llvm::APFloat rounded(value);
  bool losesInfo = false;
  rounded.convert(cast<FloatType>(type).getFloatSemantics(), llvm::APFloat::rmNearestTiesToEven, &losesInfo);
  rounded.convert(llvm::APFloat::IEEEdouble(), llvm::APFloat::rmNearestTiesToEven, &losesInfo);
  return rounded.convertToDouble();
}

Scalar poison(Type elementType) {
  if (isa<FloatType>(elementType))
    return Scalar::ofReal(std::numeric_limits<double>::quiet_NaN());
  return Scalar::ofInteger(wrapInteger(0x5a5a5a5a5a5a5a5a, bitWidth(elementType)));
}

static const ScalarTable &scalarTable() {
  static const ScalarTable table = [] {
    ScalarTable built;
    addArithFunctions(built);
    addMathFunctions(built);
    return built;
  }();
  return table;
}

std::optional<ScalarCall> prepareScalarCall(Operation *op, Precision precision) {
  if (op->getNumResults() != 1 || op->getNumOperands() == 0 || op->getNumRegions() != 0)
    return std::nullopt;
  auto found = scalarTable().find(op->getName().getStringRef());
  if (found == scalarTable().end())
    return std::nullopt;
  ScalarCall call;
  call.function = found->second;
  call.operandType = getElementTypeOrSelf(op->getOperand(0).getType());
  call.resultType = getElementTypeOrSelf(op->getResult(0).getType());
  call.operandWidth = bitWidth(call.operandType);
  call.resultWidth = bitWidth(call.resultType);
  if (call.operandWidth == 0 || call.operandWidth > 64 || call.resultWidth == 0 || call.resultWidth > 64)
    return std::nullopt;
  if (auto predicate = op->getAttrOfType<IntegerAttr>("predicate"))
    call.immediate = predicate.getInt();
  call.rounds = precision == Precision::rounded && isa<FloatType>(call.resultType);
  return call;
}

} // namespace heed::interp
