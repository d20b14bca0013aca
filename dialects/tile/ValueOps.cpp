/// Constraints (T6 to T11, T17, T18) and folds of the ops on tile values.
#include "dialects/tile/Tile.h"

#include "mlir/IR/Matchers.h"

using namespace mlir;
using namespace heed::tile;

static RankedTensorType tileType(Value value) { return cast<RankedTensorType>(value.getType()); }

LogicalResult IndexOp::verify() {
  RankedTensorType type = tileType(getResult());
  auto dim = static_cast<int64_t>(getDim());
  if (!type.getElementType().isInteger(32) || dim < 0 || dim >= type.getRank())
    return emitOpError("T6: must have i32 elements and a dimension of the tile, got ") << type << ", " << dim;
  return success();
}

OpFoldResult SplatOp::fold(FoldAdaptor adaptor) {
  if (!isa_and_nonnull<IntegerAttr, FloatAttr>(adaptor.getScalar()))
    return {};
  return SplatElementsAttr::get(tileType(getResult()), adaptor.getScalar());
}

LogicalResult BroadcastOp::verify() {
  RankedTensorType source = tileType(getSource()), result = tileType(getResult());
  ArrayRef<int64_t> dims = getDims();
  bool fits = static_cast<int64_t>(dims.size()) == source.getRank() &&
              source.getElementType() == result.getElementType() && llvm::is_sorted(dims);
  for (auto [position, dim] : llvm::enumerate(dims))
    fits = fits && dim >= 0 && dim < result.getRank() && (position == 0 || dims[position - 1] < dim) &&
           source.getDimSize(position) == result.getDimSize(dim);
  if (!fits)
    return emitOpError("T7: dims must map the source's dimensions, in order, to result dimensions of the same size");
  return success();
}

LogicalResult ToeplitzOp::verify() {
  RankedTensorType band = tileType(getBand()), result = tileType(getResult());
  if (band.getRank() != 1 || result.getRank() != 2 || band.getElementType() != result.getElementType() ||
      band.getDimSize(0) != result.getDimSize(0) + result.getDimSize(1) - 1)
    return emitOpError("T17: needs M + N - 1 elements for a result [M,N] of their type, got ")
           << band << " and " << result;
  return success();
}

/// T8: and, or combine integers only.
static bool canCombine(Combine combine, RankedTensorType type) {
  return isa<IntegerType>(type.getElementType()) ||
         (isa<FloatType>(type.getElementType()) && combine != Combine::And && combine != Combine::Or);
}

LogicalResult ReduceOp::verify() {
  RankedTensorType source = tileType(getSource()), result = tileType(getResult());
  int64_t dim = getDim();
  if (dim < 0 || dim >= source.getRank() || source.getElementType() != result.getElementType())
    return emitOpError("T8: dimension must be one of the source and the element types equal");
  if (!canCombine(getCombine(), source))
    return emitOpError("T8: ") << stringifyCombine(getCombine()) << " cannot combine elements of " << source;
  SmallVector<int64_t> expected(source.getShape());
  expected.erase(expected.begin() + dim);
  if (result.getShape() != ArrayRef<int64_t>(expected))
    return emitOpError("T8: result must be the source without the reduced dimension, got ") << result;
  return success();
}

LogicalResult FoldOp::verify() {
  RankedTensorType source = tileType(getSource()), result = tileType(getResult());
  auto dim = static_cast<int64_t>(getDim());
  if (dim < 0 || dim >= source.getRank() || source.getElementType() != result.getElementType())
    return emitOpError("T8: dimension must be one of the source and the element types equal");
  if (!canCombine(getCombine(), source))
    return emitOpError("T8: ") << stringifyCombine(getCombine()) << " cannot combine elements of " << source;
  SmallVector<int64_t> expected(source.getShape());
  if (result.getRank() == source.getRank() && result.getDimSize(dim) <= source.getDimSize(dim))
    expected[dim] = result.getDimSize(dim);
  if (result.getShape() != ArrayRef<int64_t>(expected) || result == source)
    return emitOpError("T8: result must be the source with fewer elements along the dimension, got ") << result;
  return success();
}

