/// Several lane programs of one tile kernel, and what each relies on.
#pragma once

#include "backends/Backend.h"
#include "backends/simt/Divisibility.h"
#include "backends/simt/SimtTarget.h"
#include "dialects/simt/Simt.h"

namespace heed::simt {

/// Renames the kernel and notes on it which kernel it is a variant of and what it relies on.
void markVariant(KernelOp kernel, const Promises &promises);

/// Makes a kernel that of other registers of roles and of another tile kernel, which differs in nothing else.
void redivide(KernelOp kernel, llvm::StringRef tileKernel, const RoleRegisters &registers);

/// On a kernel whose workgroups go through the programs: how many are enough for a processor.
constexpr llvm::StringLiteral residentAttrName = "heed.resident";

/// On a tile.kernel: calls whose operands lie as vector accesses need them run another one.
constexpr llvm::StringLiteral servedAttrName = "heed.served";

/// On a kernel whose lanes load in a loop what would have come in rings, had there been room.
constexpr llvm::StringLiteral crowdedAttrName = "heed.crowded";

/// Notes on the kernel what the lowering knows of its warps and rings.
void noteResources(KernelOp kernel, int64_t copyingWarps, int64_t stages);

/// The entry that makes a kernel known to a plan, variant or not.
KernelEntry entryOf(KernelOp kernel);

} // namespace heed::simt
