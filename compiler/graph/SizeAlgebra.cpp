#include "compiler/graph/SizeAlgebra.h"

#include "llvm/Support/MathExtras.h"

#include <map>
#include <optional>

using namespace mlir;

namespace {

/// A fixed order of expressions, so that printed sizes never depend on addresses.
int compare(AffineExpr left, AffineExpr right) {
  if (left == right)
    return 0;
  if (left.getKind() != right.getKind())
    return left.getKind() < right.getKind() ? -1 : 1;
  auto order = [](auto a, auto b) { return a < b ? -1 : a > b ? 1 : 0; };
  switch (left.getKind()) {
  case AffineExprKind::Constant:
    return order(cast<AffineConstantExpr>(left).getValue(), cast<AffineConstantExpr>(right).getValue());
  case AffineExprKind::DimId:
    return order(cast<AffineDimExpr>(left).getPosition(), cast<AffineDimExpr>(right).getPosition());
  case AffineExprKind::SymbolId:
    return order(cast<AffineSymbolExpr>(left).getPosition(), cast<AffineSymbolExpr>(right).getPosition());
  default: {
    auto a = cast<AffineBinaryOpExpr>(left), b = cast<AffineBinaryOpExpr>(right);
    int first = compare(a.getLHS(), b.getLHS());
    return first ? first : compare(a.getRHS(), b.getRHS());
  }
  }
}

/// A product of atoms (dimensions, symbols, quotients, remainders), sorted.
using Monomial = SmallVector<AffineExpr, 2>;

/// Higher degree first, then by atoms: the leading term of a division comes first.
struct MonomialOrder {
  bool operator()(const Monomial &a, const Monomial &b) const {
    if (a.size() != b.size())
      return a.size() > b.size();
    for (auto [left, right] : llvm::zip_equal(a, b))
      if (int order = compare(left, right))
        return order < 0;
    return false;
  }
};

using Polynomial = std::map<Monomial, int64_t, MonomialOrder>;
using MaybePolynomial = std::optional<Polynomial>;

Polynomial constantPolynomial(int64_t value) {
  Polynomial result;
  if (value != 0)
    result[{}] = value;
  return result;
}

/// Adds coefficient * monomial; false on overflow.
bool addTerm(Polynomial &sum, const Monomial &monomial, int64_t coefficient) {
  int64_t &entry = sum[monomial];
  if (llvm::AddOverflow(entry, coefficient, entry))
    return false;
  if (entry == 0)
    sum.erase(monomial);
  return true;
}

MaybePolynomial add(const Polynomial &left, const Polynomial &right, int64_t factor = 1) {
  Polynomial sum = left;
  for (const auto &[monomial, coefficient] : right) {
    int64_t scaled;
    if (llvm::MulOverflow(coefficient, factor, scaled) || !addTerm(sum, monomial, scaled))
      return std::nullopt;
  }
  return sum;
}

Monomial product(const Monomial &a, const Monomial &b) {
  Monomial result(a);
  result.append(b.begin(), b.end());
  llvm::sort(result, [](AffineExpr x, AffineExpr y) { return compare(x, y) < 0; });
  return result;
}

MaybePolynomial multiply(const Polynomial &left, const Polynomial &right) {
  Polynomial result;
  for (const auto &[a, x] : left)
    for (const auto &[b, y] : right) {
      int64_t coefficient;
      if (llvm::MulOverflow(x, y, coefficient) || !addTerm(result, product(a, b), coefficient))
        return std::nullopt;
    }
  return result;
}

/// `dividend` / `divisor` when the divisor's atoms are all in the dividend.
std::optional<Monomial> divide(const Monomial &dividend, const Monomial &divisor) {
  Monomial quotient(dividend);
  for (AffineExpr atom : divisor) {
    auto found = llvm::find(quotient, atom);
    if (found == quotient.end())
      return std::nullopt;
    quotient.erase(found);
  }
  return quotient;
}

AffineExpr toExpression(const Polynomial &polynomial, MLIRContext *context) {
  AffineExpr sum = getAffineConstantExpr(0, context);
  for (const auto &[monomial, coefficient] : polynomial) {
    AffineExpr term = getAffineConstantExpr(1, context);
    for (AffineExpr atom : monomial)
      term = term * atom;
    sum = sum + term * coefficient;
  }
  return sum;
}

/// Quotient and remainder of polynomials, by leading terms.
struct Division {
  Polynomial quotient, remainder;
};

std::optional<Division> divide(const Polynomial &dividend, const Polynomial &divisor) {
  constexpr int stepLimit = 64; // sizes have a handful of terms; a hostile graph must not make this slow
  if (divisor.empty())
    return std::nullopt;
  const auto &[leading, factor] = *divisor.begin();
  Division result;
  Polynomial rest = dividend;
  for (int step = 0; !rest.empty(); ++step) {
    if (step == stepLimit)
      return std::nullopt;
    auto [monomial, coefficient] = *rest.begin();
    std::optional<Monomial> ratio = divide(monomial, leading);
    int64_t times = factor == -1 ? 0 : coefficient / factor;
    if (!ratio || times == 0) {
      result.remainder[monomial] = coefficient;
      rest.erase(rest.begin());
      continue;
    }
    Polynomial term;
    term[*ratio] = times;
    MaybePolynomial taken = multiply(term, divisor);
    MaybePolynomial left = taken ? add(rest, *taken, -1) : std::nullopt;
    if (!left || !addTerm(result.quotient, *ratio, times))
      return std::nullopt;
    // What is left of the leading term itself is smaller than the divisor and stays.
    if (auto found = left->find(monomial); found != left->end()) {
      result.remainder[monomial] = found->second;
      left->erase(found);
    }
    rest = std::move(*left);
  }
  return result;
}

/// Turns expressions into polynomials under known extents of the dimensions.
class Normaliser {
public:
  Normaliser(MLIRContext *context, ArrayRef<AffineExpr> dimExtents) : context(context), dimExtents(dimExtents) {}

