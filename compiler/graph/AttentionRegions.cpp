#include "compiler/graph/AttentionRegions.h"

#include "compiler/graph/Conditions.h"
#include "compiler/graph/MaskRules.h"
#include "compiler/graph/ScalarEmitter.h"

#include "mlir/IR/IRMapping.h"
#include "mlir/IR/Matchers.h"
#include "llvm/ADT/SetVector.h"

using namespace mlir;
using namespace heed;

/// Arguments of the scratch block before the captures: the score or weight, then the indices of a region.
constexpr unsigned firstIndex = 1, firstCapture = firstIndex + attn::AttendOp::numIndexArguments;
constexpr unsigned keyArgument = firstIndex + KeyDim;

AttentionRegions::AttentionRegions(OpBuilder &graphBuilder, func::FuncOp function, SymbolicShapes &shapes,
                                   const AttentionMatch &match)
    : graphBuilder(graphBuilder), function(function), match(match), walker(shapes, match.extents),
      owner(ModuleOp::create(function.getLoc())), scratch(&owner->getBodyRegion().emplaceBlock()),
      builder(OpBuilder::atBlockEnd(scratch)), factor(match.scale) {
  scratch->addArgument(builder.getF32Type(), function.getLoc());
  for (unsigned index = 0; index < attn::AttendOp::numIndexArguments; ++index)
    scratch->addArgument(builder.getIndexType(), function.getLoc());
}

Value AttentionRegions::argumentFor(Value value) {
  auto found = llvm::find(captured, value);
  if (found != captured.end())
    return scratch->getArgument(firstCapture + (found - captured.begin()));
  captured.push_back(value);
  return scratch->addArgument(value.getType(), value.getLoc());
}

Value AttentionRegions::emit(const Element &root, const Element &start, std::string &obstacle) {
  SmallVector<Value> indices(scratch->getArguments().slice(firstIndex, NumAttentionDims - 2));
  ScalarEmitter emitter(walker, builder, indices);
  bool otherWeights = false;
  emitter.known = [&](const Element &element) { return element == start ? scratch->getArgument(0) : Value(); };
  emitter.capture = [&](Value value) {
    otherWeights |= isa_and_nonnull<linalg::SoftmaxOp>(value.getDefiningOp());
    return argumentFor(value);
  };
  emitter.captureSymbol = [&](unsigned position) {
    AffineExpr symbol = getAffineSymbolExpr(position, builder.getContext());
    for (auto [index, value] : llvm::enumerate(captured))
      if (walker.getShapes().valueOf(value) == symbol)
        return Value(scratch->getArgument(firstCapture + index));
    return argumentFor(materialiseSize(graphBuilder, function.getLoc(), function, symbol));
  };
  emitter.mustInline = [](const Element &element) { return element.dependsOn(RowDim) && element.dependsOn(KeyDim); };
  Value value = emitter.emit(root);
  if (!value)
    obstacle = "an operation between the two products is not arithmetic on scalars";
  else if (otherWeights)
    obstacle = "the weights of several softmaxes are combined";
  return value && !otherWeights ? value : Value();
}

bool AttentionRegions::write(std::string &obstacle) {
  Value all = emit(match.score, match.dotElement, obstacle);
  if (!all)
    return false;
  if (!uses(all, scratch->getArgument(0))) {
    obstacle = "the product in front of the softmax is read in a form that scalar code cannot follow";
    return false;
  }
  MaskedScore masked = splitMask(builder, all, scratch->getArgument(keyArgument));
  bool isRule = masked.keep && !uses(masked.keep, scratch->getArgument(0));
  score = isRule ? masked.score : all;
  keep = isRule ? masked.keep : Value();
  takeScale();
  prob = emit(match.weight, match.softmaxElement, obstacle);
  if (!prob)
    return false;
  dropNaNGuards(scratch->getArgument(0));
  dropUnusedCaptures();
  return true;
}

