#include "compiler/graph/AttentionMatch.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "llvm/ADT/SetVector.h"

using namespace mlir;
using namespace heed;

std::optional<Element> heed::findSource(ElementWalker &walker, const Element &root,
                                        llvm::function_ref<bool(const Element &)> predicate) {
  constexpr unsigned visitLimit = 4096;
  DenseMap<Value, SmallVector<SmallVector<AffineExpr, 4>, 1>> seen;
  SmallVector<Element> pending{root};
  for (unsigned visits = 0; !pending.empty() && visits < visitLimit; ++visits) {
    std::optional<Element> element = pending.pop_back_val();
    for (; element; element = walker.step(*element)) {
      auto &known = seen[element->value];
      if (llvm::is_contained(known, element->indices))
        break;
      known.push_back(element->indices);
      if (element->isTensor() && predicate(*element))
        return element;
      if (walker.scalarOp(*element) && !walker.step(*element)) {
        SmallVector<Element> operands = walker.operandsOf(*element);
        pending.append(operands.rbegin(), operands.rend());
      }
    }
  }
  return std::nullopt;
}

/// The number of iterations of every loop, from the operands that it indexes directly.
static SmallVector<AffineExpr> loopExtents(SymbolicShapes &shapes, linalg::LinalgOp op) {
  SmallVector<AffineExpr> extents(op.getNumLoops());
  for (OpOperand &operand : op->getOpOperands()) {
    if (!isa<RankedTensorType>(operand.get().getType()))
      continue;
    ArrayRef<AffineExpr> sizes = shapes.shapeOf(operand.get());
    for (auto [result, size] : llvm::zip_equal(op.getMatchingIndexingMap(&operand).getResults(), sizes)) {
      auto dim = dyn_cast<AffineDimExpr>(result);
      if (dim && (!extents[dim.getPosition()] || isa_and_nonnull<AffineConstantExpr>(size)))
        extents[dim.getPosition()] = size;
    }
  }
  return extents;
}

/// The loops that the operands behind a scalar of the body are indexed with.
static llvm::SmallBitVector loopsUsedBy(linalg::LinalgOp op, Value scalar) {
  llvm::SmallBitVector used(op.getNumLoops());
  llvm::SetVector<Value> pending;
  pending.insert(scalar);
  for (unsigned next = 0; next < pending.size(); ++next) {
    Value value = pending[next];
    if (auto argument = dyn_cast<BlockArgument>(value)) {
      if (argument.getOwner() != op.getBlock())
        continue;
      AffineMap map = op.getMatchingIndexingMap(&op->getOpOperand(argument.getArgNumber()));
      for (unsigned loop = 0; loop < used.size(); ++loop)
        if (map.isFunctionOfDim(loop))
          used.set(loop);
    } else if (value.getParentBlock() == op.getBlock()) {
      pending.insert(value.getDefiningOp()->getOperands().begin(), value.getDefiningOp()->getOperands().end());
    }
  }
  return used;
}

static bool isSoftmax(const Element &element) {
  return isa_and_nonnull<linalg::SoftmaxOp>(element.value.getDefiningOp());
}

struct AttentionMatcher::Sides {
  Contraction product;
  Value weight, value;
  llvm::SmallBitVector weightLoops, valueLoops;
  SmallVector<AffineExpr> extents;
  SmallVector<AffineExpr, 4> identity;
  Element softmax;
};

std::optional<AttentionMatcher::Sides> AttentionMatcher::findSides(const Contraction &product) {
  linalg::LinalgOp op = product.op;
  Sides sides{product, {}, {}, {}, {}, loopExtents(shapes, op), {}, {}};
  for (unsigned loop = 0; loop < op.getNumLoops(); ++loop)
    sides.identity.push_back(getAffineDimExpr(loop, op->getContext()));
  ElementWalker walker(shapes, sides.extents);
  for (bool weightFirst : {true, false}) {
    sides.weight = weightFirst ? product.left : product.right;
    sides.value = weightFirst ? product.right : product.left;
    if (auto found = findSource(walker, Element{sides.weight, sides.identity}, isSoftmax)) {
      sides.softmax = *found;
      sides.weightLoops = loopsUsedBy(op, sides.weight);
      sides.valueLoops = loopsUsedBy(op, sides.value);
      return sides;
    }
  }
  return std::nullopt;
}

bool AttentionMatcher::assignRoles(const Sides &sides, AttentionMatch &match, SmallVectorImpl<unsigned> &batchLoops) {
  unsigned numLoops = sides.extents.size();
  match.roles.assign(numLoops, LoopRole::Batch);
  match.roles[sides.product.reductionLoop] = LoopRole::Key;
  std::optional<unsigned> rowLoop, depthLoop;
  for (unsigned loop = 0; loop < numLoops; ++loop) {
    if (loop == sides.product.reductionLoop)
      continue;
    bool inWeight = sides.weightLoops.test(loop), inValue = sides.valueLoops.test(loop);
    if (inWeight && !inValue)
      rowLoop = loop; // the last: loops before it are batches that share their values
    if (!inWeight && inValue) {
      if (depthLoop) {
        obstacle = "the values have more than one depth dimension";
        return false;
      }
      depthLoop = loop;
    }
  }
  if (!depthLoop) {
    obstacle = "the values have no depth dimension";
    return false;
  }
  for (unsigned loop = 0; loop < numLoops; ++loop) {
    if (loop == rowLoop)
      match.roles[loop] = LoopRole::Row;
    else if (loop == *depthLoop)
      match.roles[loop] = LoopRole::ValueDepth;
    else if (loop != sides.product.reductionLoop)
      batchLoops.push_back(loop);
  }
  if (batchLoops.size() > 2) {
    obstacle = "more than two batch dimensions";
    return false;
  }
  return true;
}

