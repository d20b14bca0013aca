#include "backends/cpu/IsaLevel.h"

#include "llvm/ADT/STLExtras.h"

using namespace heed::cpu;

llvm::ArrayRef<IsaLevel> heed::cpu::isaLevels() {
  static const IsaLevel levels[] = {
      {"x86-64-v4", 64, 24, 4, true, true, true},
      {"x86-64-v3", 32, 12, 2, true, true, false},
      {"x86-64-v2", 16, 12, 2, false, false, false},
  };
  return levels;
}

const IsaLevel *heed::cpu::findIsaLevel(llvm::StringRef name) {
  auto found = llvm::find_if(isaLevels(), [&](const IsaLevel &level) { return level.name == name; });
  return found == isaLevels().end() ? nullptr : found;
}
