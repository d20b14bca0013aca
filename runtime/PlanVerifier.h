// The rules a package's plans must keep, whoever wrote them. The writer checks them before it writes and the runtime
// before it runs, so that no plan, however damaged, makes the runtime touch memory it does not own.
#ifndef HEED_RUNTIME_PLANVERIFIER_H
#define HEED_RUNTIME_PLANVERIFIER_H

#include "runtime/PlanModel.h"
#include "runtime/Status.h"

namespace heed::rt {

/// Indices in range, operands before users, every symbol bound, signatures respected, nothing read before it is
/// written, arena buffers used only while they are alive, inputs and constants never written, aliased state never read
/// through its old name once it is overwritten, prepare steps free of symbols. Sizes known only at call time (slices
/// inside their buffers, overflow) are checked again when a call is bound. The message names plan, step or kernel and
/// the rule.
Status verifyPackage(const Package &package);

} // namespace heed::rt

#endif // HEED_RUNTIME_PLANVERIFIER_H
