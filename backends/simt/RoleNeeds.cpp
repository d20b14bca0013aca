#include "backends/simt/RoleNeeds.h"

#include <algorithm>
#include <utility>

using namespace mlir;
using namespace heed::simt;

void RoleNeeds::addDivision(int64_t copyingRegisters) { divisions.push_back(copyingRegisters); }

/// No kernel was seen to fit whose values take more than 3/2 of the registers, where lanes copy.
bool RoleNeeds::lackForCopying(int64_t alive, int64_t copyingRegisters) const {
  return 2 * alive > 3 * copyingRegisters && copyingRegisters < *llvm::max_element(divisions);
}

void RoleNeeds::expect(Attribute blocks, const LaneNeeds &ofLanes) {
  if (!ofLanes.hasRoles)
    return;
  copyingAlive[blocks] = ofLanes.copying;
  for (int64_t copyingRegisters : divisions)
    if (lackForCopying(ofLanes.copying, copyingRegisters))
      tooFewForCopying = std::max(tooFewForCopying, copyingRegisters);
}

void RoleNeeds::noteTooMany(Attribute blocks, int64_t copyingRegisters) {
  int64_t &tooMany = tooManyForCopying.try_emplace(blocks, copyingRegisters).first->second;
  tooMany = std::min(tooMany, copyingRegisters);
}

void RoleNeeds::add(const Try &made) {
  auto alive = copyingAlive.find(made.blocks);
  if (made.hasRoles && made.localBytes > 0 && alive != copyingAlive.end() && alive->second <= made.copyingRegisters)
    noteTooMany(made.blocks, made.copyingRegisters);
  for (const Try &other : tries) {
    if (other.blocks != made.blocks || !other.hasRoles || !made.hasRoles)
      continue;
    auto [fewer, more] = std::minmax(
        made, other, [](const Try &left, const Try &right) { return left.copyingRegisters < right.copyingRegisters; });
    if (more.localBytes < fewer.localBytes)
      tooFewForCopying = std::max(tooFewForCopying, fewer.copyingRegisters);
    if (more.localBytes > fewer.localBytes)
      noteTooMany(made.blocks, more.copyingRegisters);
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
