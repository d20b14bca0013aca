/// Writes what computes an element as scalar code in the region of an attention op.
#pragma once

#include "compiler/graph/Element.h"

#include <functional>

namespace heed {

/// Pulls the producers of an element into a region: elementwise bodies are copied, index arithmetic becomes arith on
/// the region's indices, tensors that stay outside are captured and read with tensor.extract. Half-width floats are
/// computed in f32, as everything between the two products of an attention is.
class ScalarEmitter {
public:
  /// `indices[i]` is the value of d_i in the region; ops are made at the builder's insertion point.
  ScalarEmitter(ElementWalker &walker, mlir::OpBuilder &builder, llvm::ArrayRef<mlir::Value> indices)
      : walker(walker), builder(builder), indices(indices) {}

  /// The value of an element that the region has already, else null. Asked before anything else.
  std::function<mlir::Value(const Element &)> known;
  /// The region's argument for a value from outside, a tensor or a scalar.
  std::function<mlir::Value(mlir::Value)> capture;
  /// The region's argument for the value of a symbol of the graph.
  std::function<mlir::Value(unsigned)> captureSymbol;
  /// Whether a tensor must not be captured at these indices, because then it would exist as a whole; its producer is
  /// copied even when that costs arithmetic.
  std::function<bool(const Element &)> mustInline;

  /// The scalar, or null when it cannot be written in a region.
  mlir::Value emit(const Element &element, unsigned depth = 0);

private:
  mlir::Value emitTensor(const Element &element, unsigned depth);
  mlir::Value emitScalar(const Element &element, unsigned depth);
  mlir::Value emitOperation(mlir::Operation *op, const Element &element, unsigned depth);
  mlir::Value emitExtract(mlir::tensor::ExtractOp extract, const Element &element, unsigned depth);
  mlir::Value emitTriangle(const Element &element);
  mlir::Value emitCapture(const Element &element);
  mlir::Value emitIndex(mlir::AffineExpr index);
  mlir::Value emitConstant(mlir::Attribute attribute, mlir::Location location);
  bool isCheap(const Element &element);
  unsigned costOf(const Element &element, unsigned limit);

  ElementWalker &walker;
  mlir::OpBuilder &builder;
  llvm::ArrayRef<mlir::Value> indices;
  llvm::DenseMap<mlir::Value, llvm::SmallVector<std::pair<Element, mlir::Value>, 1>> emitted;
};

} // namespace heed
