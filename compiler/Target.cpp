#include "compiler/Target.h"

#include "backends/cpu/CpuBackend.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"

namespace heed {

llvm::ArrayRef<Target> allTargets() {
  static constexpr Target targets[] = {{"cpu", rt::CodeFormat::cpuElf, createCpuBackend}};
  return targets;
}

const Target *findTarget(llvm::StringRef name) {
  const Target *found = llvm::find_if(allTargets(), [&](const Target &target) { return target.name == name; });
  return found == allTargets().end() ? nullptr : found;
}

std::string targetNames() {
  return llvm::join(llvm::map_range(allTargets(), [](const Target &target) { return target.name; }), ", ");
}

std::vector<std::string> printableLevels(const Target &target) {
  std::vector<std::string> levels = {"attn", "tile"};
  for (llvm::StringRef level : target.createBackend()->codeLevels())
    levels.push_back(level.str());
  return levels;
}

std::string checkLevel(llvm::StringRef level, llvm::ArrayRef<const Target *> targets) {
  for (const Target *target : targets) {
    std::vector<std::string> levels = printableLevels(*target);
    if (!llvm::is_contained(levels, level))
      return ("target '" + target->name + "' has no level '" + level + "'; --emit takes " + llvm::join(levels, ", "))
          .str();
  }
  return {};
}

} // namespace heed