/// Head counts that a single loop over batches and heads may hold: the divisors that its reshapes use.
static SmallVector<int64_t> headCandidates(ElementWalker &walker, std::optional<Element> element) {
  llvm::SetVector<int64_t> counts;
  for (; element; element = walker.step(*element))
    for (AffineExpr index : element->indices)
      index.walk([&](AffineExpr part) {
        if (part.getKind() == AffineExprKind::Mod)
          if (auto count = dyn_cast<AffineConstantExpr>(cast<AffineBinaryOpExpr>(part).getRHS()))
            counts.insert(count.getValue());
      });
  return counts.takeVector();
}

std::optional<AttentionMatch> AttentionMatcher::match(Value tensor) {
  obstacle.clear();
  softmax = nullptr;
  ElementWalker untyped(shapes, {});
  std::optional<Contraction> product = matchContraction(untyped, tensor);
  std::optional<Sides> sides = product ? findSides(*product) : std::nullopt;
  if (!sides)
    return std::nullopt;
  AttentionMatch match;
  match.valueProduct = sides->product.op;
  match.softmax = sides->softmax.value.getDefiningOp();
  SmallVector<unsigned> batchLoops;
  if (!assignRoles(*sides, match, batchLoops)) {
    softmax = match.softmax;
    return std::nullopt;
  }
  auto isStatic = [&](unsigned loop) { return isa_and_nonnull<AffineConstantExpr>(sides->extents[loop]); };
  if (batchLoops.size() == 2) {
    if (!isStatic(batchLoops[1]) && !isStatic(batchLoops[0])) {
      obstacle = "the number of heads is not known at compile time";
      softmax = match.softmax;
      return std::nullopt;
    }
    match.roles[batchLoops[isStatic(batchLoops[1]) ? 1 : 0]] = LoopRole::Head;
  }
  if (batchLoops.size() == 1) {
    // Batches and heads may be one dimension: try the ways to split it before taking it for one of them.
    ElementWalker walker(shapes, sides->extents);
    llvm::SetVector<int64_t> counts;
    for (const Element &start : {sides->softmax, Element{sides->value, sides->identity}})
      for (int64_t count : headCandidates(walker, start))
        counts.insert(count);
    for (int64_t heads : counts) {
      match.roles[batchLoops[0]] = LoopRole::BatchAndHead;
      if (auto found = matchWithRoles(*sides, match, heads))
        return found;
    }
    match.roles[batchLoops[0]] = isStatic(batchLoops[0]) ? LoopRole::Head : LoopRole::Batch;
  }
  return matchWithRoles(*sides, match, 1);
}

/// What a loop runs over; not for one over two dimensions.
static AttentionDim dimensionOf(LoopRole role) {
  switch (role) {
  case LoopRole::Batch:
    return BatchDim;
  case LoopRole::Row:
    return RowDim;
  case LoopRole::Key:
    return KeyDim;
  case LoopRole::ValueDepth:
    return ValueDepthDim;
  case LoopRole::Head:
  case LoopRole::BatchAndHead:
    break;
  }
  return HeadDim;
}

std::optional<AttentionMatch> AttentionMatcher::matchWithRoles(const Sides &sides, AttentionMatch match,
                                                               int64_t heads) {
  MLIRContext *context = match.softmax->getContext();
  auto dim = [&](unsigned position) { return getAffineDimExpr(position, context); };
  match.extents.assign(NumAttentionDims, shapes.constant(1));
  SmallVector<AffineExpr, 4> loops;
  for (auto [role, extent] : llvm::zip_equal(match.roles, sides.extents)) {
    if (role == LoopRole::BatchAndHead) {
      match.extents[HeadDim] = shapes.constant(heads);
      match.extents[BatchDim] = extent ? simplifySize(extent.floorDiv(heads)) : AffineExpr();
      if (!match.extents[BatchDim] || !provablyEqual(match.extents[BatchDim] * heads, extent))
        return std::nullopt;
      loops.push_back(dim(BatchDim) * heads + dim(HeadDim));
      continue;
    }
    match.extents[dimensionOf(role)] = extent;
    loops.push_back(dim(dimensionOf(role)));
  }
  ElementWalker walker(shapes, match.extents);
  match.weight = Element{sides.weight, loops};
  std::optional<Element> value = walker.nearestTensor(Element{sides.value, loops});
  if (!matchSoftmax(walker, match) || !matchDot(walker, match))
    return std::nullopt;
  if (!value) {
    obstacle = "the values are computed inside the value product";
    softmax = match.softmax;
    return std::nullopt;
  }
  if (llvm::is_contained(match.extents, AffineExpr())) {
    obstacle = "a size is not an expression over the graph's symbols";
    softmax = match.softmax;
    return std::nullopt;
  }
  match.value = *value;
  obstacle.clear();
  return match;
}

