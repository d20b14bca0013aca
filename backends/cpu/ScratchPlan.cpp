#include "backends/cpu/ScratchPlan.h"

#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/BuiltinTypes.h"
#include "llvm/Support/MathExtras.h"

#include <algorithm>
#include <limits>

using namespace mlir;
using namespace heed;
using namespace heed::cpu;

int64_t heed::cpu::lanesFor(int64_t rowLength, const IsaLevel &isa) {
  return std::min<int64_t>(isa.vectorBytes / 4, llvm::PowerOf2Ceil(std::max<int64_t>(rowLength, 1)));
}

Type heed::cpu::computeType(Type type) {
  if (type.isF16() || type.isBF16())
    return Float32Type::get(type.getContext());
  return type.isIndex() ? IntegerType::get(type.getContext(), 64) : type;
}

Type heed::cpu::scratchType(Type type) {
  return type.isInteger(1) ? IntegerType::get(type.getContext(), 8) : computeType(type);
}

int64_t heed::cpu::bytesOf(Type type) { return llvm::divideCeil(type.getIntOrFloatBitWidth(), 8); }

int64_t heed::cpu::rowStride(ArrayRef<int64_t> shape, const IsaLevel &isa) {
  int64_t length = shape.empty() ? 1 : shape.back();
  return llvm::alignTo(length, lanesFor(length, isa));
}

int64_t heed::cpu::bufferBytes(RankedTensorType tile, const IsaLevel &isa) {
  int64_t rows = 1;
  for (int64_t size : tile.getShape().drop_back(tile.getRank() ? 1 : 0))
    rows *= size;
  return rows * rowStride(tile.getShape(), isa) * bytesOf(scratchType(tile.getElementType()));
}

ScratchPlan::ScratchPlan(tile::KernelOp kernel, const KernelPlan &plan, const IsaLevel &isa) : plan(plan), isa(isa) {
  walkBlock(&kernel.getBody().front());
  placeBuffers();
}

int ScratchPlan::newBuffer(int64_t bytes) {
  buffers.push_back({static_cast<int64_t>(llvm::alignTo(bytes, scratchAlignment)), now, now, 0});
  return buffers.size() - 1;
}

void ScratchPlan::put(Value value, int buffer) {
  bufferOf[value] = buffer;
  buffers[buffer].end = std::max(buffers[buffer].end, now);
}

void ScratchPlan::pin(Value value) { pinned.insert(value); }

bool ScratchPlan::diesAt(Value value, Block *block, int64_t node) const {
  return value.getDefiningOp() && value.getParentBlock() == block && hasBuffer(value) && !pinned.contains(value) &&
         llvm::all_of(plan.uses(block, value), [&](const TileUse &use) { return use.node <= node; });
}

/// The initial value of a loop that ends up in this result.
static Value initOf(OpResult result) {
  auto loop = dyn_cast<scf::ForOp>(result.getOwner());
  return loop ? loop.getInitArgs()[result.getResultNumber()] : Value();
}

void ScratchPlan::preferYield(Value yielded, Value overwritten, int buffer, Block *block) {
  auto result = dyn_cast<OpResult>(yielded);
  if (!result || result.getOwner()->getBlock() != block || hasBuffer(yielded) || !plan.isStored(yielded))
    return;
  int64_t node = plan.nodeOf(result.getOwner());
  NodeKind kind = node < 0 ? NodeKind::Single : plan.block(block).nodes[node].kind;
  if (kind == NodeKind::Single || kind == NodeKind::InPlace)
    return;
  if (overwritten) {
    ArrayRef<TileUse> uses = plan.uses(block, overwritten);
    bool isLoop = mlir::isa<scf::ForOp>(result.getOwner());
    int64_t usesHere = llvm::count_if(uses, [&](const TileUse &use) { return use.node == node; });
    if (isLoop && usesHere != 0 && (usesHere != 1 || initOf(result) != overwritten))
      return;
    for (const TileUse &use : uses)
      if (use.node > node || (use.node == node && kind != NodeKind::Region && !use.aligned))
        return;
  }
  put(yielded, buffer);
}

void ScratchPlan::walkLoop(Operation *op, Block *block, int64_t node) {
  auto loop = cast<scf::ForOp>(op);
  Block *body = loop.getBody();
  auto yields = cast<scf::YieldOp>(body->getTerminator()).getResults();
  for (auto [init, argument, result] : llvm::zip(loop.getInitArgs(), loop.getRegionIterArgs(), loop.getResults())) {
    if (!tileType(argument))
      continue;
    int64_t usesHere = llvm::count_if(plan.uses(block, init), [&](const TileUse &use) { return use.node == node; });
    bool takesInit = diesAt(init, block, node) && usesHere == 1;
    int buffer = hasBuffer(result) ? bufferOf[result] : takesInit ? bufferOf[init] : newBuffer(argument);
    put(argument, buffer);
    put(result, buffer);
  }
  for (auto [argument, yielded] : llvm::zip(loop.getRegionIterArgs(), yields)) {
    if (!tileType(argument))
      continue;
    carried[bufferOf[argument]] = argument;
    preferYield(yielded, argument, bufferOf[argument], body);
    auto other = dyn_cast<BlockArgument>(yielded);
    if (other && other.getOwner() == body && other != argument)
      exchange[argument] = newBuffer(argument);
  }
  walkBlock(body);
  for (auto [argument, result] : llvm::zip(loop.getRegionIterArgs(), loop.getResults()))
    if (tileType(argument)) {
      put(result, bufferOf[argument]);
      carried[bufferOf[argument]] = result;
      if (auto room = exchange.find(argument); room != exchange.end())
        buffers[room->second].end = now;
    }
}

