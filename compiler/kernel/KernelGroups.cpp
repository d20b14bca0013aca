/// Elementwise users are pushed into the kernel that produces what they read, elementwise producers are pulled into
/// row kernels, and what is left of the elementwise ops becomes map kernels.
#include "compiler/kernel/KernelGroups.h"

#include "compiler/kernel/Contraction.h"
#include "dialects/attn/Attn.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace heed;

Operation *KernelGroup::last() const {
  Operation *result = root;
  for (Operation *op : members)
    if (result->isBeforeInBlock(op))
      result = op;
  return result;
}

//===- What ops are -----------------------------------------------------------------------------------------------===//

static bool isMapLike(Operation *op) {
  auto generic = dyn_cast_or_null<linalg::GenericOp>(op);
  return generic && generic.getNumReductionLoops() == 0 && llvm::all_of(generic->getResults(), [&](OpResult result) {
           return generic.getIndexingMapMatchingResult(result).isPermutation();
         });
}

bool heed::isView(Operation *op) {
  return isa<linalg::TransposeOp, tensor::ExpandShapeOp, tensor::CollapseShapeOp, tensor::ExtractSliceOp,
             tensor::CastOp>(op);
}

bool heed::isRepeated(Operation *op) {
  DenseElementsAttr constant;
  return isa<linalg::FillOp, tensor::EmptyOp, tensor::SplatOp>(op) ||
         (matchPattern(op, m_Constant(&constant)) && constant.isSplat() && constant.getNumElements() == 1) ||
         (matchPattern(op, m_Constant()) && !isa<ShapedType>(op->getResult(0).getType()));
}

static std::optional<plan::KernelRoot> rootKind(Operation *op) {
  if (isa<attn::AttendOp>(op))
    return plan::KernelRoot::Attend;
  if (isa<attn::AppendOp>(op))
    return plan::KernelRoot::Append;
  if (isa<attn::NormOp, linalg::SoftmaxOp>(op))
    return plan::KernelRoot::Row;
  auto generic = dyn_cast<linalg::GenericOp>(op);
  if (!generic)
    return std::nullopt;
  if (generic.getNumReductionLoops() == 0)
    return isMapLike(op) ? std::optional(plan::KernelRoot::Map) : std::nullopt;
  return matchContraction(generic) ? plan::KernelRoot::Matmul : plan::KernelRoot::Row;
}

//===- Groups -----------------------------------------------------------------------------------------------------===//

LogicalResult KernelGroups::form() {
  if (failed(checkOps()))
    return failure();
  findModifiers();
  formGroups();
  return success();
}

LogicalResult KernelGroups::checkOps() {
  for (Operation &op : graph.getBody().front().without_terminator()) {
    bool touchesTensors = llvm::any_of(op.getResultTypes(), llvm::IsaPred<RankedTensorType>);
    if (!touchesTensors || isView(&op) || isRepeated(&op) || op.hasTrait<OpTrait::ConstantLike>() || rootKind(&op) ||
        isa<plan::KernelOp, plan::LaunchOp>(op))
      continue;
    return op.emitOpError("cannot be compiled: no kernel is made of it and no rewrite to attend, matmul, row, map "
                          "or append kernels is known");
  }
  return success();
}

/// Whether an attend reads it element by element: as a capture, a length or an offset.
static bool isReadByElement(OpOperand &use) {
  auto attend = dyn_cast<attn::AttendOp>(use.getOwner());
  if (!attend)
    return false;
  Value value = use.get();
  bool isOne =
      llvm::is_contained(attend.getCaptures(), value) || value == attend.getKvLength() || value == attend.getQOffset();
  return isOne && value != attend.getQuery() && value != attend.getKey() && value != attend.getValue();
}

void KernelGroups::findModifiers() {
  for (Operation &op : llvm::reverse(graph.getBody().front())) {
    if (!isMapLike(&op) || op.getNumResults() != 1 || op.use_empty())
      continue;
    bool readByAttention = llvm::all_of(
        op.getUses(), [&](OpOperand &use) { return isReadByElement(use) || modifiers.contains(use.getOwner()); });
    bool isCheap = !op.walk([](Operation *inner) {
                        return isa_and_nonnull<math::MathDialect>(inner->getDialect()) ? WalkResult::interrupt()
                                                                                       : WalkResult::advance();
                      }).wasInterrupted();
    if (readByAttention && isCheap)
      modifiers.insert(&op);
  }
}

