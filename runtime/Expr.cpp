#include "runtime/Expr.h"

#include <algorithm>

namespace heed::rt {

ExprId ExprPool::append(Expr expr) {
  pool.push_back(expr);
  return static_cast<ExprId>(pool.size() - 1);
}

ExprId ExprPool::intern(Expr expr) {
  auto [entry, inserted] = known.try_emplace({expr.op, expr.a, expr.b}, static_cast<ExprId>(pool.size()));
  if (inserted)
    pool.push_back(expr);
  return entry->second;
}

ExprId ExprPool::constant(int64_t value) { return intern({ExprOp::constant, value, 0}); }
ExprId ExprPool::symbol(uint32_t index) { return intern({ExprOp::symbol, index, 0}); }
ExprId ExprPool::inputStride(uint32_t input, uint32_t dim) { return intern({ExprOp::inputStride, input, dim}); }
ExprId ExprPool::outputStride(uint32_t output, uint32_t dim) { return intern({ExprOp::outputStride, output, dim}); }
ExprId ExprPool::deviceProperty(DeviceProperty property) {
  return intern({ExprOp::deviceProperty, static_cast<int64_t>(property), 0});
}

static bool isCommutative(ExprOp op) {
  return op == ExprOp::add || op == ExprOp::mul || op == ExprOp::min || op == ExprOp::max;
}

ExprId ExprPool::binary(ExprOp op, ExprId a, ExprId b) {
  // Constants go to the right so that x*4 and 4*x are one node.
  if (isCommutative(op) && (pool[a].op == ExprOp::constant || (pool[b].op != ExprOp::constant && a > b)))
    std::swap(a, b);
  const Expr left = pool[a];
  const Expr right = pool[b];
  bool rightConstant = right.op == ExprOp::constant;
  if (left.op == ExprOp::constant && rightConstant) {
    int64_t folded;
    if (evaluateBinary(op, left.a, right.a, folded) == EvalError::none)
      return constant(folded);
  }
  bool isDivision = op == ExprOp::floorDiv || op == ExprOp::ceilDiv;
  if (rightConstant && right.a == 0 && (op == ExprOp::add || op == ExprOp::sub))
    return a;
  if (rightConstant && right.a == 1 && (op == ExprOp::mul || isDivision))
    return a;
  if (rightConstant && right.a == 1 && op == ExprOp::mod)
    return constant(0);
  if (rightConstant && right.a == 0 && op == ExprOp::mul)
    return b;
  if (a == b && (op == ExprOp::min || op == ExprOp::max))
    return a;
  if (a == b && op == ExprOp::sub)
    return constant(0);
  return intern({op, a, b});
}

static bool floorDivide(int64_t a, int64_t b, int64_t &quotient) {
  if (a == INT64_MIN && b == -1)
    return false;
  quotient = a / b;
  if (a % b != 0 && ((a < 0) != (b < 0)))
    --quotient;
  return true;
}

EvalError evaluateBinary(ExprOp op, int64_t a, int64_t b, int64_t &result) {
  auto checked = [](bool overflowed) { return overflowed ? EvalError::overflow : EvalError::none; };
  switch (op) {
  case ExprOp::add:
    return checked(__builtin_add_overflow(a, b, &result));
  case ExprOp::sub:
    return checked(__builtin_sub_overflow(a, b, &result));
  case ExprOp::mul:
    return checked(__builtin_mul_overflow(a, b, &result));
  case ExprOp::min:
    result = std::min(a, b);
    return EvalError::none;
  case ExprOp::max:
    result = std::max(a, b);
    return EvalError::none;
  default:
    break;
  }
  if (b == 0)
    return EvalError::divisionByZero;
  if (op == ExprOp::mod && b == -1) {
    result = 0;
    return EvalError::none;
  }
  int64_t quotient;
  if (!floorDivide(a, b, quotient))
    return EvalError::overflow;
  if (op == ExprOp::floorDiv)
    result = quotient;
  else if (op == ExprOp::ceilDiv)
    result = a % b == 0 ? quotient : quotient + 1;
  else
    result = a - quotient * b;
  return EvalError::none;
}

std::string_view devicePropertyName(DeviceProperty property) {
  constexpr std::string_view names[] = {"workers",       "l1_bytes",     "l2_bytes",         "shared_bytes",
                                        "subgroup_size", "vector_bytes", "workgroup_threads"};
  return names[static_cast<uint8_t>(property)];
}

namespace {
/// Prints with as few parentheses as the usual precedence needs.
class Printer {
public:
  Printer(const ExprPool &pool, const ExprNames &names) : pool(pool), names(names) {}

  std::string print(ExprId id, int outerPrecedence) {
    // Shared subtrees can make the written-out formula exponential: stop where nobody would read on.
    if (++visited > 200)
      return "...";
    const Expr &expr = pool[id];
    switch (expr.op) {
    case ExprOp::constant:
      return std::to_string(expr.a);
    case ExprOp::symbol:
      return nameOr(names.symbols, expr.a, "s");
    case ExprOp::inputStride:
      return concat("stride(", nameOr(names.inputs, expr.a, "input"), ", ", expr.b, ")");
    case ExprOp::outputStride:
      return concat("stride(", nameOr(names.outputs, expr.a, "output"), ", ", expr.b, ")");
    case ExprOp::deviceProperty:
      return std::string(devicePropertyName(static_cast<DeviceProperty>(expr.a)));
    case ExprOp::add:
      return infix(expr, " + ", 1, outerPrecedence);
    case ExprOp::sub:
      return infix(expr, " - ", 1, outerPrecedence);
    case ExprOp::mul:
      return infix(expr, "*", 2, outerPrecedence);
    case ExprOp::floorDiv:
      return function(expr, "floordiv");
    case ExprOp::ceilDiv:
      return function(expr, "ceildiv");
    case ExprOp::mod:
      return function(expr, "mod");
    case ExprOp::min:
      return function(expr, "min");
    case ExprOp::max:
      return function(expr, "max");
    }
    return "?";
  }

private:
  std::string nameOr(std::span<const std::string> list, int64_t index, std::string_view prefix) {
    return static_cast<size_t>(index) < list.size() ? list[index] : concat(prefix, index);
  }
  std::string infix(const Expr &expr, std::string_view symbol, int precedence, int outer) {
    // a - (b + c) needs its parentheses; a + (b + c) does not.
    int right = expr.op == ExprOp::sub ? precedence + 1 : precedence;
    std::string text =
        concat(print(static_cast<ExprId>(expr.a), precedence), symbol, print(static_cast<ExprId>(expr.b), right));
    return precedence < outer ? concat("(", text, ")") : text;
  }
  std::string function(const Expr &expr, std::string_view name) {
    return concat(name, "(", print(static_cast<ExprId>(expr.a), 0), ", ", print(static_cast<ExprId>(expr.b), 0), ")");
  }

  const ExprPool &pool;
  const ExprNames &names;
  int visited = 0;
};
} // namespace

std::string printExpr(const ExprPool &pool, ExprId id, const ExprNames &names) {
  if (id == noExpr)
    return "-";
  return Printer(pool, names).print(id, 0);
}

} // namespace heed::rt
