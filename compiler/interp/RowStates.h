/// Row states turned into outputs: shared by attend and finish.
#pragma once

#include "compiler/interp/Interpreter.h"

#include "dialects/attn/Attn.h"

namespace heed::interp {

struct FinishedRows {
  Tensor out, lse;
};

/// out = acc / denominator, 0 where no key was visible, and the log of the softmax denominator. `sink` [Hq], when
/// given, joins the denominator as a virtual key.
FinishedRows finishRows(Interpreter &interpreter, const RowState &state, const Tensor *sink,
                        attn::Normaliser normaliser, mlir::Type outType);

} // namespace heed::interp
