/// Tiles of loops that warps of their own copy ahead of their use.
///
///   warps that copy, for every tile of every loop, in program order:
///     wait until the slot is empty; start its copies; it is full when they have come
///   the other warps:
///     wait until the slot is full; multiply; when the product is finished, the slot is empty
///
/// Copies are of two kinds. Operands that are tensors are copied in boxes, which one lane starts and which count their
/// bytes at the barrier. Others are copied by all lanes of the copying warps, in pieces; since the lanes' own writes
/// are not those of the unit that will read them, a lane has to see its copies arrive and to fence them before it says
/// that a slot is full. It does so after it has started the copies of the next slot.
///
/// Where a launch may have fewer workgroups than programs, both go through programs, and what a program reads as a
/// whole comes in rings too.
///
/// Both run the same loops, so they agree on which slot is next without a word. Copying warps know nothing of tiles
/// but these: of the kernel they keep loops, branches and numbers.
#include "backends/simt/KernelVariant.h"
#include "backends/simt/RegisterPressure.h"
#include "backends/simt/TileLowering.h"
#include "compiler/tile/PartSchedule.h"

using namespace mlir;
using namespace heed;
using namespace heed::simt;

constexpr int64_t mostSlots = 4, slackBytes = 2048;
/// What swizzled tiles start at a multiple of.
constexpr int64_t swizzleAlignment = 1024;

int64_t TileLowering::Ring::slotBytes() const {
  return llvm::alignTo(tile.sizeInBytes() + bandBytes, swizzleAlignment);
}

int64_t TileLowering::Ring::bandsBegin() const { return tile.range.begin + tile.sizeInBytes(); }

std::optional<int64_t> simt::siteOf(Value tile) {
  Operation *load = tile.getDefiningOp();
  auto site = load ? load->getAttrOfType<IntegerAttr>(tile::siteAttrName) : IntegerAttr();
  return site ? std::optional(site.getInt()) : std::nullopt;
}

bool TileLowering::isGroupOperand(tile::LoadOp load) const {
  return !load.use_empty() && llvm::all_of(load->getUsers(), [&](Operation *user) {
    auto dot = dyn_cast<tile::DotOp>(user);
    return dot && plan.productOf(dot).isGroup();
  });
}

/// The tile as one slot holds it, and how it comes there; false if warps cannot copy it.
bool TileLowering::planRing(tile::LoadOp load, Ring &ring) {
  if (!load.getExtents().empty() && !isZero(load.getFill()))
    return false;
  ViewAccess access(load);
  auto dot = cast<tile::DotOp>(*load->user_begin());
  unsigned depthDim = dot.getLeft() == load.getResult() ? 1 : 0;
  const Product &product = plan.productOf(dot);
  Staging how = groupStaging(load.getResult(), depthDim, *product.atom);
  Type element = access.viewType().getElementType();
  int64_t bytes = plan.vectorWidth(access) * element.getIntOrFloatBitWidth() / 8;
  if (how.stored != element || access.contiguousDim() != how.layout.getOrder()[0] || bytes < 4)
    return false;
  ring.tile.element = element;
  ring.tile.shape = llvm::to_vector(load.getType().getShape());
  ring.tile.layout = boxedStaging(load, depthDim, product);
  ring.tile.isOrdered = true;
  ring.boxes = planBoxes(load, ring.tile.layout);
  if (!ring.boxes)
    ring.tile.layout = how.layout;
  return true;
}

/// A slot is awaited where the first of its products is started, which then has to be on the way to the others.
static bool isUsedInOneBlock(Operation *load) {
  return llvm::all_of(load->getUsers(),
                      [&](Operation *user) { return user->getBlock() == (*load->user_begin())->getBlock(); });
}

/// A ring for every tile of a loop that can be copied; and for those that a program reads as a whole, where workgroups
/// go through programs, so that they come while the program before is ending.
void TileLowering::planRings() {
  if (target.producerWarps == 0)
    return;
  kernel.walk([&](tile::LoadOp load) {
    std::optional<int64_t> site = siteOf(load.getResult());
    bool isInLoop = load->getParentOfType<scf::ForOp>() != nullptr;
    bool isResident = target.abilities.residentWorkgroups && load->getBlock() == &kernel.getBody().front();
    if (!site || !(isInLoop ? isUsedInOneBlock(load) : isResident) || !isGroupOperand(load) || ringOf(load.getResult()))
      return;
    Ring ring;
    ring.site = site;
    ring.isResident = !isInLoop;
    if (!planRing(load, ring))
      return;
    ring.bandBytes = isInLoop ? bandBytesOf(*site) : 0;
    rings.push_back(std::move(ring));
  });
  planLaneRings();
  if (!allotSlots())
    return rings.clear();
  for (Ring &ring : rings)
    ring.tile.range = arena.allocate(ring.slots * ring.slotBytes(), swizzleAlignment);
  for (Ring &ring : rings)
    ring.barriers = arena.allocate(2 * ring.slots * barrierBytes).begin;
  scratchBarrier = arena.allocate(barrierBytes).begin;
}

