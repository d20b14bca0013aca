#include "backends/simt/BatchStores.h"

#include "mlir/Interfaces/SideEffectInterfaces.h"

#include <algorithm>

using namespace mlir;
using namespace heed;
using namespace heed::simt;

/// Elements that the stores of a batch write, and by how many batches loads come early.
constexpr int64_t elementsOfBatch = 8, batchesAhead = 4;

static bool isGlobalLoad(Operation *op) {
  auto load = dyn_cast<LoadOp>(op);
  return load && load.getSpace() == Space::Global;
}

static bool isGlobalStore(Operation *op) {
  auto store = dyn_cast<StoreOp>(op);
  return store && store.getSpace() == Space::Global;
}

static bool mayMove(Operation *op) {
  return op->getNumRegions() == 0 &&
         (isGlobalLoad(op) || isGlobalStore(op) || (isMemoryEffectFree(op) && !op->hasTrait<OpTrait::IsTerminator>()));
}

static int64_t storedElements(StoreOp store) {
  auto vector = dyn_cast<VectorType>(store.getValue().getType());
  return vector ? vector.getNumElements() : 1;
}

/// Numbers the stores by batches; returns whether there are several.
static bool numberStores(ArrayRef<Operation *> ops, llvm::DenseMap<Operation *, int64_t> &batches) {
  int64_t elements = 0;
  for (Operation *op : ops)
    if (isGlobalStore(op)) {
      batches[op] = elements / elementsOfBatch;
      elements += storedElements(cast<StoreOp>(op));
    }
  return elements > elementsOfBatch;
}

/// The batch that needs the op first; 0 where something else needs it too.
static int64_t batchOf(Operation *op, const llvm::DenseMap<Operation *, int64_t> &batches) {
  std::optional<int64_t> first;
  for (Operation *user : op->getUsers()) {
    auto known = batches.find(user);
    if (known == batches.end())
      return 0;
    first = std::min(first.value_or(known->second), known->second);
  }
  return std::max<int64_t>(first.value_or(0) - (isGlobalLoad(op) ? batchesAhead : 0), 0);
}

/// Orders neighbours of one block.
static void batch(ArrayRef<Operation *> ops) {
  llvm::DenseMap<Operation *, int64_t> batches;
  if (!numberStores(ops, batches))
    return;
  for (Operation *op : llvm::reverse(ops))
    if (!isGlobalStore(op))
      batches[op] = batchOf(op, batches);
  SmallVector<SmallVector<Operation *>> ordered;
  for (Operation *op : ops) {
    size_t number = batches[op];
    ordered.resize(std::max(ordered.size(), number + 1));
    ordered[number].push_back(op);
  }
  Operation *behind = ops.back()->getNextNode();
  for (ArrayRef<Operation *> together : ordered)
    for (Operation *op : together)
      op->moveBefore(behind);
}

static void batchIn(Block &block) {
  SmallVector<Operation *> ops;
  for (Operation &op : llvm::make_early_inc_range(block)) {
    if (mayMove(&op)) {
      ops.push_back(&op);
      continue;
    }
    batch(ops);
    ops.clear();
  }
}

void simt::batchStores(KernelOp kernel) {
  bool hasGroups = kernel.walk([](MmaAsyncOp) { return WalkResult::interrupt(); }).wasInterrupted();
  if (hasGroups || kernel->hasAttr(workgroupsAttrName))
    kernel.walk([](Block *block) { batchIn(*block); });
}
