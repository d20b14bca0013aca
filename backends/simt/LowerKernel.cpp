/// The frame of a kernel: entry, blocks, scalars, regions.
#include "backends/simt/KernelVariant.h"
#include "backends/simt/PlaceBarriers.h"
#include "backends/simt/TileLowering.h"

#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/Verifier.h"

using namespace mlir;
using namespace heed;
using namespace heed::simt;
using tile::Layout;

void TileLowering::fail(Operation *op, const Twine &reason) {
  if (!failed)
    op->emitOpError("has no lowering to lanes: ") << reason;
  failed = true;
}

Value TileLowering::constant(Type type, int64_t value) {
  return arith::ConstantOp::create(b, b.getIntegerAttr(type, value));
}

Value TileLowering::toI32(Value index) {
  Value wide = scalar(index);
  return wide.getType().isInteger(32) ? wide : arith::TruncIOp::create(b, b.getI32Type(), wide).getResult();
}

Value TileLowering::toI64(Value index) {
  Value value = scalar(index);
  return value.getType().isInteger(64) ? value : arith::ExtSIOp::create(b, b.getI64Type(), value).getResult();
}

/// Indices are 64 bits wide; everything else keeps its type.
Type TileLowering::registerType(Type element) const {
  return element.isIndex() ? Type(IntegerType::get(element.getContext(), 64)) : element;
}

FailureOr<simt::KernelOp> TileLowering::emit(ModuleOp module) {
  b.setInsertionPointToEnd(module.getBody());
  SmallVector<Type> arguments(kernel.getArgumentTypes().size() + simt::KernelOp::numGridArguments, b.getI64Type());
  planRings();
  planBands();
  rowsOfShare = planShare();
  planNumbers();
  int64_t copying = rings.empty() ? 0 : target.producerWarps;
  lowered = simt::KernelOp::create(b, kernel.getSymName(), b.getFunctionType(arguments, {}), kernel.getNumBases(),
                                   plan.threads() + copying * target.lanes, target.lanes, /*shared_bytes=*/0,
                                   ArrayAttr(), ArrayAttr(), ArrayAttr());
  Block *entry =
      b.createBlock(&lowered.getBody(), {}, arguments, SmallVector<Location>(arguments.size(), kernel.getLoc()));
  for (auto [argument, lowerArgument] : llvm::zip(kernel.getBody().getArguments(), entry->getArguments()))
    scalars.map(argument, lowerArgument);
  lane = simt::LaneOp::create(b, b.getI32Type());
  warp = simt::WarpOp::create(b, b.getI32Type());
  if (sharesRows())
    warp = simt::UniformOp::create(b, b.getI32Type(), warp);
  if (copying != 0) // which come first
    warp = arith::SubIOp::create(b, warp, i32(copying));
  Value index = simt::ProgramOp::create(b, b.getI32Type());
  ValueRange sizes = gridSizes();
  Value total = arith::TruncIOp::create(
      b, b.getI32Type(), arith::MulIOp::create(b, arith::MulIOp::create(b, sizes[0], sizes[1]), sizes[2]));
  Value exists = arith::CmpIOp::create(b, arith::CmpIPredicate::ult, index, total);
  emitNeighbours();
  auto guard = scf::IfOp::create(b, TypeRange(), exists, /*withElseRegion=*/false);
  if (!prologueEnd)
    prologueEnd = guard;
  simt::ReturnOp::create(b);
  b.setInsertionPoint(guard.thenBlock()->getTerminator());
  scopes.emplace_back();
  if (rings.empty()) {
    enterProgram(index);
    emitTurn(TurnStep::Enter);
    emitBlock(kernel.getBody().front());
    emitTurn(TurnStep::Leave);
  } else {
    firstProgram = index;
    numPrograms = total;
    emitRoles();
  }
  noteOutcome(copying);
  if (failed)
    return failure();
  if (arena.highWater() > target.sharedBytes)
    return kernel.emitError("kernel @") << kernel.getSymName() << " needs " << arena.highWater()
                                        << " bytes of shared memory, the target has " << target.sharedBytes;
  return lowered;
}

/// What is known of the kernel once all of it is emitted.
void TileLowering::noteOutcome(int64_t copyingWarps) {
  for (const Ring &ring : rings)
    stages = std::max(stages, ring.slots);
  noteResources(lowered, copyingWarps, stages);
  if (target.workgroups > 1)
    lowered->setAttr(workgroupsAttrName, b.getI64IntegerAttr(target.workgroups));
  if (leavesOutRings)
    lowered->setAttr(crowdedAttrName, b.getUnitAttr());
  lowered.setSharedBytes(arena.highWater());
  if (!tensorMaps.empty())
    lowered.setTensorMapsAttr(b.getArrayAttr(tensorMaps));
}