/// As many slots as there is room for beside the operands that stay, and at least two; false where there is no room.
/// Tiles of programs have two, or one, or are staged like others; lanes load by themselves where they must.
bool TileLowering::allotSlots() {
  std::vector<Ring> all = rings;
  bool hasLaneRings = llvm::any_of(all, [](const Ring &ring) { return ring.isForLanes; });
  for (bool areForLanes : {true, false})
    for (int64_t residents : {2, 1, 0}) {
      rings = all;
      llvm::erase_if(rings, [&](const Ring &ring) {
        return (ring.isResident && residents == 0) || (ring.isForLanes && !areForLanes);
      });
      if (allotSlots(residents)) {
        leavesOutRings = hasLaneRings && !areForLanes;
        return true;
      }
    }
  return false;
}

bool TileLowering::allotSlots(int64_t residents) {
  int64_t slotBytes = 0, others = slackBytes + bandBytes();
  for (const Ring &ring : rings) {
    int64_t bytes = ring.slotBytes();
    (ring.isResident ? others : slotBytes) += ring.isResident ? residents * bytes : bytes;
  }
  kernel.walk([&](tile::LoadOp load) {
    int64_t bytes = load.getType().getNumElements() * load.getType().getElementTypeBitWidth() / 8;
    if (isGroupOperand(load) && !ringOf(load.getResult()))
      others += llvm::alignTo(bytes, swizzleAlignment);
  });
  if (slotBytes == 0)
    return false;
  int64_t slots = std::min(mostSlots, (target.sharedBytes - others) / slotBytes);
  for (Ring &ring : rings)
    ring.slots = ring.isResident ? residents : slots;
  return slots >= 2;
}

bool TileLowering::loadsForGroups() {
  auto isLoaded = [&](tile::LoadOp load) {
    bool isInLoop = load->getParentOfType<scf::ForOp>() != nullptr;
    return isInLoop && isGroupOperand(load) && !ringOf(load.getResult()) ? WalkResult::interrupt()
                                                                         : WalkResult::advance();
  };
  return kernel.walk(isLoaded).wasInterrupted();
}

TileLowering::Ring *TileLowering::ringOf(Value tile) {
  std::optional<int64_t> site = siteOf(tile);
  auto ring = llvm::find_if(rings, [&](const Ring &each) { return site && each.site == site; });
  return ring == rings.end() ? nullptr : &*ring;
}

SmallVector<TileLowering::Ring *> TileLowering::ringsIn(Operation *op) {
  SmallVector<Ring *> found;
  if (rings.empty())
    return found;
  op->walk([&](tile::LoadOp load) {
    if (Ring *ring = ringOf(load.getResult()); ring && !llvm::is_contained(found, ring))
      found.push_back(ring);
  });
  return found;
}

/// What code that moves these rings hands on: where they are, and for warps that copy the barrier they have yet to
/// tell.
SmallVector<Value> TileLowering::ringState(ArrayRef<Ring *> moved) {
  SmallVector<Value> state;
  for (const Ring *ring : moved)
    state.append({ring->slot, ring->phase});
  if (isProducer && !moved.empty())
    state.push_back(lastFull);
  return state;
}

/// Takes ringState from the front of these values.
void TileLowering::setRingState(ArrayRef<Ring *> moved, ValueRange state) {
  for (auto [index, ring] : llvm::enumerate(moved)) {
    ring->slot = state[2 * index];
    ring->phase = state[2 * index + 1];
  }
  if (isProducer && !moved.empty())
    lastFull = state[2 * moved.size()];
}

Value TileLowering::barrierOf(const Ring &ring, bool isFull) {
  int64_t first = ring.barriers + (isFull ? 0 : ring.slots * barrierBytes);
  return arith::AddIOp::create(b, arith::MulIOp::create(b, ring.slot, i32(barrierBytes)), i32(first));
}