void KernelGroups::add(KernelGroup &group, Operation *op) {
  group.members.insert(op);
  groupOf[op] = &group;
}

void KernelGroups::formGroups() {
  Block &body = graph.getBody().front();
  auto start = [&](Operation &op, plan::KernelRoot kind) {
    auto group = std::make_unique<KernelGroup>(KernelGroup{&op, kind, {}, op.getResult(0)});
    add(*group, &op);
    if (auto append = dyn_cast<attn::AppendOp>(op)) {
      pull(*group, append.getRows()); // of the result only these are computed, so nothing can follow
    } else {
      push(*group);
      if (kind == plan::KernelRoot::Row)
        pull(*group, op.getOperands());
    }
    groups.push_back(std::move(group));
  };
  for (bool maps : {false, true})
    for (Operation &op : body.without_terminator())
      if (auto kind = rootKind(&op);
          kind && !groupOf.contains(&op) && !modifiers.contains(&op) && (kind == plan::KernelRoot::Map) == maps)
        start(op, *kind);
  llvm::sort(groups, [](const auto &a, const auto &b) { return a->last()->isBeforeInBlock(b->last()); });
}

/// Takes in elementwise users of the tail as long as they are its only users and walk it in its own order.
void KernelGroups::push(KernelGroup &group) {
  while (group.tail.hasOneUse()) {
    auto user = dyn_cast<linalg::GenericOp>(*group.tail.user_begin());
    if (!user || !isMapLike(user) || user->getNumResults() != 1 || groupOf.contains(user) || modifiers.contains(user))
      return;
    OpOperand &use = *group.tail.use_begin();
    AffineMap stored = user.getIndexingMapsArray().back();
    if (!user.isDpsInput(&use) || user.getMatchingIndexingMap(&use) != stored)
      return;
    add(group, user);
    group.tail = user.getResult(0);
    joinContractions(group, user);
  }
}

/// A contraction that shares the root's left operand, or elementwise users of one, ahead of a member that alone reads
/// the value: all of them, the contraction first.
bool KernelGroups::findJoining(KernelGroup &group, Value value, SmallVectorImpl<Operation *> &path) {
  auto producer = value.getDefiningOp<linalg::GenericOp>();
  if (!producer || !value.hasOneUse() || groupOf.contains(producer) || modifiers.contains(producer) ||
      producer->getNumResults() != 1)
    return false;
  bool joins = shareLeftOperand(cast<linalg::GenericOp>(group.root), producer) &&
               shapes.shapeOf(group.root->getResult(0)) == shapes.shapeOf(value);
  if (!joins && isMapLike(producer))
    joins = llvm::any_of(producer.getDpsInputOperands(), [&](OpOperand *input) {
      return producer.getMatchingIndexingMap(input) == producer.getIndexingMapsArray().back() &&
             findJoining(group, input->get(), path);
    });
  if (joins)
    path.push_back(producer);
  return joins;
}

/// Takes in a contraction whose sums meet the root's in an elementwise op, as in a gated product: the kernel computes
/// both, and no sum is stored. With more than two, blocks would be so narrow that the left operand is read more often.
void KernelGroups::joinContractions(KernelGroup &group, linalg::GenericOp user) {
  if (group.kind != plan::KernelRoot::Matmul || group.joins)
    return;
  for (OpOperand *input : user.getDpsInputOperands()) {
    SmallVector<Operation *> path;
    if (user.getMatchingIndexingMap(input) != user.getIndexingMapsArray().back() ||
        !findJoining(group, input->get(), path))
      continue;
    for (Operation *op : path)
      add(group, op);
    group.joins = true;
    return;
  }
}

/// Takes in elementwise producers that nobody else reads.
void KernelGroups::pull(KernelGroup &group, ValueRange operands) {
  for (Value operand : operands) {
    Operation *producer = operand.getDefiningOp();
    if (!producer || !operand.hasOneUse() || !isMapLike(producer) || producer->getNumResults() != 1 ||
        groupOf.contains(producer) || modifiers.contains(producer))
      continue;
    add(group, producer);
    pull(group, producer->getOperands());
  }
}
