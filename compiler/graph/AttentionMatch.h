/// Recognises attention in a graph: two contractions with a softmax between them, whatever lies on the way.
#pragma once

#include "compiler/graph/Reduction.h"

#include <string>

namespace heed {

/// The indices of an attention: every element between the two products is a function of these.
enum AttentionDim : unsigned { BatchDim, HeadDim, RowDim, KeyDim, DepthDim, ValueDepthDim, NumAttentionDims };

/// What a loop of the value product runs over.
enum class LoopRole { Batch, Head, BatchAndHead, Row, Key, ValueDepth };

/// softmax(f(query . key)) . value, elements given over the attention's indices.
struct AttentionMatch {
  mlir::linalg::LinalgOp valueProduct;
  mlir::Operation *softmax = nullptr;
  /// The role of each loop of the value product.
  llvm::SmallVector<LoopRole> roles;
  /// The number of values of each index; HeadDim and the depths are constants.
  llvm::SmallVector<mlir::AffineExpr> extents;
  /// The weight that multiplies the value, as the value product reads it, and the element of the softmax in it.
  Element weight, softmaxElement;
  /// The score that the softmax reads, and the element of the query-key product in it.
  Element score, dotElement;
  /// Tensors of queries, keys and values.
  Element query, key, value;
  /// A constant factor of the product that was found on the query or the key.
  double scale = 1.0;
};

/// Looks for an attention that ends in the given contraction.
class AttentionMatcher {
public:
  explicit AttentionMatcher(SymbolicShapes &shapes) : shapes(shapes) {}

  /// Nothing where there is no attention. When there is a softmax of a product in front of the value product but the
  /// attention has a form that cannot be fused, `obstacle` says why and `softmax` is the op.
  std::optional<AttentionMatch> match(mlir::Value product);

  std::string obstacle;
  mlir::Operation *softmax = nullptr;

private:
  struct Sides; // the value product's operands and which loops they use

  std::optional<Sides> findSides(const Contraction &product);
  bool assignRoles(const Sides &sides, AttentionMatch &match, llvm::SmallVectorImpl<unsigned> &batchLoops);
  std::optional<AttentionMatch> matchWithRoles(const Sides &sides, AttentionMatch match, int64_t heads);
  bool matchSoftmax(ElementWalker &walker, AttentionMatch &match);
  bool matchDot(ElementWalker &walker, AttentionMatch &match);
  bool matchOperands(ElementWalker &walker, AttentionMatch &match, const Contraction &dot,
                     llvm::ArrayRef<mlir::AffineExpr> loops);
  Element withoutScale(ElementWalker &walker, const Element &operand, double &scale);

  SymbolicShapes &shapes;
};

/// The first tensor element among the sources of `root` that satisfies the predicate, scalar operations included.
std::optional<Element> findSource(ElementWalker &walker, const Element &root,
                                  llvm::function_ref<bool(const Element &)> predicate);

} // namespace heed
