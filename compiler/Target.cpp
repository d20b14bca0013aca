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

} // namespace heed
