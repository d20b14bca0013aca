/// Where a tensor of the graph lives: a materialised tensor and a view of it.
#pragma once

#include "compiler/graph/SymbolicShapes.h"
#include "dialects/plan/Plan.h"

namespace heed {

/// Element i of the tensor is element offset + sum i_d * strides[d] of the storage of `base`.
struct ResolvedView {
  mlir::Value base;
  mlir::AffineExpr offset;
  llvm::SmallVector<mlir::AffineExpr> strides;
  llvm::SmallVector<mlir::AffineExpr> sizes;
};

/// Folds transposes, slices and reshapes into views of the tensors they start from: arguments, constants and results of
/// kernels.
class ViewResolver {
public:
  ViewResolver(mlir::func::FuncOp graph, SymbolicShapes &shapes) : graph(graph), shapes(shapes) {}

  /// Fails when a reshape in the chain is no view; `obstacle` is then the tensor that must be copied first.
  mlir::FailureOr<ResolvedView> resolve(mlir::Value tensor, mlir::Value &obstacle);

  /// Says that a tensor's storage has these strides. Without a word, results are contiguous.
  void place(mlir::Value tensor, llvm::ArrayRef<mlir::AffineExpr> strides) { placed[tensor].assign(strides); }

  /// Row-major strides.
  llvm::SmallVector<mlir::AffineExpr> contiguousStrides(llvm::ArrayRef<mlir::AffineExpr> sizes);
  /// Whether the view is the whole storage of its base, in order.
  bool isWhole(const ResolvedView &view);
  mlir::AffineExpr constant(int64_t value) { return mlir::getAffineConstantExpr(value, graph.getContext()); }

private:
  ResolvedView whole(mlir::Value tensor);
  mlir::LogicalResult expand(ResolvedView &view, mlir::Value result, llvm::ArrayRef<mlir::ReassociationIndices> groups);
  mlir::LogicalResult collapse(ResolvedView &view, mlir::Value result,
                               llvm::ArrayRef<mlir::ReassociationIndices> groups);
  mlir::LogicalResult slice(ResolvedView &view, mlir::tensor::ExtractSliceOp op);

  mlir::func::FuncOp graph;
  SymbolicShapes &shapes;
  llvm::DenseMap<mlir::Value, llvm::SmallVector<mlir::AffineExpr>> placed;
};

} // namespace heed