SetVector<Operation *> AttentionRegions::sliceOf(Value root) {
  SetVector<Operation *> slice;
  if (root && root.getDefiningOp())
    slice.insert(root.getDefiningOp());
  for (unsigned next = 0; next < slice.size(); ++next)
    for (Value operand : slice[next]->getOperands())
      if (Operation *op = operand.getDefiningOp())
        slice.insert(op);
  return slice;
}

bool AttentionRegions::uses(Value root, Value argument) {
  return root == argument ||
         llvm::any_of(sliceOf(root), [&](Operation *op) { return llvm::is_contained(op->getOperands(), argument); });
}

/// Constant factors right behind the product are its scale, as long as nothing else reads the product.
void AttentionRegions::takeScale() {
  Value product = scratch->getArgument(0);
  for (;;) {
    SmallVector<Operation *> users;
    for (Operation *op : sliceOf(score))
      if (llvm::is_contained(op->getOperands(), product))
        users.push_back(op);
    if (users.size() != 1 || !isa<arith::MulFOp, arith::DivFOp>(users.front()))
      return;
    Operation *user = users.front();
    bool first = user->getOperand(0) == product;
    APFloat constant(0.0f);
    if (!matchPattern(user->getOperand(first ? 1 : 0), m_ConstantFloat(&constant)))
      return;
    double number = constant.convertToDouble();
    if (isa<arith::DivFOp>(user) && (!first || number == 0.0))
      return;
    factor = isa<arith::DivFOp>(user) ? factor / number : factor * number;
    if (score == user->getResult(0))
      score = product;
    user->getResult(0).replaceAllUsesWith(product);
  }
}

/// A weight is never NaN: a row without a visible key gives zeros.
void AttentionRegions::dropNaNGuards(Value weight) {
  for (Operation *op : sliceOf(prob)) {
    auto compare = dyn_cast<arith::CmpFOp>(op);
    bool asksForNaN = isa<math::IsNaNOp>(op) && op->getOperand(0) == weight;
    if (compare && compare.getLhs() == weight && compare.getRhs() == weight)
      asksForNaN =
          compare.getPredicate() == arith::CmpFPredicate::UNO || compare.getPredicate() == arith::CmpFPredicate::UNE;
    if (!asksForNaN)
      continue;
    for (Operation *user : llvm::make_early_inc_range(op->getResult(0).getUsers()))
      if (auto select = dyn_cast<arith::SelectOp>(user); select && select.getCondition() == op->getResult(0)) {
        if (prob == select.getResult())
          prob = select.getFalseValue();
        select.getResult().replaceAllUsesWith(select.getFalseValue());
      }
  }
}

void AttentionRegions::dropUnusedCaptures() {
  SmallVector<Value> needed;
  for (auto [index, value] : llvm::enumerate(captured)) {
    Value argument = scratch->getArgument(firstCapture + index);
    if (uses(score, argument) || uses(keep, argument) || uses(prob, argument))
      needed.push_back(value);
  }
  // Arguments go from the back, so that positions stay right.
  for (size_t index = captured.size(); index-- > 0;)
    if (!llvm::is_contained(needed, captured[index])) {
      scratch->getArgument(firstCapture + index).dropAllUses();
      scratch->eraseArgument(firstCapture + index);
    }
  captured = needed;
}

void AttentionRegions::copyInto(attn::AttendOp attend) {
  if (score != scratch->getArgument(0))
    copy(attend.getScore(), score, true);
  if (keep)
    copy(attend.getKeep(), keep, false);
  if (prob != scratch->getArgument(0))
    copy(attend.getProb(), prob, true);
}

void AttentionRegions::copy(Region &region, Value root, bool changesScalar) {
  Block &block = region.emplaceBlock();
  IRMapping mapping;
  for (BlockArgument argument : scratch->getArguments().drop_front(changesScalar ? 0 : 1))
    mapping.map(argument, block.addArgument(argument.getType(), argument.getLoc()));
  OpBuilder inner = OpBuilder::atBlockEnd(&block);
  SetVector<Operation *> slice = sliceOf(root);
  for (Operation &op : *scratch)
    if (slice.contains(&op))
      inner.clone(op, mapping);
  attn::YieldOp::create(inner, root.getLoc(), mapping.lookup(root));
}
