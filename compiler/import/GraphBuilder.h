/// Emits the operations an imported graph is made of: linalg and tensor operations on tensors with symbolic shapes.
/// What is known while importing (literals) is computed here instead of being emitted.
#pragma once

#include "compiler/import/ScalarBuilder.h"
#include "compiler/import/Tensor.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Utils/StructuredOpsUtils.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "llvm/ADT/DenseMap.h"

namespace heed::importer {

/// One element of the result from one element of each input, all in compute types.
using ScalarBody = llvm::function_ref<mlir::Value(ScalarBuilder &, mlir::ValueRange)>;
/// Combines the accumulator (first) and an element.
using CombineBody = llvm::function_ref<mlir::Value(ScalarBuilder &, mlir::Value, mlir::Value)>;

/// The largest (smallest) value of the compute type of a kind; infinite for floats.
mlir::TypedAttr extremeOf(ElementKind kind, bool isLargest, mlir::MLIRContext *context);

class GraphBuilder {
public:
  GraphBuilder(mlir::func::FuncOp function, Sizes &sizes);

  Sizes &getSizes() { return sizes; }
  mlir::ImplicitLocOpBuilder &getBuilder() { return builder; }
  mlir::MLIRContext *getContext() { return builder.getContext(); }
  /// Whether a size was needed that overflowed; what has been built since is worthless.
  bool hasOverflowed() const { return overflowed; }
  void setLocation(mlir::Location location) { builder.setLoc(location); }

  /// \name Sizes and types
  /// @{
  /// The size as an index value, computed from symbols at the start of the function.
  mlir::Value dim(Size size);
  mlir::OpFoldResult dimOrConstant(Size size);
  mlir::RankedTensorType typeOf(mlir::Type element, llvm::ArrayRef<Size> shape);
  mlir::RankedTensorType typeOf(const Tensor &tensor) {
    return typeOf(storageType(tensor.kind, getContext()), tensor.shape);
  }
  mlir::Value empty(mlir::Type element, llvm::ArrayRef<Size> shape);
  mlir::Value filled(mlir::TypedAttr value, llvm::ArrayRef<Size> shape);
  /// A size as an integer value, computed within the region being built.
  mlir::Value sizeInBody(mlir::ImplicitLocOpBuilder &body, Size size, mlir::Type type);
  /// The one element of a tensor of rank 0, in its storage type: a constant where it is known.
  mlir::Value scalarInBody(mlir::ImplicitLocOpBuilder &body, const Tensor &tensor);
  /// @}

  /// The tensor as a value of the function.
  mlir::Value materialise(const Tensor &tensor);
  /// A tensor for a value just built.
  Tensor wrap(mlir::Value value, ElementKind kind, llvm::ArrayRef<Size> shape);
  Tensor integers(ElementKind kind, llvm::ArrayRef<Size> shape, llvm::ArrayRef<Size> elements);
  Tensor scalar(ElementKind kind, double value);

  /// \name Elementwise
  /// Shapes broadcast to `shape` by indexing maps. The body's arithmetic is of `bodyKind`.
  /// @{
  Tensor elementwise(ElementKind resultKind, ElementKind bodyKind, llvm::ArrayRef<Size> shape,
                     llvm::ArrayRef<Tensor> inputs, ScalarBody body);
  Tensor cast(const Tensor &tensor, ElementKind kind);
  Tensor broadcast(const Tensor &tensor, llvm::ArrayRef<Size> shape);
  /// Each element from its indices (index values), one a dimension; never folded.
  Tensor generate(ElementKind kind, llvm::ArrayRef<Size> shape,
                  llvm::function_ref<mlir::Value(ScalarBuilder &, mlir::ValueRange)> body);
  /// Each element from one element of `input`, read through `inputMap`, and its indices; the body works on storage
  /// types. Never folded.
  Tensor map(ElementKind kind, llvm::ArrayRef<Size> shape, const Tensor &input, mlir::AffineMap inputMap,
             llvm::function_ref<mlir::Value(ScalarBuilder &, mlir::ValueRange, mlir::ValueRange)> body);
  /// The elementwise operation `evaluate` on integer literals that depend on symbols, when it gives every element a
  /// size.
  std::optional<Tensor> foldSizes(ElementKind kind, llvm::ArrayRef<Size> shape, llvm::ArrayRef<Tensor> inputs,
                                  llvm::function_ref<Size(llvm::ArrayRef<Size>)> evaluate);
  /// @}

