/// The entry point of a kernel, its blocks, scalars and regions.
#include "backends/cpu/KernelEmitter.h"
#include "runtime/KernelAbi.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"

#include <cstddef>

using namespace mlir;
using namespace heed;
using namespace heed::cpu;

void KernelEmitter::fail(Operation *op, const Twine &reason) {
  if (!failed)
    op->emitError("cannot be lowered for the CPU: ") << reason;
  failed = true;
}

FailureOr<int64_t> KernelEmitter::emit(ModuleOp module, StringRef symbol) {
  b.setInsertionPointToEnd(module.getBody());
  Type i64 = b.getI64Type();
  auto type = b.getFunctionType({b.pointerType, i64, i64, b.pointerType}, {});
  auto function = func::FuncOp::create(b, b.loc, symbol, type);
  // The scratch is the worker's own: nothing else in the call points into it.
  function.setArgAttr(3, LLVM::LLVMDialect::getNoAliasAttrName(), b.getUnitAttr());
  function.setArgAttr(0, LLVM::LLVMDialect::getReadonlyAttrName(), b.getUnitAttr());
  Block *entry = function.addEntryBlock();
  b.setInsertionPointToStart(entry);
  emitPrologue(entry);
  b.setInsertionPointToEnd(entry);
  func::ReturnOp::create(b, b.loc);
  if (failed)
    return failure();
  return scratch.bytes() + llvm::alignTo(temporaryBytes, scratchAlignment);
}

/// Reads operands and parameters, then loops over the programs of the range: linear ids, x fastest.
void KernelEmitter::emitPrologue(Block *entry) {
  Value args = entry->getArgument(0);
  scratchBase = entry->getArgument(3);
  auto field = [&](size_t bytes, Type type) {
    return b.load(type, b.offset(args, b.getI8Type(), static_cast<int64_t>(bytes)), 8);
  };
  Value operands = field(offsetof(heed_cpu_kernel_args, operands), b.pointerType);
  Value params = field(offsetof(heed_cpu_kernel_args, params), b.pointerType);
  counters = field(offsetof(heed_cpu_kernel_args, counters), b.pointerType);
  int64_t bases = kernel.getNumBases();
  for (auto [position, argument] : llvm::enumerate(kernel.getBody().getArguments())) {
    int64_t index = position;
    if (index < bases) {
      Value pointer = b.load(b.pointerType, b.offset(operands, b.getI64Type(), index), 8);
      views[argument] = {pointer, cast<MemRefType>(argument.getType()).getElementType(), {Length(1)}, {}};
      continue;
    }
    Value parameter = b.load(b.getI64Type(), b.offset(params, b.getI64Type(), index - bases), 8);
    values.map(argument, arith::IndexCastOp::create(b, b.loc, b.getIndexType(), parameter).getResult());
  }
  Value sizes[2];
  for (int dim : {0, 1})
    sizes[dim] = field(offsetof(heed_cpu_kernel_args, grid) + 8 * dim, b.getI64Type());
  forRange(entry->getArgument(1), entry->getArgument(2), [&](Value linear) {
    int64_t rank = kernel.getGridRank();
    for (int64_t dim = 0; dim < rank; ++dim) {
      Value id = linear;
      if (dim + 1 < rank) {
        id = arith::RemUIOp::create(b, b.loc, linear, sizes[dim]);
        linear = arith::DivUIOp::create(b, b.loc, linear, sizes[dim]);
      }
      program[dim] = arith::IndexCastOp::create(b, b.loc, b.getIndexType(), id);
    }
    emitBlock(&kernel.getBody().front());
  });
}

void KernelEmitter::emitBlock(Block *block) {
  for (const Node &node : plan.block(block).nodes) {
    for (Operation *op : node.scalars)
      emitScalar(op);
    current = &node;
    switch (node.kind) {
    case NodeKind::Rows:
      emitRows(node);
      break;
    case NodeKind::Dot:
      emitDot(node);
      break;
    case NodeKind::InPlace:
      emitInPlaceLoad(cast<tile::LoadOp>(node.ops[0]));
      break;
    case NodeKind::Single:
      emitSingle(node.ops[0]);
      break;
    case NodeKind::Region:
      if (auto loop = dyn_cast<scf::ForOp>(node.ops[0]))
        emitLoop(loop);
      else
        emitBranch(cast<scf::IfOp>(node.ops[0]));
      break;
    case NodeKind::End:
      break; // the caller yields
    }
  }
}

