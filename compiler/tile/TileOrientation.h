/// Which tiles of a kernel are best held transposed.
#pragma once

#include "dialects/tile/Tile.h"

#include "mlir/IR/BuiltinTypes.h"
#include "llvm/ADT/DenseMap.h"

#include <vector>

namespace heed {

/// The type of a rank-2 tile, or null.
mlir::RankedTensorType rank2Tile(mlir::Value value);

/// Splats, indices and broadcasts of vectors: made anew for every user, in the orientation it wants.
bool isOrientedByUser(mlir::Value value);

/// The groups of tiles, and the choice of an orientation for each.
class Orientation {
public:
  explicit Orientation(tile::KernelOp kernel) {
    kernel.walk([&](mlir::Operation *op) { link(op); });
    kernel.walk([&](mlir::Operation *op) { charge(op); });
  }

  void choose();
  bool isFlipped(mlir::Value value) {
    return rank2Tile(value) && !isOrientedByUser(value) && indexOf.contains(value) &&
           nodes[find(indexOf[value])].flipped;
  }

private:
  static constexpr double forbidden = 1e30;
  static constexpr double transposeCycles = 1.5; ///< per element
  static constexpr int64_t lanes = 16;

  struct Node {
    int parent;
    double cost[2] = {0, 0};
    bool flipped = false;
  };
  /// What a pair of choices costs, [choice of first][choice of second].
  struct Pair {
    int first, second;
    double cost[2][2] = {{0, 0}, {0, 0}};
  };

  int indexFor(mlir::Value value) {
    auto [entry, isNew] = indexOf.try_emplace(value, nodes.size());
    if (isNew)
      nodes.push_back({static_cast<int>(nodes.size())});
    return entry->second;
  }
  int find(int index) {
    while (nodes[index].parent != index)
      index = nodes[index].parent = nodes[nodes[index].parent].parent;
    return index;
  }
  void unite(mlir::Value a, mlir::Value b) {
    if (!rank2Tile(a) || !rank2Tile(b) || isOrientedByUser(a) || isOrientedByUser(b))
      return;
    int first = find(indexFor(a)), second = find(indexFor(b));
    nodes[std::max(first, second)].parent = std::min(first, second);
  }
  Node &group(mlir::Value value) { return nodes[find(indexFor(value))]; }
  bool isGrouped(mlir::Value value) { return rank2Tile(value) && !isOrientedByUser(value); }
  void pin(mlir::Value value) {
    if (isGrouped(value))
      group(value).cost[1] += forbidden;
  }
  void link(mlir::Operation *op);
  void charge(mlir::Operation *op);
  void chargeAccess(mlir::Value value, mlir::MemRefType view, llvm::ArrayRef<int64_t> dims, mlir::Block *block);
  void chargeDot(tile::DotOp dot);
  void chargeReduction(mlir::Value source, int64_t dim, mlir::Block *block);
  double transposeCost(mlir::Value value);
  void eliminate(llvm::SmallVectorImpl<int> &rest);

  llvm::DenseMap<mlir::Value, int> indexOf;
  std::vector<Node> nodes;
  std::vector<Pair> pairs;
  /// A group whose choice follows from that of its only neighbour.
  struct Follower {
    int group, neighbour;
    bool choice[2];
  };
  std::vector<Follower> followers;
};

} // namespace heed
