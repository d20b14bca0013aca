/// Emits one tile kernel as a function with the ABI of runtime/KernelAbi.h: scf loops, arith on scalars and vectors,
/// and accesses through raw pointers.
#pragma once

#include "backends/cpu/CodeBuilder.h"
#include "backends/cpu/KernelPlan.h"
#include "backends/cpu/ScratchPlan.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/IRMapping.h"

namespace heed::cpu {

/// A tile in memory: element t is at pointer + sum(t_d * strides_d) elements of `element`.
struct Place {
  mlir::Value pointer;
  mlir::Type element;
  llvm::SmallVector<Length, 3> strides;
  bool padded = false; ///< rows are whole aligned vectors
};

/// A strided view of an operand.
struct View {
  mlir::Value pointer; ///< of the element with all indices zero
  mlir::Type element;
  llvm::SmallVector<Length> strides, sizes;
};

/// A row vector's place in the shape loops run over: `vectors` vectors of `lanes` lanes each, starting at lane `lane`
/// of the row at `row` (one coordinate per dimension but the last).
struct Position {
  llvm::SmallVector<Length, 2> row;
  Length lane = 0;
  int64_t rowLength = 1; ///< size of the last dimension
  int64_t lanes = 1;
  int64_t vectors = 1;
};

using Vectors = llvm::SmallVector<mlir::Value, 4>;
using Registers = llvm::DenseMap<mlir::Value, Vectors>;

class KernelEmitter {
public:
  KernelEmitter(tile::KernelOp kernel, const KernelPlan &plan, const ScratchPlan &scratch, const IsaLevel &isa)
      : kernel(kernel), plan(plan), scratch(scratch), b(kernel.getContext(), isa) {}

  /// Emits the function at the end of `module`; returns the bytes of scratch a worker needs.
  mlir::FailureOr<int64_t> emit(mlir::ModuleOp module, llvm::StringRef symbol);

private:
  /// Reports the first thing that cannot be lowered; emission goes on with placeholders and fails at the end.
  void fail(mlir::Operation *op, const llvm::Twine &reason);

  // EmitKernel.cpp: the entry point, blocks, scalars, regions.
  void emitPrologue(mlir::Block *entry);
  void emitBlock(mlir::Block *block);
  void emitScalar(mlir::Operation *op);
  void emitLoop(mlir::scf::ForOp op);
  void emitBranch(mlir::scf::IfOp op);
  void emitCount(tile::CountOp op);
  mlir::Value scalar(mlir::Value value);
  View viewOf(mlir::Value memref);

  // Places.cpp
  Place bufferAt(int64_t offset, mlir::RankedTensorType tile);
  Place placeAt(mlir::Value pointer, mlir::RankedTensorType tile);
  Place placeOf(mlir::Value value);
  Place ringSlot(mlir::Value ring, mlir::Value slot);
  mlir::Value address(const Place &place, llvm::ArrayRef<Length> coordinates);
  /// Room for a few vectors, free to use until the next call.
  mlir::Value temporary(int64_t bytes);
  Vectors loadVectors(const Place &place, const Position &position);
  void storeVectors(const Place &place, const Position &position, llvm::ArrayRef<mlir::Value> vectors);
  /// Fills a place from any tile value: from another buffer or from a splat, index or broadcast.
  void copyTile(mlir::Value from, const Place &to);

  // Loops.
  void forRange(int64_t count, llvm::function_ref<void(Length)> body);
  void forRange(mlir::Value begin, mlir::Value end, llvm::function_ref<void(mlir::Value)> body);
  Vectors forRange(int64_t count, Vectors carried, llvm::function_ref<Vectors(Length, mlir::ValueRange)> body);
  /// Runs `body` on every position of a shape: columns outermost, then rows.
  void forEachPosition(llvm::ArrayRef<int64_t> shape, llvm::function_ref<void(Position &)> body);
  Position startOf(llvm::ArrayRef<int64_t> shape) const;

  // EmitValues.cpp: a tile's vectors at a position.
  Vectors evaluate(mlir::Value value, const Position &position, Registers &registers);
  Vectors evaluateBroadcast(tile::BroadcastOp op, const Position &position, Registers &registers);
  Vectors evaluateIndex(tile::IndexOp op, const Position &position);
  Vectors evaluateOp(mlir::Operation *op, const Position &position, Registers &registers);
  mlir::Value evaluateScalar(mlir::Value value, llvm::ArrayRef<Length> coordinates);
  mlir::Value constantOf(mlir::Attribute attribute, mlir::Type elementType);

