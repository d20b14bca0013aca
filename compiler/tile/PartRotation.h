/// Software pipelining of one loop whose body consists of parts.
///
/// With S the last stage and n iterations, n >= S and n > 0, the loop becomes
///
///   rounds 0 .. S-1       the parts whose stage is not beyond the round
///   for rounds S .. n-1   all parts, each for its own iteration
///   rounds n .. n-1+S     the parts that still have iterations to do
///
/// and stays what it was otherwise. What crosses from one round to the next is carried by the new loop. When all work
/// of an iteration stands under one condition, iterations are those for which it holds.
#pragma once

#include "compiler/tile/PartSchedule.h"
#include "dialects/tile/Tile.h"

#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/SetVector.h"

#include <optional>
#include <string>

namespace heed::tile {

class PartRotation {
public:
  PartRotation(mlir::scf::ForOp loop, llvm::ArrayRef<PartSchedule> table);

  /// Whether parts stand directly in the loop, or under the one condition that its body is.
  bool hasParts() const { return body != nullptr; }
  /// Why the loop stays as it is; empty when rewrite() may be called.
  std::string analyse();
  /// Replaces the loop.
  void rewrite();

private:
  /// When an op of the body runs.
  struct Slot {
    unsigned stage = 0, order = 0;
    bool operator<(const Slot &other) const { return std::tie(stage, order) < std::tie(other.stage, other.order); }
  };
  /// A value of the body, and how many rounds ago its iteration began.
  using Key = std::pair<mlir::Value, unsigned>;

  bool isInBody(mlir::Value value);
  std::optional<unsigned> carriedIndex(mlir::Value value);
  bool isRecomputed(mlir::Operation *op);
  llvm::SmallVector<mlir::Value> capturesOf(mlir::Operation *op);
  void usesOf(mlir::Operation *op, unsigned age, llvm::SmallVectorImpl<Key> &keys);
  unsigned stageOf(mlir::Value value);

  std::string checkEffects();
  std::string findSources();
  std::string placeParts();
  void placeOthers();
  Slot slotOfUnused(mlir::Operation *op);
  std::string findCrossing();
  void require(Key key);
  std::string checkGuard();

  mlir::Value shift(mlir::Value value, int64_t iterations);
  mlir::Value resolve(mlir::Value value, unsigned age);
  mlir::Operation *cloneOp(mlir::Operation *op, unsigned age);
  void setInduction(mlir::Value base, int64_t offset);
  void emitRound(unsigned firstStage, unsigned endStage);
  void growOlder();
  void forget();
  void enter(mlir::ValueRange values);
  llvm::SmallVector<mlir::Value> leave();
  mlir::Value findFirst();
  void markTurns(mlir::scf::ForOp rotated);
  mlir::scf::ForOp emitLoop(mlir::Value first);
  llvm::SmallVector<mlir::Value> emitRotated(mlir::Value first);

  mlir::scf::ForOp loop;
  llvm::ArrayRef<PartSchedule> table;
  mlir::ImplicitLocOpBuilder b;

  mlir::scf::IfOp guard;       ///< all of the loop's work stands under it; may be null
  mlir::Block *body = nullptr; ///< where the parts stand
  unsigned lastStage = 0;
  llvm::MapVector<mlir::Operation *, Slot> steps; ///< ops that run once an iteration, in the order of a round
  llvm::SmallVector<mlir::Value> sources;         ///< per carried value what the next iteration gets; null: itself
  llvm::SetVector<Key> crossing;                  ///< what a round uses of earlier ones

  llvm::DenseMap<Key, mlir::Value> known;      ///< at this point of the rewritten code
  llvm::DenseMap<Key, mlir::Value> recomputed; ///< scalars of this round
};

} // namespace heed::tile
