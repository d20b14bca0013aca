/// One element of a tensor as a function of indices: how matchers see through views, broadcasts and elementwise bodies
/// without caring which ops a graph was written with.
#pragma once

#include "compiler/graph/SymbolicShapes.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"

#include <optional>

namespace heed {

/// Either an element of a ranked tensor, `indices` giving the index of each of its dimensions, or a scalar in the body
/// of a linalg op, `indices` giving the value of each loop. Scalars defined outside of any body have no indices.
/// Indices are expressions over the dimensions of whatever space the matcher walks and over the graph's symbols.
struct Element {
  mlir::Value value;
  llvm::SmallVector<mlir::AffineExpr, 4> indices;

  bool isTensor() const { return llvm::isa<mlir::RankedTensorType>(value.getType()); }
  bool operator==(const Element &other) const { return value == other.value && indices == other.indices; }
  explicit operator bool() const { return static_cast<bool>(value); }
  bool dependsOn(unsigned dim) const {
    return llvm::any_of(indices, [&](mlir::AffineExpr index) { return index.isFunctionOfDim(dim); });
  }
};

/// Follows elements to where they come from. `dimExtents[i]` is the number of values of d_i.
class ElementWalker {
public:
  ElementWalker(SymbolicShapes &shapes, llvm::ArrayRef<mlir::AffineExpr> dimExtents)
      : shapes(shapes), dimExtents(dimExtents) {}

  /// The element that a view, a copy (transpose, broadcast) or a cast of shapes takes this one from; nothing when its
  /// tensor is not defined by a mere movement of elements.
  std::optional<Element> source(const Element &element);
  /// One step towards the source: a movement, the scalar an elementwise body yields, the operand behind a block
  /// argument, the element of another tensor that a body extracts at indices known as expressions. Nothing at a scalar
  /// operation, an input, a constant, or an op that is not elementwise.
  std::optional<Element> step(const Element &element);
  /// Steps as far as they go.
  Element resolve(Element element);
  /// The operands of the scalar operation (or elementwise operation on whole tensors) that defines the element.
  llvm::SmallVector<Element> operandsOf(const Element &element);
  /// The operation that defines a resolved element as a scalar function of its operands; null for leaves.
  mlir::Operation *scalarOp(const Element &element);
  /// The operation as `scalarOp`, after resolving and dropping changes of float width; `element` is moved there.
  mlir::Operation *scalarOpThroughCasts(Element &element);
  /// The first tensor on the way from the element to its source, changes of float width aside.
  std::optional<Element> nearestTensor(const Element &element);
  /// The element as an expression over the indices and symbols, when it is a whole number that is one: loop indices,
  /// sizes, sums and multiples of them, and the wrapping of negative indices where they are none.
  mlir::AffineExpr indexOf(const Element &element, unsigned depth = 0);
  /// The number the element always is: a constant, a splat, or arithmetic on them.
  std::optional<double> constantOf(const Element &element, unsigned depth = 0);

  /// The values of all loops when the element of the op's only result at `indices` is computed: reduction loops take
  /// the dimensions in `reductionDims`. Nothing unless the output map is a projected permutation.
  std::optional<llvm::SmallVector<mlir::AffineExpr, 4>> loopsAt(mlir::linalg::LinalgOp op,
                                                                llvm::ArrayRef<mlir::AffineExpr> indices,
                                                                llvm::ArrayRef<mlir::AffineExpr> reductionDims);
  /// The element of the operand behind a block argument of a linalg op.
  Element operandElement(mlir::BlockArgument argument, llvm::ArrayRef<mlir::AffineExpr> loops);

  /// Whether both are the same function of the indices, by structure.
  bool equal(const Element &left, const Element &right, unsigned depth = 0);

  mlir::AffineExpr simplify(mlir::AffineExpr index) { return simplifySize(index, dimExtents); }
  SymbolicShapes &getShapes() { return shapes; }

  llvm::ArrayRef<mlir::AffineExpr> getExtents() const { return dimExtents; }

private:
  Element tensorElement(mlir::Value tensor, llvm::ArrayRef<mlir::AffineExpr> indices);

  SymbolicShapes &shapes;
  llvm::ArrayRef<mlir::AffineExpr> dimExtents;
};

/// A linalg op that only computes element by element: every loop parallel, the only result written once everywhere.
bool isElementByElement(mlir::linalg::LinalgOp op);
/// The scalar that the body of a linalg op yields for its only result.
mlir::Value yieldedScalar(mlir::linalg::LinalgOp op);

} // namespace heed