/// Lets the next launch start at once: it takes no room from workgroups of this one, which all run by then. Where
/// launches before may be of other calls, only when these have ended.
void TileLowering::emitNeighbours() {
  auto follows = kernel->getAttrOfType<DenseI64ArrayAttr>(tile::followsAttrName);
  if (!target.abilities.overlappingLaunches || !follows)
    return;
  bool opens = kernel->hasAttr(tile::opensAttrName);
  Operation *admit = simt::AdmitNextOp::create(b), *await = simt::AwaitPreviousOp::create(b, follows, opens);
  if (opens)
    admit->moveAfter(await);
  prologueEnd = opens ? await : admit;
}

ValueRange TileLowering::gridSizes() {
  return ValueRange(lowered.getBody().getArguments()).take_back(simt::KernelOp::numGridArguments);
}

/// Code from here on is that of the program of this number, i32.
void TileLowering::enterProgram(Value index) {
  for (unsigned dim = 0; dim < 3; ++dim) {
    Value size = arith::TruncIOp::create(b, b.getI32Type(), gridSizes()[dim]);
    Value coordinate = dim == 2 ? index : arith::RemUIOp::create(b, index, size).getResult();
    program[dim] = arith::ExtUIOp::create(b, b.getI64Type(), coordinate);
    if (dim < 2)
      index = arith::DivUIOp::create(b, index, size);
  }
}

void TileLowering::emitBlock(Block &block) {
  auto turns = llvm::make_filter_range(block, [](Operation &op) { return op.hasAttr(tile::turnAttrName); });
  Operation *first = turns.empty() ? nullptr : &*turns.begin(), *last = nullptr;
  for (Operation &op : turns)
    last = &op;
  for (Operation &op : block) {
    b.setLoc(op.getLoc());
    if (&op == first)
      emitTurn(TurnStep::Begin);
    bool isOuter = &block == &kernel.getBody().front();
    if (isOuter && leavesOut(&op))
      continue;
    bool parks = isOuter && parksNumbers(&op);
    Parked parked = parks ? park(&op) : Parked();
    emitOp(&op);
    if (parks)
      unpark(parked);
    if (&op == last)
      emitTurn(TurnStep::End);
    releaseReadBy(&op);
  }
}

void TileLowering::emitOp(Operation *op) {
  if (auto load = dyn_cast<tile::LoadOp>(op))
    if (Ring *ring = ringOf(load.getResult()); ring && ring->isForLanes)
      return isProducer ? fillSlot(*ring, load) : readSlot(*ring, load);
  if (op->getNumResults() == 1 && plan.isFloating(op->getResult(0)))
    return; // made where it is needed
  if (isa<tile::TileDialect>(op->getDialect()))
    return emitTileOp(op);
  if (isa<memref::ReinterpretCastOp>(op)) {
    viewOf(op->getResult(0)); // used anywhere below, so its numbers are made here
  } else if (auto load = dyn_cast<memref::LoadOp>(op)) {
    emitScalarLoad(load);
  } else if (auto loop = dyn_cast<scf::ForOp>(op)) {
    emitLoop(loop);
  } else if (auto branch = dyn_cast<scf::IfOp>(op)) {
    emitBranch(branch);
  } else if (auto search = dyn_cast<scf::WhileOp>(op)) {
    emitSearch(search);
  } else if (isa<scf::YieldOp, scf::ConditionOp>(op)) {
    return; // emitLoop, emitBranch and emitSearch read it
  } else if (op->getNumResults() == 1 && tileType(op->getResult(0)) && isElementwise(op)) {
    if (isProducer)
      return;
    const Layout &layout = plan.layoutOf(op->getResult(0));
    if (isa<arith::TruncFOp>(op) && feedsGroupAtom(op->getResult(0)))
      landWith(op->getOperand(0), layout);
    define(op->getResult(0), layout, materialiseElementwise(op, layout));
  } else if (isa<arith::ArithDialect>(op->getDialect()) || op->getName().getDialectNamespace() == "math") {
    emitScalar(op);
  } else {
    rejectOp(op);
  }
}

