#include "backends/vulkan/KernelEmitter.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace heed;
using namespace heed::vulkan;

unsigned heed::vulkan::elementCount(Type type) {
  auto vector = dyn_cast<VectorType>(type);
  return vector ? vector.getNumElements() : 1;
}

KernelEmitter::KernelEmitter(SpirvModule &module, simt::KernelOp kernel)
    : module(module), kernel(kernel), builder(kernel.getContext()), prologue(kernel.getContext()),
      location(kernel.getLoc()) {}

//===- Values -----------------------------------------------------------------------------------------------------===//

Type KernelEmitter::scalarType(Type type) {
  Type element = getElementTypeOrSelf(type);
  if (element.isBF16())
    return builder.getI16Type();
  return element.isIndex() ? builder.getI64Type() : element;
}

Value KernelEmitter::constant(TypedAttr value) {
  Value &known = constants[value];
  if (!known)
    known = spirv::ConstantOp::create(prologue, kernel.getLoc(), value.getType(), value);
  return known;
}

Value KernelEmitter::constant(Type type, int64_t value) {
  if (type.isInteger(1))
    return constant(builder.getBoolAttr(value != 0));
  return constant(builder.getIntegerAttr(type, value));
}

Value KernelEmitter::floatConstant(Type type, double value) { return constant(builder.getFloatAttr(type, value)); }

Scalars KernelEmitter::scalars(ValueRange range) {
  Scalars all;
  for (Value value : range)
    llvm::append_range(all, scalars(value));
  return all;
}

void KernelEmitter::set(ValueRange range, ValueRange emitted) {
  for (Value value : range) {
    unsigned count = elementCount(value.getType());
    set(value, Scalars(emitted.take_front(count)));
    emitted = emitted.drop_front(count);
  }
}

LogicalResult KernelEmitter::emitConstant(arith::ConstantOp op) {
  auto convert = [&](Attribute element) {
    if (auto number = dyn_cast<FloatAttr>(element)) {
      if (!number.getType().isBF16())
        return constant(number);
      return constant(builder.getI16Type(), number.getValue().bitcastToAPInt().getSExtValue());
    }
    auto integer = cast<IntegerAttr>(element);
    return constant(scalarType(integer.getType()), integer.getValue().getSExtValue());
  };
  Scalars emitted;
  if (auto elements = dyn_cast<DenseElementsAttr>(op.getValue()))
    for (Attribute element : elements.getValues<Attribute>())
      emitted.push_back(convert(element));
  else if (isa<FloatAttr, IntegerAttr>(op.getValue()))
    emitted.push_back(convert(op.getValue()));
  else
    return op.emitOpError("has a value that Vulkan kernels cannot have: ") << op.getValue();
  set(op.getResult(), std::move(emitted));
  return success();
}

//===- The frame --------------------------------------------------------------------------------------------------===//

Value KernelEmitter::addressOf(spirv::GlobalVariableOp variable) {
  interface.insert(variable);
  return spirv::AddressOfOp::create(prologue, kernel.getLoc(), variable);
}

Value KernelEmitter::loadBuiltin(spirv::BuiltIn which) {
  Value address = addressOf(module.builtin(which));
  return spirv::LoadOp::create(prologue, kernel.getLoc(), address);
}

/// Both dimensions of the launch count: a driver may have to fold a long grid.
Value KernelEmitter::programIndex() {
  if (program)
    return program;
  Value place = loadBuiltin(spirv::BuiltIn::WorkgroupId), count = loadBuiltin(spirv::BuiltIn::NumWorkgroups);
  auto element = [&](Value vector, int32_t position) -> Value {
    return spirv::CompositeExtractOp::create(prologue, kernel.getLoc(), vector, {position});
  };
  Value rows = spirv::IMulOp::create(prologue, kernel.getLoc(), element(place, 1), element(count, 0));
  program = spirv::IAddOp::create(prologue, kernel.getLoc(), rows, element(place, 0));
  return program;
}

unsigned KernelEmitter::pushedArguments() {
  unsigned count = kernel.getNumArguments();
  return count <= maximumPushedWords ? count : 1;
}

/// Member `path[0]` of the push constants, and an element of it.
Value KernelEmitter::loadPushed(ArrayRef<int32_t> path) {
  SmallVector<Value, 2> places;
  for (int32_t place : path)
    places.push_back(constant(builder.getI32Type(), place));
  Value block = addressOf(module.pushConstants(pushedArguments()));
  Value pointer = spirv::AccessChainOp::create(prologue, kernel.getLoc(), block, places);
  return spirv::LoadOp::create(prologue, kernel.getLoc(), pointer);
}

