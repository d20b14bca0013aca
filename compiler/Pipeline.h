/// The table of contents of the compiler: which passes run, in which order.
#pragma once

#include "mlir/Pass/PassManager.h"

namespace heed {
class Backend;

/// Graph level: from what an importer or a user wrote to attend, norm, softmax and generics, simplified. The same for
/// every target.
void addGraphPasses(mlir::OpPassManager &module);

/// Kernel level, for one target: graph to launches of tile kernels.
void addKernelPasses(mlir::OpPassManager &module, const Backend &backend);

} // namespace heed
