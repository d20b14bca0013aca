/// What `heedc --explain` prints.
#pragma once

#include "runtime/PlanModel.h"

#include <string>

namespace heed {

/// Every kernel of a plan in launch order: name, root, schedule, what was fused with the root, work as formulas over
/// symbols (with a number where it is static), notes; then a line of counts.
std::string explainPlan(const rt::Plan &plan);

} // namespace heed
