#include "compiler/tile/TileOrientation.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "llvm/ADT/MapVector.h"

using namespace mlir;
using namespace heed;

RankedTensorType heed::rank2Tile(Value value) {
  auto type = dyn_cast<RankedTensorType>(value.getType());
  return type && type.getRank() == 2 ? type : RankedTensorType();
}

bool heed::isOrientedByUser(Value value) {
  Operation *op = value.getDefiningOp();
  if (auto constant = dyn_cast_or_null<arith::ConstantOp>(op))
    return isa<SplatElementsAttr>(constant.getValue());
  if (auto broadcast = dyn_cast_or_null<tile::BroadcastOp>(op))
    return cast<RankedTensorType>(broadcast.getSource().getType()).getRank() < 2;
  return isa_and_nonnull<tile::SplatOp, tile::IndexOp>(op);
}

static double loopWeight(Block *block) {
  double weight = 1;
  for (Operation *op = block->getParentOp(); op && !isa<tile::KernelOp>(op); op = op->getParentOp())
    if (isa<scf::ForOp>(op))
      weight *= 10;
  return weight;
}

/// Whether the tile's dimension `tileDim` is known to be contiguous in the view.
static bool isContiguous(MemRefType view, int64_t viewDim) {
  SmallVector<int64_t> strides;
  int64_t offset;
  return succeeded(view.getStridesAndOffset(strides, offset)) && strides[viewDim] == 1;
}

double Orientation::transposeCost(Value value) {
  return rank2Tile(value).getNumElements() * transposeCycles * loopWeight(value.getParentBlock());
}

void Orientation::link(Operation *op) {
  for (Value result : op->getResults())
    if (isGrouped(result))
      indexFor(result);
  if (auto loop = dyn_cast<scf::ForOp>(op)) {
    auto yields = cast<scf::YieldOp>(loop.getBody()->getTerminator()).getResults();
    for (auto [init, argument, yielded, result] :
         llvm::zip(loop.getInitArgs(), loop.getRegionIterArgs(), yields, loop.getResults())) {
      unite(argument, init);
      unite(argument, yielded);
      unite(argument, result);
    }
  } else if (isa<scf::IfOp>(op)) {
    for (Region &region : op->getRegions())
      for (OpResult result : op->getResults())
        if (!region.empty())
          unite(result, region.front().getTerminator()->getOperand(result.getResultNumber()));
  } else if (auto dot = dyn_cast<tile::DotOp>(op)) {
    unite(dot.getAccumulator(), dot.getResult());
  } else if (auto scan = dyn_cast<tile::ScanOp>(op)) {
    unite(scan.getSource(), scan.getResult());
  } else if (auto wait = dyn_cast<tile::WaitOp>(op)) {
    for (auto [value, result] : llvm::zip(wait.getValues(), wait.getResults()))
      unite(value, result);
  } else if (OpTrait::hasElementwiseMappableTraits(op) || isa<tile::ConvertOp, tile::GatherOp>(op)) {
    Value first;
    SmallVector<Value> values(op->getResults());
    llvm::append_range(values, op->getOperands());
    for (Value value : values)
      if (isGrouped(value)) {
        if (first)
          unite(first, value);
        first = value;
      }
  }
}

void Orientation::chargeAccess(Value value, MemRefType view, ArrayRef<int64_t> dims, Block *block) {
  double cost = rank2Tile(value).getNumElements() * transposeCycles * loopWeight(block);
  if (isContiguous(view, dims[0]))
    group(value).cost[0] += cost;
  if (isContiguous(view, dims[1]))
    group(value).cost[1] += cost;
}

/// C = A B needs rows of B along the lanes; C^T = B^T A^T needs rows of A^T.
void Orientation::chargeDot(tile::DotOp dot) {
  int sum = find(indexFor(dot.getResult()));
  auto chargeOperand = [&](Value operand, bool sumFlipped) {
    if (!isGrouped(operand))
      return;
    Pair pair{sum, find(indexFor(operand))};
    pair.cost[sumFlipped][!sumFlipped] = transposeCost(operand);
    if (pair.first == pair.second) {
      nodes[sum].cost[sumFlipped] += pair.cost[sumFlipped][sumFlipped];
      return;
    }
    pairs.push_back(pair);
  };
  chargeOperand(dot.getRight(), false);
  chargeOperand(dot.getLeft(), true);
  int64_t rows = rank2Tile(dot.getLeft()).getDimSize(0), depth = rank2Tile(dot.getLeft()).getDimSize(1);
  int64_t columns = rank2Tile(dot.getRight()).getDimSize(1);
  double weight = loopWeight(dot->getBlock());
  nodes[sum].cost[0] += weight * depth * rows * llvm::divideCeil(columns, lanes);
  nodes[sum].cost[1] += weight * depth * columns * llvm::divideCeil(rows, lanes);
}

/// Across rows a reduction is plain arithmetic; along the lanes it ends in a few shuffles a row.
void Orientation::chargeReduction(Value source, int64_t dim, Block *block) {
  double cost = 8.0 * loopWeight(block);
  group(source).cost[0] += dim == 1 ? cost * rank2Tile(source).getDimSize(0) : 0;
  group(source).cost[1] += dim == 0 ? cost * rank2Tile(source).getDimSize(1) : 0;
}

