/// Brings the tensors of a matched attention into the order of attn.attend, and its result back.
#pragma once

#include "compiler/graph/AttentionMatch.h"

namespace heed {

/// A tensor that holds queries, keys or values, dimension by dimension.
struct OperandLayout {
  enum Role { Unit, Batch, Head, BatchAndHead, Sequence, Depth };
  mlir::Value tensor;
  llvm::SmallVector<Role> roles;
  /// Heads in the tensor: fewer than the attention's when a head serves a group of query heads.
  int64_t heads = 1;

  bool has(Role role) const { return llvm::is_contained(roles, role); }
};

/// Works on one match.
class AttentionOperands {
public:
  AttentionOperands(mlir::OpBuilder &builder, mlir::func::FuncOp function, SymbolicShapes &shapes,
                    const AttentionMatch &match);

  /// Query, key and value of rank 4, of one element type; false (with `obstacle`) where a tensor's dimensions are not
  /// those of an attention operand.
  bool arrange(std::string &obstacle);
  mlir::Value query, key, value;

  /// The type of attn.attend's result, elements as the value product's.
  mlir::RankedTensorType resultType();
  /// The attend's result in the dimensions of the value product's result.
  mlir::Value restore(mlir::Value attended);

private:
  llvm::SmallVector<OperandLayout> layoutsOf(Element element, unsigned sequenceDim, unsigned depthDim);
  std::optional<OperandLayout> layoutAt(const Element &element, unsigned sequenceDim, unsigned depthDim);
  std::optional<OperandLayout::Role> roleOf(mlir::AffineExpr index, mlir::AffineExpr size, unsigned sequenceDim,
                                            unsigned depthDim, int64_t &heads);
  mlir::Value bringInOrder(const OperandLayout &layout,
                           llvm::function_ref<mlir::AffineExpr(OperandLayout::Role)> sizeOf);
  mlir::Value toRankFour(const OperandLayout &layout, unsigned sequenceDim, unsigned depthDim);
  mlir::Value broadcastTo(mlir::Value tensor, llvm::ArrayRef<mlir::AffineExpr> sizes);
  mlir::RankedTensorType typeOf(llvm::ArrayRef<mlir::AffineExpr> sizes, mlir::Type elementType);
  mlir::Value collapseUnits(mlir::Value tensor, llvm::ArrayRef<bool> isUnit);
  mlir::Value expand(mlir::Value tensor, llvm::ArrayRef<mlir::ReassociationIndices> groups,
                     llvm::ArrayRef<mlir::AffineExpr> sizes);
  mlir::Value collapse(mlir::Value tensor, llvm::ArrayRef<mlir::ReassociationIndices> groups);
  mlir::Value transpose(mlir::Value tensor, llvm::ArrayRef<int64_t> permutation);
  mlir::Value castToSizes(mlir::Value tensor, llvm::ArrayRef<mlir::AffineExpr> sizes);

  mlir::OpBuilder &builder;
  mlir::Location location;
  mlir::func::FuncOp function;
  SymbolicShapes &shapes;
  const AttentionMatch &match;
  ElementWalker walker;
  int64_t heads;
};

} // namespace heed
