#include "compiler/kernel/ViewResolver.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace heed;

SmallVector<AffineExpr> ViewResolver::contiguousStrides(ArrayRef<AffineExpr> sizes) {
  SmallVector<AffineExpr> strides(sizes.size());
  AffineExpr stride = constant(1);
  for (size_t dim = sizes.size(); dim-- > 0;) {
    strides[dim] = stride;
    stride = simplifySize(stride * sizes[dim]);
  }
  return strides;
}

bool ViewResolver::isWhole(const ResolvedView &view) {
  if (!provablyEqual(view.offset, constant(0)))
    return false;
  if (auto known = placed.find(view.base); known != placed.end())
    return ArrayRef(view.sizes) == shapes.shapeOf(view.base) && view.strides == known->second;
  SmallVector<AffineExpr> strides = contiguousStrides(view.sizes);
  for (auto [have, want, size] : llvm::zip_equal(view.strides, strides, view.sizes))
    if (size != constant(1) && !provablyEqual(have, want))
      return false;
  AffineExpr elements = constant(1), all = constant(1);
  for (AffineExpr size : view.sizes)
    elements = elements * size;
  for (AffineExpr size : shapes.shapeOf(view.base))
    all = all * size;
  return provablyEqual(elements, all);
}

ResolvedView ViewResolver::whole(Value tensor) {
  ResolvedView view{tensor, constant(0), {}, llvm::to_vector(shapes.shapeOf(tensor))};
  view.strides = contiguousStrides(view.sizes);
  if (auto argument = dyn_cast<BlockArgument>(tensor))
    if (auto strides = graph.getArgAttrOfType<AffineMapAttr>(argument.getArgNumber(), plan::stridesAttrName))
      view.strides = llvm::to_vector(strides.getValue().getResults());
  if (auto known = placed.find(tensor); known != placed.end())
    view.strides = known->second;
  return view;
}

LogicalResult ViewResolver::expand(ResolvedView &view, Value result, ArrayRef<ReassociationIndices> groups) {
  ArrayRef<AffineExpr> sizes = shapes.shapeOf(result);
  SmallVector<AffineExpr> strides(sizes.size(), constant(0));
  for (auto [source, group] : llvm::enumerate(groups)) {
    AffineExpr stride = view.strides[source];
    for (int64_t dim : llvm::reverse(group)) {
      strides[dim] = stride;
      stride = simplifySize(stride * sizes[dim]);
    }
  }
  if (groups.empty()) // a scalar seen as size 1 in every dimension
    strides.assign(sizes.size(), constant(1));
  view.sizes = llvm::to_vector(sizes);
  view.strides = strides;
  return success();
}

LogicalResult ViewResolver::collapse(ResolvedView &view, Value result, ArrayRef<ReassociationIndices> groups) {
  SmallVector<AffineExpr> strides;
  for (const ReassociationIndices &group : groups) {
    AffineExpr stride, reach; // of the dimensions joined so far, from the inside
    for (int64_t dim : llvm::reverse(group)) {
      if (view.sizes[dim] == constant(1))
        continue;
      if (stride && !provablyEqual(view.strides[dim], reach))
        return failure();
      if (!stride)
        stride = view.strides[dim];
      reach = simplifySize(view.strides[dim] * view.sizes[dim]);
    }
    // Of one element any stride is right; its own is a multiple of what lies inside, as vectors and boxes want it.
    strides.push_back(stride ? stride : group.empty() ? constant(1) : view.strides[group.back()]);
  }
  view.sizes = llvm::to_vector(shapes.shapeOf(result));
  view.strides = strides;
  return success();
}

LogicalResult ViewResolver::slice(ResolvedView &view, tensor::ExtractSliceOp op) {
  SmallVector<AffineExpr> strides;
  llvm::SmallBitVector dropped = op.getDroppedDims();
  for (auto [dim, offset, stride] : llvm::enumerate(op.getMixedOffsets(), op.getMixedStrides())) {
    AffineExpr start = shapes.valueOf(offset), step = shapes.valueOf(stride);
    if (!start || !step)
      return failure();
    view.offset = simplifySize(view.offset + start * view.strides[dim]);
    if (!dropped.test(dim))
      strides.push_back(simplifySize(view.strides[dim] * step));
  }
  view.sizes = llvm::to_vector(shapes.shapeOf(op.getResult()));
  view.strides = strides;
  return success();
}

FailureOr<ResolvedView> ViewResolver::resolve(Value tensor, Value &obstacle) {
  Operation *op = tensor.getDefiningOp();
  if (!op ||
      !isa<linalg::TransposeOp, tensor::ExpandShapeOp, tensor::CollapseShapeOp, tensor::ExtractSliceOp, tensor::CastOp>(
          op))
    return whole(tensor);
  FailureOr<ResolvedView> view = resolve(op->getOperand(0), obstacle);
  if (failed(view))
    return failure();
  LogicalResult folded = llvm::TypeSwitch<Operation *, LogicalResult>(op)
                             .Case([&](linalg::TransposeOp transpose) {
                               SmallVector<AffineExpr> strides, sizes;
                               for (int64_t dim : transpose.getPermutation()) {
                                 strides.push_back(view->strides[dim]);
                                 sizes.push_back(view->sizes[dim]);
                               }
                               view->strides = strides;
                               view->sizes = sizes;
                               return success();
                             })
                             .Case([&](tensor::ExpandShapeOp expandOp) {
                               return expand(*view, expandOp.getResult(), expandOp.getReassociationIndices());
                             })
                             .Case([&](tensor::CollapseShapeOp collapseOp) {
                               return collapse(*view, collapseOp.getResult(), collapseOp.getReassociationIndices());
                             })
                             .Case([&](tensor::ExtractSliceOp sliceOp) { return slice(*view, sliceOp); })
                             .Default([](Operation *) { return success(); });
  if (failed(folded)) {
    obstacle = op->getOperand(0);
    return failure();
  }
  return view;
}