void TileLowering::advance(Ring &ring) {
  Value next = arith::AddIOp::create(b, ring.slot, i32(1));
  Value wraps = arith::CmpIOp::create(b, arith::CmpIPredicate::eq, next, i32(ring.slots));
  ring.slot = arith::SelectOp::create(b, wraps, i32(0), next);
  Value other = arith::XOrIOp::create(b, ring.phase, i32(1));
  ring.phase = arith::SelectOp::create(b, wraps, other, ring.phase);
}

/// Warps that copy wait most of the time.
void TileLowering::awaitBarrier(const Ring &ring, bool isFull, Value parity) {
  simt::BarrierWaitOp::create(b, barrierOf(ring, isFull), parity, /*patient=*/isProducer);
}

/// The next slot, full.
TileLowering::FullSlot TileLowering::awaitSlot(Ring &ring) {
  awaitBarrier(ring, /*isFull=*/true, ring.phase);
  SharedTile tile = ring.tile;
  tile.slot = arith::MulIOp::create(b, ring.slot, i32(ring.slotBytes()));
  Value empty = barrierOf(ring, /*isFull=*/false);
  advance(ring);
  return {tile, empty};
}

/// A warp no longer reads a slot.
void TileLowering::releaseSlot(Value barrier) {
  Value isFirst = arith::CmpIOp::create(b, arith::CmpIPredicate::eq, lane, i32(0));
  auto branch = scf::IfOp::create(b, TypeRange(), isFirst, /*withElseRegion=*/false);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPoint(branch.thenBlock()->getTerminator());
  simt::BarrierArriveOp::create(b, barrier);
}

void TileLowering::fillSlot(Ring &ring, tile::LoadOp load) {
  SharedTile slot = ring.tile;
  slot.slot = arith::MulIOp::create(b, ring.slot, i32(ring.slotBytes()));
  ring.filled = slot.slot;
  ring.full = barrierOf(ring, /*isFull=*/true);
  ring.boxes ? fillByBoxes(ring, load, slot) : fillByLanes(ring, load, slot);
  advance(ring);
}

void TileLowering::fillByBoxes(const Ring &ring, tile::LoadOp load, const SharedTile &slot) {
  auto await = [&] { awaitBarrier(ring, /*isFull=*/false, arith::XOrIOp::create(b, ring.phase, i32(1))); };
  if (ring.bandBytes != 0)
    await();
  forOneLane({}, [&] {
    if (ring.bandBytes == 0)
      await();
    simt::BarrierArriveExpectOp::create(b, ring.full, ring.boxes->bytes());
    emitTensorCopies(*ring.boxes, load, arith::AddIOp::create(b, slot.slot, i32(slot.range.begin)), ring.full);
  });
  usesPromises = true;
}

void TileLowering::fillByLanes(const Ring &ring, tile::LoadOp load, const SharedTile &slot) {
  Value before = arith::XOrIOp::create(b, ring.phase, i32(1));
  awaitBarrier(ring, /*isFull=*/false, before);
  ViewAccess access(load);
  emitCopies(access, plan.memoryLayout(access, target.producerWarps), slot, Value());
  simt::CommitOp::create(b);
  signalLast(/*pending=*/1);
  lastFull = ring.full;
}

/// The slot before has come when at most `pending` groups of copies are under way.
void TileLowering::signalLast(int64_t pending) {
  simt::WaitOp::create(b, pending);
  simt::FenceAsyncOp::create(b);
  simt::BarrierArriveOp::create(b, lastFull);
}

void TileLowering::emitProgram(Value index) {
  enterProgram(index);
  if (makesNumbers)
    return emitNumbers();
  takeNumbers();
  if (isProducer) {
    lastFull = i32(scratchBarrier);
    emitBlock(kernel.getBody().front());
    // Before the next program: it may have to wait for slots of this one.
    if (llvm::any_of(rings, [](const Ring &ring) { return !ring.boxes && !ring.isOfNumbers; }))
      signalLast(/*pending=*/0);
    return leaveNumbers();
  }
  emitBlock(kernel.getBody().front());
  landAll(nullptr);
  for (Ring &ring : rings)
    if (ring.isResident && !ring.isOfNumbers)
      releaseSlot(ring.release);
  leaveNumbers();
}

/// The programs of the workgroup: one, or each as many on as there are workgroups.
void TileLowering::emitPrograms() {
  for (Ring &ring : rings)
    ring.slot = ring.phase = i32(0);
  emitTurn(TurnStep::Enter);
  if (target.abilities.residentWorkgroups)
    emitResidentLoop();
  else
    emitProgram(firstProgram);
  emitTurn(TurnStep::Leave);
}

