#include "backends/simt/RoleNeeds.h"

#include <algorithm>
#include <utility>

using namespace mlir;
using namespace heed::simt;

void RoleNeeds::add(const Try &made) {
  for (const Try &other : tries) {
    if (other.blocks != made.blocks || !other.hasRoles || !made.hasRoles)
      continue;
    auto [fewer, more] = std::minmax(
        made, other, [](const Try &left, const Try &right) { return left.copyingRegisters < right.copyingRegisters; });
    if (more.localBytes < fewer.localBytes)
      tooFewForCopying = std::max(tooFewForCopying, fewer.copyingRegisters);
    if (more.localBytes > fewer.localBytes) {
      int64_t &tooMany = tooManyForCopying.try_emplace(made.blocks, more.copyingRegisters).first->second;
      tooMany = std::min(tooMany, more.copyingRegisters);
    }
  }
  tries.push_back(made);
}

bool RoleNeeds::isHopeless(Attribute blocks, int64_t copyingRegisters) const {
  if (llvm::any_of(tries, [&](const Try &made) { return made.blocks == blocks && !made.hasRoles; }))
    return true;
  auto tooMany = tooManyForCopying.find(blocks);
  return copyingRegisters <= tooFewForCopying ||
         (tooMany != tooManyForCopying.end() && copyingRegisters >= tooMany->second);
}

bool RoleNeeds::lackRoles() const {
  return llvm::any_of(tries, [](const Try &made) { return !made.hasRoles; });
}
