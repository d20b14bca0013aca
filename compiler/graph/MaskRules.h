/// Takes rules out of scores: a term that is 0 or very low by a condition is a mask whose rule can be analysed.
#pragma once

#include "mlir/IR/Builders.h"
#include "mlir/IR/Value.h"

namespace heed {

/// score = where keep holds, `score`; elsewhere the pair is masked. Either may be all there is: `keep` is null when
/// nothing is masked by rule.
struct MaskedScore {
  mlir::Value score;
  mlir::Value keep;
};

/// Splits f32 scalar code: select(c, s, low), s + select(c, 0, low), s + (1 - c) * low and what is made of these, where
/// low is at most attn::maskedScore. `key` is the index whose bounds matter. New ops are made at the builder's
/// insertion point, which must come after `score`.
MaskedScore splitMask(mlir::OpBuilder &builder, mlir::Value score, mlir::Value key);

/// An equivalent i1 in simple form: comparisons of `key` with a bound (key <= row + c), no casts of whole numbers to
/// floats and back, no selects, no double negations.
mlir::Value simplifyCondition(mlir::OpBuilder &builder, mlir::Value condition, mlir::Value key);

} // namespace heed