  // EmitRows.cpp
  void emitRows(const Node &node);
  void emitVertical(const Node &node);
  void emitReducedRows(const Node &node, Position &position, const Registers &hoisted);
  void emitHorizontal(const Node &node);
  void emitRowsBody(const Node &node, const Position &position, Registers &registers);
  void hoistRowInvariants(const Node &node, const Position &position, Registers &registers);
  Vectors reduceInto(tile::ReduceOp op, mlir::ValueRange sums, const Position &position, Registers &registers);

  // EmitElementwise.cpp: one op on vectors or scalars.
  mlir::Value emitElementwise(mlir::Operation *op, mlir::ValueRange operands, mlir::Type like);
  mlir::Value across(tile::Combine kind, mlir::Value vector);

  // EmitMemory.cpp: operands of the kernel.
  struct Access {
    View view;
    mlir::Value origin;                ///< pointer to the tile's element zero
    llvm::SmallVector<Length> strides; ///< per tile dimension
    llvm::SmallVector<Length> extents; ///< per tile dimension; without extents the tile's own sizes
  };
  Access accessOf(mlir::Value memref, mlir::ValueRange indices, llvm::ArrayRef<int64_t> dims, mlir::ValueRange extents,
                  llvm::ArrayRef<int64_t> shape);
  Access accessOf(mlir::Operation *loadOrStore);
  Length lanesInBounds(const Access &access, const Position &position);
  mlir::Value isWhole(const Access &access, llvm::ArrayRef<int64_t> shape);
  mlir::Value elementAddress(const Access &access, const Position &position, Length lane);
  Vectors emitLoad(const Access &access, mlir::Value fill, const Position &position);
  void emitStore(const Access &access, const Vectors &vectors, const Position &position);
  /// A tile of indices in memory, in lanes of integers of one type.
  struct LaneIndex {
    mlir::Value room;
    mlir::Type element;
  };
  LaneIndex spillIndex(mlir::Value index, mlir::Value room, const Position &position, Registers &registers);
  mlir::Value readIndex(const LaneIndex &index, mlir::Value lane);
  mlir::Value readInside(const View &view, llvm::ArrayRef<mlir::Value> indices, mlir::Value padding);
  Vectors emitGather(tile::GatherOp op, const Position &position, Registers &registers);
  void emitLoadInto(const Access &access, mlir::Value fill, mlir::RankedTensorType tile, const Place &to);

  // EmitDot.cpp
  struct Product;
  struct ProductTile;
  void emitDot(const Node &node);
  void emitProductTile(const Product &product, const ProductTile &tile);
  Vectors emitProductStep(const Product &product, const ProductTile &tile, llvm::ArrayRef<mlir::Value> starts, Length k,
                          mlir::ValueRange carried);
  void emitInPlaceLoad(tile::LoadOp op);

  // EmitSingle.cpp: ops on whole tiles.
  void emitSingle(mlir::Operation *op);
  void emitTranspose(const Place &from, llvm::ArrayRef<int64_t> shape, const Place &to);
  void emitTransposingLoad(const Access &access, mlir::Value fill, mlir::RankedTensorType tile, const Place &to);
  void emitTransposingStore(const Access &access, mlir::RankedTensorType tile, const Place &from);
  void emitScan(tile::ScanOp op);
  void emitTriInv(tile::TriInvOp op);

  tile::KernelOp kernel;
  const KernelPlan &plan;
  const ScratchPlan &scratch;
  CodeBuilder b;
  bool failed = false;
  mlir::IRMapping values;                             ///< scalars
  llvm::DenseMap<mlir::Value, View> views;            ///< memrefs
  llvm::DenseMap<mlir::Value, Place> places;          ///< tiles whose place is only known while emitting
  llvm::DenseMap<mlir::Operation *, Access> accesses; ///< of the loads and stores of the node being emitted
  const Node *current = nullptr;                      ///< the node being emitted
  mlir::Value scratchBase, counters, program[3];
  int64_t temporaryBytes = 0;
};

} // namespace heed::cpu
