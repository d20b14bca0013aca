// A plan as text: sizes as formulas, steps as they run.
#ifndef HEED_RUNTIME_TOOLS_PLANPRINTER_H
#define HEED_RUNTIME_TOOLS_PLANPRINTER_H

#include "runtime/PlanModel.h"

namespace heed::rt {

/// Of a verified package.
std::string printPlan(const Package &package, const Plan &plan);

} // namespace heed::rt

#endif // HEED_RUNTIME_TOOLS_PLANPRINTER_H