  MaybePolynomial normalise(AffineExpr expression) {
    switch (expression.getKind()) {
    case AffineExprKind::Constant:
      return constantPolynomial(cast<AffineConstantExpr>(expression).getValue());
    case AffineExprKind::DimId:
      if (AffineExpr extent = extentOf(expression); extent && extent == getAffineConstantExpr(1, context))
        return Polynomial();
      return atom(expression);
    case AffineExprKind::SymbolId:
      return atom(expression);
    default:
      break;
    }
    auto binary = cast<AffineBinaryOpExpr>(expression);
    MaybePolynomial left = normalise(binary.getLHS()), right = normalise(binary.getRHS());
    if (!left || !right)
      return std::nullopt;
    if (expression.getKind() == AffineExprKind::Add)
      return add(*left, *right);
    if (expression.getKind() == AffineExprKind::Mul)
      return multiply(*left, *right);
    return normaliseDivision(expression.getKind(), *left, *right);
  }

  static bool isNonNegative(const Polynomial &polynomial) {
    return llvm::all_of(polynomial, [](const auto &term) { return term.second >= 0; });
  }

private:
  Polynomial atom(AffineExpr expression) {
    Polynomial result;
    result[Monomial{expression}] = 1;
    return result;
  }

  AffineExpr extentOf(AffineExpr dim) {
    unsigned position = cast<AffineDimExpr>(dim).getPosition();
    return position < dimExtents.size() ? dimExtents[position] : AffineExpr();
  }

  /// floordiv, ceildiv and mod: the exact part comes out, the rest vanishes when it lies below the divisor.
  MaybePolynomial normaliseDivision(AffineExprKind kind, const Polynomial &left, const Polynomial &right) {
    std::optional<Division> division = divide(left, right);
    // By more than one term only an exact division is meaningful.
    if (division && right.size() > 1 && !division->remainder.empty())
      division.reset();
    Polynomial quotient = division ? division->quotient : Polynomial();
    Polynomial remainder = division ? division->remainder : left;
    bool vanishes = remainder.empty() || isBelow(remainder, right);
    if (kind == AffineExprKind::Mod)
      return vanishes ? remainder : atom(toExpression(remainder, context) % toExpression(right, context));
    if (remainder.empty() || (vanishes && kind == AffineExprKind::FloorDiv))
      return quotient;
    AffineExpr a = toExpression(remainder, context), b = toExpression(right, context);
    AffineExpr rest = kind == AffineExprKind::FloorDiv ? a.floorDiv(b) : a.ceilDiv(b);
    if (auto constant = dyn_cast<AffineConstantExpr>(rest))
      return add(quotient, constantPolynomial(constant.getValue()));
    return add(quotient, atom(rest));
  }

