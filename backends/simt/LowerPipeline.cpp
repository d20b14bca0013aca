/// Loops whose operands are copied to shared memory ahead of their use, where the target copies asynchronously.
///
///   start the copies of iterations 0 .. slots - 2
///   for every iteration:
///     wait for this iteration's copies; barrier
///     start the copies of the iteration slots - 1 ahead, into the slot that the last iteration has read
///     the body, with this iteration's slots as operands of its products
///
/// Loads whose boxes a unit of the machine copies (TensorMaps.h) are started by one lane, and every slot has a barrier
/// at which their bytes count.
///
/// One barrier an iteration does both: what other lanes copied is visible, and nobody still reads the slot that is
/// written next.
#include "backends/simt/TileLowering.h"

#include "mlir/Dialect/Math/IR/Math.h"

using namespace mlir;
using namespace heed;
using namespace heed::simt;
using tile::Layout;

static int64_t bytesOf(Type element) { return element.getIntOrFloatBitWidth() / 8; }

/// Scalars of the loop's body that `load` depends on, in order; none when something else is among them. Tiles that are
/// made where they are needed are made for each iteration's copies, too.
std::optional<SmallVector<Operation *>> TileLowering::scalarSlice(Operation *load, scf::ForOp loop) {
  llvm::DenseSet<Operation *> needed;
  SmallVector<Value> open(load->getOperands());
  while (!open.empty()) {
    Value value = open.pop_back_val();
    Operation *op = value.getDefiningOp();
    if (!op) {
      auto argument = cast<BlockArgument>(value);
      if (argument.getOwner() == loop.getBody() && argument != loop.getInductionVar())
        return std::nullopt; // carried from iteration to iteration
      continue;
    }
    if (op->getBlock() != loop.getBody() || !needed.insert(op).second)
      continue;
    bool isMadeAgain = plan.isFloating(value);
    if (!isMadeAgain && (op->getNumResults() != 1 || tileType(value) || !isa<arith::ArithDialect>(op->getDialect())))
      return std::nullopt;
    llvm::append_range(open, op->getOperands());
  }
  SmallVector<Operation *> ordered;
  for (Operation &op : *loop.getBody())
    if (needed.contains(&op) && !plan.isFloating(op.getResult(0)))
      ordered.push_back(&op);
  return ordered;
}

/// A load that only products read, but not groups, as the copies of a ring; none where it must stay a load. For
/// multiply-adds vectors are worth it.
std::optional<TileLowering::Pipelined> TileLowering::planCopy(Operation *op, scf::ForOp loop) {
  if (!isa<tile::LoadOp, tile::GatherOp>(op) || op->use_empty())
    return std::nullopt;
  Value tile = op->getResult(0);
  std::optional<ViewAccess> access = ViewAccess::ofTile(tile);
  if (!access || (access->fill && !isZero(access->fill)))
    return std::nullopt;
  int64_t leastBytes = 0;
  for (Operation *user : op->getUsers()) {
    auto dot = dyn_cast<tile::DotOp>(user);
    if (!dot || plan.productOf(dot).isGroup() || dot.getAccumulator() == tile)
      return std::nullopt;
    leastBytes = plan.productOf(dot).atom ? 4 : target.vectorBytes;
  }
  Type element = access->viewType().getElementType();
  int64_t bytes = plan.vectorWidth(*access) * bytesOf(element);
  std::optional<SmallVector<Operation *>> slice = scalarSlice(op, loop);
  auto dot = cast<tile::DotOp>(*op->user_begin());
  Staging how = stagingOf(dot, tile, dot.getLeft() == tile ? 1 : 0);
  if (!slice || bytes < leastBytes || how.stored != element || access->contiguousDim() != how.layout.getOrder()[0])
    return std::nullopt;
  Pipelined copy{tile, *access, {}, plan.memoryLayout(*access), std::move(*slice)};
  copy.ring = {.range = {},
               .element = element,
               .shape = llvm::to_vector(access->tile.getShape()),
               .layout = how.layout,
               .slot = {},
               .isOrdered = true};
  if (auto load = dyn_cast<tile::LoadOp>(op))
    copy.boxes = planBoxes(load, how.layout);
  return copy;
}

