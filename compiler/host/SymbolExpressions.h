/// Affine maps over a graph's symbols, as expressions of a plan.
#pragma once

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/AffineMap.h"
#include "runtime/PlanModel.h"

namespace heed {

/// Translates the symbols of one graph. A symbol is the caller's stride
/// of an input, when an input's `plan.strides` is that symbol alone; else a symbol of the plan, which an input
/// dimension or a host scalar must bind. Symbols that are neither bound nor used do not reach the plan.
class SymbolExpressions {
public:
  SymbolExpressions(mlir::func::FuncOp graph, rt::Plan &plan);

  /// Whether a map has no dimensions and no more symbols than the graph, which `convert` relies on.
  bool accepts(mlir::AffineMap map) const;
  rt::ExprId convert(mlir::AffineExpr expr);
  llvm::SmallVector<rt::ExprId> convert(mlir::AffineMap map);
  /// The same for an expression over other values: `operands` are its dimensions, then its symbols.
  rt::ExprId convert(mlir::AffineExpr expr, unsigned numDims, llvm::ArrayRef<rt::ExprId> operands);
  /// The value of the symbol with this name; noExpr when the graph has none.
  rt::ExprId symbol(llvm::StringRef name);
  /// Index among the plan's symbols, or noIndex for one that is a stride or unknown.
  uint32_t planSymbol(llvm::StringRef name);
  /// Fails, naming the first, when an expression uses a symbol that no input gives a value.
  mlir::LogicalResult checkBound();

private:
  rt::ExprId symbol(unsigned index);
  rt::ExprId convert(mlir::AffineExpr expr, llvm::function_ref<rt::ExprId(mlir::AffineExpr)> leaf);
  std::optional<unsigned> indexOf(llvm::StringRef name) const;

  mlir::func::FuncOp graph;
  rt::Plan &plan;
  llvm::SmallVector<llvm::StringRef> names;
  llvm::SmallVector<rt::ExprId> values; // noExpr until the symbol is first used
};

} // namespace heed
