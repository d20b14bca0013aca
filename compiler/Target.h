/// The targets this build can compile for.
#pragma once

#include "backends/Backend.h"
#include "runtime/PlanModel.h"

namespace heed {

struct Target {
  llvm::StringRef name;      ///< as users write it, and the kind of driver that runs it
  rt::CodeFormat codeFormat; ///< of the backend's images
  std::unique_ptr<Backend> (*createBackend)();
};

llvm::ArrayRef<Target> allTargets();

/// Null when there is none of that name.
const Target *findTarget(llvm::StringRef name);

/// "cpu, cuda": for messages.
std::string targetNames();

/// What can be printed instead of a package: "attn, tile", which every target has, and the backend's own.
std::vector<std::string> printableLevels(const Target &target);

/// Empty when `level` can be printed for all of `targets`, else what is wrong.
std::string checkLevel(llvm::StringRef level, llvm::ArrayRef<const Target *> targets);

} // namespace heed
