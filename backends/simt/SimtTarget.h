/// What the common lowering must know about a machine whose lanes run in lockstep. Data only: a new chip is a new
/// value.
#pragma once

#include "backends/Backend.h"
#include "compiler/tile/PartSchedule.h"
#include "dialects/tile/Atom.h"

#include <cstdint>
#include <string>

namespace heed::simt {

/// Abilities beyond loads, stores, shuffles and barriers.
struct Abilities {
  bool asynchronousCopies = false;  ///< simt.copy, commit and wait
  bool loadMatrix = false;          ///< simt.load_matrix
  bool namedBarriers = false;       ///< simt.named_barrier
  bool warpBarriers = false;        ///< simt.warp_barrier
  bool votes = false;               ///< simt.any
  bool sharedBarriers = false;      ///< simt.barrier_init and what belongs to it, simt.fence_async
  bool tensorCopies = false;        ///< simt.copy_tensor, with sharedBarriers
  bool movableRegisters = false;    ///< simt.set_registers
  bool residentWorkgroups = false;  ///< simt.workgroups, and launches with fewer workgroups than programs
  bool overlappingLaunches = false; ///< simt.admit_next and await_previous
  bool arrivals = false;            ///< simt.arrive
  bool fusedMultiplyAdd = false;    ///< math.fma is rounded once
  bool infinities = false;          ///< f32 arithmetic computes with them
};

/// What the workgroups that are on one processor at the same time share. 0 schedulers: not known.
struct Processor {
  int64_t schedulers = 0;      ///< each with registers and places for warps of its own
  int64_t registers = 0;       ///< of a scheduler's lane
  int64_t registerGranule = 1; ///< a warp takes a multiple of these
  int64_t warps = 0;           ///< of a scheduler
  int64_t workgroups = 0;
  int64_t sharedBytes = 0;
  int64_t sharedGranule = 1; ///< a workgroup takes a multiple of these bytes
  int64_t sharedReserve = 0; ///< and so many of its own
};

/// Blocks of products, how long a step along the depth takes, in any unit, and how many are on a processor at a time.
struct TimedBlocks {
  int64_t rows, columns, depth, stepTime, atOnce;
};

/// What the lanes of a workgroup of so many multiplying warps have.
struct RoleRegisters {
  int64_t warps, producer, consumer;
};

/// Kernels of attention that have few rows and read much, where matrix instructions compute them.
struct FewRows {
  int64_t warps = 0;        ///< of a workgroup; 0: as usual
  int64_t keys = 32;        ///< of a block
  int64_t keysOfPart = 128; ///< at least; more by up to a block
  /// That a lane holds when it merges parts in the launch that makes them, for which the target needs arrivals; 0:
  /// another launch merges them.
  int64_t mergedValues = 0;
};

struct SimtTarget {
  std::string chip;   ///< as users write it after the colon, and the feature a device must have; may be empty
  int64_t lanes = 32; ///< of a warp
  int64_t maximumThreads = 1024; ///< of a workgroup
  int64_t sharedBytes = 32768;   ///< a workgroup may use
  int64_t sharedGranularity = 1; ///< bytes; 4: shared memory is made of 32-bit words
  int64_t vectorBytes = 16;      ///< widest global and shared access
  int64_t registers = 128;       ///< 32-bit registers of a lane that tiles may take together
  int64_t warps = 4;             ///< of a usual workgroup
  int64_t processors = 0;        ///< of a usual product; 0: not known
  int64_t cacheBytes = 0;        ///< of different data in the cache that all workgroups share; 0: not known
  Abilities abilities;
  FewRows fewRows;
  bool sharesRows = true; ///< groups of warps may go through fewer rounds of a loop than their program
  /// Matrix instructions, best first. The lowering falls back to multiply-add on scalars, which needs no entry.
  llvm::ArrayRef<tile::Atom> atoms;
  /// Those that groups of warps start and that run beside them, reading shared memory by themselves; best first, and
  /// preferred to the others where they fit.
  llvm::ArrayRef<tile::Atom> groupAtoms;
  /// The best of those for operands of a type; null: none.
  const tile::Atom *groupAtomFor(mlir::Type operand) const {
    auto *atom =
        llvm::find_if(groupAtoms, [&](const tile::Atom &each) { return each.operand == tile::elementOf(operand); });
    return atom == groupAtoms.end() ? nullptr : atom;
  }
  /// Blocks of products by group instructions; and the time of a block beside its steps.
  llvm::ArrayRef<TimedBlocks> groupBlocks;
  int64_t blockTime = 0;
  /// Blocks of products of f32 by multiply-adds, the last for all; none: as other products.
  llvm::ArrayRef<TimedBlocks> laneBlocks;
  /// Blocks of other products, which come beside those.
  TimedBlocks blocks = {64, 64, 32, 0, 0};
  /// Warps that only copy, beside the others, in kernels with group instructions; 0: every warp copies for itself.
  int64_t producerWarps = 0;
  /// Registers of a lane of those and of the others, where warps can hand registers over. The last entry whose warps
  /// are no more than a workgroup's is the usual one; others of as many warps are for kernels that it does not fit.
  llvm::ArrayRef<RoleRegisters> roleRegisters;
  int64_t copyingRegisters = 0; ///< wanted of a lane that copies; 0: as many as usual
  int64_t workgroups = 0;       ///< that a processor shall have room for; 0: any number
  /// Those of a workgroup of so many multiplying warps.
  const RoleRegisters &registersOfRoles(int64_t multiplyingWarps, int64_t copying = 0) const {
    const RoleRegisters *last = roleRegisters.begin();
    for (const RoleRegisters &each : roleRegisters)
      if (each.warps <= multiplyingWarps && (copying == 0 || each.producer == copying))
        last = &each;
    return *last;
  }
  /// How the parts of loops overlap; empty: they do not.
  llvm::ArrayRef<tile::PartSchedule> schedule;
  Processor processor; ///< for reports
};

} // namespace heed::simt