void TileLowering::emitTileOp(Operation *op) {
  if (auto id = dyn_cast<tile::ProgramIdOp>(op))
    return scalars.map(id.getResult(), program[id.getDim()]);
  if (auto arrive = dyn_cast<tile::ArriveOp>(op))
    return emitArrive(arrive);
  if (auto share = dyn_cast<tile::ShareOp>(op))
    return emitShare(share);
  if (auto skip = dyn_cast<tile::SkipOp>(op))
    return emitSkip(skip);
  if (auto exceeds = dyn_cast<tile::ExceedsOp>(op))
    return emitExceeds(exceeds);
  auto load = dyn_cast<tile::LoadOp>(op);
  if (isProducer) {
    if (Ring *ring = load ? ringOf(load.getResult()) : nullptr)
      fillSlot(*ring, load);
    auto toeplitz = dyn_cast<tile::ToeplitzOp>(op);
    if (Ring *ring = toeplitz ? ringOfBand(toeplitz) : nullptr)
      fillBand(*ring, toeplitz);
    return;
  }
  if (isa<tile::ReturnOp, tile::CountOp>(op))
    return;
  std::optional<ViewAccess> access;
  if (isa<tile::LoadOp, tile::GatherOp>(op))
    access = ViewAccess::ofTile(op->getResult(0));
  if (access) {
    Value tile = op->getResult(0);
    if (llvm::all_of(op->getUsers(), llvm::IsaPred<tile::DotOp>))
      stageEarly(tile);
    else
      define(tile, plan.layoutOf(tile), emitLoad(*access, plan.layoutOf(tile)));
  } else if (auto store = dyn_cast<tile::StoreOp>(op)) {
    emitStore(store);
  } else if (auto gather = dyn_cast<tile::GatherOp>(op)) {
    if (isGatheredInRounds(gather))
      return;
    const Layout &layout = plan.layoutOf(gather.getResult());
    define(gather.getResult(), layout, emitGather(gather, layout));
  } else if (auto toeplitz = dyn_cast<tile::ToeplitzOp>(op)) {
    emitToeplitz(toeplitz);
  } else if (auto reduce = dyn_cast<tile::ReduceOp>(op)) {
    emitReduce(reduce);
  } else if (auto fold = dyn_cast<tile::FoldOp>(op)) {
    emitFold(fold);
  } else if (auto scan = dyn_cast<tile::ScanOp>(op)) {
    emitScan(scan);
  } else if (auto dot = dyn_cast<tile::DotOp>(op)) {
    emitDot(dot);
  } else {
    rejectOp(op);
  }
}

/// One lane arrives for the workgroup, when all have stored, and tells the others, in a place that nothing else takes:
/// that would need one more barrier.
void TileLowering::emitArrive(tile::ArriveOp op) {
  if (!target.abilities.arrivals || !rings.empty()) {
    fail(op, rings.empty() ? "programs cannot count themselves" : "warps have roles");
    return scalars.map(op.getLast(), constant(b.getI1Type(), 0));
  }
  SmallVector<Value> indices = llvm::map_to_vector(op.getIndices(), [&](Value index) { return toI64(index); });
  Value address = elementAddress(viewOf(op.getView()), indices), count = toI32(op.getCount());
  SharedTile told = allocate({1}, b.getI32Type(), tile::SharedLayout(tile::rowMajor(1)));
  simt::BarrierOp::create(b);
  forOneLane(Value(), [&] {
    Value last = arith::ExtUIOp::create(b, b.getI32Type(), simt::ArriveOp::create(b, b.getI1Type(), address, count));
    tag(simt::StoreOp::create(b, Space::Shared, last, i32(told.range.begin), Value(), 4), told);
  });
  told.range = arena.again(told.range);
  auto load = simt::LoadOp::create(b, b.getI32Type(), Space::Shared, i32(told.range.begin), Value(), Value(), 4);
  tag(load, told);
  Value last = simt::UniformOp::create(b, b.getI32Type(), load);
  scalars.map(op.getLast(), arith::CmpIOp::create(b, arith::CmpIPredicate::ne, last, i32(0)).getResult());
}

/// Emission goes on with zeros for the scalars.
void TileLowering::rejectOp(Operation *op) {
  fail(op, "unknown op");
  for (Value result : op->getResults())
    if (!tileType(result))
      scalars.map(result, constant(b.getI64Type(), 0));
}

void TileLowering::emitScalar(Operation *op) {
  SmallVector<Value> operands = llvm::map_to_vector(op->getOperands(), [&](Value operand) { return scalar(operand); });
  if (auto constantOp = dyn_cast<arith::ConstantOp>(op)) {
    TypedAttr value = constantOp.getValue();
    if (constantOp.getType().isIndex())
      value = b.getI64IntegerAttr(cast<IntegerAttr>(value).getInt());
    scalars.map(op->getResult(0), arith::ConstantOp::create(b, value).getResult());
    return;
  }
  scalars.map(op->getResult(0), emitElementwise(op, operands));
}

