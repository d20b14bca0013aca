/// Bounds what is alive at a time where a large tile is worked on in registers and stored.
#pragma once

#include "dialects/simt/Simt.h"

namespace heed::simt {

/// Ops are emitted for a whole tile one after the other, so that all its elements are alive at every stage. Sums of
/// instructions of groups of warps fill the registers, and so do those of lanes where workgroups share a processor's:
/// in such kernels this orders what leads to stores by batches of stores. Loads come a batch early, so that the lanes
/// do not wait for them.
///
/// Moving loads behind stores is safe: where an operand and a result share memory, an element is stored by the lane
/// that loads it, from what it has loaded.
void batchStores(KernelOp kernel);

} // namespace heed::simt