  /// Whether 0 <= value < bound.
  bool isBelow(const Polynomial &value, const Polynomial &bound) {
    MaybePolynomial largest = largestValue(value);
    MaybePolynomial room = largest ? add(bound, *largest, -1) : std::nullopt;
    room = room ? add(*room, constantPolynomial(1), -1) : std::nullopt;
    return room && isNonNegative(*room);
  }

  /// An upper bound in symbols of a polynomial that is not negative.
  MaybePolynomial largestValue(const Polynomial &value) {
    if (!isNonNegative(value))
      return std::nullopt;
    MaybePolynomial largest = Polynomial();
    for (const auto &[monomial, coefficient] : value) {
      MaybePolynomial term = constantPolynomial(coefficient);
      for (AffineExpr factor : monomial) {
        MaybePolynomial limit = term ? largestAtom(factor) : std::nullopt;
        term = limit ? multiply(*term, *limit) : std::nullopt;
      }
      largest = largest && term ? add(*largest, *term) : std::nullopt;
    }
    return largest;
  }

  MaybePolynomial largestAtom(AffineExpr factor) {
    AffineExpr below;
    if (isa<AffineDimExpr>(factor))
      below = extentOf(factor);
    else if (factor.getKind() == AffineExprKind::Mod)
      below = cast<AffineBinaryOpExpr>(factor).getRHS();
    else if (isa<AffineSymbolExpr>(factor))
      return atom(factor);
    else if (factor.getKind() == AffineExprKind::FloorDiv)
      return largestQuotient(cast<AffineBinaryOpExpr>(factor));
    MaybePolynomial limit = below ? normalise(below) : std::nullopt;
    return limit ? add(*limit, constantPolynomial(1), -1) : std::nullopt;
  }

  /// The quotient of the largest dividend, when both are numbers.
  MaybePolynomial largestQuotient(AffineBinaryOpExpr quotient) {
    auto divisor = dyn_cast<AffineConstantExpr>(quotient.getRHS());
    MaybePolynomial dividend = normalise(quotient.getLHS());
    MaybePolynomial largest = dividend ? largestValue(*dividend) : std::nullopt;
    if (!divisor || divisor.getValue() < 1 || !largest || largest->size() > 1)
      return std::nullopt;
    if (largest->empty())
      return Polynomial();
    const auto &[monomial, coefficient] = *largest->begin();
    return monomial.empty() ? MaybePolynomial(constantPolynomial(coefficient / divisor.getValue())) : std::nullopt;
  }

  MLIRContext *context;
  ArrayRef<AffineExpr> dimExtents;
};

} // namespace

AffineExpr heed::simplifySize(AffineExpr expression, ArrayRef<AffineExpr> dimExtents) {
  if (!expression)
    return expression;
  MaybePolynomial normal = Normaliser(expression.getContext(), dimExtents).normalise(expression);
  return normal ? toExpression(*normal, expression.getContext()) : expression;
}

bool heed::provablyEqual(AffineExpr left, AffineExpr right, ArrayRef<AffineExpr> dimExtents) {
  if (!left || !right)
    return false;
  return left == right || simplifySize(left - right, dimExtents) == getAffineConstantExpr(0, left.getContext());
}

bool heed::provablyNonNegative(AffineExpr expression) {
  if (!expression)
    return false;
  MaybePolynomial normal = Normaliser(expression.getContext(), {}).normalise(expression);
  return normal && Normaliser::isNonNegative(*normal);
}
