/// Small helpers over OpBuilder for address arithmetic in i64, memory access through raw pointers, and vectors.
#pragma once

#include "backends/cpu/IsaLevel.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinTypes.h"

namespace heed::cpu {

/// An i64 that may be known when code is generated.
struct Length {
  Length(int64_t constant) : constant(constant) {}
  Length(mlir::Value value) : value(value) {}
  bool isConstant() const { return !value; }
  bool isConstant(int64_t expected) const { return !value && constant == expected; }
  int64_t constant = 0;
  mlir::Value value;
};

class CodeBuilder : public mlir::OpBuilder {
public:
  CodeBuilder(mlir::MLIRContext *context, const IsaLevel &isa)
      : OpBuilder(context), isa(isa), loc(mlir::UnknownLoc::get(context)),
        pointerType(mlir::LLVM::LLVMPointerType::get(context)) {}

  mlir::Value i64(int64_t value);
  mlir::Value i64(Length length) { return length.value ? length.value : i64(length.constant); }
  mlir::Value toI64(mlir::Value index);
  Length add(Length a, Length b);
  Length mul(Length a, Length b);
  mlir::Value less(mlir::Value a, mlir::Value b);
  mlir::Value both(mlir::Value a, mlir::Value b); ///< null operands are true; null when both are

  /// pointer + elements * sizeof(element)
  mlir::Value offset(mlir::Value pointer, mlir::Type element, Length elements);
  mlir::Value load(mlir::Type type, mlir::Value pointer, int64_t alignment);
  void store(mlir::Value value, mlir::Value pointer, int64_t alignment);

  mlir::VectorType vectorOf(mlir::Type element, int64_t lanes) { return mlir::VectorType::get({lanes}, element); }
  mlir::Value splat(mlir::Value scalar, int64_t lanes);
  /// A constant of a scalar or vector type, all lanes equal.
  mlir::Value constant(mlir::Type type, double value);
  mlir::Value constant(mlir::Type type, int64_t value);
  mlir::Value zero(mlir::Type type);
  mlir::Value iota(mlir::Type element, int64_t lanes);

  /// Conversions between what memory holds (f16, bf16) and f32, on scalars and vectors; other types pass through.
  mlir::Value fromMemory(mlir::Value value, mlir::Type memoryElement);
  mlir::Value toMemory(mlir::Value value, mlir::Type memoryElement);
  /// The type memory accesses of this element use: integers for the small floats where they are converted by hand.
  mlir::Type accessType(mlir::Type memoryElement);
  /// f32 rounded to the values of f16 or bf16, still as f32.
  mlir::Value round(mlir::Value value, mlir::Type smallFloat);

  /// a * b + c: fused where the level has FMA.
  mlir::Value multiplyAdd(mlir::Value a, mlir::Value b, mlir::Value c);
  /// c + a b with the exact product, rounded once or almost so; slow.
  mlir::Value productError(mlir::Value a, mlir::Value b, mlir::Value c);

  const IsaLevel &isa;
  mlir::Location loc;
  mlir::Type pointerType;

private:
  mlir::Value halfToFloat(mlir::Value bits);
  mlir::Value floatToHalf(mlir::Value value);
};

/// `like` with another element type: scalar or vector.
mlir::Type withElement(mlir::Type like, mlir::Type element);

} // namespace heed::cpu