/// Two slots an operand, three where that leaves room for three other programs on the same processor. Multiply-adds of
/// one program wait for its slots while another computes, so both have to have room.
TileLowering::Pipeline TileLowering::planPipeline(scf::ForOp loop) {
  Pipeline pipeline;
  if (!target.abilities.asynchronousCopies)
    return pipeline;
  int64_t bytes = 0, most = target.sharedBytes * 3 / 5;
  for (Operation &op : *loop.getBody())
    if (std::optional<Pipelined> copy = planCopy(&op, loop)) {
      bytes += copy->ring.sizeInBytes();
      if (!plan.productOf(cast<tile::DotOp>(*op.user_begin())).atom)
        most = target.sharedBytes * 2 / 5;
      pipeline.loads.push_back(std::move(*copy));
    }
  for (int64_t slots : {3, 2})
    if (pipeline.slots == 0 && arena.used() + slots * bytes <= (slots == 3 ? target.sharedBytes / 4 : most))
      pipeline.slots = slots;
  if (pipeline.slots == 0)
    return {};
  for (Pipelined &copy : pipeline.loads) {
    constexpr int64_t swizzleRepeats = 1024;
    copy.ring.range = arena.allocate(pipeline.slots * copy.ring.sizeInBytes(), copy.boxes ? swizzleRepeats : 16);
    if (copy.boxes)
      pipeline.tensorBytes += copy.boxes->bytes();
    else
      pipeline.hasPieces = true;
  }
  if (pipeline.hasTensors())
    pipeline.barriers = arena.allocate(pipeline.slots * barrierBytes);
  return pipeline;
}

/// Makes the barriers and starts the first copies, whose places others may have used until now: the loop's own barriers
/// come too late for them, so these are ordered as all other accesses are. Returns what the loop carries: the induction
/// variable of the next copies, the slot to read, the slot to write, and the parity of the slot to read.
SmallVector<Value> TileLowering::enterPipeline(const Pipeline &pipeline, scf::ForOp loop) {
  if (pipeline.hasTensors()) {
    forOneLane({}, [&] {
      for (int64_t slot = 0; slot < pipeline.slots; ++slot)
        tag(simt::BarrierInitOp::create(b, i32(pipeline.barriers.begin + slot * barrierBytes), 1), pipeline.barriers);
      simt::FenceBarriersOp::create(b);
    });
    simt::FenceAsyncOp::create(b);
    simt::BarrierOp::create(b);
  }
  Value iteration = scalar(loop.getLowerBound());
  for (int64_t slot = 0; slot + 1 < pipeline.slots; ++slot) {
    startCopies(pipeline, loop, iteration, i32(slot), /*isOrdered=*/false);
    iteration = arith::AddIOp::create(b, iteration, scalar(loop.getStep()));
  }
  SmallVector<Value> carried = {iteration, i32(0), i32(pipeline.slots - 1)};
  if (pipeline.hasTensors())
    carried.push_back(i32(0));
  return carried;
}

/// Starts the copies of one iteration, given by its induction variable, and closes their group. Iterations behind the
/// last one copy nothing. `isOrdered`: the loop's barriers keep them apart from who used the slot before.
void TileLowering::startCopies(const Pipeline &pipeline, scf::ForOp loop, Value iteration, Value slot, bool isOrdered) {
  Value wanted = arith::CmpIOp::create(b, arith::CmpIPredicate::slt, iteration, scalar(loop.getUpperBound()));
  IRMapping saved = scalars;
  scalars.map(loop.getInductionVar(), iteration);
  scopes.emplace_back(); // for tiles of that iteration
  llvm::DenseSet<Operation *> emitted;
  for (const Pipelined &copy : pipeline.loads) {
    for (Operation *op : copy.slice)
      if (emitted.insert(op).second)
        emitScalar(op);
    if (copy.boxes)
      continue;
    SharedTile to = copy.ring;
    to.isOrdered = isOrdered;
    to.slot = arith::MulIOp::create(b, slot, i32(to.sizeInBytes()));
    emitCopies(copy.access, copy.layout, to, wanted);
  }
  if (pipeline.hasTensors())
    startTensorCopies(pipeline, slot, wanted);
  scopes.pop_back();
  scalars = saved;
  if (pipeline.hasPieces)
    simt::CommitOp::create(b);
}