void Orientation::charge(Operation *op) {
  if (auto load = dyn_cast<tile::LoadOp>(op)) {
    if (isGrouped(load.getResult()))
      chargeAccess(load.getResult(), cast<MemRefType>(load.getView().getType()), load.getDims(), op->getBlock());
  } else if (auto store = dyn_cast<tile::StoreOp>(op)) {
    if (isGrouped(store.getTile()))
      chargeAccess(store.getTile(), cast<MemRefType>(store.getView().getType()), store.getDims(), op->getBlock());
  } else if (auto dot = dyn_cast<tile::DotOp>(op)) {
    chargeDot(dot);
  } else if (auto reduce = dyn_cast<tile::ReduceOp>(op)) {
    if (isGrouped(reduce.getSource()))
      chargeReduction(reduce.getSource(), reduce.getDim(), op->getBlock());
    pin(reduce.getResult());
  } else if (auto transpose = dyn_cast<tile::TransposeOp>(op)) {
    if (!isGrouped(transpose.getSource()))
      return;
    Pair pair{find(indexFor(transpose.getResult())), find(indexFor(transpose.getSource()))};
    pair.cost[0][0] = pair.cost[1][1] = transposeCost(transpose.getResult());
    if (pair.first != pair.second)
      pairs.push_back(pair);
  } else if (isa<tile::BroadcastOp, tile::ToeplitzOp, tile::TriInvOp, tile::ReadOp, tensor::ExtractOp,
                 arith::ConstantOp>(op)) {
    for (Value operand : op->getOperands())
      pin(operand);
    for (Value result : op->getResults())
      pin(result);
  } else if (isa<tile::ScanOp>(op)) {
    auto scan = cast<tile::ScanOp>(op);
    if (isGrouped(scan.getSource()))
      chargeReduction(scan.getSource(), scan.getDim(), op->getBlock());
  }
}

/// Takes out groups with at most one neighbour: their best choice for each of the neighbour's is known exactly. What
/// remains is left in `rest`; attention and products leave one group or none.
void Orientation::eliminate(SmallVectorImpl<int> &rest) {
  llvm::MapVector<std::pair<int, int>, Pair> merged;
  for (const Pair &pair : pairs) {
    bool ordered = pair.first < pair.second;
    std::pair<int, int> key = ordered ? std::pair(pair.first, pair.second) : std::pair(pair.second, pair.first);
    Pair &sum = merged.insert({key, Pair{key.first, key.second}}).first->second;
    for (int a : {0, 1})
      for (int c : {0, 1})
        sum.cost[a][c] += ordered ? pair.cost[a][c] : pair.cost[c][a];
  }
  SmallVector<Pair> left;
  for (auto &[key, pair] : merged)
    left.push_back(pair);
  std::vector<bool> gone(nodes.size(), false);
  bool changed = true;
  while (changed) {
    changed = false;
    for (int index = 0; index < static_cast<int>(nodes.size()); ++index) {
      if (gone[index] || find(index) != index)
        continue;
      SmallVector<Pair *> mine;
      for (Pair &pair : left)
        if (pair.first == index || pair.second == index)
          mine.push_back(&pair);
      if (mine.size() != 1)
        continue;
      Pair pair = *mine[0];
      int neighbour = pair.first == index ? pair.second : pair.first;
      Follower follower{index, neighbour, {false, false}};
      for (int theirs : {0, 1}) {
        auto total = [&](int own) {
          return nodes[index].cost[own] + (pair.first == index ? pair.cost[own][theirs] : pair.cost[theirs][own]);
        };
        follower.choice[theirs] = total(1) < total(0);
        nodes[neighbour].cost[theirs] += std::min(total(0), total(1));
      }
      followers.push_back(follower);
      gone[index] = true;
      left.erase(left.begin() + (mine[0] - left.data()));
      changed = true;
    }
  }
  pairs.assign(left.begin(), left.end());
  for (int index = 0; index < static_cast<int>(nodes.size()); ++index)
    if (!gone[index] && find(index) == index)
      rest.push_back(index);
}

void Orientation::choose() {
  SmallVector<int> rest;
  eliminate(rest);
  for (int index : rest)
    nodes[index].flipped = nodes[index].cost[1] < nodes[index].cost[0];
  // Groups still tied to several others change while that helps, a bounded number of times.
  for (size_t round = 0; round < rest.size(); ++round) {
    bool changed = false;
    for (int index : rest) {
      double total[2] = {nodes[index].cost[0], nodes[index].cost[1]};
      for (const Pair &pair : pairs)
        for (int own : {0, 1}) {
          if (pair.first == index)
            total[own] += pair.cost[own][nodes[pair.second].flipped];
          else if (pair.second == index)
            total[own] += pair.cost[nodes[pair.first].flipped][own];
        }
      bool better = total[1] < total[0];
      changed |= better != nodes[index].flipped;
      nodes[index].flipped = better;
    }
    if (!changed)
      break;
  }
  for (const Follower &follower : llvm::reverse(followers))
    nodes[follower.group].flipped = follower.choice[nodes[follower.neighbour].flipped];
}
