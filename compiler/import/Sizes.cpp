/// Sizes as polynomials with integer coefficients over symbols and opaque divisions.
#include "compiler/import/Sizes.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/IntegerSet.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/Support/MathExtras.h"

#include <map>

using namespace mlir;
using namespace heed::importer;

/// A size never needs more; a hostile graph could square one again and again.
static constexpr size_t maxTerms = 64;

/// Expressions share parts, so that a short chain of divisions can stand for a tree without end.
static constexpr size_t maxTreeSize = 256;

/// Whether the expression, written out, has more parts than a size ever needs.
static bool isTooLarge(AffineExpr expr) {
  SmallVector<AffineExpr> open = {expr};
  for (size_t count = 0; !open.empty(); ++count) {
    if (count == maxTreeSize)
      return true;
    if (auto binary = dyn_cast<AffineBinaryOpExpr>(open.pop_back_val())) {
      open.push_back(binary.getLHS());
      open.push_back(binary.getRHS());
    }
  }
  return false;
}

/// A total order of expressions that does not depend on addresses.
static int compare(AffineExpr a, AffineExpr b) {
  if (a == b)
    return 0;
  if (a.getKind() != b.getKind())
    return a.getKind() < b.getKind() ? -1 : 1;
  if (auto symbol = dyn_cast<AffineSymbolExpr>(a))
    return symbol.getPosition() < cast<AffineSymbolExpr>(b).getPosition() ? -1 : 1;
  if (auto number = dyn_cast<AffineConstantExpr>(a))
    return number.getValue() < cast<AffineConstantExpr>(b).getValue() ? -1 : 1;
  auto left = cast<AffineBinaryOpExpr>(a), right = cast<AffineBinaryOpExpr>(b);
  int order = compare(left.getLHS(), right.getLHS());
  return order != 0 ? order : compare(left.getRHS(), right.getRHS());
}

namespace {
/// Sorted factors of one term; empty for the constant term.
using Factors = SmallVector<AffineExpr, 3>;
struct FactorsLess {
  bool operator()(const Factors &a, const Factors &b) const {
    if (a.size() != b.size())
      return a.size() > b.size(); // higher degree first: the order of exact division
    for (auto [x, y] : llvm::zip_equal(a, b))
      if (int order = compare(x, y))
        return order < 0;
    return false;
  }
};
} // namespace

namespace heed::importer {
/// A sum of products. `valid` is false after an overflow.
class Polynomial {
public:
  std::map<Factors, int64_t, FactorsLess> terms;
  bool valid = true;

  static Polynomial ofConstant(int64_t value) {
    Polynomial result;
    result.addTerm({}, value);
    return result;
  }

  static Polynomial of(AffineExpr expr, const Sizes &sizes) {
    Polynomial result;
    if (!expr) {
      result.valid = false;
      return result;
    }
    if (auto number = dyn_cast<AffineConstantExpr>(expr))
      return ofConstant(number.getValue());
    if (auto symbol = dyn_cast<AffineSymbolExpr>(expr))
      if (Size replacement = sizes.substitutions[symbol.getPosition()])
        return of(replacement, sizes);
    if (expr.getKind() == AffineExprKind::Add || expr.getKind() == AffineExprKind::Mul) {
      auto binary = cast<AffineBinaryOpExpr>(expr);
      Polynomial left = of(binary.getLHS(), sizes), right = of(binary.getRHS(), sizes);
      return expr.getKind() == AffineExprKind::Add ? left.plus(right, 1) : left.times(right);
    }
    result.addTerm({expr}, 1);
    return result;
  }

  void addTerm(const Factors &factors, int64_t coefficient) {
    int64_t &sum = terms[factors];
    valid = valid && !llvm::AddOverflow(sum, coefficient, sum) && terms.size() <= maxTerms;
    if (sum == 0)
      terms.erase(factors);
  }

  Polynomial plus(const Polynomial &other, int64_t sign) const {
    Polynomial result = *this;
    result.valid = valid && other.valid;
    for (const auto &[factors, coefficient] : other.terms) {
      int64_t scaled = 0;
      result.valid = result.valid && !llvm::MulOverflow(coefficient, sign, scaled);
      if (result.valid)
        result.addTerm(factors, scaled);
    }
    return result;
  }

  Polynomial times(const Polynomial &other) const {
    Polynomial result;
    result.valid = valid && other.valid;
    for (const auto &[a, x] : terms)
      for (const auto &[b, y] : other.terms) {
        Factors factors(a);
        factors.append(b.begin(), b.end());
        llvm::sort(factors, [](AffineExpr l, AffineExpr r) { return compare(l, r) < 0; });
        int64_t coefficient = 0;
        result.valid = result.valid && factors.size() <= 16 && !llvm::MulOverflow(x, y, coefficient);
        if (!result.valid)
          return result;
        result.addTerm(factors, coefficient);
      }
    return result;
  }

