/// The x86-64 levels the CPU backend generates code for.
#pragma once

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"

#include <cstdint>

namespace heed::cpu {

/// What code generation asks of a level. Widths decide vector lengths and the size of the register tile of a product.
struct IsaLevel {
  llvm::StringRef name;   ///< the psABI name, also LLVM's CPU name: "x86-64-v4"
  int64_t vectorBytes;    ///< of one vector register
  int64_t accumulators;   ///< vector registers a product may keep sums in
  int64_t productVectors; ///< right-hand vectors a product's register tile spans
  bool hasFma;
  bool hasHalfConversions; ///< F16C
  bool hasAvx512;          ///< masked memory, vreduce, vscalef
};

/// From the most demanding to the most general.
llvm::ArrayRef<IsaLevel> isaLevels();

/// Null when there is no such level.
const IsaLevel *findIsaLevel(llvm::StringRef name);

} // namespace heed::cpu
