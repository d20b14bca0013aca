/// Constraints of row states and finish (F1 to F3 of SPEC.md).
#include "dialects/attn/Attn.h"

using namespace mlir;
using namespace heed::attn;

LogicalResult RowStateType::verify(function_ref<InFlightDiagnostic()> emitError, RankedTensorType accumulator) {
  if (accumulator.getRank() != 4 || !accumulator.getElementType().isF32())
    return emitError() << "F1: a state's accumulator must be f32 of shape [batch, query heads, rows, value depth], got "
                       << accumulator;
  return success();
}

LogicalResult FinishOp::verify() {
  RankedTensorType accumulator = getState().getType().getAccumulator();
  auto out = cast<RankedTensorType>(getOut().getType());
  if (out.getShape() != accumulator.getShape() || !isa<FloatType>(out.getElementType()))
    return emitOpError("F1: out must hold floats in the shape of the state's accumulator, got ") << out;
  if (Value sink = getSink()) {
    auto type = cast<RankedTensorType>(sink.getType());
    bool fits =
        type.getRank() == 1 && isa<FloatType>(type.getElementType()) &&
        (type.isDynamicDim(0) || accumulator.isDynamicDim(1) || type.getDimSize(0) == accumulator.getDimSize(1));
    if (!fits || getNormaliser() != Normaliser::Softmax)
      return emitOpError("F3: sink needs the softmax normaliser and shape [query heads] of floats, got ") << type;
  }
  if (getLse()) {
    auto lse = cast<RankedTensorType>(getLse().getType());
    if (lse.getShape() != accumulator.getShape().drop_back() || !lse.getElementType().isF32() ||
        getNormaliser() != Normaliser::Softmax)
      return emitOpError("F2: lse needs the softmax normaliser and type f32 [batch, query heads, rows], got ") << lse;
  }
  return success();
}
