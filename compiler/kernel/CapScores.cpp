/// With e = 2^(2 k log2(e) x) and r = 1 / (1 + e): tanh(k x) = 1 - 2 r, which needs no clamp, since an infinite e makes
/// r 0. The exponential is off by 2^-22 of itself and its argument as much, of which r sees a quarter at most; the sum
/// and the reciprocal are off by 2^-24 and 2^-23 of theirs. That makes 2^-22 of r, and c 2^-21 of a score. Near 0 that
/// is no small part of the score, as it would be of a rational function's result; but weights only know differences of
/// scores.
#include "compiler/kernel/CapScores.h"

#include "dialects/tile/Tile.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/Matchers.h"

#include <cmath>
#include <numbers>

using namespace mlir;

double heed::largestCap(Type weight) {
  auto type = dyn_cast<FloatType>(weight);
  if (!type || type.getWidth() != 16)
    return 0;
  double rounding = std::ldexp(1.0, -int(type.getFPMantissaWidth()));
  return std::ldexp(rounding / 16, 21);
}

/// The number that all elements are.
static std::optional<double> constantOf(Value value) {
  if (auto splat = value.getDefiningOp<heed::tile::SplatOp>())
    value = splat->getOperand(0);
  FloatAttr scalar;
  if (matchPattern(value, m_Constant(&scalar)))
    return scalar.getValueAsDouble();
  SplatElementsAttr elements;
  if (matchPattern(value, m_Constant(&elements)) && isa<FloatType>(elements.getElementType()))
    return elements.getSplatValue<APFloat>().convertToDouble();
  return std::nullopt;
}

/// Takes a product with a constant, or a quotient by one, apart.
static std::optional<std::pair<Value, double>> scaled(Value value) {
  if (auto product = value.getDefiningOp<arith::MulFOp>())
    for (auto [factor, other] : {std::pair{product.getLhs(), product.getRhs()}, {product.getRhs(), product.getLhs()}})
      if (std::optional<double> number = constantOf(factor))
        return std::pair{other, *number};
  if (auto quotient = value.getDefiningOp<arith::DivFOp>())
    if (std::optional<double> number = constantOf(quotient.getRhs()); number && *number != 0)
      return std::pair{quotient.getLhs(), 1 / *number};
  return std::nullopt;
}

Value heed::capScores(OpBuilder &builder, Value scores, double largest) {
  std::optional<std::pair<Value, double>> outer = scaled(scores);
  auto tanh = outer ? outer->first.getDefiningOp<math::TanhOp>() : math::TanhOp();
  auto type = dyn_cast<RankedTensorType>(scores.getType());
  if (!tanh || !type || !type.getElementType().isF32() || !(std::abs(outer->second) <= largest))
    return scores;
  double cap = outer->second, factor = 2 * std::numbers::log2e;
  Value x = tanh.getOperand();
  while (std::optional<std::pair<Value, double>> inner = scaled(x)) {
    x = inner->first;
    factor *= inner->second;
  }
  Location location = scores.getLoc();
  auto splat = [&](double number) -> Value {
    auto value = builder.getF32FloatAttr(static_cast<float>(number));
    return arith::ConstantOp::create(builder, location, SplatElementsAttr::get(type, Attribute(value)));
  };
  Value grown = math::Exp2Op::create(builder, location, arith::MulFOp::create(builder, location, x, splat(factor)));
  Value sum = arith::AddFOp::create(builder, location, grown, splat(1));
  Value share =
      arith::DivFOp::create(builder, location, splat(1), sum, arith::FastMathFlags::arcp | arith::FastMathFlags::afn);
  return math::FmaOp::create(builder, location, share, splat(-2 * cap), splat(cap));
}
