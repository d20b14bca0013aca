/// Constraints of finish (F1, F2 of SPEC.md).
#include "dialects/attn/Attn.h"

using namespace mlir;
using namespace heed::attn;

LogicalResult FinishOp::verify() {
  RankedTensorType accumulator = getState().getType().getAccumulator();
  auto out = cast<RankedTensorType>(getOut().getType());
  if (out.getShape() != accumulator.getShape() || !isa<FloatType>(out.getElementType()))
    return emitOpError("F1: out must hold floats in the shape of the state's accumulator, got ") << out;
  if (getLse()) {
    auto lse = cast<RankedTensorType>(getLse().getType());
    if (lse.getShape() != accumulator.getShape().drop_back() || !lse.getElementType().isF32() ||
        getNormaliser() != Normaliser::Softmax)
      return emitOpError("F2: lse needs the softmax normaliser and type f32 [batch, query heads, rows], got ") << lse;
  }
  return success();
}
