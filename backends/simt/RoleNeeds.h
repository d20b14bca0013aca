/// What values of lanes and tries of blocks show of the registers that roles need, so that fewer have to be tried.
#pragma once

#include "backends/simt/RegisterPressure.h"

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
  /// A division there is: registers of lanes that copy.
  void addDivision(int64_t copyingRegisters);
  /// What values of lanes take in these blocks. Where lanes that copy lack registers by far, no division is tried that
  /// leaves them so few, unless there is none that gives them more.
  void expect(mlir::Attribute blocks, const LaneNeeds &ofLanes);

  /// Blocks, however they are written, with a division of registers, whose values did not fit: bytes of a lane in
  /// memory. Without roles every division is the same.
  struct Try {
    mlir::Attribute blocks;
    bool hasRoles;
    int64_t copyingRegisters;
    int64_t localBytes;
  };
  /// Where values of lanes that copy fit as they are, the others were short.
  void add(const Try &made);

  /// Whether such a division cannot fit, or has the code of one that does not.
  bool isHopeless(mlir::Attribute blocks, int64_t copyingRegisters) const;

  /// Whether lanes that copy cannot do with so many registers, and may get more.
  bool lackForCopying(int64_t alive, int64_t copyingRegisters) const;
  /// Whether lanes that multiply cannot do with so many registers. Much of what they keep alive, such as masks of a
  /// block, can be made again.
  static bool exceed(int64_t alive, int64_t registers) { return alive >= 2 * registers; }
  /// Whether lanes that do all cannot do with so many: where they load operands for groups, what is alive together are
  /// addresses and pieces of these. None was seen to fit that takes more than 1.1 of the registers, nor to fail below
  /// 1.4.
  static bool exceedAll(int64_t alive, int64_t registers) { return 3 * alive >= 4 * registers; }

private:
  void noteTooMany(mlir::Attribute blocks, int64_t copyingRegisters);

  llvm::SmallVector<Try> tries;
  llvm::SmallVector<int64_t> divisions;
  llvm::DenseMap<mlir::Attribute, int64_t> copyingAlive; ///< by blocks that have roles
  int64_t tooFewForCopying = 0;
  llvm::DenseMap<mlir::Attribute, int64_t> tooManyForCopying; ///< by blocks: so that the others have too few
};

} // namespace heed::simt
