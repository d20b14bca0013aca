/// What a kernel does before it waits for the launch before its own.
#pragma once

#include "dialects/simt/Simt.h"

namespace heed::simt {

/// Moves the wait behind the loads that a kernel begins with, where they are from memory that no launch before writes:
/// lengths, for one. And before the wait, programs bring what a loop will read of such memory into the cache that all
/// workgroups share: weights come while the launches before, which may be small, still run.
void awaitLate(KernelOp kernel);

} // namespace heed::simt
