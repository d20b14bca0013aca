/// LLVM's options are variables of the process, and its linker writes all of them.
#pragma once

#include <shared_mutex>

namespace heed {

/// Held shared by whoever generates code, and alone by whoever links.
inline std::shared_mutex &globalOptions() {
  static std::shared_mutex options;
  return options;
}

} // namespace heed
