// The values of a plan's expressions for one set of shapes.
#ifndef HEED_RUNTIME_EVALUATION_H
#define HEED_RUNTIME_EVALUATION_H

#include "runtime/Driver.h"
#include "runtime/PlanModel.h"
#include "runtime/Status.h"

#include <optional>
#include <span>
#include <vector>

namespace heed::rt {

/// What expressions read. Strides hold maxRank entries a tensor.
struct Environment {
  std::span<const int64_t> symbols;
  std::span<const int64_t> inputStrides;
  std::span<const int64_t> outputStrides;
};

/// An expression that cannot be evaluated is an error only where its value is used: a plan may hold formulas of
/// variants that do not apply.
class Evaluation {
public:
  Evaluation(const Plan &plan, const DeviceInfo &device);

  /// Evaluates every expression; no allocation.
  void run(const Environment &environment);

  /// The value, or an error that prints the formula and says where it failed. noExpr gives `absent`.
  Status get(ExprId id, std::string_view what, int64_t &value, int64_t absent = 0) const;
  /// The value of a node known to be valid.
  int64_t value(ExprId id, int64_t absent = 0) const { return id == noExpr ? absent : values[id]; }
  std::optional<int64_t> tryGet(ExprId id) const;
  /// Whether the constraint holds; nothing when a side has no value.
  std::optional<bool> holds(const Constraint &constraint) const;

  std::string print(ExprId id) const;

private:
  const Plan &plan;
  const DeviceInfo &device;
  std::vector<int64_t> values; // for a node in error: the id of the node where it began
  std::vector<EvalError> errors;
};

std::string_view relationText(Relation relation);

} // namespace heed::rt

#endif // HEED_RUNTIME_EVALUATION_H
