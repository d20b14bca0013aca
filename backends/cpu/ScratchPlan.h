/// Where tiles live in a worker's scratch: which values share a buffer, and each buffer's offset.
#pragma once

#include "backends/cpu/IsaLevel.h"
#include "backends/cpu/KernelPlan.h"

namespace heed::cpu {

/// Lanes of one vector for rows of this length: full 4-byte lanes of the register, or the next power of two for shorter
/// rows.
int64_t lanesFor(int64_t rowLength, const IsaLevel &isa);

/// The element type a tile has in registers and scratch: f16 and bf16 are held as f32 (rounded after every operation),
/// index as i64, i1 as i8 in scratch.
mlir::Type computeType(mlir::Type elementType);
mlir::Type scratchType(mlir::Type elementType);
int64_t bytesOf(mlir::Type scalarType);

/// Elements between rows of a buffer of this shape: rows are padded to whole vectors.
int64_t rowStride(llvm::ArrayRef<int64_t> shape, const IsaLevel &isa);
int64_t bufferBytes(mlir::RankedTensorType tile, const IsaLevel &isa);

/// Alignment of every buffer, and of the scratch itself.
constexpr int64_t scratchAlignment = 64;

/// Static placement of every tile that crosses nodes.
class ScratchPlan {
public:
  ScratchPlan(tile::KernelOp kernel, const KernelPlan &plan, const IsaLevel &isa);

  /// Byte offset of the value's buffer; the value must have one.
  int64_t offsetOf(mlir::Value value) const { return buffers[bufferOf.at(value)].offset; }
  bool hasBuffer(mlir::Value value) const { return bufferOf.contains(value); }
  bool shareBuffer(mlir::Value a, mlir::Value b) const {
    return hasBuffer(a) && hasBuffer(b) && bufferOf.at(a) == bufferOf.at(b);
  }
  /// Offset of the room a loop uses to move carried tiles that trade places.
  int64_t exchangeOffsetOf(mlir::Value iterArg) const { return buffers[exchange.at(iterArg)].offset; }
  bool needsExchange(mlir::Value iterArg) const { return exchange.contains(iterArg); }
  int64_t bytes() const { return total; }

private:
  struct Buffer {
    int64_t bytes, start, end, offset;
  };
  using Values = llvm::ArrayRef<mlir::Value>;
  int newBuffer(int64_t bytes);
  int newBuffer(mlir::Value tile) { return newBuffer(bufferBytes(tileType(tile), isa)); }
  void put(mlir::Value value, int buffer);
  void pin(mlir::Value value);
  /// Whether the buffer of an op result of the block may be overwritten once the node has read it.
  bool diesAt(mlir::Value value, mlir::Block *block, int64_t node) const;
  /// Puts a yielded value where its region's result or carried tile lives, if all reads of `overwritten`, which lives
  /// there so far, come first.
  void preferYield(mlir::Value yielded, mlir::Value overwritten, int buffer, mlir::Block *block);
  void walkBlock(mlir::Block *block);
  void walkLoop(mlir::Operation *op, mlir::Block *block, int64_t node);
  void walkBranch(mlir::Operation *op, mlir::Block *block, int64_t node);
  void placeResult(mlir::Value value, mlir::Block *block, int64_t node);
  void placeBuffers();

  const KernelPlan &plan;
  const IsaLevel &isa;
  std::vector<Buffer> buffers;
  llvm::DenseMap<mlir::Value, int> bufferOf;
  llvm::DenseMap<mlir::Value, int> exchange;
  llvm::DenseMap<int, mlir::Value> carried; ///< buffer: the loop-carried or branch value that lives there now
  llvm::DenseSet<mlir::Value> pinned;       ///< values whose buffer others also read
  int64_t now = 0;
  int64_t total = 0;
};

} // namespace heed::cpu