bool AttentionMatcher::matchSoftmax(ElementWalker &walker, AttentionMatch &match) {
  std::optional<Element> element = findSource(walker, match.weight, isSoftmax);
  if (!element)
    return false;
  match.softmaxElement = *element;
  auto op = cast<linalg::SoftmaxOp>(match.softmax);
  unsigned dimension = op.getDimension();
  AffineExpr key = getAffineDimExpr(KeyDim, op.getContext());
  for (auto [position, index] : llvm::enumerate(element->indices))
    if ((position == dimension) != (index == key) &&
        !(position == dimension && match.extents[KeyDim] == shapes.constant(1))) {
      obstacle = "the softmax does not run over the keys";
      softmax = op;
      return false;
    }
  if (!provablyEqual(shapes.shapeOf(op.getInput())[dimension], match.extents[KeyDim])) {
    obstacle = "the softmax and the value product may run over different numbers of keys";
    softmax = op;
    return false;
  }
  match.score = Element{op.getInput(), element->indices};
  return true;
}

bool AttentionMatcher::matchDot(ElementWalker &walker, AttentionMatch &match) {
  AffineExpr depth = getAffineDimExpr(DepthDim, match.softmax->getContext());
  bool foundProduct = false;
  std::optional<Element> dot = findSource(walker, match.score, [&](const Element &element) {
    std::optional<Contraction> product = matchContraction(walker, element.value);
    if (!product)
      return false;
    foundProduct = true;
    auto loops = walker.loopsAt(product->op, element.indices, {depth});
    if (!loops)
      return false;
    match.extents[DepthDim] = loopExtents(shapes, product->op)[product->reductionLoop];
    return matchOperands(walker, match, *product, *loops);
  });
  if (!dot) {
    if (foundProduct && obstacle.empty())
      obstacle = "the product in front of the softmax is not one of rows with keys";
    softmax = foundProduct ? match.softmax : nullptr;
    return false;
  }
  match.dotElement = *dot;
  return true;
}

bool AttentionMatcher::matchOperands(ElementWalker &walker, AttentionMatch &match, const Contraction &dot,
                                     ArrayRef<AffineExpr> loops) {
  auto uses = [&](Value scalar, unsigned dim) {
    llvm::SmallBitVector used = loopsUsedBy(dot.op, scalar);
    return llvm::any_of(used.set_bits(), [&](unsigned loop) { return loops[loop].isFunctionOfDim(dim); });
  };
  bool manyKeys = match.extents[KeyDim] != shapes.constant(1);
  bool leftIsKey = manyKeys ? uses(dot.left, KeyDim) : uses(dot.right, RowDim);
  Value query = leftIsKey ? dot.right : dot.left, key = leftIsKey ? dot.left : dot.right;
  if (uses(query, KeyDim) || uses(key, RowDim)) {
    obstacle = "a query or key of the product depends on both row and key";
    return false;
  }
  if (!isa_and_nonnull<AffineConstantExpr>(match.extents[DepthDim]) ||
      !isa_and_nonnull<AffineConstantExpr>(match.extents[ValueDepthDim])) {
    obstacle = "the head width is not known at compile time";
    return false;
  }
  SmallVector<AffineExpr, 4> all(loops);
  double scale = 1.0;
  match.query = withoutScale(walker, Element{query, all}, scale);
  match.key = withoutScale(walker, Element{key, all}, scale);
  match.scale = scale;
  if (!match.query || !match.key)
    obstacle = "queries or keys are computed inside their product";
  return match.query && match.key;
}

/// The nearest tensor of the operand, or the one behind it that a constant multiplies.
Element AttentionMatcher::withoutScale(ElementWalker &walker, const Element &operand, double &scale) {
  std::optional<Element> tensor;
  Element current = operand;
  for (;;) {
    Element here = current;
    Operation *op = walker.scalarOpThroughCasts(here);
    if (!isa_and_nonnull<arith::MulFOp, arith::DivFOp>(op))
      break;
    SmallVector<Element> parts = walker.operandsOf(here);
    std::optional<double> left = walker.constantOf(parts[0]), right = walker.constantOf(parts[1]);
    if (isa<arith::DivFOp>(op) ? !right || *right == 0.0 : !left && !right)
      break;
    const Element &rest = right ? parts[0] : parts[1];
    std::optional<Element> source = walker.nearestTensor(rest);
    if (!source)
      break;
    scale = isa<arith::DivFOp>(op) ? scale / *right : scale * (right ? *right : *left);
    tensor = source;
    current = rest;
  }
  if (!tensor)
    tensor = walker.nearestTensor(operand);
  return tensor ? *tensor : Element();
}