/// Word by word, since many numbers need the lower one only.
Value TileLowering::renew(Value wide) {
  auto word = [&](Value value) {
    Value narrow = arith::TruncIOp::create(b, b.getI32Type(), value);
    return arith::ExtUIOp::create(b, b.getI64Type(), simt::RenewOp::create(b, b.getI32Type(), narrow)).getResult();
  };
  Value high = word(arith::ShRUIOp::create(b, wide, i64(32)));
  return arith::OrIOp::create(b, word(wide), arith::ShLIOp::create(b, high, i64(32)));
}

/// Whether sums of products, one of each shape, take more than two thirds of a lane's registers.
bool TileLowering::fillsRegisters() {
  llvm::SmallDenseSet<Type> shapes;
  int64_t sums = 0;
  kernel.walk([&](tile::DotOp dot) {
    if (plan.productOf(dot).isGroup() && shapes.insert(dot.getType()).second)
      sums += plan.layoutOf(dot.getResult()).numRegisters();
  });
  return 3 * sums > 2 * target.registersOfRoles(target.warps).consumer;
}

/// Whether numbers that all programs need are too many to keep: beside such sums, and where lanes copy, which takes
/// extents and strides of both roles.
bool TileLowering::hasManyNumbers() {
  return llvm::any_of(rings, [](const Ring &ring) { return !ring.boxes && !ring.isOfNumbers; }) || fillsRegisters();
}

/// Numbers that follow from the arguments are made again in each program. Those that multiply have no registers to keep
/// them in meanwhile.
void TileLowering::renewArguments() {
  if (isProducer || !(sharesRows() || hasManyNumbers()))
    return;
  for (auto [argument, lowerArgument] : llvm::zip(kernel.getBody().getArguments(), lowered.getBody().getArguments()))
    if (!argument.use_empty())
      scalars.map(argument, renew(lowerArgument));
}

/// How many programs there are. Made by each role of what it would else hand down to both.
Value TileLowering::countPrograms() {
  if (!hasManyNumbers())
    return numPrograms;
  Value count = i32(1);
  for (Value size : gridSizes())
    count = arith::MulIOp::create(
        b, count, simt::RenewOp::create(b, b.getI32Type(), arith::TruncIOp::create(b, b.getI32Type(), size)));
  return count;
}

/// The ring whose state between programs is this one's too: a resident one moves once a program. The last of them is
/// that of numbers, which all warps go through.
const TileLowering::Ring &TileLowering::movesWith(const Ring &ring) const {
  auto isLike = [&](const Ring &other) { return other.isResident && other.slots == ring.slots; };
  return ring.isResident ? *llvm::find_if(llvm::reverse(rings), isLike) : ring;
}

/// Rings go on from one program to the next, so that its tiles are copied while this one ends.
void TileLowering::emitResidentLoop() {
  auto state = [&] {
    SmallVector<Value> values;
    for (const Ring &ring : rings)
      if (&movesWith(ring) == &ring)
        values.append({ring.slot, ring.phase});
    return values;
  };
  auto bind = [&](ValueRange values) {
    for (Ring &ring : rings)
      if (&movesWith(ring) == &ring) {
        ring.slot = values[0];
        ring.phase = values[1];
        values = values.drop_front(2);
      }
    for (Ring &ring : rings) {
      ring.slot = movesWith(ring).slot;
      ring.phase = movesWith(ring).phase;
    }
  };
  auto wide = [&](Value value) { return arith::ExtUIOp::create(b, b.getI64Type(), value).getResult(); };
  Value step = simt::WorkgroupsOp::create(b, b.getI32Type());
  auto loop = scf::ForOp::create(b, wide(firstProgram), wide(countPrograms()), wide(step), state());
  {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(loop.getBody());
    bind(loop.getRegionIterArgs());
    scopes.emplace_back();
    renewArguments();
    emitProgram(arith::TruncIOp::create(b, b.getI32Type(), loop.getInductionVar()));
    scopes.pop_back();
    scf::YieldOp::create(b, state());
  }
  lowered->setAttr(residentAttrName, b.getI64IntegerAttr(1)); // which takes all registers of a processor
  if (kernel->hasAttr(tile::unevenAttrName))
    lowered->setAttr(tile::unevenAttrName, b.getUnitAttr());
}