/// Words that are used, from the push constants or from the buffer that the only push constant points to.
void KernelEmitter::emitArguments() {
  unsigned count = kernel.getNumArguments();
  bool pushed = count <= maximumPushedWords;
  Type i64 = builder.getI64Type();
  Value buffer = pushed ? Value() : loadPushed({0, 0});
  for (BlockArgument argument : kernel.getArguments()) {
    auto position = static_cast<int32_t>(argument.getArgNumber());
    if (argument.use_empty())
      continue;
    if (pushed) {
      set(argument, {loadPushed({0, position})});
      continue;
    }
    Value address = spirv::IAddOp::create(prologue, kernel.getLoc(), buffer, constant(i64, 8 * position));
    Value pointer = spirv::ConvertUToPtrOp::create(
        prologue, kernel.getLoc(), spirv::PointerType::get(i64, spirv::StorageClass::PhysicalStorageBuffer), address);
    set(argument,
        {spirv::LoadOp::create(prologue, kernel.getLoc(), pointer,
                               spirv::MemoryAccessAttr::get(builder.getContext(), spirv::MemoryAccess::Aligned),
                               builder.getI32IntegerAttr(8))});
  }
}

/// Some devices end loops by themselves once an invocation has had too many rounds, and say nothing. There the last
/// thing that a kernel does is a loop of as many rounds as it finds at the address pushed for it: if it had fewer, the
/// kernel leaves a mark behind that number. Everywhere else the condition is a constant, and nothing of this is
/// compiled.
void KernelEmitter::emitLoopWatch() {
  Type i32 = builder.getI32Type(), i64 = builder.getI64Type();
  auto pointer = spirv::PointerType::get(i32, spirv::StorageClass::PhysicalStorageBuffer);
  auto aligned = spirv::MemoryAccessAttr::get(builder.getContext(), spirv::MemoryAccess::Aligned);
  Value address = loadPushed({1});
  Value watches =
      spirv::ReferenceOfOp::create(prologue, location, builder.getI1Type(), module.watchesLoops().getSymName());
  auto nothing = [] { return Scalars(); };
  emitWhere(watches, {}, [&] {
    Value place = create<spirv::ConvertUToPtrOp>(pointer, address);
    Value wanted = spirv::LoadOp::create(builder, location, place, aligned, builder.getI32IntegerAttr(4));
    Value made = emitCount(wanted);
    emitWhere(create<spirv::INotEqualOp>(made, wanted), {}, [&] {
      Value behind = create<spirv::IAddOp>(address, constant(i64, 4));
      Value mark = create<spirv::ConvertUToPtrOp>(pointer, behind);
      spirv::StoreOp::create(builder, location, mark, constant(i32, 1), aligned, builder.getI32IntegerAttr(4));
      return nothing();
    });
    return nothing();
  });
}

LogicalResult KernelEmitter::emit() {
  builder.setInsertionPointToEnd(module.get().getBody());
  auto function = create<spirv::FuncOp>(kernel.getSymName(), builder.getFunctionType({}, {}));
  Block *entry = function.addEntryBlock(), *body = function.addBlock();
  builder.setInsertionPointToEnd(entry);
  prologue.setInsertionPoint(create<spirv::BranchOp>(body));
  builder.setInsertionPointToEnd(body);
  emitArguments();
  if (failed(emitBlock(kernel.getBody().front())))
    return failure();
  location = kernel.getLoc();
  bool loops = kernel.walk([](LoopLikeOpInterface) { return WalkResult::interrupt(); }).wasInterrupted();
  if (loops)
    emitLoopWatch();
  create<spirv::ReturnOp>();
  emitInterface(function);
  return success();
}