void TileLowering::emitScalarLoad(memref::LoadOp op) {
  const View &view = viewOf(op.getMemRef());
  SmallVector<Value> indices = llvm::map_to_vector(op.getIndices(), [&](Value index) { return toI64(index); });
  scalars.map(op.getResult(), loadElement(elementAddress(view, indices), Value(), Value(), view.element));
}

/// Appends a value of the tile program as the values that stand for it here: a tile in the layout of `like`.
void TileLowering::appendFlat(Value value, Value like, SmallVectorImpl<Value> &flat) {
  if (tileType(value) && isProducer)
    return;
  if (tileType(value) && areCarriedInPairs(like))
    llvm::append_range(flat, packPairs(registers(value, plan.layoutOf(like))));
  else if (tileType(value))
    llvm::append_range(flat, registers(value, plan.layoutOf(like)));
  else
    flat.push_back(scalar(value));
}

/// Whether 16-bit elements pass loops and branches two a word: as group instructions take them, and in half the
/// registers.
bool TileLowering::areCarriedInPairs(Value tile) const {
  Type element = tileType(tile).getElementType();
  return !target.groupAtoms.empty() && isa<FloatType>(element) && element.getIntOrFloatBitWidth() == 16 &&
         plan.layoutOf(tile).numRegisters() % 2 == 0;
}

void TileLowering::bindFlat(Value value, ValueRange flat, unsigned &next) {
  if (!tileType(value)) {
    scalars.map(value, flat[next++]);
    return;
  }
  if (isProducer)
    return;
  const Layout &layout = plan.layoutOf(value);
  Registers values;
  if (areCarriedInPairs(value)) {
    auto single = VectorType::get({1}, b.getI32Type()), pair = VectorType::get({2}, tileType(value).getElementType());
    for (Value word : flat.slice(next, layout.numRegisters() / 2))
      unpack(vector::BitCastOp::create(b, pair, vector::FromElementsOp::create(b, single, word)), values);
    next += layout.numRegisters() / 2;
  } else {
    values = Registers(flat.slice(next, layout.numRegisters()));
    next += layout.numRegisters();
  }
  define(value, layout, std::move(values));
}

void TileLowering::emitLoop(scf::ForOp op) {
  landUsedIn(op);
  SmallVector<Value> init;
  for (auto [value, argument] : llvm::zip_equal(op.getInitArgs(), op.getRegionIterArgs()))
    appendFlat(value, argument, init);
  SmallVector<Ring *> carriedRings = ringsIn(op);
  size_t firstRing = init.size();
  llvm::append_range(init, ringState(carriedRings));
  auto bindRings = [&](ValueRange values) { setRingState(carriedRings, values.drop_front(firstRing)); };
  Pipeline pipeline = planPipeline(op);
  bool isPipelined = !pipeline.loads.empty();
  if (isPipelined) {
    init.append(enterPipeline(pipeline, op));
    stages = std::max(stages, pipeline.slots);
  }
  // Lanes that make bands have no registers to spare, and positions are 32 bits wide.
  bool isNarrow = isProducer && llvm::any_of(carriedRings, [](const Ring *ring) { return ring->bandBytes != 0; });
  auto bound = [&](Value value) { return isNarrow ? toI32(value) : scalar(value); };
  auto loop = scf::ForOp::create(b, bound(op.getLowerBound()), bound(op.getUpperBound()), bound(op.getStep()), init);
  if (sharesRows() && !carriedRings.empty())
    loop->setAttr(ownRoundsAttrName, b.getUnitAttr());
  {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(loop.getBody());
    scopes.emplace_back();
    Value position = loop.getInductionVar();
    if (isNarrow)
      position = arith::ExtSIOp::create(b, b.getI64Type(), simt::RenewOp::create(b, b.getI32Type(), position));
    scalars.map(op.getInductionVar(), position);
    unsigned next = 0;
    for (Value argument : op.getRegionIterArgs())
      bindFlat(argument, loop.getRegionIterArgs(), next);
    bindRings(loop.getRegionIterArgs());
    SmallVector<Value> ahead;
    if (isPipelined)
      ahead = enterIteration(pipeline, op, loop.getRegionIterArgs().take_back(pipeline.numCarried()));
    emitBlock(*op.getBody());
    SmallVector<Value> yielded;
    for (auto [value, same] : llvm::zip_equal(op.getYieldedValues(), op.getResults()))
      appendFlat(value, same, yielded);
    if (startsGroups(op))
      landAll(nullptr);
    llvm::append_range(yielded, ringState(carriedRings));
    yielded.append(ahead);
    if (!yielded.empty())
      scf::YieldOp::create(b, yielded);
    scopes.pop_back();
  }
  if (isPipelined)
    leavePipeline(pipeline);
  bindRings(loop.getResults());
  unsigned next = 0;
  for (Value result : op.getResults())
    bindFlat(result, loop.getResults(), next);
}

