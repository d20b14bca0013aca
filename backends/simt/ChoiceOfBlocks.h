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
  /// Blocks, however registers are divided between roles: the same programs and, but for two numbers, the same code.
  struct Blocks {
    tile::KernelOp kernel;    ///< of the first division
    mlir::Attribute schedule; ///< but for the registers of roles
    Reports reports = {};     ///< of the lowering
    double loweringSeconds = 0;
    bool isLowered = false, isWrong = false, isCrowded = false;
    mlir::OwningOpRef<mlir::ModuleOp> lanes = {}; ///< null where there is no code
    LaneNeeds needs = {};
    std::vector<GeneratedImage> images = {}; ///< of the first division that was tried
  };
  /// One of the kernels that may stand in for another.
  struct Choice {
    tile::KernelOp kernel;
    size_t blocks;
    int64_t copyingRegisters;
    Reports reports = {}; ///< of the code
    bool isTried = false, isWrong = false;
    Part part = {};        ///< empty where there is no code
    CompileCost cost = {}; ///< of the code
    bool hasCode() const { return !cost.symbols.empty(); }
  };

  mlir::MLIRContext &context() { return *choices.front().kernel->getContext(); }
  Blocks &blocksOf(const Choice &choice) { return blocks[choice.blocks]; }
  mlir::Attribute scheduleOf(const Choice &choice) const { return blocks[choice.blocks].schedule; }
  void lower(Blocks &blocks);
  bool hasCode(const Choice &choice);
  void tryOut(Choice &choice);
  void makePart(Choice &choice);
  bool exceeds(const Choice &choice) const;
  bool isPromising(const Choice &choice, const Choice &before) const;
  bool consider(Choice &choice);
  mlir::FailureOr<Part> findFitting();
  void tryWithNext(size_t index);

  const PartMaker &maker;
  std::vector<Choice> choices;
  std::vector<Blocks> blocks;
  size_t first = 0;
  RoleNeeds needs;
};

} // namespace heed::simt
