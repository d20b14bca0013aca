/// Which layout every tile of a kernel has: the decisions of the lowering, before any code is emitted.
///
/// Tiles that elementwise ops connect share a layout, so nothing moves between lanes inside such a class. What decides
/// for a class is, in this order: the accumulator of a product, a scan (which wants its dimension inside a lane), a
/// reduction it comes from, memory. Tiles that cost next to nothing (constants, splats, indices, broadcasts, and
/// elementwise ops of nothing else) belong to no class: they are made where they are needed, in the layout that is
/// needed there.
#pragma once

#include "backends/simt/Divisibility.h"
#include "backends/simt/SimtTarget.h"
#include "dialects/tile/Layout.h"
#include "dialects/tile/Tile.h"

#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/EquivalenceClasses.h"

#include <optional>
#include <vector>

namespace heed::simt {

/// The instruction a product is made of, and how its tiles are held for it.
struct Product {
  const tile::Atom *atom = nullptr; ///< null: multiply-adds of scalars, with only the sum's layout set
  tile::AtomTiling tiling;

  /// Whether groups of warps start instructions that read shared memory by themselves.
  bool isGroup() const { return atom && atom->warps() > 1; }
  /// Positions of the atoms a warp has along a dimension of the sum.
  llvm::SmallVector<int64_t> atomOffsets(unsigned dim) const;
};

class LayoutPlan {
public:
  LayoutPlan(tile::KernelOp kernel, const SimtTarget &target, const Promises &promises);

  /// Made on demand in any layout.
  bool isFloating(mlir::Value tile) const { return floating.contains(tile); }
  /// The layout a tile is held in; for a floating one the layout in which it is best made when its user does not care.
  const tile::Layout &layoutOf(mlir::Value tile) const;
  /// The layout to read or write a view in.
  tile::Layout memoryLayout(const ViewAccess &access) const { return memoryLayout(access, target.warps); }
  /// For some of the warps only.
  tile::Layout memoryLayout(const ViewAccess &access, int64_t warps) const;
  /// Elements that one access moves at most.
  int64_t vectorWidth(const ViewAccess &access) const { return divisibility.vectorWidth(access, target.vectorBytes); }
  /// Whether the tiles belong to one class, so that ops on elements may combine them as they are.
  bool areTogether(mlir::Value a, mlir::Value b) const;
  /// How a product is made.
  const Product &productOf(tile::DotOp dot) const { return products.find(dot)->second; }
  /// Lanes of a program.
  int64_t threads() const { return target.lanes * target.warps; }
  /// The accumulator of scalar multiply-adds: micro-tiles of up to four by four elements a lane.
  tile::Layout accumulatorLayout(llvm::ArrayRef<int64_t> shape) const;
  /// All of `dim` within a lane.
  tile::Layout serialLayout(llvm::ArrayRef<int64_t> shape, unsigned dim) const;

private:
  Product chooseProduct(tile::DotOp dot) const;
  void findFloating();
  bool canFloat(mlir::Operation *op) const;
  void connect();
  void join(mlir::Value a, mlir::Value b);
  void anchorAll();
  void anchorReductions();
  void anchor(mlir::Value tile, const tile::Layout &layout);
  tile::Layout defaultLayout(mlir::RankedTensorType type) const;

  tile::KernelOp kernel;
  const SimtTarget &target;
  Divisibility divisibility;
  bool hasReductions = false;
  llvm::DenseSet<mlir::Value> floating;
  llvm::EquivalenceClasses<void *> classes;
  llvm::DenseMap<void *, tile::Layout> anchors; ///< by leader of the class
  llvm::DenseMap<mlir::Operation *, Product> products;
  mutable llvm::DenseMap<mlir::Type, tile::Layout> defaults;
};

/// The tile type of a value, or null.
mlir::RankedTensorType tileType(mlir::Value value);

/// Whether the op makes element t of its result from elements t of its operands.
bool isElementwise(mlir::Operation *op);

} // namespace heed::simt
