/// The CUDA backend: PTX, and cubins where an assembler is at hand.
#pragma once

#include "backends/Backend.h"

#include <memory>

namespace heed {

/// For one chip, or with an empty name the usual ones. Empty for an unknown chip.
std::vector<std::unique_ptr<Backend>> createCudaBackends(llvm::StringRef chip);

} // namespace heed