LogicalResult ExceedsOp::verify() {
  RankedTensorType source = tileType(getSource()), limits = tileType(getLimits());
  auto dim = static_cast<int64_t>(getDim());
  SmallVector<int64_t> expected(source.getShape());
  bool fits = dim >= 0 && dim < source.getRank() && isa<FloatType>(source.getElementType()) &&
              source.getElementType() == limits.getElementType();
  if (fits)
    expected.erase(expected.begin() + dim);
  if (!fits || limits.getShape() != ArrayRef<int64_t>(expected))
    return emitOpError("T18: needs floats, and a limit for each place across a dimension of the source, got ")
           << source << " and " << limits;
  return success();
}

LogicalResult ScanOp::verify() {
  auto dim = static_cast<int64_t>(getDim());
  if (dim < 0 || dim >= tileType(getSource()).getRank())
    return emitOpError("T8: dimension must be one of the source, got ") << dim;
  if (!canCombine(getCombine(), tileType(getSource())))
    return emitOpError("T8: ") << stringifyCombine(getCombine()) << " cannot combine elements of "
                               << tileType(getSource());
  return success();
}

LogicalResult DotOp::verify() {
  RankedTensorType left = tileType(getLeft()), right = tileType(getRight()), sum = tileType(getResult());
  bool ranks = left.getRank() == 2 && right.getRank() == 2 && sum.getRank() == 2;
  if (!ranks || left.getDimSize(0) != sum.getDimSize(0) || right.getDimSize(1) != sum.getDimSize(1) ||
      left.getDimSize(1) != right.getDimSize(0))
    return emitOpError("T9: needs left [M,K], right [K,N], accumulator [M,N], got ")
           << left << ", " << right << ", " << sum;
  if (!sum.getElementType().isF32() && !sum.getElementType().isF64() && !sum.getElementType().isInteger(32))
    return emitOpError("T9: the accumulator must be f32, f64 or i32, got ") << sum;
  bool real = isa<FloatType>(sum.getElementType());
  for (RankedTensorType operand : {left, right})
    if (real ? !isa<FloatType>(operand.getElementType()) : !isa<IntegerType>(operand.getElementType()))
      return emitOpError("T9: floats are summed in floats and integers in i32, got ") << operand << " and " << sum;
  return success();
}

LogicalResult TransposeOp::verify() {
  RankedTensorType source = tileType(getSource()), result = tileType(getResult());
  if (source.getRank() != 2 || result.getRank() != 2 || source.getDimSize(0) != result.getDimSize(1) ||
      source.getDimSize(1) != result.getDimSize(0) || source.getElementType() != result.getElementType())
    return emitOpError("T10: needs source [M,N] and result [N,M] of one element type");
  return success();
}

OpFoldResult TransposeOp::fold(FoldAdaptor adaptor) {
  if (auto splat = dyn_cast_or_null<SplatElementsAttr>(adaptor.getSource()))
    return splat.resizeSplat(tileType(getResult()));
  // With encodings the outer tiles may differ in layout.
  if (auto inner = getSource().getDefiningOp<TransposeOp>(); inner && inner.getSource().getType() == getType())
    return inner.getSource();
  return {};
}

LogicalResult ConvertOp::verify() {
  RankedTensorType source = tileType(getSource()), result = tileType(getResult());
  if (source.getShape() != result.getShape() || source.getElementType() != result.getElementType())
    return emitOpError("T10: only the layout may change");
  return success();
}

OpFoldResult ConvertOp::fold(FoldAdaptor adaptor) {
  if (getSource().getType() == getType())
    return getSource();
  if (auto splat = dyn_cast_or_null<SplatElementsAttr>(adaptor.getSource()))
    return splat.resizeSplat(tileType(getResult()));
  if (auto inner = getSource().getDefiningOp<ConvertOp>()) {
    getSourceMutable().assign(inner.getSource());
    return getResult();
  }
  return {};
}

LogicalResult TriInvOp::verify() {
  RankedTensorType type = tileType(getSource());
  if (type.getRank() != 2 || type.getDimSize(0) != type.getDimSize(1) ||
      !(type.getElementType().isF32() || type.getElementType().isF64()))
    return emitOpError("T11: needs a square f32 or f64 tile, got ") << type;
  return success();
}
