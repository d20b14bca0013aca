#include "backends/cpu/KernelPlan.h"

#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

using namespace mlir;
using namespace heed;
using namespace heed::cpu;

/// A transpose that only feeds left operands of products is another way to index its source.
static bool isViewTranspose(Operation *op) {
  return isa_and_nonnull<tile::TransposeOp>(op) && llvm::all_of(op->getUses(), [](OpOperand &use) {
           auto dot = dyn_cast<tile::DotOp>(use.getOwner());
           return dot && use.getOperandNumber() == 0 && dot.getLeft() != dot.getRight();
         });
}

static bool writesMemory(Operation *op) {
  return op
      ->walk([](Operation *nested) {
        return isa<tile::StoreOp, tile::CopyOp>(nested) ? WalkResult::interrupt() : WalkResult::advance();
      })
      .wasInterrupted();
}

/// A load that products read where it lies: all uses are left operands, nothing is converted, and no store is near that
/// could change the memory before it is read.
static bool isInPlaceLoad(Operation *op) {
  auto load = dyn_cast_or_null<tile::LoadOp>(op);
  if (!load || !tileType(load.getResult()).getElementType().isF32())
    return false;
  for (OpOperand &use : load->getUses()) {
    auto dot = dyn_cast<tile::DotOp>(use.getOwner());
    bool left = dot && use.getOperandNumber() == 0 && dot.getLeft() != dot.getRight();
    if (!left && !isViewTranspose(use.getOwner()))
      return false;
  }
  return llvm::none_of(*load->getBlock(), [](Operation &other) { return writesMemory(&other); });
}

static bool readsMemory(Operation *op) { return isa<tile::LoadOp, tile::GatherOp, memref::LoadOp, tile::ReadOp>(op); }

namespace heed::cpu {

/// Plans one block: places each op when something that must happen (a store, a region, a yield) first needs it.
class BlockPlanner {
public:
  BlockPlanner(Block *block, KernelPlan &kernel) : block(block), kernel(kernel), plan(kernel.blocks[block]) {}

  LogicalResult run() {
    for (Operation &op : block->without_terminator())
      if (failed(visit(&op)))
        return failure();
    for (OpOperand &operand : block->getTerminator()->getOpOperands())
      if (failed(demand(operand)))
        return failure();
    append({NodeKind::End, {}, {block->getTerminator()}, {}});
    for (auto &[op, slot] : scalarOrder)
      plan.nodes[slot].scalars.push_back(op);
    return success();
  }

private:
  bool isHere(Operation *op) const { return op && op->getBlock() == block; }
  bool isPlaced(Operation *op) const { return kernel.nodes.contains(op); }

  int64_t append(Node node) {
    int64_t index = plan.nodes.size();
    for (Operation *op : node.ops)
      kernel.nodes[op] = index;
    plan.nodes.push_back(std::move(node));
    return index;
  }

  /// The first node that may read the value from memory or, for scalars, from its register. Tiles must be placed.
  int64_t available(Value value) const {
    Operation *op = value.getDefiningOp();
    if (!isHere(op))
      return 0;
    if (auto slot = slots.find(op); slot != slots.end())
      return slot->second;
    if (auto node = kernel.nodes.find(op); node != kernel.nodes.end())
      return node->second + 1;
    int64_t first = 0;
    for (Value operand : op->getOperands())
      first = std::max(first, available(operand));
    return first;
  }

  LogicalResult visit(Operation *op) {
    bool hasTiles = llvm::any_of(op->getOperands(), tileType) || llvm::any_of(op->getResults(), tileType);
    if (isa<scf::ForOp, scf::IfOp>(op))
      return placeRegion(op);
    if (op->getNumRegions() != 0)
      return op->emitOpError("cannot be lowered for the CPU; only scf.for and scf.if nest code in a kernel");
    if (isa<tile::StoreOp, tile::CopyOp>(op)) {
      if (failed(placePendingReads(op)))
        return failure();
      return place(op);
    }
    if (isa<tile::ReadOp, tile::WaitOp, tensor::ExtractOp>(op))
      return place(op);
    if (hasTiles)
      return success(); // placed when needed
    int64_t slot = 0;
    for (Value operand : op->getOperands())
      slot = std::max(slot, available(operand));
    if (readsMemory(op)) {
      slot = std::max(slot, lastWrite + 1);
      lastRead = std::max(lastRead, slot);
    }
    slots[op] = slot;
    scalarOrder.emplace_back(op, slot);
    return success();
  }

