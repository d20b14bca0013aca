#include "runtime/Driver.h"

namespace heed::rt {

Status Driver::loseDevice(Code code, const std::string &reason) {
  {
    std::scoped_lock guard(lossLock);
    if (!lost.load(std::memory_order_relaxed)) {
      lossReason = reason;
      lost.store(true, std::memory_order_release);
    }
  }
  return error(code, "device ", info().id(), " (", info().name, "): ", reason);
}

Status Driver::describeLoss() const {
  std::scoped_lock guard(lossLock);
  return error(Code::deviceLost, "device ", info().id(), " (", info().name, ") is lost: ", lossReason,
               "; release it and open it again, if need be in a new process");
}

} // namespace heed::rt
