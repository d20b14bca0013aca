/// The matrix instructions of NVIDIA GPUs.
#pragma once

#include "dialects/tile/Atom.h"

namespace heed::cuda {

/// Those of a chip, oriented for chains of products ("sm_80",
/// "sm_90a"), best first; none for a chip that has none, or that is not known.
llvm::ArrayRef<tile::Atom> atomsOf(llvm::StringRef chip);

/// Those that groups of four warps start and that read their right operand from shared memory (PTX: wgmma), best first.
llvm::ArrayRef<tile::Atom> warpgroupAtomsOf(llvm::StringRef chip);

} // namespace heed::cuda
