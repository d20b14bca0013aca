/// What tries of blocks show of the registers that their roles need, so that fewer have to be tried.
#pragma once

#include "mlir/IR/Attributes.h"
#include "mlir/Support/LLVM.h"
#include "llvm/ADT/DenseMap.h"

#include <cstdint>

namespace heed::simt {

/// Registers are divided between lanes that copy and lanes that multiply. A role that gets more of them never keeps
/// more in memory: where a kernel keeps less when lanes that copy get more, they are short of them, else the others.
/// What lanes that copy need is taken to be the same for all blocks.
class RoleNeeds {
public:
  /// Blocks, however they are written, with a division of registers, whose values did not fit: bytes of a lane in
  /// memory. Without roles every division is the same.
  struct Try {
    mlir::Attribute blocks;
    bool hasRoles;
    int64_t copyingRegisters;
    int64_t localBytes;
  };
  void add(const Try &made);

  /// Whether such a division cannot fit, or has the code of one that does not.
  bool isHopeless(mlir::Attribute blocks, int64_t copyingRegisters) const;

  /// Whether some blocks have no roles, as others then probably have none either.
  bool lackRoles() const;

private:
  llvm::SmallVector<Try> tries;
  int64_t tooFewForCopying = 0;
  llvm::DenseMap<mlir::Attribute, int64_t> tooManyForCopying; ///< by blocks: so that the others have too few
};

} // namespace heed::simt
