/// Barriers between accesses of different lanes to the same shared memory.
#pragma once

#include "dialects/simt/Simt.h"

namespace heed::simt {

/// On a named barrier that groups of warps take turns by. Turns are dropped from a kernel where a workgroup's barrier
/// would have to be reached within one: the others could not come.
constexpr llvm::StringLiteral turnBarrierAttrName = "heed.turn_barrier";

/// On a loop whose rounds groups of warps go through by themselves: none may wait there for the others.
constexpr llvm::StringLiteral ownRoundsAttrName = "heed.own_rounds";
/// Whether placeBarriers would place some there.
bool needsBarriersInOwnRounds(KernelOp kernel);

/// Inserts as few simt.barriers as a walk in program order finds necessary, from the ranges that accesses carry
/// (SharedArena.h), and removes those notes. A barrier is placed before the op that needs it, outside of a loop where
/// the loop's own accesses do not need one.
void placeBarriers(KernelOp kernel);

} // namespace heed::simt