  /// Reads that come before a write in the program and were not needed so far must still come before it, unless they
  /// are part of what is written.
  LogicalResult placePendingReads(Operation *write) {
    SmallVector<Operation *> chain;
    if (isa<tile::StoreOp>(write) && isRowsOp(write) && failed(collectChain(write, chain)))
      return failure();
    for (Operation &op : *block) {
      if (&op == write)
        return success();
      if (readsMemory(&op) && !op.use_empty() && !slots.contains(&op) && !isPlaced(&op) &&
          !llvm::is_contained(chain, &op) && failed(place(&op)))
        return failure();
    }
    return success();
  }

  /// Makes sure the operand's tile is placed, in memory if its user reads memory.
  LogicalResult demand(OpOperand &operand) { return demand(operand.get(), needsMemory(operand)); }

  LogicalResult demand(Value value, bool inMemory) {
    Operation *op = value.getDefiningOp();
    if (!tileType(value) || !isHere(op) || isPlaced(op))
      return success();
    if (isViewTranspose(op))
      return demand(op->getOperand(0), true);
    if (!isFree(op) || inMemory)
      return place(op);
    for (Value source : op->getOperands())
      if (failed(demand(source, false)))
        return failure();
    return success();
  }

  LogicalResult place(Operation *op) {
    if (isa<tile::DotOp>(op))
      return placeDot(cast<tile::DotOp>(op));
    if (isInPlaceLoad(op))
      return placeAlone(op, NodeKind::InPlace);
    if (isRowsOp(op))
      return placeRows(op);
    if (isa<tile::LoadOp, tile::StoreOp, tile::TransposeOp, tile::ScanOp, tile::TriInvOp, tile::CopyOp, tile::ReadOp,
            tile::WaitOp, tensor::ExtractOp, arith::ConstantOp>(op))
      return placeAlone(op, NodeKind::Single);
    return op->emitOpError("cannot be lowered for the CPU: it is neither elementwise nor a known tile op");
  }

  LogicalResult placeAlone(Operation *op, NodeKind kind) {
    for (OpOperand &operand : op->getOpOperands())
      if (failed(demand(operand)))
        return failure();
    int64_t node = append({kind, {}, {op}, {}});
    noteEffects(op, node);
    return success();
  }

  void noteEffects(Operation *op, int64_t node) {
    if (readsMemory(op))
      lastRead = std::max(lastRead, node);
    if (writesMemory(op))
      lastWrite = std::max(lastWrite, node);
  }

  LogicalResult placeRegion(Operation *op) {
    if (writesMemory(op) && failed(placePendingReads(op)))
      return failure();
    for (OpOperand &operand : op->getOpOperands())
      if (failed(demand(operand)))
        return failure();
    WalkResult walked = op->walk([&](Operation *nested) {
      for (OpOperand &operand : nested->getOpOperands())
        if (failed(demand(operand)))
          return WalkResult::interrupt();
      return WalkResult::advance();
    });
    if (walked.wasInterrupted())
      return failure();
    int64_t node = append({NodeKind::Region, {}, {op}, {}});
    lastRead = node;
    noteEffects(op, node);
    for (Region &region : op->getRegions())
      for (Block &nested : region)
        if (failed(kernel.planBlock(&nested)))
          return failure();
    return success();
  }

  /// Elementwise ops with no other use than the accumulator move into the product's own loops.
  void absorb(Value value, ArrayRef<int64_t> domain, SmallVectorImpl<Operation *> &absorbed) {
    Operation *op = value.getDefiningOp();
    if (!isHere(op) || isPlaced(op) || isFree(op) || !value.hasOneUse() || !isRowsOp(op) ||
        isa<tile::LoadOp, tile::GatherOp, tile::ReduceOp>(op))
      return;
    for (Value operand : op->getOperands())
      absorb(operand, domain, absorbed);
    absorbed.push_back(op);
  }

