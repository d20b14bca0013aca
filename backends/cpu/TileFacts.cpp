/// What kinds of op there are, for the CPU lowering: free, run on rows, in need of memory.
#include "backends/cpu/KernelPlan.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/OpDefinition.h"

using namespace mlir;
using namespace heed;
using namespace heed::cpu;

RankedTensorType heed::cpu::tileType(Value value) { return dyn_cast<RankedTensorType>(value.getType()); }

bool heed::cpu::isFree(Operation *op) {
  if (auto constant = dyn_cast<arith::ConstantOp>(op))
    return isa<SplatElementsAttr>(constant.getValue());
  return isa<tile::SplatOp, tile::IndexOp, tile::BroadcastOp>(op);
}

bool heed::cpu::isTransposingAccess(MemRefType view, RankedTensorType tile, ArrayRef<int64_t> dims) {
  SmallVector<int64_t> strides;
  int64_t offset;
  if (tile.getRank() != 2 || failed(view.getStridesAndOffset(strides, offset)))
    return false;
  return strides[dims[1]] != 1 && strides[dims[0]] == 1 && tile.getDimSize(0) > 1 && tile.getDimSize(1) > 1;
}

bool heed::cpu::isRowsOp(Operation *op) {
  if (auto load = dyn_cast<tile::LoadOp>(op))
    return !isTransposingAccess(cast<MemRefType>(load.getView().getType()), tileType(load.getResult()), load.getDims());
  if (auto store = dyn_cast<tile::StoreOp>(op))
    return !isTransposingAccess(cast<MemRefType>(store.getView().getType()), tileType(store.getTile()),
                                store.getDims());
  if (isa<tile::GatherOp, tile::ReduceOp, tile::ConvertOp>(op) || isFree(op))
    return true;
  return op->getNumResults() == 1 && tileType(op->getResult(0)) && OpTrait::hasElementwiseMappableTraits(op);
}

ArrayRef<int64_t> heed::cpu::domainOf(Operation *op) {
  if (auto reduce = dyn_cast<tile::ReduceOp>(op))
    return tileType(reduce.getSource()).getShape();
  if (auto store = dyn_cast<tile::StoreOp>(op))
    return tileType(store.getTile()).getShape();
  return tileType(op->getResult(0)).getShape();
}

bool heed::cpu::needsMemory(OpOperand &operand) {
  Operation *user = operand.getOwner();
  if (!tileType(operand.get()))
    return false;
  if (auto dot = dyn_cast<tile::DotOp>(user))
    return operand.get() == dot.getLeft() || operand.get() == dot.getRight();
  if (auto store = dyn_cast<tile::StoreOp>(user))
    return !isRowsOp(store);
  return isa<tile::TransposeOp, tile::ScanOp, tile::TriInvOp, tile::WaitOp, tensor::ExtractOp>(user);
}
