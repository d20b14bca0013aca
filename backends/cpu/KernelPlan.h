/// Which ops of a tile kernel run in which loop: the decisions of the CPU lowering, before any code is emitted.
///
/// Every block becomes a list of nodes that run in order. A rows node is one loop nest over the rows of a tile shape in
/// which many elementwise ops, loads, stores and reductions run on row vectors held in registers; the other kinds are
/// one op each. Ops are placed where they are first needed, so unused ops disappear.
#pragma once

#include "dialects/tile/Tile.h"

#include "mlir/IR/Operation.h"
#include "mlir/Support/LLVM.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/DenseSet.h"
#include "llvm/ADT/SmallVector.h"

#include <map>
#include <vector>

namespace heed::cpu {

enum class NodeKind {
  Rows,    ///< one loop nest over row vectors
  Dot,     ///< a product, with the elementwise ops that make its initial accumulator
  InPlace, ///< a load that is not copied when it is in bounds
  Single,  ///< any other op on whole tiles
  Region,  ///< scf.for or scf.if
  End      ///< the block's terminator
};

struct Node {
  NodeKind kind;
  llvm::SmallVector<mlir::Operation *> scalars; ///< ops without tiles, emitted before the node
  llvm::SmallVector<mlir::Operation *> ops;     ///< in order; a Dot's own op is last, after what it absorbs
  llvm::SmallVector<int64_t> domain;            ///< Rows and Dot: the shape the loops cover
  int64_t verticalDim = -1;                     ///< Rows: the dimension reduced across rows, or -1
  bool horizontal = false;                      ///< Rows: some reduction runs along the lanes
};

struct BlockPlan {
  std::vector<Node> nodes; ///< the last one is the End
};

/// One use of a tile's storage, seen from a block.
struct TileUse {
  int64_t node;
  bool aligned; ///< reads element (i, j) only to make element (i, j) of the node's results
};

class KernelPlan {
public:
  static mlir::FailureOr<KernelPlan> create(tile::KernelOp kernel);

  const BlockPlan &block(mlir::Block *block) const { return blocks.at(block); }
  /// The node of the op within its own block, or -1 when it needs none.
  int64_t nodeOf(mlir::Operation *op) const;
  /// All uses of the value inside the block, nested ones counted at the node that contains them.
  llvm::ArrayRef<TileUse> uses(mlir::Block *block, mlir::Value value) const;
  /// The stored tiles the node reads, itself or inside its regions.
  llvm::ArrayRef<mlir::Value> usedAt(mlir::Block *block, int64_t node) const;
  /// Whether the value lives in memory between nodes.
  bool isStored(mlir::Value value) const { return stored.contains(value); }

private:
  friend class BlockPlanner;
  mlir::LogicalResult planBlock(mlir::Block *block);
  void recordUses(mlir::Block *block);
  void recordUse(mlir::Value value, mlir::Block *block, int64_t node, bool aligned);

  std::map<mlir::Block *, BlockPlan> blocks; ///< references stay valid while nested blocks are planned
  llvm::DenseMap<mlir::Operation *, int64_t> nodes;
  llvm::DenseMap<std::pair<mlir::Block *, mlir::Value>, llvm::SmallVector<TileUse, 4>> usesIn;
  llvm::DenseMap<std::pair<mlir::Block *, int64_t>, llvm::SmallVector<mlir::Value, 4>> valuesAt;
  llvm::DenseSet<mlir::Value> stored;
};

/// The tile type of a value, or null.
mlir::RankedTensorType tileType(mlir::Value value);

/// Ops recomputed wherever they are needed instead of being stored: constants, splats, indices, broadcasts, layout
/// conversions.
bool isFree(mlir::Operation *op);

/// Ops a rows node can run: elementwise arithmetic, loads and stores along rows, gathers, reductions.
bool isRowsOp(mlir::Operation *op);

/// The shape of the loops an op of a rows node runs in: of its result, or of what it reduces or stores.
llvm::ArrayRef<int64_t> domainOf(mlir::Operation *op);

/// Whether neighbouring lanes of the tile are not neighbours in memory, while another dimension's elements are.
bool isTransposingAccess(mlir::MemRefType view, mlir::RankedTensorType tile, llvm::ArrayRef<int64_t> dims);

/// Whether the op's operand must be a tile in memory.
bool needsMemory(mlir::OpOperand &operand);

} // namespace heed::cpu