Value KernelEmitter::scalar(Value value) {
  if (Value emitted = values.lookupOrNull(value))
    return emitted;
  // A constant of an enclosing block may be needed before that block's own turn to emit it.
  if (Operation *op = value.getDefiningOp<arith::ConstantOp>()) {
    emitScalar(op);
    return values.lookup(value);
  }
  fail(value.getDefiningOp() ? value.getDefiningOp() : kernel.getOperation(), "a scalar is used before it is known");
  return b.constant(computeType(value.getType()), int64_t(0));
}

void KernelEmitter::emitCount(tile::CountOp op) {
  Value amount = b.toI64(scalar(op.getAmount()));
  Value null = LLVM::ZeroOp::create(b, b.loc, b.pointerType);
  Value counting = LLVM::ICmpOp::create(b, b.loc, LLVM::ICmpPredicate::ne, counters, null);
  auto branch = scf::IfOp::create(b, b.loc, counting, /*withElseRegion=*/false);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(branch.thenBlock());
  static_assert(HEED_KERNEL_KEY_BLOCKS_VISITED == static_cast<int>(tile::Counter::KeyBlocks));
  Value slot = b.offset(counters, b.getI64Type(), static_cast<int64_t>(op.getCounter()));
  b.store(arith::AddIOp::create(b, b.loc, b.load(b.getI64Type(), slot, 8), amount), slot, 8);
}

/// The view a memref value stands for.
View KernelEmitter::viewOf(Value memref) {
  if (auto known = views.find(memref); known != views.end())
    return known->second;
  fail(memref.getDefiningOp() ? memref.getDefiningOp() : kernel.getOperation(),
       "views are built from the kernel's bases by memref.reinterpret_cast");
  return {LLVM::ZeroOp::create(b, b.loc, b.pointerType), b.getF32Type(), {}, {}};
}

void KernelEmitter::emitScalar(Operation *op) {
  auto length = [&](OpFoldResult size) {
    if (auto attribute = dyn_cast<Attribute>(size))
      return Length(cast<IntegerAttr>(attribute).getInt());
    return Length(b.toI64(scalar(cast<Value>(size))));
  };
  if (auto id = dyn_cast<tile::ProgramIdOp>(op)) {
    values.map(id.getResult(), program[id.getDim()]);
  } else if (auto count = dyn_cast<tile::CountOp>(op)) {
    emitCount(count);
  } else if (auto recast = dyn_cast<memref::ReinterpretCastOp>(op)) {
    View view = viewOf(recast.getSource());
    view.pointer = b.offset(view.pointer, view.element, length(recast.getMixedOffsets()[0]));
    view.strides = llvm::map_to_vector(recast.getMixedStrides(), length);
    view.sizes = llvm::map_to_vector(recast.getMixedSizes(), length);
    views[recast.getResult()] = view;
  } else if (auto load = dyn_cast<memref::LoadOp>(op)) {
    View view = viewOf(load.getMemRef());
    Length at = 0;
    for (auto [index, stride] : llvm::zip_equal(load.getIndices(), view.strides))
      at = b.add(at, b.mul(Length(b.toI64(scalar(index))), stride));
    Value raw = b.load(b.accessType(view.element), b.offset(view.pointer, view.element, at), bytesOf(view.element));
    values.map(load.getResult(), b.fromMemory(raw, view.element));
  } else if (auto constant = dyn_cast<arith::ConstantOp>(op)) {
    OpBuilder::InsertionGuard guard(b);
    auto function = b.getInsertionBlock()->getParentOp();
    while (!isa<func::FuncOp>(function))
      function = function->getParentOp();
    b.setInsertionPointToStart(&cast<func::FuncOp>(function).getBody().front());
    values.map(constant.getResult(), constantOf(constant.getValue(), constant.getType()));
  } else if (!isa<tile::StageOp, tile::BarrierOp, tile::WaitOp>(op)) {
    if (op->getNumResults() != 1) {
      fail(op, "it is not a known scalar op");
      return;
    }
    SmallVector<Value> operands = llvm::map_to_vector(op->getOperands(), [&](Value v) { return scalar(v); });
    values.map(op->getResult(0), emitElementwise(op, operands, op->getResult(0).getType()));
  }
}

