/// The targets this build can compile for.
#pragma once

#include "backends/Backend.h"

#include <memory>
#include <vector>

namespace heed {

/// A kind of device. Users write `kind` or `kind:chip`.
struct TargetKind {
  llvm::StringRef name;  ///< also the kind of driver that runs its plans
  llvm::StringRef chips; ///< what may follow the colon, for messages; empty: nothing may
  /// One backend for each plan to make, the most demanding first: those of one chip, or without a chip the usual ones.
  /// Empty for an unknown chip.
  std::vector<std::unique_ptr<Backend>> (*createBackends)(llvm::StringRef chip);
};

llvm::ArrayRef<TargetKind> targetKinds();

/// The backends of a target as users write it. On failure the list is empty and `error` says why.
std::vector<std::unique_ptr<Backend>> createBackends(llvm::StringRef target, std::string &error);

/// "cpu, cuda": for messages.
std::string targetNames();

/// What can be printed instead of a package: "attn, tile", which every target has, and the backend's own.
std::vector<std::string> printableLevels(const Backend &backend);

/// Empty when the backend can print `level`, else what is wrong.
std::string checkLevel(llvm::StringRef level, const Backend &backend);

} // namespace heed
