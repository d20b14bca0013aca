/// The score, keep and prob regions of a matched attention.
#pragma once

#include "compiler/graph/AttentionMatch.h"

#include "dialects/attn/Attn.h"

namespace heed {

/// Writes what lies between the two products as scalar code in a block of its own, takes masks that are rules out of
/// it, and copies the parts into the regions of an attend.
class AttentionRegions {
public:
  AttentionRegions(mlir::OpBuilder &builder, mlir::func::FuncOp function, SymbolicShapes &shapes,
                   const AttentionMatch &match);

  /// False, with `obstacle`, where the code cannot be written.
  bool write(std::string &obstacle);
  /// The factor of the product that the scores begin with; call after `write`.
  double scale() const { return factor; }
  /// The captured values that the regions use, in the order of their block arguments.
  llvm::ArrayRef<mlir::Value> captures() const { return captured; }
  /// Fills the regions of an attend with `captures()` as its captures.
  void copyInto(attn::AttendOp attend);

private:
  /// A block with arguments (s or p, batch, head, row, key, pos, captures...).
  mlir::Value argumentFor(mlir::Value value);
  mlir::Value emit(const Element &root, const Element &start, std::string &obstacle);
  void takeScale();
  void dropNaNGuards(mlir::Value weight);
  llvm::SetVector<mlir::Operation *> sliceOf(mlir::Value root);
  bool uses(mlir::Value root, mlir::Value argument);
  void copy(mlir::Region &region, mlir::Value root, bool changesScalar);
  void dropUnusedCaptures();

  mlir::OpBuilder &graphBuilder;
  mlir::func::FuncOp function;
  const AttentionMatch &match;
  ElementWalker walker;
  mlir::OwningOpRef<mlir::ModuleOp> owner; // keeps the scratch code while it is taken apart
  mlir::Block *scratch;
  mlir::OpBuilder builder;
  llvm::SmallVector<mlir::Value> captured;
  mlir::Value score, keep, prob;
  double factor;
};

} // namespace heed
