/// The sizes of every tensor of a graph as expressions over the graph's symbols.
#pragma once

#include "compiler/graph/SizeAlgebra.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/Support/Allocator.h"

namespace heed {

/// Sizes as AffineExprs without dimensions, whose symbol s_i is entry i of the function's `plan.symbols`. A size that
/// does not follow from the inputs' `plan.shape`, `plan.symbol` and arithmetic is null; so is an index value that does
/// not. Answers for values made after the analysis are worked out when they are asked for; values that were erased
/// must not be asked about, and `invalidate` forgets everything (an address may be reused).
class SymbolicShapes {
public:
  explicit SymbolicShapes(mlir::func::FuncOp function);

  /// One expression per dimension of a ranked tensor, or of the accumulator of a row state; empty for other types. The
  /// answer stays valid as long as the analysis.
  llvm::ArrayRef<mlir::AffineExpr> shapeOf(mlir::Value tensor);
  /// The value of an index or integer scalar; null when it is not an expression over symbols.
  mlir::AffineExpr valueOf(mlir::Value scalar);
  mlir::AffineExpr valueOf(mlir::OpFoldResult scalar);

  /// Records the sizes of a value that the analysis cannot derive by itself.
  void setShape(mlir::Value tensor, llvm::ArrayRef<mlir::AffineExpr> sizes);
  void invalidate();

  bool provablyEqual(mlir::AffineExpr left, mlir::AffineExpr right) { return heed::provablyEqual(left, right); }
  /// Whether both have the same rank and every size is provably equal.
  bool haveSameShape(mlir::Value left, mlir::Value right);
  bool haveSameShape(llvm::ArrayRef<mlir::AffineExpr> left, llvm::ArrayRef<mlir::AffineExpr> right);

  unsigned getNumSymbols() const { return symbolPositions.size(); }
  mlir::AffineExpr constant(int64_t value) const { return mlir::getAffineConstantExpr(value, context); }

private:
  using Sizes = llvm::SmallVector<mlir::AffineExpr, 4>;

  Sizes deriveShape(mlir::Value tensor);
  Sizes deriveArgumentShape(mlir::BlockArgument argument);
  Sizes deriveFromOp(mlir::Operation *op, mlir::OpResult result);
  Sizes deriveFromLinalg(mlir::Operation *op, mlir::OpResult result);
  mlir::AffineExpr deriveValue(mlir::Value scalar);
  mlir::AffineExpr deriveBinary(mlir::Operation *op);
  Sizes copyShape(mlir::Value tensor);

  mlir::func::FuncOp function;
  mlir::MLIRContext *context;
  llvm::StringMap<unsigned> symbolPositions;
  llvm::BumpPtrAllocator storage; // keeps answers in place while the map grows
  llvm::DenseMap<mlir::Value, llvm::ArrayRef<mlir::AffineExpr>> shapes;
  llvm::DenseMap<mlir::Value, mlir::AffineExpr> values;
};

/// Writes `size` as index arithmetic over plan.symbol ops; `size` has no dimensions and is not null.
mlir::Value materialiseSize(mlir::OpBuilder &builder, mlir::Location location, mlir::func::FuncOp function,
                            mlir::AffineExpr size);
/// The same, a constant size being an attribute.
mlir::OpFoldResult materialiseMixedSize(mlir::OpBuilder &builder, mlir::Location location, mlir::func::FuncOp function,
                                        mlir::AffineExpr size);
/// The sizes of a tensor for building another of its shape: expressions where they are known, else tensor.dim.
llvm::SmallVector<mlir::OpFoldResult> materialiseShape(mlir::OpBuilder &builder, mlir::Location location,
                                                       mlir::func::FuncOp function, SymbolicShapes &shapes,
                                                       mlir::Value tensor);

} // namespace heed