/// One lane makes the barriers; then the warps part.
void TileLowering::emitRoles() {
  Value copies = arith::CmpIOp::create(b, arith::CmpIPredicate::slt, warp, i32(0));
  Value first = arith::OrIOp::create(b, lane, arith::AddIOp::create(b, warp, i32(target.producerWarps)));
  auto isFirst = scf::IfOp::create(b, TypeRange(), arith::CmpIOp::create(b, arith::CmpIPredicate::eq, first, i32(0)),
                                   /*withElseRegion=*/false);
  {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPoint(isFirst.thenBlock()->getTerminator());
    for (const Ring &ring : rings)
      for (int64_t slot = 0; slot < ring.slots; ++slot) {
        int64_t full = ring.barriers + slot * barrierBytes, empty = full + ring.slots * barrierBytes;
        int64_t ofBand = ring.bandBytes == 0 ? 0 : warpsOfBands();
        int64_t copying = ring.boxes ? 1 + ofBand : target.producerWarps * target.lanes;
        simt::BarrierInitOp::create(b, i32(full), ring.isOfNumbers ? numbers.groups : copying);
        simt::BarrierInitOp::create(b, i32(empty), target.warps + (ring.isOfNumbers ? 1 : 0));
      }
    simt::BarrierInitOp::create(b, i32(scratchBarrier), target.producerWarps * target.lanes);
    simt::FenceBarriersOp::create(b);
  }
  simt::BarrierOp::create(b);
  auto roles = scf::IfOp::create(b, TypeRange(), copies, /*withElseRegion=*/true);
  roles->setAttr(roleThreadsAttrName, b.getI64IntegerAttr(plan.threads()));
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPoint(roles.thenBlock()->getTerminator());
  if (target.abilities.movableRegisters)
    simt::SetRegistersOp::create(b, simt::RegisterChange::Decrease,
                                 target.registersOfRoles(target.warps, target.copyingRegisters).producer);
  produce();
  b.setInsertionPoint(roles.elseBlock()->getTerminator());
  if (target.abilities.movableRegisters)
    simt::SetRegistersOp::create(b, simt::RegisterChange::Increase,
                                 target.registersOfRoles(target.warps, target.copyingRegisters).consumer);
  emitPrograms();
}

/// The programs of the warps that copy: one copies boxes, and others may make numbers.
void TileLowering::produce() {
  TileLowering copies(kernel, target, promises);
  copies.enterRole(*this);
  if (!ringOfNumbers()) {
    copies.emitPrograms();
  } else {
    TileLowering makes(kernel, target, promises);
    makes.enterRole(*this);
    makes.makesNumbers = true;
    makes.rowsOfShare = rowsOfShare;
    Value isFirst = arith::CmpIOp::create(copies.b, arith::CmpIPredicate::eq, copies.warp, copies.i32(0));
    auto parts = scf::IfOp::create(b, TypeRange(), isFirst, /*withElseRegion=*/true);
    parts->setAttr(makesNumbersAttrName, b.getUnitAttr());
    copies.b.setInsertionPoint(parts.thenBlock()->getTerminator());
    copies.emitPrograms();
    makes.b.setInsertionPoint(parts.elseBlock()->getTerminator());
    makes.warp = arith::SubIOp::create(makes.b, makes.warp, makes.i32(1));
    Value hasGroup = arith::CmpIOp::create(makes.b, arith::CmpIPredicate::ult, makes.warp, makes.i32(numbers.groups));
    auto some = scf::IfOp::create(makes.b, TypeRange(), hasGroup, /*withElseRegion=*/false);
    makes.b.setInsertionPoint(some.thenBlock()->getTerminator());
    makes.emitPrograms();
    failed |= makes.failed;
  }
  failed |= copies.failed;
  usesPromises |= copies.usesPromises;
  tensorMaps = copies.tensorMaps;
}

/// Makes this the program of warps that copy, at the place where `frame` emits.
void TileLowering::enterRole(const TileLowering &frame) {
  isProducer = true;
  b = frame.b;
  lowered = frame.lowered;
  prologueEnd = frame.prologueEnd;
  rings = frame.rings;
  numbers = frame.numbers;
  lane = frame.lane;
  {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPoint(prologueEnd);
    warp = arith::AddIOp::create(b, frame.warp, i32(target.producerWarps));
  }
  firstProgram = frame.firstProgram;
  numPrograms = frame.numPrograms;
  for (auto [argument, lowerArgument] : llvm::zip(kernel.getBody().getArguments(), lowered.getBody().getArguments()))
    scalars.map(argument, lowerArgument);
  scopes.emplace_back();
  scratchBarrier = frame.scratchBarrier;
}
