/// PTX of a kernel under other registers of its roles.
#pragma once

#include "llvm/ADT/StringRef.h"

#include <cstdint>
#include <optional>
#include <string>

namespace heed::cuda {

/// What tells kernels with the same program apart.
struct RoleDivision {
  llvm::StringRef name;
  int64_t fewer, more; ///< registers of warps that hand some over, and of those that take them
};

/// Whether warps of a kernel hand registers to others.
bool hasRoles(llvm::StringRef ptx);

/// The text with another name and other numbers; none where it is not that of one kernel with roles.
std::optional<std::string> redividePtx(llvm::StringRef ptx, const RoleDivision &division);

} // namespace heed::cuda
