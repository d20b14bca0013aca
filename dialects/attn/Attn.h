/// The attn dialect: attend, merge, finish, rope, append, norm. See SPEC.md for constraints and laws.
#pragma once

#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/Interfaces/ControlFlowInterfaces.h"
#include "mlir/Interfaces/InferTypeOpInterface.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

#include "dialects/attn/AttnDialect.h.inc"
#include "dialects/attn/AttnEnums.h.inc"
#define GET_TYPEDEF_CLASSES
#include "dialects/attn/AttnTypes.h.inc"
#define GET_ATTRDEF_CLASSES
#include "dialects/attn/AttnAttrs.h.inc"
#define GET_OP_CLASSES
#include "dialects/attn/AttnOps.h.inc"

namespace heed::attn {
/// Scores at or below this value count as masked; it is also where a running maximum starts. Finite, because a device
/// may assume there are no infinities, and far enough from -FLT_MAX that adding a score to it stays finite.
constexpr double maskedScore = -1.0e30;

/// The numbers of the arguments of a region that changes scores (constraint A14).
struct ScoreArgument {
  enum Number : unsigned { Score, Batch, Head, Row, Key, Position, FirstCapture };
};
static_assert(ScoreArgument::FirstCapture == 1 + AttendOp::numIndexArguments);
} // namespace heed::attn
