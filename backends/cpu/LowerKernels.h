/// From tile kernels to the LLVM dialect for one ISA level.
#pragma once

#include "backends/cpu/IsaLevel.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"

#include <string>
#include <vector>

namespace heed::cpu {

struct LoweredKernel {
  std::string kernel;   ///< symbol of the tile.kernel
  std::string symbol;   ///< entry point
  int64_t scratchBytes; ///< scratch a worker must provide
};

struct LoweredModule {
  mlir::OwningOpRef<mlir::ModuleOp> module;
  std::vector<LoweredKernel> kernels;
};

/// Dialects the lowering creates. Load them before lowering from several threads.
void loadLoweringDialects(mlir::MLIRContext &context);

/// Runs the target-independent tile passes on the kernels, in place.
mlir::LogicalResult prepareTiles(mlir::ModuleOp kernels);

/// Emits every (prepared) tile.kernel as a function over scf, arith, math, vector and raw pointers.
mlir::FailureOr<LoweredModule> lowerTilesToRows(mlir::ModuleOp kernels, const IsaLevel &isa);

/// Expands exp2 and log2; fails on math that would need a library.
mlir::LogicalResult expandVectorMath(mlir::ModuleOp module, const IsaLevel &isa);

/// The emitted functions in the LLVM dialect, in place.
mlir::LogicalResult lowerRowsToLlvm(mlir::ModuleOp module, const IsaLevel &isa);

/// Passes lower-tiles-to-rows and lower-tiles-to-llvm, both with an option isa.
void registerPasses();

} // namespace heed::cpu