  std::optional<int64_t> asConstant() const {
    if (!valid || terms.size() > 1)
      return std::nullopt;
    if (terms.empty())
      return 0;
    return terms.begin()->first.empty() ? std::optional(terms.begin()->second) : std::nullopt;
  }

  /// The quotient of the leading terms, if it is a term.
  static std::optional<std::pair<Factors, int64_t>> divideTerm(const std::pair<const Factors, int64_t> &a,
                                                               const std::pair<const Factors, int64_t> &b) {
    if (b.second == 0 || b.second == -1 || a.second % b.second != 0)
      return std::nullopt;
    Factors rest(a.first);
    for (AffineExpr factor : b.first) {
      auto found = llvm::find(rest, factor);
      if (found == rest.end())
        return std::nullopt;
      rest.erase(found);
    }
    return std::pair(rest, a.second / b.second);
  }

  /// Long division by the leading term; succeeds only without a remainder.
  static std::optional<Polynomial> divide(Polynomial rest, const Polynomial &divisor) {
    if (!rest.valid || !divisor.valid || divisor.terms.empty())
      return std::nullopt;
    Polynomial quotient;
    for (size_t step = 0; step < maxTerms && !rest.terms.empty(); ++step) {
      auto term = divideTerm(*rest.terms.begin(), *divisor.terms.begin());
      if (!term)
        return std::nullopt;
      Polynomial single;
      single.addTerm(term->first, term->second);
      quotient.addTerm(term->first, term->second);
      rest = rest.plus(single.times(divisor), -1);
      if (!rest.valid)
        return std::nullopt;
    }
    return rest.terms.empty() ? std::optional(quotient) : std::nullopt;
  }

  AffineExpr toExpr(MLIRContext *context) const {
    if (!valid)
      return AffineExpr();
    AffineExpr sum;
    for (const auto &[factors, coefficient] : terms) {
      AffineExpr term;
      for (AffineExpr factor : factors)
        term = term ? term * factor : factor;
      term = !term ? getAffineConstantExpr(coefficient, context) : coefficient == 1 ? term : term * coefficient;
      sum = sum ? sum + term : term;
    }
    if (!sum)
      return getAffineConstantExpr(0, context);
    return isTooLarge(sum) ? AffineExpr() : sum;
  }
};
} // namespace heed::importer

std::optional<int64_t> heed::importer::constantOf(Size size) {
  auto number = dyn_cast_if_present<AffineConstantExpr>(size);
  return number ? std::optional(number.getValue()) : std::nullopt;
}

bool heed::importer::isConstant(Size size, int64_t value) { return constantOf(size) == value; }

Sizes::Sizes(MLIRContext *context, const llvm::StringMap<int64_t> &fixedDims)
    : context(context), fixedDims(fixedDims) {}

Size Sizes::constant(int64_t value) { return getAffineConstantExpr(value, context); }

Size Sizes::symbol(StringRef name) {
  if (auto fixed = fixedDims.find(name); fixed != fixedDims.end()) {
    usedFixedDims.insert(name);
    return constant(fixed->second);
  }
  auto found = llvm::find(names, name);
  if (found == names.end()) {
    names.push_back(name.str());
    substitutions.push_back(Size());
    found = std::prev(names.end());
  }
  return getAffineSymbolExpr(found - names.begin(), context);
}

std::string Sizes::unusedName(StringRef base) const {
  std::string name = base.str();
  for (unsigned suffix = 1; llvm::is_contained(names, name); ++suffix)
    name = (base + "_" + Twine(suffix)).str();
  return name;
}

Size Sizes::normalise(Size size) { return Polynomial::of(size, *this).toExpr(context); }

Size Sizes::add(Size a, Size b) { return Polynomial::of(a, *this).plus(Polynomial::of(b, *this), 1).toExpr(context); }

Size Sizes::subtract(Size a, Size b) {
  return Polynomial::of(a, *this).plus(Polynomial::of(b, *this), -1).toExpr(context);
}

Size Sizes::multiply(Size a, Size b) {
  return Polynomial::of(a, *this).times(Polynomial::of(b, *this)).toExpr(context);
}

Size Sizes::product(ArrayRef<Size> sizes) {
  Size result = constant(1);
  for (Size size : sizes)
    result = multiply(result, size);
  return result;
}

