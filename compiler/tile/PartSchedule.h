/// How the parts of a skeleton's loop overlap: data, one table a target.
#pragma once

#include "llvm/ADT/StringRef.h"

namespace heed::tile {

/// One line of a schedule table. A table lists the parts in the order in which one round of the rewritten loop runs
/// them; in round r a part of stage s works on iteration r - s.
struct PartSchedule {
  llvm::StringRef part;
  unsigned stage = 0;
  /// Where groups of warps start products of the rewritten loop in turns, one group all those of a round: the products
  /// of one group then run while the others work on what theirs gave.
  bool takesTurn = false;
};

/// Marks the products that are started in turns.
constexpr llvm::StringLiteral turnAttrName = "heed.turn";

/// An integer that all copies of one load or gather of a rewritten loop have in common.
constexpr llvm::StringLiteral siteAttrName = "heed.site";

} // namespace heed::tile
