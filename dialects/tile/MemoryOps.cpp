/// Constraints of load, store, copy (T2 to T4), gather (T5) and arrive (T19), and their memory effects.
#include "dialects/tile/Tile.h"

#include "mlir/Interfaces/LoopLikeInterface.h"

using namespace mlir;
using namespace heed::tile;

using Effects = SmallVectorImpl<SideEffects::EffectInstance<MemoryEffects::Effect>>;

/// T2: an index per view dimension, each tile dimension walks a different view dimension. T3: an extent per tile
/// dimension or none. T4: a fill exactly when there are extents, of the element type.
static LogicalResult verifyAccess(Operation *op, MemRefType view, RankedTensorType tile, ValueRange indices,
                                  ArrayRef<int64_t> dims, ValueRange extents) {
  if (static_cast<int64_t>(indices.size()) != view.getRank())
    return op->emitOpError("T2: needs one index per view dimension, got ") << indices.size() << " for " << view;
  llvm::SmallDenseSet<int64_t> seen;
  for (int64_t dim : dims)
    if (dim < 0 || dim >= view.getRank() || !seen.insert(dim).second)
      return op->emitOpError("T2: dims must be different dimensions of the view, got ") << dim;
  if (static_cast<int64_t>(dims.size()) != tile.getRank())
    return op->emitOpError("T2: needs one entry of dims per tile dimension, got ") << dims.size() << " for " << tile;
  if (view.getElementType() != tile.getElementType())
    return op->emitOpError("T2: view and tile must have one element type, got ") << view << " and " << tile;
  if (!extents.empty() && static_cast<int64_t>(extents.size()) != tile.getRank())
    return op->emitOpError("T3: needs no extents or one per tile dimension, got ") << extents.size();
  return success();
}

static LogicalResult verifyFill(Operation *op, RankedTensorType tile, ValueRange extents, Value fill) {
  if (extents.empty() != !fill || (fill && fill.getType() != tile.getElementType()))
    return op->emitOpError("T4: a fill of the tile's element type goes with extents");
  return success();
}

LogicalResult LoadOp::verify() {
  auto tile = cast<RankedTensorType>(getResult().getType());
  return failure(
      failed(verifyAccess(*this, cast<MemRefType>(getView().getType()), tile, getIndices(), getDims(), getExtents())) ||
      failed(verifyFill(*this, tile, getExtents(), getFill())));
}

void LoadOp::getEffects(Effects &effects) {
  effects.emplace_back(MemoryEffects::Read::get(), &getViewMutable(), SideEffects::DefaultResource::get());
}

LogicalResult StoreOp::verify() {
  return verifyAccess(*this, cast<MemRefType>(getView().getType()), cast<RankedTensorType>(getTile().getType()),
                      getIndices(), getDims(), getExtents());
}

void StoreOp::getEffects(Effects &effects) {
  effects.emplace_back(MemoryEffects::Write::get(), &getViewMutable(), SideEffects::DefaultResource::get());
}

LogicalResult CopyOp::verify() {
  RankedTensorType tile = cast<RingType>(getRing().getType()).getTile();
  return failure(
      failed(verifyAccess(*this, cast<MemRefType>(getView().getType()), tile, getIndices(), getDims(), getExtents())) ||
      failed(verifyFill(*this, tile, getExtents(), getFill())));
}

LogicalResult ArriveOp::verify() {
  auto view = cast<MemRefType>(getView().getType());
  if (static_cast<int64_t>(getIndices().size()) != view.getRank() || !view.getElementType().isInteger(32))
    return emitOpError("T19: needs a view of i32 and one index per dimension, got ")
           << getIndices().size() << " for " << view;
  if ((*this)->getParentOfType<LoopLikeOpInterface>())
    return emitOpError("T19: stands in no loop, since a program comes once");
  return success();
}

LogicalResult GatherOp::verify() {
  auto view = cast<MemRefType>(getView().getType());
  auto tile = cast<RankedTensorType>(getResult().getType());
  if (static_cast<int64_t>(getIndices().size()) != view.getRank() || view.getElementType() != tile.getElementType() ||
      getFill().getType() != tile.getElementType())
    return emitOpError("T5: needs one index per view dimension and one element type for view, fill and result");
  for (Value index : getIndices()) {
    auto type = dyn_cast<RankedTensorType>(index.getType());
    if (!index.getType().isIndex() &&
        !(type && type.getShape() == tile.getShape() && isa<IntegerType>(type.getElementType())))
      return emitOpError("T5: an index must be an index or an integer tile of the result's shape, got ")
             << index.getType();
  }
  return success();
}

void GatherOp::getEffects(Effects &effects) {
  effects.emplace_back(MemoryEffects::Read::get(), &getViewMutable(), SideEffects::DefaultResource::get());
}
