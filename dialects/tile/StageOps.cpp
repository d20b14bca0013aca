/// Constraints of the staging and schedule ops (T12 to T14).
#include "dialects/tile/Tile.h"

using namespace mlir;
using namespace heed::tile;

LogicalResult RingType::verify(function_ref<InFlightDiagnostic()> emitError, int64_t slots, RankedTensorType tile) {
  if (slots < 1 || !tile.hasStaticShape())
    return emitError() << "T12: a ring needs at least one slot and tiles of static shape, got " << slots << " x "
                       << tile;
  return success();
}

LogicalResult ReadOp::verify() {
  RankedTensorType slot = cast<RingType>(getRing().getType()).getTile();
  auto tile = cast<RankedTensorType>(getResult().getType());
  if (slot.getShape() != tile.getShape() || slot.getElementType() != tile.getElementType())
    return emitOpError("T12: result must have the shape and elements of the ring's tile, got ") << tile;
  return success();
}

LogicalResult WaitOp::verify() {
  if (getValues().getTypes() != getResults().getTypes())
    return emitOpError("T13: tied values pass through, so results must have their types");
  return success();
}

LogicalResult PartOp::verify() {
  auto yield = dyn_cast<YieldOp>(getBody().front().back());
  if (!yield || yield.getValues().getTypes() != getResults().getTypes())
    return emitOpError("T14: must yield values of its result types");
  return success();
}