/// Infinities, NaNs and signs of zeros are kept, and conversions to f16 round to nearest.
void KernelEmitter::emitInterface(spirv::FuncOp function) {
  builder.setInsertionPointToEnd(module.get().getBody());
  SmallVector<Attribute> variables;
  for (Operation *variable : interface)
    variables.push_back(SymbolRefAttr::get(variable));
  create<spirv::EntryPointOp>(spirv::ExecutionModel::GLCompute, function, variables);
  int32_t threads = kernel.getThreads();
  create<spirv::ExecutionModeOp>(function, spirv::ExecutionMode::LocalSize, ArrayRef<int32_t>{threads, 1, 1});
  bool halves = false, doubles = false, rounds = false;
  function.walk([&](Operation *op) {
    for (Type type : op->getResultTypes()) {
      halves |= getElementTypeOrSelf(type).isF16();
      doubles |= getElementTypeOrSelf(type).isF64();
      rounds |= isa<spirv::FConvertOp>(op) && type.isF16();
    }
  });
  auto preserve = [&](int32_t bits) {
    create<spirv::ExecutionModeOp>(function, spirv::ExecutionMode::SignedZeroInfNanPreserve, ArrayRef<int32_t>{bits});
  };
  preserve(32);
  if (halves)
    preserve(16);
  if (doubles)
    preserve(64);
  if (rounds)
    create<spirv::ExecutionModeOp>(function, spirv::ExecutionMode::RoundingModeRTE, ArrayRef<int32_t>{16});
}

//===- Ops --------------------------------------------------------------------------------------------------------===//

LogicalResult KernelEmitter::emitBlock(Block &block) {
  for (Operation &op : block.without_terminator()) {
    location = op.getLoc();
    if (failed(emitOp(&op)))
      return failure();
  }
  return success();
}

LogicalResult KernelEmitter::emitOp(Operation *op) {
  auto give = [&](Value value) {
    set(op->getResult(0), {value});
    return success();
  };
  return llvm::TypeSwitch<Operation *, LogicalResult>(op)
      .Case([&](simt::ProgramOp) { return give(programIndex()); })
      .Case([&](simt::LaneOp) { return give(loadBuiltin(spirv::BuiltIn::SubgroupLocalInvocationId)); })
      .Case([&](simt::WarpOp) { return give(loadBuiltin(spirv::BuiltIn::SubgroupId)); })
      .Case([&](simt::LoadOp load) { return emitLoad(load); })
      .Case([&](simt::StoreOp store) { return emitStore(store); })
      .Case([&](simt::ShuffleOp shuffle) { return emitShuffle(shuffle); })
      .Case([&](simt::BarrierOp) {
        create<spirv::ControlBarrierOp>(spirv::Scope::Workgroup, spirv::Scope::Workgroup,
                                        spirv::MemorySemantics::AcquireRelease |
                                            spirv::MemorySemantics::WorkgroupMemory);
        return success();
      })
      .Case([&](arith::ConstantOp constant) { return emitConstant(constant); })
      .Case([&](scf::IfOp branch) { return emitIf(branch); })
      .Case([&](scf::ForOp loop) { return emitFor(loop); })
      .Case([&](scf::WhileOp loop) { return emitWhile(loop); })
      .Case<vector::ExtractOp, vector::InsertOp, vector::FromElementsOp, vector::ToElementsOp, vector::BroadcastOp,
            vector::BitCastOp>([&](auto) { return emitVectorOp(op); })
      .Default([&](Operation *) { return emitElementwise(op); });
}

/// Vectors are lists of scalars, so these only pick and reorder.
LogicalResult KernelEmitter::emitVectorOp(Operation *op) {
  auto reject = [&] { return op->emitOpError("has an access of a vector that Vulkan kernels cannot have"); };
  if (auto extract = dyn_cast<vector::ExtractOp>(op)) {
    ArrayRef<int64_t> place = extract.getStaticPosition();
    const Scalars &source = scalars(extract.getSource());
    if (extract.hasDynamicPosition() || place.size() != 1 || place[0] < 0 || place[0] >= int64_t(source.size()))
      return reject();
    set(extract.getResult(), {source[place[0]]});
  } else if (auto insert = dyn_cast<vector::InsertOp>(op)) {
    ArrayRef<int64_t> place = insert.getStaticPosition();
    Scalars emitted = scalars(insert.getDest());
    if (insert.hasDynamicPosition() || place.size() != 1 || place[0] < 0 || place[0] >= int64_t(emitted.size()))
      return reject();
    emitted[place[0]] = scalar(insert.getValueToStore());
    set(insert.getResult(), std::move(emitted));
  } else if (auto broadcast = dyn_cast<vector::BroadcastOp>(op)) {
    if (isa<VectorType>(broadcast.getSourceType()))
      return reject();
    set(broadcast.getResult(), Scalars(elementCount(broadcast.getType()), scalar(broadcast.getSource())));
  } else if (auto cast = dyn_cast<vector::BitCastOp>(op)) {
    set(cast.getResult(), regroup(scalars(cast.getSource()), scalarType(cast.getType())));
  } else {
    set(op->getResults(), scalars(ValueRange(op->getOperands())));
  }
  return success();
}