void TileLowering::startTensorCopies(const Pipeline &pipeline, Value slot, Value wanted) {
  usesPromises = true;
  forOneLane(wanted, [&] {
    Value barrier = barrierAt(pipeline.barriers, slot);
    simt::BarrierArriveExpectOp::create(b, barrier, pipeline.tensorBytes);
    for (const Pipelined &copy : pipeline.loads)
      if (copy.boxes) {
        Value skipped = arith::MulIOp::create(b, slot, i32(copy.ring.sizeInBytes()));
        emitTensorCopies(*copy.boxes, copy.tile.getDefiningOp<tile::LoadOp>(),
                         arith::AddIOp::create(b, skipped, i32(copy.ring.range.begin)), barrier);
      }
  });
}

/// Starts the copies of a tile, where `wanted` (null: always).
void TileLowering::emitCopies(const ViewAccess &access, const Layout &layout, const SharedTile &to, Value wanted) {
  Walk where = walk(access, layout);
  // Multiples of a stride would be kept in front of all loops, and such lanes have few registers.
  where.inSteps = isProducer && layout.isSeparable() && !access.rows;
  Value owner = isOwner(layout);
  auto copyAll = [&] {
    for (Run run : runsOf(access, layout)) {
      auto [address, inside] = locate(where, run.first);
      Value predicate = inside && wanted ? arith::AndIOp::create(b, inside, wanted).getResult()
                        : inside         ? inside
                                         : wanted;
      tag(simt::CopyOp::create(b, sharedOffset(to, layout, run.first), address, predicate,
                               run.width * bytesOf(to.element)),
          to);
    }
  };
  usesPromises = true;
  if (!owner)
    return copyAll();
  // Lanes without work of their own stay out: a copy with a false predicate would write zeros.
  auto branch = scf::IfOp::create(b, TypeRange(), owner, /*withElseRegion=*/false);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPoint(branch.thenBlock()->getTerminator());
  copyAll();
}

Value TileLowering::nextSlot(Value slot, int64_t slots) {
  Value next = arith::AddIOp::create(b, slot, i32(1));
  Value wraps = arith::CmpIOp::create(b, arith::CmpIPredicate::eq, next, i32(slots));
  return arith::SelectOp::create(b, wraps, i32(0), next);
}

/// `carried`: see enterPipeline. Returns their next values.
SmallVector<Value> TileLowering::enterIteration(const Pipeline &pipeline, scf::ForOp loop, ValueRange carried) {
  if (pipeline.hasPieces)
    simt::WaitOp::create(b, pipeline.slots - 2);
  if (pipeline.hasTensors())
    simt::BarrierWaitOp::create(b, barrierAt(pipeline.barriers, carried[1]), carried[3], /*patient=*/false);
  simt::BarrierOp::create(b);
  startCopies(pipeline, loop, carried[0], carried[2], /*isOrdered=*/true);
  for (const Pipelined &copy : pipeline.loads) {
    SharedTile tile = copy.ring;
    tile.slot = arith::MulIOp::create(b, carried[1], i32(copy.ring.sizeInBytes()));
    staged[copy.tile] = tile;
  }
  SmallVector<Value> next = {arith::AddIOp::create(b, carried[0], scalar(loop.getStep())),
                             nextSlot(carried[1], pipeline.slots), nextSlot(carried[2], pipeline.slots)};
  if (pipeline.hasTensors()) {
    Value wraps = arith::CmpIOp::create(b, arith::CmpIPredicate::eq, next[1], i32(0));
    next.push_back(arith::XOrIOp::create(b, carried[3], arith::ExtUIOp::create(b, b.getI32Type(), wraps)));
  }
  return next;
}

/// Nothing is in flight and nobody reads when the ring's memory is used for something else.
void TileLowering::leavePipeline(const Pipeline &pipeline) {
  if (pipeline.hasPieces)
    simt::WaitOp::create(b, 0);
  simt::BarrierOp::create(b);
  // Their memory stays taken, so that nobody else's accesses have to be ordered with this.
  if (pipeline.hasTensors())
    forOneLane({}, [&] {
      for (int64_t slot = 0; slot < pipeline.slots; ++slot)
        simt::BarrierEndOp::create(b, i32(pipeline.barriers.begin + slot * barrierBytes));
    });
  for (const Pipelined &copy : pipeline.loads) {
    staged.erase(copy.tile);
    arena.release(copy.ring.range);
  }
}