void ScratchPlan::walkBranch(Operation *op, Block *block, int64_t node) {
  for (OpResult result : op->getResults()) {
    if (!tileType(result))
      continue;
    for (Region &region : op->getRegions()) {
      Value yielded = region.front().getTerminator()->getOperand(result.getResultNumber());
      if (!hasBuffer(result) && diesAt(yielded, block, node) && tileType(yielded)) {
        put(result, bufferOf[yielded]);
        carried[bufferOf[yielded]] = yielded;
      }
    }
    if (!hasBuffer(result)) {
      put(result, newBuffer(result));
      carried.erase(bufferOf[result]);
    }
    for (Region &region : op->getRegions())
      preferYield(region.front().getTerminator()->getOperand(result.getResultNumber()),
                  carried.lookup(bufferOf[result]), bufferOf[result], &region.front());
  }
  for (Region &region : op->getRegions())
    if (!region.empty())
      walkBlock(&region.front());
  for (OpResult result : op->getResults())
    if (tileType(result))
      put(result, bufferOf[result]);
}

/// A new buffer, or that of an operand of the same shape read for the last time at the very position written.
void ScratchPlan::placeResult(Value value, Block *block, int64_t node) {
  if (hasBuffer(value))
    return put(value, bufferOf[value]);
  int64_t bytes = bufferBytes(tileType(value), isa);
  Type element = scratchType(tileType(value).getElementType());
  for (Value source : plan.usedAt(block, node)) {
    if (!diesAt(source, block, node) || tileType(source).getShape() != tileType(value).getShape() ||
        bytesOf(scratchType(tileType(source).getElementType())) != bytesOf(element))
      continue;
    bool aligned =
        llvm::all_of(plan.uses(block, source), [&](const TileUse &use) { return use.node < node || use.aligned; });
    bool taken = llvm::any_of(plan.block(block).nodes[node].ops, [&](Operation *op) {
      return llvm::any_of(op->getResults(), [&](Value other) { return shareBuffer(other, source); });
    });
    if (aligned && !taken)
      return put(value, bufferOf[source]);
  }
  put(value, newBuffer(bytes));
}

void ScratchPlan::walkBlock(Block *block) {
  const BlockPlan &nodes = plan.block(block);
  for (auto [position, node] : llvm::enumerate(nodes.nodes)) {
    int64_t index = position;
    ++now;
    for (Operation *scalar : node.scalars)
      if (auto stage = dyn_cast<tile::StageOp>(scalar)) {
        auto ring = cast<tile::RingType>(stage.getRing().getType());
        put(stage.getRing(),
            newBuffer(ring.getSlots() * llvm::alignTo(bufferBytes(ring.getTile(), isa), scratchAlignment)));
        buffers.back().end = std::numeric_limits<int64_t>::max();
      }
    if (node.kind == NodeKind::Region) {
      if (mlir::isa<scf::ForOp>(node.ops[0]))
        walkLoop(node.ops[0], block, index);
      else
        walkBranch(node.ops[0], block, index);
    } else if (node.kind != NodeKind::End) {
      for (Operation *op : node.ops)
        for (OpResult result : op->getResults()) {
          if (!tileType(result) || mlir::isa<tile::ReadOp>(op) || !plan.isStored(result))
            continue;
          if (mlir::isa<tile::WaitOp>(op)) {
            Value tied = op->getOperand(cast<tile::WaitOp>(op).getTokens().size() + result.getResultNumber());
            pin(tied);
            pin(result);
            if (hasBuffer(tied))
              put(result, bufferOf[tied]);
            continue;
          }
          placeResult(result, block, index);
          if (node.kind == NodeKind::InPlace)
            pin(result);
        }
    }
    ++now;
    for (Value used : plan.usedAt(block, index))
      if (hasBuffer(used))
        put(used, bufferOf[used]);
  }
}

/// First fit in order of first use: buffers alive at the same time do not overlap.
void ScratchPlan::placeBuffers() {
  std::vector<int> order(buffers.size());
  for (size_t i = 0; i < order.size(); ++i)
    order[i] = i;
  llvm::sort(order, [&](int a, int b) { return std::pair(buffers[a].start, a) < std::pair(buffers[b].start, b); });
  std::vector<int> placed;
  for (int index : order) {
    Buffer &buffer = buffers[index];
    SmallVector<std::pair<int64_t, int64_t>> taken;
    for (int other : placed)
      if (buffers[other].end >= buffer.start && buffer.end >= buffers[other].start)
        taken.emplace_back(buffers[other].offset, buffers[other].offset + buffers[other].bytes);
    llvm::sort(taken);
    buffer.offset = 0;
    for (auto [begin, end] : taken) {
      if (buffer.offset + buffer.bytes <= begin)
        break;
      buffer.offset = std::max(buffer.offset, end);
    }
    placed.push_back(index);
    total = std::max(total, buffer.offset + buffer.bytes);
  }
}
