/// How many registers a lane will need, from the values that are alive together.
#pragma once

#include "dialects/simt/Simt.h"

#include <cstdint>

namespace heed::simt {

/// On a branch whose else side is all that warps run which make numbers for others.
constexpr char makesNumbersAttrName[] = "heed.makes_numbers";

/// 32-bit registers that values of a lane take which are alive at one place, at most. Constants, arguments of the
/// kernel and predicates take none. Assemblers make do with fewer: they compute again, and combine.
struct LaneNeeds {
  bool hasRoles = false;
  int64_t copying = 0; ///< of lanes that only copy
  int64_t others = 0;  ///< of the others; of all lanes, where they have no roles

  /// Those of either of two kernels.
  void include(const LaneNeeds &other);
};

LaneNeeds needsOfLanes(KernelOp kernel);

} // namespace heed::simt