  LogicalResult placeDot(tile::DotOp dot) {
    SmallVector<Operation *> ops;
    SmallVector<int64_t> domain(tileType(dot.getResult()).getShape());
    absorb(dot.getAccumulator(), domain, ops);
    ops.push_back(dot);
    for (Operation *op : ops)
      for (OpOperand &operand : op->getOpOperands())
        if (!llvm::is_contained(ops, operand.get().getDefiningOp()) && failed(demand(operand)))
          return failure();
    append({NodeKind::Dot, {}, ops, domain});
    return success();
  }

  /// The unplaced ops that can run in the loops of `root`, found through operands read at the same position. Whatever
  /// else they need is placed on the way.
  LogicalResult collectChain(Operation *root, SmallVectorImpl<Operation *> &chain) {
    bool placedSomething = true;
    while (placedSomething) {
      placedSomething = false;
      chain.assign(1, root);
      for (size_t next = 0; next < chain.size(); ++next) {
        bool isBroadcast = isa<tile::BroadcastOp>(chain[next]);
        for (Value operand : chain[next]->getOperands()) {
          Operation *op = operand.getDefiningOp();
          if (!tileType(operand) || !isHere(op) || isPlaced(op) || llvm::is_contained(chain, op))
            continue;
          if (!isBroadcast && isRowsOp(op) && !isFree(op) && !isa<tile::ReduceOp>(op) && !isInPlaceLoad(op)) {
            chain.push_back(op);
            continue;
          }
          size_t before = plan.nodes.size() + kernel.nodes.size();
          if (failed(demand(operand, false)))
            return failure();
          placedSomething |= before != plan.nodes.size() + kernel.nodes.size();
        }
      }
      if (isPlaced(root))
        return success();
    }
    llvm::sort(chain, [](Operation *a, Operation *b) { return a->isBeforeInBlock(b); });
    return success();
  }

  /// The first node in which the chain's op may run.
  int64_t earliest(Operation *op, ArrayRef<Operation *> chain) const {
    int64_t first = 0;
    for (Value operand : op->getOperands()) {
      Operation *source = operand.getDefiningOp();
      if (llvm::is_contained(chain, source))
        continue;
      int64_t ready = available(operand);
      auto placed = source ? kernel.nodes.find(source) : kernel.nodes.end();
      bool samePosition = isHere(source) && tileType(operand) && placed != kernel.nodes.end() &&
                          !isa<tile::BroadcastOp>(op) && !isa<tile::ReduceOp>(source) &&
                          plan.nodes[placed->second].kind == NodeKind::Rows;
      first = std::max(first, samePosition ? placed->second : ready);
    }
    if (readsMemory(op))
      first = std::max(first, lastWrite + 1);
    if (writesMemory(op))
      first = std::max({first, lastWrite, lastRead});
    return first;
  }

  /// Reductions along the lanes want rows outermost, those across rows want them innermost: never both in one node.
  bool fits(const Node &node, ArrayRef<int64_t> domain, ArrayRef<Operation *> chain) const {
    if (node.kind != NodeKind::Rows || ArrayRef<int64_t>(node.domain) != domain)
      return false;
    for (Operation *op : chain)
      if (auto reduce = dyn_cast<tile::ReduceOp>(op)) {
        int64_t dim = reduce.getDim();
        bool horizontal = dim == static_cast<int64_t>(domain.size()) - 1;
        if (horizontal ? node.verticalDim >= 0 : node.horizontal || (node.verticalDim >= 0 && node.verticalDim != dim))
          return false;
      }
    return true;
  }

  LogicalResult placeRows(Operation *root) {
    SmallVector<Operation *> chain;
    if (failed(collectChain(root, chain)))
      return failure();
    if (isPlaced(root))
      return success();
    SmallVector<int64_t> domain(domainOf(root));
    int64_t first = 0;
    for (Operation *op : chain)
      first = std::max(first, earliest(op, chain));
    int64_t index = first;
    while (index < static_cast<int64_t>(plan.nodes.size()) && !fits(plan.nodes[index], domain, chain))
      ++index;
    if (index >= static_cast<int64_t>(plan.nodes.size()))
      index = append({NodeKind::Rows, {}, {}, domain});
    Node &node = plan.nodes[index];
    for (Operation *op : chain) {
      kernel.nodes[op] = index;
      node.ops.push_back(op);
      noteEffects(op, index);
      if (auto reduce = dyn_cast<tile::ReduceOp>(op)) {
        if (static_cast<size_t>(reduce.getDim()) + 1 == domain.size())
          node.horizontal = true;
        else
          node.verticalDim = reduce.getDim();
      }
    }
    return success();
  }

