/// Passes on tile kernels that every target shares: tiles in, tiles out.
#pragma once

#include "compiler/tile/PartSchedule.h"
#include "mlir/IR/PatternMatch.h"
#include "mlir/Pass/Pass.h"

#include <memory>

namespace heed {

/// Replaces every tile.part by its body. What remains when a target has no use for schedules.
std::unique_ptr<mlir::Pass> createInlinePartsPass();

/// Overlaps the parts of loops as the table, which must outlive the pass, says; an empty one changes nothing.
std::unique_ptr<mlir::Pass> createSchedulePartsPass(llvm::ArrayRef<tile::PartSchedule> table);

/// Chooses for every rank-2 tile whether it is held as it is or transposed, so that products read rows along the lanes
/// and as few tiles as possible are transposed, weighted by loop depth.
std::unique_ptr<mlir::Pass> createOrientTilesPass();

/// Computes once a distance what elements of a tile have in common whose row and column are as far apart
/// (tile.toeplitz).
std::unique_ptr<mlir::Pass> createShareDistancesPass();

/// Rewrites math on f32, f16 and bf16 (any shape) to arith, exp2, log2, sqrt, fma and rounding ops.
std::unique_ptr<mlir::Pass> createExpandMathPass();
void populateExpandMathPatterns(mlir::RewritePatternSet &patterns);

/// Registers the passes above by flag.
void registerTilePasses();

} // namespace heed