void KernelEmitter::emitLoop(scf::ForOp op) {
  SmallVector<Value> initial;
  for (auto [init, argument] : llvm::zip(op.getInitArgs(), op.getRegionIterArgs())) {
    if (!tileType(init))
      initial.push_back(scalar(init));
    else if (!scratch.shareBuffer(init, argument))
      copyTile(init, placeOf(argument));
  }
  auto loop = scf::ForOp::create(b, b.loc, scalar(op.getLowerBound()), scalar(op.getUpperBound()), scalar(op.getStep()),
                                 initial);
  OpBuilder::InsertionGuard guard(b);
  Block *body = loop.getBody();
  if (!body->empty() && body->back().hasTrait<OpTrait::IsTerminator>())
    body->back().erase();
  b.setInsertionPointToEnd(body);
  values.map(op.getInductionVar(), loop.getInductionVar());
  size_t scalarCount = 0;
  for (Value argument : op.getRegionIterArgs())
    if (!tileType(argument))
      values.map(argument, loop.getRegionIterArgs()[scalarCount++]);
  emitBlock(op.getBody());

  auto yields = cast<scf::YieldOp>(op.getBody()->getTerminator()).getResults();
  SmallVector<Value> yielded;
  for (auto [value, argument] : llvm::zip(yields, op.getRegionIterArgs())) {
    if (!tileType(value))
      yielded.push_back(scalar(value));
    else if (scratch.needsExchange(argument))
      copyTile(value, bufferAt(scratch.exchangeOffsetOf(argument), tileType(argument)));
  }
  for (auto [value, argument] : llvm::zip(yields, op.getRegionIterArgs()))
    if (tileType(value) && !scratch.needsExchange(argument) && !scratch.shareBuffer(value, argument))
      copyTile(value, placeOf(argument));
  for (Value argument : op.getRegionIterArgs())
    if (scratch.needsExchange(argument)) {
      Place room = bufferAt(scratch.exchangeOffsetOf(argument), tileType(argument));
      Place home = placeOf(argument);
      forEachPosition(tileType(argument).getShape(),
                      [&](Position &position) { storeVectors(home, position, loadVectors(room, position)); });
    }
  scf::YieldOp::create(b, b.loc, yielded);
  scalarCount = 0;
  for (Value result : op.getResults())
    if (!tileType(result))
      values.map(result, loop.getResult(scalarCount++));
}

void KernelEmitter::emitBranch(scf::IfOp op) {
  SmallVector<Type> types;
  for (Type type : op.getResultTypes())
    if (!isa<RankedTensorType>(type))
      types.push_back(type.isIndex() ? type : computeType(type));
  auto branch = scf::IfOp::create(b, b.loc, types, scalar(op.getCondition()), /*addThenBlock=*/true,
                                  /*addElseBlock=*/!op.getElseRegion().empty());
  auto emitSide = [&](Block *from, Block *to) {
    OpBuilder::InsertionGuard guard(b);
    if (!to->empty())
      to->back().erase();
    b.setInsertionPointToEnd(to);
    emitBlock(from);
    SmallVector<Value> yielded;
    for (auto [value, result] : llvm::zip(from->getTerminator()->getOperands(), op.getResults())) {
      if (!tileType(value))
        yielded.push_back(scalar(value));
      else if (!scratch.shareBuffer(value, result))
        copyTile(value, placeOf(result));
    }
    scf::YieldOp::create(b, b.loc, yielded);
  };
  emitSide(op.thenBlock(), branch.thenBlock());
  if (!op.getElseRegion().empty())
    emitSide(op.elseBlock(), branch.elseBlock());
  size_t scalarCount = 0;
  for (Value result : op.getResults())
    if (!tileType(result))
      values.map(result, branch.getResult(scalarCount++));
}
