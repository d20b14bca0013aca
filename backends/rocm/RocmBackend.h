/// The ROCm backend: a code object for each chip.
#pragma once

#include "backends/Backend.h"

#include <memory>

namespace heed {

/// For one chip, or with an empty name for all. Empty for an unknown chip.
std::vector<std::unique_ptr<Backend>> createRocmBackends(llvm::StringRef chip);

} // namespace heed
