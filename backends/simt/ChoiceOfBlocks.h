/// Which of several kernels stands in for the usual one: the best whose values fit the registers.
#pragma once

#include "backends/Jobs.h"
#include "backends/simt/LanePart.h"
#include "backends/simt/RoleNeeds.h"

#include "llvm/ADT/ArrayRef.h"

#include <vector>

namespace heed::simt {

/// Tries choices, best first, or two at a time where the first is doubtful; what is said and chosen does not depend on
/// it.
class ChoiceOfBlocks {
public:
  ChoiceOfBlocks(const PartMaker &maker, llvm::ArrayRef<tile::KernelOp> kernels);

  /// Goes to the first of which there is code, if there is one.
  mlir::FailureOr<bool> findCode();

  /// From there on the first whose values fit the registers; else the last of those that keep least in memory.
  mlir::FailureOr<Part> chooseFitting();

private:
  /// One of the kernels that may stand in for another.
  struct Choice {
    tile::KernelOp kernel;
    mlir::Attribute blocks; ///< how it is scheduled, but for the registers of roles
    int64_t copyingRegisters;
    Reports reports = {}; ///< of what was done so far
    bool isLowered = false, isTried = false, isWrong = false;
    mlir::OwningOpRef<mlir::ModuleOp> lanes = {}; ///< null where there is no code
    Part part = {};                               ///< of the lanes, when it is tried
  };

  mlir::MLIRContext &context() { return *choices.front().kernel->getContext(); }
  void lower(Choice &choice);
  void tryOut(Choice &choice);
  bool isPromising(const Choice &choice, const Choice &other) const;
  void tryWithNext(size_t index);

  const PartMaker &maker;
  std::vector<Choice> choices;
  size_t first = 0;
  RoleNeeds needs;
};

} // namespace heed::simt