  /// \name Views and copies
  /// @{
  /// The caller has made sure that the element counts are equal.
  Tensor reshape(const Tensor &tensor, llvm::ArrayRef<Size> shape);
  Tensor transpose(const Tensor &tensor, llvm::ArrayRef<int64_t> permutation);
  /// Elements offset + i * stride of one axis, i < extent; stride may be negative.
  Tensor slice(const Tensor &tensor, int64_t axis, Size offset, Size extent, int64_t stride);
  /// The caller has made sure that the shapes agree but on the axis.
  Tensor concat(llvm::ArrayRef<Tensor> tensors, int64_t axis);
  /// A literal whose element at `index` is element `source(index)` of `tensor`'s; null if that is not known or too
  /// large.
  std::shared_ptr<const Literal> rearrange(const Tensor &tensor, llvm::ArrayRef<Size> shape,
                                           llvm::function_ref<int64_t(llvm::ArrayRef<int64_t>)> source);
  /// @}

  /// \name Reductions
  /// @{
  /// Over `axes`; kept as 1 with keepDims. Each element passes through `prepare` first. The accumulator has the compute
  /// type of the kind, and so has the result: kind f32 for 16-bit floats.
  Tensor reduce(const Tensor &tensor, llvm::ArrayRef<int64_t> axes, bool keepDims, mlir::TypedAttr identity,
                ScalarBody prepare, CombineBody combine);
  /// Combines the elements of a tensor, read through `inputMap`, into zeros of `shape`, written through `outMap`. The
  /// result is of the tensor's kind, the accumulator of its compute type.
  Tensor accumulate(const Tensor &tensor, mlir::AffineMap inputMap, mlir::AffineMap outMap,
                    llvm::ArrayRef<mlir::utils::IteratorType> iterators, llvm::ArrayRef<Size> shape,
                    CombineBody combine);
  /// The i64 index of the first (last) largest (smallest) element along an axis.
  Tensor findExtreme(const Tensor &tensor, int64_t axis, bool isMaximum, bool takesLast, bool keepDims);
  /// Sum of products of a and b. The accumulator is of the compute type; the result is of a's kind.
  Tensor contract(const Tensor &a, const Tensor &b, mlir::AffineMap aMap, mlir::AffineMap bMap, mlir::AffineMap outMap,
                  llvm::ArrayRef<mlir::utils::IteratorType> iterators, llvm::ArrayRef<Size> shape);
  /// @}

private:
  /// Whether the elements are known and few.
  bool isFoldable(llvm::ArrayRef<Tensor> inputs, llvm::ArrayRef<Size> shape);
  mlir::Value materialiseSymbolic(const Tensor &tensor);
  mlir::DenseElementsAttr denseElements(const Tensor &tensor);
  std::shared_ptr<const Literal> evaluate(ElementKind resultKind, ElementKind bodyKind, llvm::ArrayRef<Size> shape,
                                          llvm::ArrayRef<Tensor> inputs, ScalarBody body);
  Tensor mapIndexed(ElementKind kind, llvm::ArrayRef<Size> shape, mlir::ValueRange operands,
                    llvm::ArrayRef<mlir::AffineMap> operandMaps,
                    llvm::function_ref<mlir::Value(ScalarBuilder &, mlir::ValueRange, mlir::ValueRange)> body);
  mlir::Value constantScalar(mlir::ImplicitLocOpBuilder &at, const Tensor &tensor, size_t element);
  mlir::AffineMap broadcastMap(const Tensor &input, llvm::ArrayRef<Size> shape);
  mlir::Value collapse(mlir::Value value, llvm::ArrayRef<mlir::ReassociationIndices> groups,
                       llvm::ArrayRef<Size> shape);
  mlir::Value expand(mlir::Value value, llvm::ArrayRef<mlir::ReassociationIndices> groups, llvm::ArrayRef<Size> shape);

  Sizes &sizes;
  mlir::ImplicitLocOpBuilder builder;
  /// Sizes and constants go to the start of the function, before the operations of the nodes.
  mlir::OpBuilder prologue;
  mlir::Block scratch;
  bool overflowed = false;
  llvm::DenseMap<Size, mlir::Value> dims;
  llvm::DenseMap<std::pair<mlir::Attribute, mlir::Type>, mlir::Value> constants;
};

} // namespace heed::importer
