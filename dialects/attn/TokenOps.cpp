/// Constraints of the ops that work token by token: rope (R1 to R4), append (P1 to P3), norm (N1, N2).
#include "dialects/attn/Attn.h"

using namespace mlir;
using namespace heed::attn;

static bool sizesAgree(int64_t a, int64_t b) { return ShapedType::isDynamic(a) || ShapedType::isDynamic(b) || a == b; }

LogicalResult RopeOp::verify() {
  auto input = cast<RankedTensorType>(getInput().getType());
  if (input.getRank() != 4 || !isa<FloatType>(input.getElementType()))
    return emitOpError("R1: input must hold floats of shape [batch, head, sequence, depth], got ") << input;
  int64_t width = getRotaryDim();
  if (width < 2 || width % 2 != 0 || input.isDynamicDim(3) || width > input.getDimSize(3))
    return emitOpError("R2: rotary_dim must be even, at least 2 and at most the head width, got ") << width;
  unsigned tableRank = 0;
  for (Value table : {getCos(), getSin()}) {
    auto type = cast<RankedTensorType>(table.getType());
    tableRank = type.getRank();
    if ((tableRank != 2 && tableRank != 3) || !isa<FloatType>(type.getElementType()) ||
        !sizesAgree(type.getShape().back(), width / 2) || getCos().getType() != getSin().getType())
      return emitOpError("R3: cos and sin must be of one type, floats of shape [.., rotary_dim / 2], got ") << type;
  }
  if (Value positions = getPositions()) {
    auto type = cast<RankedTensorType>(positions.getType());
    if (type.getRank() != 2 || !(type.getElementType().isInteger(64) || type.getElementType().isInteger(32)) ||
        tableRank != 2)
      return emitOpError("R4: positions must be i32 or i64 of shape [batch, sequence], with tables of rank 2");
  }
  return success();
}

LogicalResult AppendOp::verify() {
  auto cache = cast<RankedTensorType>(getCache().getType());
  auto rows = cast<RankedTensorType>(getRows().getType());
  auto index = cast<RankedTensorType>(getIndex().getType());
  if (cache.getRank() != 4 || rows.getRank() != 4 || cache.getElementType() != rows.getElementType())
    return emitOpError("P1: cache and rows must have rank 4 and one element type, got ") << cache << " and " << rows;
  for (int dim : {0, 1, 3})
    if (!sizesAgree(cache.getDimSize(dim), rows.getDimSize(dim)))
      return emitOpError("P2: cache and rows must agree in batch, head and depth, got ") << cache << " and " << rows;
  if (index.getRank() != 1 || !(index.getElementType().isInteger(32) || index.getElementType().isInteger(64)) ||
      !sizesAgree(index.getDimSize(0), cache.getDimSize(0)))
    return emitOpError("P3: index must be i32 or i64 of shape [batch], got ") << index;
  return success();
}

LogicalResult NormOp::verify() {
  auto input = cast<RankedTensorType>(getInput().getType());
  int64_t first = getFirstDim();
  if (!isa<FloatType>(input.getElementType()) || first < 0 || first >= input.getRank())
    return emitOpError("N1: input must hold floats and first_dim lie within its rank, got ") << input << ", " << first;
  for (Value operand : {getScale(), getBias()}) {
    if (!operand)
      continue;
    auto type = cast<RankedTensorType>(operand.getType());
    ArrayRef<int64_t> normalised = input.getShape().drop_front(first);
    bool fits = type.getRank() == static_cast<int64_t>(normalised.size()) && isa<FloatType>(type.getElementType()) &&
                llvm::equal(type.getShape(), normalised, sizesAgree);
    if (!fits)
      return emitOpError("N2: scale and bias must hold floats in the shape of the normalised dimensions, got ") << type;
  }
  return success();
}
