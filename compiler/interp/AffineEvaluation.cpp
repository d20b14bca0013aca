#include "compiler/interp/AffineEvaluation.h"

#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace heed::interp {

static std::optional<int64_t> evaluateBinary(AffineExprKind kind, int64_t left, int64_t right) {
  switch (kind) {
  case AffineExprKind::Add:
    return left + right;
  case AffineExprKind::Mul:
    return left * right;
  case AffineExprKind::Mod:
    if (right <= 0)
      return std::nullopt;
    return llvm::mod(left, right);
  case AffineExprKind::FloorDiv:
    if (right == 0)
      return std::nullopt;
    return llvm::divideFloorSigned(left, right);
  case AffineExprKind::CeilDiv:
    if (right == 0)
      return std::nullopt;
    return llvm::divideCeilSigned(left, right);
  default:
    return std::nullopt;
  }
}

std::optional<int64_t> evaluate(AffineExpr expr, ArrayRef<int64_t> dims, ArrayRef<int64_t> symbols) {
  if (auto constant = dyn_cast<AffineConstantExpr>(expr))
    return constant.getValue();
  if (auto dim = dyn_cast<AffineDimExpr>(expr))
    return dim.getPosition() < dims.size() ? std::optional(dims[dim.getPosition()]) : std::nullopt;
  if (auto symbol = dyn_cast<AffineSymbolExpr>(expr))
    return symbol.getPosition() < symbols.size() ? std::optional(symbols[symbol.getPosition()]) : std::nullopt;
  auto binary = cast<AffineBinaryOpExpr>(expr);
  std::optional<int64_t> left = evaluate(binary.getLHS(), dims, symbols);
  std::optional<int64_t> right = evaluate(binary.getRHS(), dims, symbols);
  if (!left || !right)
    return std::nullopt;
  return evaluateBinary(binary.getKind(), *left, *right);
}

std::optional<Shape> evaluate(AffineMap map, ArrayRef<int64_t> dims, ArrayRef<int64_t> symbols) {
  Shape values;
  for (AffineExpr result : map.getResults()) {
    std::optional<int64_t> value = evaluate(result, dims, symbols);
    if (!value)
      return std::nullopt;
    values.push_back(*value);
  }
  return values;
}

} // namespace heed::interp
