/// The layers of a model repeat their kernels; each is compiled once.
#pragma once

#include "mlir/IR/BuiltinOps.h"

#include <map>
#include <string>

namespace heed {

/// Keeps the first of equal tile.kernels, whatever their names, and erases the others. Returns for every kernel the one
/// that stands for it, and that has the neighbours of all of them.
std::map<std::string, std::string> shareEqualKernels(mlir::ModuleOp kernels);

} // namespace heed