std::optional<Size> Sizes::divideExactly(Size a, Size b) {
  if (!a || !b)
    return std::nullopt;
  auto quotient = Polynomial::divide(Polynomial::of(a, *this), Polynomial::of(b, *this));
  return quotient && quotient->valid ? std::optional(quotient->toExpr(context)) : std::nullopt;
}

Size Sizes::floorDivide(Size a, Size b) {
  a = normalise(a);
  b = normalise(b);
  if (!a || !b || isConstant(b, 0))
    return Size();
  if (auto quotient = divideExactly(a, b))
    return *quotient;
  auto x = constantOf(a), y = constantOf(b);
  if (x && y) {
    if (*y == -1)
      return *x == INT64_MIN ? Size() : constant(-*x);
    return constant(*x / *y - (*x % *y != 0 && (*x < 0) != (*y < 0) ? 1 : 0));
  }
  if (y && *y < 0)
    return Size(); // an affine floordiv has a positive divisor
  return normalise(a.floorDiv(b));
}

Size Sizes::modulo(Size a, Size b) {
  a = normalise(a);
  b = normalise(b);
  if (!a || !b || isConstant(b, 0))
    return Size();
  if (isConstant(b, 1) || isConstant(b, -1) || divideExactly(a, b))
    return constant(0);
  auto x = constantOf(a), y = constantOf(b);
  if (x && y) {
    int64_t rest = *x % *y;
    return constant(rest != 0 && (rest < 0) != (*y < 0) ? rest + *y : rest);
  }
  if (y && *y < 0)
    return Size();
  return normalise(a % b);
}

bool Sizes::areEqual(Size a, Size b) {
  if (!a || !b)
    return false;
  return Polynomial::of(a, *this).plus(Polynomial::of(b, *this), -1).asConstant() == 0;
}

bool Sizes::areDifferent(Size a, Size b) {
  if (!a || !b)
    return false;
  return isAtLeast(a, add(b, constant(1))) || isAtLeast(b, add(a, constant(1)));
}

/// Whether an expression is at least 0 when all symbols are.
static bool isNonNegative(AffineExpr expr) {
  if (auto number = dyn_cast<AffineConstantExpr>(expr))
    return number.getValue() >= 0;
  if (isa<AffineSymbolExpr>(expr))
    return true;
  auto binary = cast<AffineBinaryOpExpr>(expr);
  if (expr.getKind() == AffineExprKind::Mod)
    return isNonNegative(binary.getRHS());
  return isNonNegative(binary.getLHS()) && isNonNegative(binary.getRHS());
}

bool Sizes::isAtLeast(Size a, Size b) {
  if (!a || !b)
    return false;
  Polynomial difference = Polynomial::of(a, *this).plus(Polynomial::of(b, *this), -1);
  return difference.valid && llvm::all_of(difference.terms, [](const auto &term) {
           return term.second >= 0 && llvm::all_of(term.first, isNonNegative);
         });
}

bool Sizes::requireEqual(Size a, Size b, const Twine &reason) {
  if (!a || !b || areDifferent(a, b))
    return false;
  if (areEqual(a, b))
    return true;
  Size difference = subtract(a, b);
  if (!difference)
    return false;
  constraints.push_back({difference, true, reason.str()});
  // A symbol that stands alone on one side is replaced by the other from now on.
  for (auto [left, right] : {std::pair(normalise(a), normalise(b)), std::pair(normalise(b), normalise(a))})
    if (auto symbol = dyn_cast<AffineSymbolExpr>(left); symbol && !right.isFunctionOfSymbol(symbol.getPosition())) {
      substitutions[symbol.getPosition()] = right;
      break;
    }
  return true;
}

bool Sizes::requireAtLeast(Size a, Size b, const Twine &reason) {
  if (!a || !b)
    return false;
  if (isAtLeast(a, b))
    return true;
  Size difference = subtract(a, b);
  if (!difference || constantOf(difference))
    return false;
  if (llvm::none_of(constraints, [&](const Constraint &known) { return known.expression == difference; }))
    constraints.push_back({difference, false, reason.str()});
  return true;
}

std::vector<DictionaryAttr> Sizes::getConstraints() const {
  Builder builder(context);
  std::vector<DictionaryAttr> result;
  for (const Constraint &constraint : constraints) {
    auto set = IntegerSet::get(0, names.size(), {constraint.expression}, {constraint.isEquality});
    result.push_back(
        builder.getDictionaryAttr({builder.getNamedAttr("message", builder.getStringAttr(constraint.reason)),
                                   builder.getNamedAttr("set", IntegerSetAttr::get(set))}));
  }
  return result;
}
