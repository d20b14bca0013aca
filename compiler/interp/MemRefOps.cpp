/// memref: views of storage, scalar access.
#include "compiler/interp/Handlers.h"

#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"

using namespace mlir;

namespace heed::interp {

static Shape resolve(ArrayRef<OpFoldResult> mixed, const Frame &frame) {
  Shape values;
  for (OpFoldResult entry : mixed) {
    std::optional<int64_t> constant = getConstantIntValue(entry);
    values.push_back(constant ? *constant : frame.index(cast<Value>(entry)));
  }
  return values;
}

static LogicalResult runReinterpretCast(Interpreter &, Operation *op, Frame &frame) {
  auto cast = mlir::cast<memref::ReinterpretCastOp>(op);
  View view = frame.view(cast.getSource());
  view.offset = resolve(cast.getMixedOffsets(), frame).front();
  view.shape = resolve(cast.getMixedSizes(), frame);
  view.strides = resolve(cast.getMixedStrides(), frame);
  if (llvm::any_of(view.shape, [](int64_t extent) { return extent < 0; }))
    return op->emitError("interpreter: a size is negative");
  frame.set(cast.getResult(), std::move(view));
  return success();
}

static LogicalResult runSubView(Interpreter &, Operation *op, Frame &frame) {
  auto subview = cast<memref::SubViewOp>(op);
  const View &source = frame.view(subview.getSource());
  View view = source;
  Shape offsets = resolve(subview.getMixedOffsets(), frame), sizes = resolve(subview.getMixedSizes(), frame);
  Shape steps = resolve(subview.getMixedStrides(), frame);
  llvm::SmallBitVector dropped = subview.getDroppedDims();
  view.shape.clear();
  view.strides.clear();
  for (size_t dim = 0; dim < source.shape.size(); ++dim) {
    if (offsets[dim] < 0 || sizes[dim] < 0 || offsets[dim] + (sizes[dim] - 1) * steps[dim] >= source.shape[dim])
      return op->emitError("interpreter: the part leaves the ")
             << source.shape[dim] << " elements of dimension " << dim;
    view.offset += offsets[dim] * source.strides[dim];
    if (dropped.test(dim))
      continue;
    view.shape.push_back(sizes[dim]);
    view.strides.push_back(steps[dim] * source.strides[dim]);
  }
  frame.set(subview.getResult(), std::move(view));
  return success();
}

static LogicalResult runCast(Interpreter &, Operation *op, Frame &frame) {
  frame.set(op->getResult(0), RuntimeValue(frame.get(op->getOperand(0))));
  return success();
}

static LogicalResult runDim(Interpreter &, Operation *op, Frame &frame) {
  auto dim = cast<memref::DimOp>(op);
  const View &view = frame.view(dim.getSource());
  int64_t position = frame.index(dim.getIndex());
  if (position < 0 || position >= static_cast<int64_t>(view.shape.size()))
    return op->emitError("interpreter: no dimension ") << position;
  frame.set(op->getResult(0), Scalar::ofInteger(view.shape[position]));
  return success();
}

/// The element of a view at indices; an error outside of the view or of its storage.
static FailureOr<Scalar *> elementAt(Operation *op, const View &view, ArrayRef<int64_t> indices) {
  int64_t position = view.offset;
  for (auto [dim, index] : llvm::enumerate(indices)) {
    if (index < 0 || index >= view.shape[dim])
      return op->emitError("interpreter: index ")
             << index << " is outside of the " << view.shape[dim] << " elements of dimension " << dim;
    position += index * view.strides[dim];
  }
  if (position < 0 || position >= static_cast<int64_t>(view.storage->size()))
    return op->emitError("interpreter: element ")
           << position << " is outside of storage of " << view.storage->size() << " elements";
  return &(*view.storage)[position];
}

static LogicalResult runLoad(Interpreter &interpreter, Operation *op, Frame &frame) {
  auto load = cast<memref::LoadOp>(op);
  FailureOr<Scalar *> element = elementAt(op, frame.view(load.getMemRef()), frame.indices(load.getIndices()));
  if (failed(element))
    return failure();
  interpreter.counters.bytesLoaded += (bitWidth(load.getType()) + 7) / 8;
  frame.set(load.getResult(), Scalar(**element));
  return success();
}

static LogicalResult runStore(Interpreter &interpreter, Operation *op, Frame &frame) {
  auto store = cast<memref::StoreOp>(op);
  FailureOr<Scalar *> element = elementAt(op, frame.view(store.getMemRef()), frame.indices(store.getIndices()));
  if (failed(element))
    return failure();
  interpreter.counters.bytesStored += (bitWidth(store.getValueToStore().getType()) + 7) / 8;
  **element = frame.scalar(store.getValueToStore());
  return success();
}

void addMemRefHandlers(HandlerTable &table) {
  table["memref.reinterpret_cast"] = runReinterpretCast;
  table["memref.subview"] = runSubView;
  table["memref.cast"] = runCast;
  table["memref.dim"] = runDim;
  table["memref.load"] = runLoad;
  table["memref.store"] = runStore;
}

} // namespace heed::interp