/// The types of the values that appendFlat makes of these.
SmallVector<Type> TileLowering::flatTypes(ValueRange values) {
  SmallVector<Type> types;
  for (Value value : values) {
    RankedTensorType tile = tileType(value);
    if (tile && isProducer)
      continue;
    Type type = registerType(getElementTypeOrSelf(value.getType()));
    if (tile && areCarriedInPairs(value))
      types.append(plan.layoutOf(value).numRegisters() / 2, b.getI32Type());
    else
      types.append(tile ? plan.layoutOf(value).numRegisters() : 1, type);
  }
  return types;
}

void TileLowering::emitBranch(scf::IfOp op) {
  landUsedIn(op);
  SmallVector<Type> types = flatTypes(op.getResults());
  SmallVector<Ring *> carriedRings = ringsIn(op);
  SmallVector<Value> before = ringState(carriedRings);
  llvm::append_range(types, ValueRange(before).getTypes());
  bool hasElse = !op.getElseRegion().empty() || !carriedRings.empty();
  auto branch = scf::IfOp::create(b, types, scalar(op.getCondition()), hasElse);
  for (bool isThen : {true, false}) {
    if (!isThen && !hasElse)
      continue;
    OpBuilder::InsertionGuard guard(b);
    Block *body = isThen ? branch.thenBlock() : branch.elseBlock();
    if (types.empty())
      b.setInsertionPoint(body->getTerminator());
    else
      b.setInsertionPointToEnd(body);
    scopes.emplace_back();
    SmallVector<Value> yielded;
    if (Block *source = isThen ? op.thenBlock() : op.elseBlock()) {
      emitBlock(*source);
      for (auto [value, same] : llvm::zip_equal(source->getTerminator()->getOperands(), op.getResults()))
        appendFlat(value, same, yielded);
    }
    if (startsGroups(op))
      landAll(nullptr);
    llvm::append_range(yielded, ringState(carriedRings));
    setRingState(carriedRings, before);
    if (!types.empty())
      scf::YieldOp::create(b, yielded);
    scopes.pop_back();
  }
  // Warps may part only where they do not meet others.
  if (op.getCondition().getDefiningOp<tile::ExceedsOp>() && !isMemoryEffectFree(branch)) {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPoint(branch);
    branch.getConditionMutable().assign(constant(b.getI1Type(), 1));
  }
  unsigned next = 0;
  for (Value result : op.getResults())
    bindFlat(result, branch.getResults(), next);
  setRingState(carriedRings, branch.getResults().drop_front(next));
}

/// A loop over scalars.
void TileLowering::emitSearch(scf::WhileOp op) {
  if (llvm::any_of(op->getOperandTypes(), llvm::IsaPred<RankedTensorType>) ||
      llvm::any_of(op.getResultTypes(), llvm::IsaPred<RankedTensorType>))
    return fail(op, "only scf.for carries tiles");
  auto emitRegion = [&](Block &from, ValueRange arguments) {
    for (auto [argument, value] : llvm::zip_equal(from.getArguments(), arguments))
      scalars.map(argument, value);
    scopes.emplace_back();
    emitBlock(from);
    scopes.pop_back();
  };
  auto lower = [&](ValueRange values) {
    return llvm::map_to_vector(values, [&](Value value) { return scalar(value); });
  };
  SmallVector<Type> types = llvm::map_to_vector(op.getResultTypes(), [&](Type type) { return registerType(type); });
  auto loop = scf::WhileOp::create(
      b, types, lower(op.getInits()),
      [&](OpBuilder &, Location, ValueRange arguments) {
        emitRegion(*op.getBeforeBody(), arguments);
        scf::ConditionOp condition = op.getConditionOp();
        scf::ConditionOp::create(b, scalar(condition.getCondition()), lower(condition.getArgs()));
      },
      [&](OpBuilder &, Location, ValueRange arguments) {
        emitRegion(*op.getAfterBody(), arguments);
        scf::YieldOp::create(b, lower(op.getYieldOp().getResults()));
      });
  for (auto [result, value] : llvm::zip_equal(op.getResults(), loop.getResults()))
    scalars.map(result, value);
}
