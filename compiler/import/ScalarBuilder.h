/// Builds the scalar arithmetic of a region, for one element kind. Operations on constants fold as they are built, so
/// the same code evaluates an operator on known elements.
#pragma once

#include "compiler/import/Tensor.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

namespace heed::importer {

class ScalarBuilder {
public:
  /// `kind` decides between float, signed and unsigned arithmetic; values are of its compute type.
  ScalarBuilder(mlir::ImplicitLocOpBuilder &builder, ElementKind kind) : builder(builder), kind(kind) {}

  ElementKind getKind() const { return kind; }
  mlir::ImplicitLocOpBuilder &getBuilder() { return builder; }
  mlir::Type getType() { return computeType(kind, builder.getContext()); }

  /// A constant of the compute type.
  mlir::Value constant(double value);
  mlir::Value add(mlir::Value a, mlir::Value b);
  mlir::Value subtract(mlir::Value a, mlir::Value b);
  mlir::Value multiply(mlir::Value a, mlir::Value b);
  /// Integers round towards zero.
  mlir::Value divide(mlir::Value a, mlir::Value b);
  /// The remainder with the sign of a (truncated), or of b.
  mlir::Value remainder(mlir::Value a, mlir::Value b, bool signOfDivisor);
  mlir::Value negate(mlir::Value a);
  mlir::Value absolute(mlir::Value a);
  /// A NaN operand gives NaN.
  mlir::Value minimum(mlir::Value a, mlir::Value b);
  mlir::Value maximum(mlir::Value a, mlir::Value b);

  enum class Order { equal, less, lessOrEqual, greater, greaterOrEqual };
  mlir::Value compare(Order order, mlir::Value a, mlir::Value b);
  mlir::Value isNotZero(mlir::Value a);
  mlir::Value select(mlir::Value condition, mlir::Value a, mlir::Value b);

  /// Op on floats: math::ExpOp and the like.
  template <typename Op> mlir::Value apply(mlir::Value a) { return builder.createOrFold<Op>(a); }
  mlir::Value sigmoid(mlir::Value a);

  /// Converts a value between the compute types of two kinds, as ONNX's Cast does.
  mlir::Value convert(mlir::Value value, ElementKind from, ElementKind to);
  /// Between the storage and the compute type of a kind.
  mlir::Value widen(mlir::Value value);
  mlir::Value narrow(mlir::Value value);

private:
  mlir::ImplicitLocOpBuilder &builder;
  ElementKind kind;
};

} // namespace heed::importer