LogicalResult KernelEmitter::emitShuffle(simt::ShuffleOp op) {
  Value value = scalar(op.getValue()), selector = scalar(op.getSelector());
  if (op.getMode() == simt::ShuffleMode::Xor)
    set(op.getResult(),
        {create<spirv::GroupNonUniformShuffleXorOp>(value.getType(), spirv::Scope::Subgroup, value, selector)});
  else
    set(op.getResult(),
        {create<spirv::GroupNonUniformShuffleOp>(value.getType(), spirv::Scope::Subgroup, value, selector)});
  return success();
}

//===- Control flow -----------------------------------------------------------------------------------------------===//

void KernelEmitter::addArguments(Block *block, ValueRange stands) {
  for (Value value : stands) {
    Scalars arguments;
    for (unsigned position = 0, count = elementCount(value.getType()); position < count; ++position)
      arguments.push_back(block->addArgument(scalarType(value.getType()), location));
    set(value, std::move(arguments));
  }
}

SmallVector<Type> KernelEmitter::scalarTypes(TypeRange types) {
  SmallVector<Type> scalars;
  for (Type type : types)
    scalars.append(elementCount(type), scalarType(type));
  return scalars;
}

FailureOr<Scalars> KernelEmitter::emitSelection(Value condition, TypeRange types, Branch then, Branch otherwise) {
  OpBuilder::InsertionGuard guard(builder);
  auto selection = create<spirv::SelectionOp>(types, spirv::SelectionControl::None);
  Region &region = selection.getBody();
  Block *header = builder.createBlock(&region), *thenBlock = builder.createBlock(&region),
        *elseBlock = builder.createBlock(&region), *merge = builder.createBlock(&region);
  Location outer = location;
  builder.setInsertionPointToEnd(header);
  create<spirv::BranchConditionalOp>(condition, thenBlock, ValueRange(), elseBlock, ValueRange());
  for (auto [block, emitBranch] : {std::pair(thenBlock, then), std::pair(elseBlock, otherwise)}) {
    builder.setInsertionPointToEnd(block);
    FailureOr<Scalars> results = emitBranch();
    if (failed(results))
      return failure();
    location = outer;
    create<spirv::BranchOp>(merge, *results);
  }
  builder.setInsertionPointToEnd(merge);
  for (Type type : types)
    merge->addArgument(type, location);
  create<spirv::MergeOp>(merge->getArguments());
  return Scalars(selection.getResults());
}

Scalars KernelEmitter::emitWhere(Value condition, const Scalars &otherwise, llvm::function_ref<Scalars()> then) {
  return *emitSelection(
      condition, ValueRange(otherwise).getTypes(), [&]() -> FailureOr<Scalars> { return then(); },
      [&]() -> FailureOr<Scalars> { return otherwise; });
}

LogicalResult KernelEmitter::emitIf(scf::IfOp op) {
  auto emitRegion = [&](Region &region) -> FailureOr<Scalars> {
    if (region.empty())
      return Scalars();
    if (failed(emitBlock(region.front())))
      return failure();
    return scalars(ValueRange(region.front().getTerminator()->getOperands()));
  };
  FailureOr<Scalars> results = emitSelection(
      scalar(op.getCondition()), scalarTypes(op.getResultTypes()), [&] { return emitRegion(op.getThenRegion()); },
      [&] { return emitRegion(op.getElseRegion()); });
  if (failed(results))
    return failure();
  set(op.getResults(), *results);
  return success();
}

/// What scf.for and scf.while become: entry, header, body, continue and merge block.
struct KernelEmitter::LoopBlocks {
  spirv::LoopOp op;
  Block *entry, *header, *body, *latch, *merge;
};

KernelEmitter::LoopBlocks KernelEmitter::createLoop(TypeRange results) {
  auto loop = create<spirv::LoopOp>(scalarTypes(results), spirv::LoopControl::None);
  OpBuilder::InsertionGuard guard(builder);
  Block *blocks[5];
  for (Block *&block : blocks)
    block = builder.createBlock(&loop.getBody(), loop.getBody().end());
  return {loop, blocks[0], blocks[1], blocks[2], blocks[3], blocks[4]};
}

/// Back edges refer forward, which the serialiser can only do to ops that are instructions; selections and loops are
/// none.
Scalars KernelEmitter::carriedBack(Scalars next) {
  for (Value &value : next)
    if (value.getDefiningOp<spirv::SelectionOp>() || value.getDefiningOp<spirv::LoopOp>())
      value = create<spirv::SelectOp>(constant(builder.getI1Type(), 1), value, value);
  return next;
}

