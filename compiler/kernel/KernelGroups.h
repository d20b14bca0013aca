/// Which ops of a graph run together as one kernel.
#pragma once

#include "compiler/graph/SymbolicShapes.h"
#include "dialects/plan/Plan.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "llvm/ADT/SetVector.h"

namespace heed {

/// Reshapes, slices and transposes, which become views of kernel operands.
bool isView(mlir::Operation *op);
/// Ops that are cheap enough to be repeated in every kernel that reads them.
bool isRepeated(mlir::Operation *op);

/// Ops that will run as one kernel.
struct KernelGroup {
  mlir::Operation *root;
  plan::KernelRoot kind;
  llvm::SetVector<mlir::Operation *> members;
  /// The value the epilogue continues from; null once the root's results leave as they are.
  mlir::Value tail;
  bool joins = false; ///< another contraction is among the members

  mlir::Operation *last() const;
};

class KernelGroups {
public:
  KernelGroups(mlir::func::FuncOp graph, SymbolicShapes &shapes) : graph(graph), shapes(shapes) {}

  /// Groups the ops of the graph. Fails, with an error, at an op that no kernel is made of.
  mlir::LogicalResult form();
  /// In the order in which their last ops stand in the graph.
  llvm::ArrayRef<std::unique_ptr<KernelGroup>> get() const { return groups; }
  /// Whether the op is elementwise and only attention reads it, element by element: every attend computes what it needs
  /// of it itself, so that no mask over rows and keys is stored.
  bool isModifier(mlir::Operation *op) const { return modifiers.contains(op); }

private:
  mlir::LogicalResult checkOps();
  void findModifiers();
  void formGroups();
  void add(KernelGroup &group, mlir::Operation *op);
  void push(KernelGroup &group);
  void pull(KernelGroup &group, mlir::ValueRange operands);
  void joinContractions(KernelGroup &group, mlir::linalg::GenericOp user);
  bool findJoining(KernelGroup &group, mlir::Value value, llvm::SmallVectorImpl<mlir::Operation *> &path);

  mlir::func::FuncOp graph;
  SymbolicShapes &shapes;
  llvm::SmallVector<std::unique_ptr<KernelGroup>> groups;
  llvm::DenseMap<mlir::Operation *, KernelGroup *> groupOf;
  llvm::DenseSet<mlir::Operation *> modifiers;
};

} // namespace heed
