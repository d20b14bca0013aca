/// What `heedc --explain` prints.
#pragma once

#include "backends/Backend.h"

#include <string>

namespace heed {

/// Every kernel of a plan in launch order: name, root, schedule, what was fused with the root, work as formulas over
/// symbols (with a number where it is static), notes, what its code takes of the machine and took to make; then a line
/// of counts.
std::string explainPlan(const rt::Plan &plan, llvm::ArrayRef<CompileCost> costs);

} // namespace heed
