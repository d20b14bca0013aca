/// The passes of the graph level: tensors in, tensors out.
#pragma once

#include "mlir/Pass/Pass.h"

#include <memory>

namespace heed {

/// Puts `heed.shape`, one map a result, on every op whose results' sizes the analysis knows. For tests and debugging.
std::unique_ptr<mlir::Pass> createAnnotateShapesPass();

/// Softmax written out becomes linalg.softmax.
std::unique_ptr<mlir::Pass> createRaiseSoftmaxPass();

/// Registers the passes above by flag.
void registerGraphPasses();

} // namespace heed
