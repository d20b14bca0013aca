/// Passes of the kernel level: from a graph to kernels, and from kernels to tile programs.
#pragma once

#include "mlir/Pass/Pass.h"

#include <memory>

namespace heed {
class Backend;

/// Brings every op of a graph into the few forms kernels are made of: named linalg ops become generics, joins and
/// paddings become generics that pick their source by index.
std::unique_ptr<mlir::Pass> createNormaliseGraphPass();
/// Groups the ops of a graph into plan.kernel regions, one root each, and folds reshapes into views.
std::unique_ptr<mlir::Pass> createFormKernelsPass();
/// Merges neighbouring dimensions of matmul and map kernels that lie in memory as one.
std::unique_ptr<mlir::Pass> createMergeDimensionsPass();
/// Lowers every plan.kernel through its skeleton to a tile.kernel and a plan.launch, with the block sizes of `backend`.
std::unique_ptr<mlir::Pass> createLowerKernelsPass(const Backend &backend);
/// Marks the kernels that other launches stand before or behind in the plan.
std::unique_ptr<mlir::Pass> createMarkNeighboursPass();

/// Registers the passes above by flag; lower-kernels with small blocks, for tests.
void registerKernelPasses();
} // namespace heed
