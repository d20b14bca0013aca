// Integer expressions over a call's shapes: every size, offset, stride, grid and parameter of a plan is one of these.
#ifndef HEED_RUNTIME_EXPR_H
#define HEED_RUNTIME_EXPR_H

#include "runtime/Status.h"

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <tuple>
#include <vector>

namespace heed::rt {

using ExprId = uint32_t;
/// Stands for "no expression" where one is optional.
inline constexpr ExprId noExpr = UINT32_MAX;

/// Values are part of the package format: append only.
enum class ExprOp : uint8_t {
  constant = 0,       // a: the value
  symbol = 1,         // a: index of a symbol of the plan
  inputStride = 2,    // a: input, b: dimension; the caller's stride in elements
  outputStride = 3,   // a: output, b: dimension; the stride in elements of where the output is written
  deviceProperty = 4, // a: a DeviceProperty
  add = 5,            // from here on a and b are expressions with smaller ids
  sub = 6,
  mul = 7,
  floorDiv = 8, // rounds towards minus infinity
  ceilDiv = 9,  // rounds towards plus infinity
  mod = 10,     // a - b * floorDiv(a, b)
  min = 11,
  max = 12,
};
inline constexpr uint8_t lastExprOp = 12;

constexpr bool isBinary(ExprOp op) { return op >= ExprOp::add; }

/// Numbers of a device that expressions and variant requirements may read. A device that lacks one reports 0.
/// Values are part of the package format: append only.
enum class DeviceProperty : uint8_t {
  workers = 0,          // CPU worker threads; GPU: compute units
  l1Bytes = 1,          // per core
  l2Bytes = 2,          // per core
  sharedBytes = 3,      // largest shared (workgroup) memory of one workgroup
  subgroupSize = 4,     // lanes
  vectorBytes = 5,      // widest CPU vector register
  workgroupThreads = 6, // most threads of one workgroup
};
inline constexpr uint8_t lastDeviceProperty = 6;

struct Expr {
  ExprOp op = ExprOp::constant;
  int64_t a = 0;
  int64_t b = 0;

  friend bool operator==(const Expr &, const Expr &) = default;
};

/// The expressions of one plan in topological order: operands have smaller ids than their users. The builders below
/// return an existing node where an equal one exists and fold what needs no run-time value, so equal sizes have equal
/// ids.
class ExprPool {
public:
  ExprId constant(int64_t value);
  ExprId symbol(uint32_t index);
  ExprId inputStride(uint32_t input, uint32_t dim);
  ExprId outputStride(uint32_t output, uint32_t dim);
  ExprId deviceProperty(DeviceProperty property);
  ExprId add(ExprId a, ExprId b) { return binary(ExprOp::add, a, b); }
  ExprId sub(ExprId a, ExprId b) { return binary(ExprOp::sub, a, b); }
  ExprId mul(ExprId a, ExprId b) { return binary(ExprOp::mul, a, b); }
  ExprId floorDiv(ExprId a, ExprId b) { return binary(ExprOp::floorDiv, a, b); }
  ExprId ceilDiv(ExprId a, ExprId b) { return binary(ExprOp::ceilDiv, a, b); }
  ExprId mod(ExprId a, ExprId b) { return binary(ExprOp::mod, a, b); }
  ExprId min(ExprId a, ExprId b) { return binary(ExprOp::min, a, b); }
  ExprId max(ExprId a, ExprId b) { return binary(ExprOp::max, a, b); }
  ExprId binary(ExprOp op, ExprId a, ExprId b);

  /// Adds a node as it is, without folding; used by the package reader.
  ExprId append(Expr expr);

  const std::vector<Expr> &nodes() const { return pool; }
  const Expr &operator[](ExprId id) const { return pool[id]; }
  size_t size() const { return pool.size(); }

private:
  ExprId intern(Expr expr);

  std::vector<Expr> pool;
  std::map<std::tuple<ExprOp, int64_t, int64_t>, ExprId> known;
};

/// Why an evaluation has no value.
enum class EvalError : uint8_t { none, overflow, divisionByZero };

/// One checked operation. Only binary ops are accepted.
EvalError evaluateBinary(ExprOp op, int64_t a, int64_t b, int64_t &result);

/// How a name appears in a printed formula; the defaults print s0, stride(i0, 1), property(0).
struct ExprNames {
  std::span<const std::string> symbols;
  std::span<const std::string> inputs;
  std::span<const std::string> outputs;
};

/// A readable formula such as "batch*ceildiv(seq, 64)".
std::string printExpr(const ExprPool &pool, ExprId id, const ExprNames &names);

std::string_view devicePropertyName(DeviceProperty property);

} // namespace heed::rt

#endif // HEED_RUNTIME_EXPR_H
