/// The matrix instructions of AMD GPUs.
#pragma once

#include "dialects/tile/Atom.h"

namespace heed::rocm {

/// Those of a chip, oriented for chains of products ("gfx942"), best
/// first; none for a chip that has none, or that is not known.
llvm::ArrayRef<tile::Atom> atomsOf(llvm::StringRef chip);

} // namespace heed::rocm