/// Counts to `limit`, round by round.
Value KernelEmitter::emitCount(Value limit) {
  OpBuilder::InsertionGuard guard(builder);
  Type i32 = limit.getType();
  LoopBlocks loop = createLoop(i32);
  builder.setInsertionPointToEnd(loop.entry);
  create<spirv::BranchOp>(loop.header, ValueRange(constant(i32, 0)));
  Value counter = loop.header->addArgument(i32, location);
  builder.setInsertionPointToEnd(loop.header);
  create<spirv::BranchConditionalOp>(create<spirv::SLessThanOp>(counter, limit), loop.body, ValueRange(), loop.merge,
                                     ValueRange());
  builder.setInsertionPointToEnd(loop.body);
  create<spirv::BranchOp>(loop.latch);
  builder.setInsertionPointToEnd(loop.latch);
  create<spirv::BranchOp>(loop.header, ValueRange(create<spirv::IAddOp>(counter, constant(i32, 1))));
  builder.setInsertionPointToEnd(loop.merge);
  create<spirv::MergeOp>(ValueRange(counter));
  return loop.op.getResult(0);
}

LogicalResult KernelEmitter::emitFor(scf::ForOp op) {
  OpBuilder::InsertionGuard guard(builder);
  LoopBlocks loop = createLoop(op.getResultTypes());
  Scalars carried = scalars(op.getInitArgs());
  carried.insert(carried.begin(), scalar(op.getLowerBound()));
  builder.setInsertionPointToEnd(loop.entry);
  create<spirv::BranchOp>(loop.header, carried);

  addArguments(loop.header, op.getBody()->getArguments());
  builder.setInsertionPointToEnd(loop.header);
  auto predicate = op.getUnsignedCmp() ? arith::CmpIPredicate::ult : arith::CmpIPredicate::slt;
  Value counter = loop.header->getArgument(0);
  create<spirv::BranchConditionalOp>(emitCompare(predicate, counter, scalar(op.getUpperBound())), loop.body,
                                     ValueRange(), loop.merge, ValueRange());

  builder.setInsertionPointToEnd(loop.body);
  if (failed(emitBlock(*op.getBody())))
    return failure();
  location = op.getLoc();
  create<spirv::BranchOp>(loop.latch);

  builder.setInsertionPointToEnd(loop.latch);
  Scalars next = carriedBack(scalars(ValueRange(op.getBody()->getTerminator()->getOperands())));
  next.insert(next.begin(), create<spirv::IAddOp>(counter, scalar(op.getStep())));
  create<spirv::BranchOp>(loop.header, next);

  builder.setInsertionPointToEnd(loop.merge);
  create<spirv::MergeOp>(loop.header->getArguments().drop_front());
  set(op.getResults(), loop.op.getResults());
  return success();
}

/// The condition may take control flow of its own, so it has a block behind the header, which must end with the merge
/// declaration.
LogicalResult KernelEmitter::emitWhile(scf::WhileOp op) {
  OpBuilder::InsertionGuard guard(builder);
  LoopBlocks loop = createLoop(op.getResultTypes());
  builder.setInsertionPointToEnd(loop.entry);
  create<spirv::BranchOp>(loop.header, scalars(op.getInits()));

  addArguments(loop.header, op.getBeforeArguments());
  Block *check = builder.createBlock(loop.body);
  builder.setInsertionPointToEnd(loop.header);
  create<spirv::BranchOp>(check);
  builder.setInsertionPointToEnd(check);
  if (failed(emitBlock(*op.getBeforeBody())))
    return failure();
  location = op.getLoc();
  scf::ConditionOp condition = op.getConditionOp();
  Scalars passed = scalars(condition.getArgs());
  create<spirv::BranchConditionalOp>(scalar(condition.getCondition()), loop.body, ValueRange(), loop.merge,
                                     ValueRange());

  builder.setInsertionPointToEnd(loop.body);
  set(op.getAfterArguments(), passed);
  if (failed(emitBlock(*op.getAfterBody())))
    return failure();
  location = op.getLoc();
  create<spirv::BranchOp>(loop.latch);
  builder.setInsertionPointToEnd(loop.latch);
  create<spirv::BranchOp>(loop.header, carriedBack(scalars(ValueRange(op.getYieldOp()->getOperands()))));

  builder.setInsertionPointToEnd(loop.merge);
  create<spirv::MergeOp>(passed);
  set(op.getResults(), loop.op.getResults());
  return success();
}