  Block *block;
  KernelPlan &kernel;
  BlockPlan &plan;
  DenseMap<Operation *, int64_t> slots; ///< scalar op: the node it is emitted before
  SmallVector<std::pair<Operation *, int64_t>> scalarOrder;
  int64_t lastRead = -1, lastWrite = -1;
};

} // namespace heed::cpu

LogicalResult KernelPlan::planBlock(Block *block) {
  (void)blocks[block];
  return BlockPlanner(block, *this).run();
}

int64_t KernelPlan::nodeOf(Operation *op) const {
  auto found = nodes.find(op);
  return found == nodes.end() ? -1 : found->second;
}

ArrayRef<TileUse> KernelPlan::uses(Block *block, Value value) const {
  auto found = usesIn.find(std::pair(block, value));
  return found == usesIn.end() ? ArrayRef<TileUse>() : ArrayRef<TileUse>(found->second);
}

/// The stored tiles that reading a value comes down to.
static void forEachStoredSource(Value value, bool aligned, bool inMemory, function_ref<void(Value, bool)> visit) {
  Operation *op = value.getDefiningOp();
  if (isViewTranspose(op) || (isa_and_nonnull<tile::BroadcastOp>(op) && !inMemory))
    return forEachStoredSource(op->getOperand(0), false, isViewTranspose(op), visit);
  if (op && isFree(op) && !inMemory)
    return;
  visit(value, aligned);
}

ArrayRef<Value> KernelPlan::usedAt(Block *block, int64_t node) const {
  auto found = valuesAt.find(std::pair(block, node));
  return found == valuesAt.end() ? ArrayRef<Value>() : ArrayRef<Value>(found->second);
}

void KernelPlan::recordUse(Value value, Block *block, int64_t node, bool aligned) {
  stored.insert(value);
  while (true) {
    usesIn[std::pair(block, value)].push_back({node, aligned});
    auto &values = valuesAt[std::pair(block, node)];
    if (!llvm::is_contained(values, value))
      values.push_back(value);
    if (block == value.getParentBlock())
      return;
    Operation *parent = block->getParentOp();
    block = parent->getBlock();
    node = nodeOf(parent);
    aligned = false;
  }
}

void KernelPlan::recordUses(Block *block) {
  const BlockPlan &plan = blocks.at(block);
  for (auto [position, node] : llvm::enumerate(plan.nodes)) {
    int64_t index = position;
    for (Operation *op : node.ops)
      for (OpOperand &operand : op->getOpOperands()) {
        if (!tileType(operand.get()))
          continue;
        Operation *source = operand.get().getDefiningOp();
        bool inMemory = needsMemory(operand);
        bool samePosition =
            (node.kind == NodeKind::Rows || node.kind == NodeKind::Dot) && !inMemory && !isa<tile::BroadcastOp>(op);
        if (samePosition && source && source->getBlock() == block && nodeOf(source) == index)
          continue; // stays in a register
        forEachStoredSource(operand.get(), samePosition, inMemory,
                            [&](Value value, bool aligned) { recordUse(value, block, index, aligned); });
      }
    if (node.kind == NodeKind::Region)
      for (Region &region : node.ops[0]->getRegions())
        for (Block &nested : region)
          recordUses(&nested);
  }
}

FailureOr<KernelPlan> KernelPlan::create(tile::KernelOp kernel) {
  KernelPlan plan;
  if (!llvm::hasSingleElement(kernel.getBody()))
    return kernel.emitOpError("cannot be lowered for the CPU: its body must be one block");
  Block *body = &kernel.getBody().front();
  if (failed(plan.planBlock(body)))
    return failure();
  plan.recordUses(body);
  return plan;
}
