#include "runtime/Evaluation.h"

namespace heed::rt {

Evaluation::Evaluation(const Plan &plan, const DeviceInfo &device)
    : plan(plan), device(device), values(plan.expressions.size()), errors(plan.expressions.size()) {}

void Evaluation::run(const Environment &environment) {
  const std::vector<Expr> &nodes = plan.expressions.nodes();
  for (size_t i = 0; i < nodes.size(); ++i) {
    const Expr &node = nodes[i];
    errors[i] = EvalError::none;
    switch (node.op) {
    case ExprOp::constant:
      values[i] = node.a;
      continue;
    case ExprOp::symbol:
      values[i] = environment.symbols[node.a];
      continue;
    case ExprOp::inputStride:
      values[i] = environment.inputStrides[node.a * maxRank + node.b];
      continue;
    case ExprOp::outputStride:
      values[i] = environment.outputStrides[node.a * maxRank + node.b];
      continue;
    case ExprOp::deviceProperty:
      values[i] = device.property(static_cast<DeviceProperty>(node.a));
      continue;
    default:
      break;
    }
    for (int64_t operand : {node.a, node.b})
      if (errors[i] == EvalError::none && errors[operand] != EvalError::none) {
        errors[i] = errors[operand];
        values[i] = values[operand];
      }
    if (errors[i] != EvalError::none)
      continue;
    errors[i] = evaluateBinary(node.op, values[node.a], values[node.b], values[i]);
    if (errors[i] != EvalError::none)
      values[i] = static_cast<int64_t>(i);
  }
}

std::string Evaluation::print(ExprId id) const {
  std::vector<std::string> inputs, outputs;
  for (const Input &input : plan.inputs)
    inputs.push_back(input.name);
  for (const Output &output : plan.outputs)
    outputs.push_back(output.name);
  return printExpr(plan.expressions, id, {plan.symbols, inputs, outputs});
}

Status Evaluation::get(ExprId id, std::string_view what, int64_t &value, int64_t absent) const {
  if (id == noExpr) {
    value = absent;
    return {};
  }
  if (errors[id] == EvalError::none) {
    value = values[id];
    return {};
  }
  auto origin = static_cast<ExprId>(values[id]);
  const Expr &node = plan.expressions[origin];
  std::string_view reason = errors[id] == EvalError::overflow ? "overflows 64 bits" : "divides by zero";
  return error(Code::arithmetic, what, " = ", print(id), ": ", print(origin), " ", reason, " with operands ",
               values[node.a], " and ", values[node.b]);
}

std::optional<int64_t> Evaluation::tryGet(ExprId id) const {
  if (id == noExpr || errors[id] != EvalError::none)
    return std::nullopt;
  return values[id];
}

std::optional<bool> Evaluation::holds(const Constraint &constraint) const {
  auto left = tryGet(constraint.left), right = tryGet(constraint.right);
  if (!left || !right)
    return std::nullopt;
  switch (constraint.relation) {
  case Relation::equal:
    return *left == *right;
  case Relation::notEqual:
    return *left != *right;
  case Relation::less:
    return *left < *right;
  case Relation::lessEqual:
    return *left <= *right;
  case Relation::greater:
    return *left > *right;
  case Relation::greaterEqual:
    return *left >= *right;
  }
  return std::nullopt;
}

std::string_view relationText(Relation relation) {
  constexpr std::string_view texts[] = {"==", "!=", "<", "<=", ">", ">="};
  return texts[static_cast<uint8_t>(relation)];
}

} // namespace heed::rt
