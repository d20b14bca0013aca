#include "compiler/kernel/KernelBuilder.h"

#include "dialects/attn/Attn.h"
#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

using namespace mlir;
using namespace heed;

Type heed::storageType(Type type) { return type.isInteger(1) ? IntegerType::get(type.getContext(), 8) : type; }

int64_t heed::storageBytes(Type type) { return (storageType(type).getIntOrFloatBitWidth() + 7) / 8; }

static Type elementType(Type tensor) { return cast<RankedTensorType>(tensor).getElementType(); }

KernelBuilder::KernelBuilder(plan::KernelOp source, StringRef name, Handover tied)
    : sourceOp(source), handover(tied), builder(source.getLoc(), source.getContext()),
      shapes(source->getParentOfType<func::FuncOp>()) {
  auto graph = source->getParentOfType<func::FuncOp>();
  auto symbols = graph->getAttrOfType<ArrayAttr>(plan::symbolsAttrName);
  numSymbols = symbols ? symbols.size() : 0;
  builder.setInsertionPoint(graph);
  kernel =
      tile::KernelOp::create(builder, name, builder.getFunctionType({}, {}), maxGridRank, nullptr, nullptr, nullptr);
  entry = &kernel.getBody().emplaceBlock();
  builder.setInsertionPointToStart(entry);

  auto addBase = [&](Type element) {
    entry->addArgument(MemRefType::get({ShapedType::kDynamic}, storageType(element)), loc());
  };
  auto addBases = [&](TypeRange tensors, ArrayAttr views, ArrayAttr sizes, SmallVector<StoredView> &out) {
    for (auto [tensor, view, size] :
         llvm::zip_equal(tensors, views.getAsValueRange<AffineMapAttr>(), sizes.getAsValueRange<AffineMapAttr>())) {
      addBase(elementType(tensor));
      out.push_back(readView(view, size));
    }
  };
  auto addScratch = [&](SmallVector<StoredView> &out) {
    for (const Scratch &each : handover.scratch) {
      addBase(each.element);
      out.push_back(denseView(each.sizes));
    }
  };
  addBases(source.getOperands().getTypes(), source.getOperandViews(), source.getOperandSizes(), operandViews);
  for (auto [argument, view] : llvm::zip_equal(sourceBlock().getArguments(), operandViews))
    shapes.setShape(argument, view.sizes);
  if (handover.use == ScratchUse::Write) {
    addScratch(resultViews);
    return;
  }
  if (handover.use == ScratchUse::Read)
    addScratch(operandViews);
  for (Value start : handover.started)
    addBase(elementType(start.getType()));
  addBases(source.getResultTypes(), source.getResultViews(), source.getResultSizes(), resultViews);
  for (auto [result, view] : llvm::enumerate(resultViews))
    if (!isa<BlockArgument>(yielded(result)))
      shapes.setShape(yielded(result), view.sizes);
  if (handover.use == ScratchUse::Own)
    addScratch(resultViews);
}

StoredView KernelBuilder::denseView(ArrayRef<AffineExpr> sizes) {
  StoredView view{expression(0), SmallVector<AffineExpr>(sizes.size()), llvm::to_vector(sizes)};
  AffineExpr stride = expression(1);
  for (size_t dim = sizes.size(); dim-- > 0;) {
    view.strides[dim] = stride;
    stride = stride * sizes[dim];
  }
  return view;
}

Type KernelBuilder::storedElement(unsigned base) {
  return cast<MemRefType>(entry->getArgument(base).getType()).getElementType();
}

StoredView KernelBuilder::readView(AffineMap strides, AffineMap sizes) {
  StoredView view;
  view.offset = strides.getResult(0);
  llvm::append_range(view.strides, strides.getResults().drop_front());
  llvm::append_range(view.sizes, sizes.getResults());
  return view;
}

Value KernelBuilder::constant(int64_t value) { return arith::ConstantIndexOp::create(builder, value); }

AffineExpr KernelBuilder::expression(int64_t constant) { return builder.getAffineConstantExpr(constant); }

Value KernelBuilder::value(AffineExpr expr) {
  expr = simplifyAffineExpr(expr, 0, numSymbols);
  if (auto constantExpr = dyn_cast<AffineConstantExpr>(expr))
    return constant(constantExpr.getValue());
  Value &parameter = parameterValues[expr];
  if (!parameter) {
    parameters.push_back(expr);
    parameter = entry->addArgument(builder.getIndexType(), loc());
  }
  return parameter;
}

Value KernelBuilder::memory(Value base, StoredView view, Type elementType) {
  if (view.sizes.empty()) { // a scalar is one element
    view.sizes.push_back(expression(1));
    view.strides.push_back(expression(1));
  }
  OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPointToStart(entry);
  auto fold = [&](AffineExpr expr) -> OpFoldResult {
    expr = simplifyAffineExpr(expr, 0, numSymbols);
    if (auto constantExpr = dyn_cast<AffineConstantExpr>(expr))
      return builder.getIndexAttr(constantExpr.getValue());
    return value(expr);
  };
  SmallVector<OpFoldResult> sizes = llvm::map_to_vector(view.sizes, fold);
  SmallVector<OpFoldResult> strides = llvm::map_to_vector(view.strides, fold);
  OpFoldResult offset = fold(view.offset);
  auto statics = [](ArrayRef<OpFoldResult> values) {
    return llvm::map_to_vector(values, [](OpFoldResult value) {
      auto attr = dyn_cast<Attribute>(value);
      return attr ? cast<IntegerAttr>(attr).getInt() : ShapedType::kDynamic;
    });
  };
  auto layout = StridedLayoutAttr::get(builder.getContext(), statics({offset})[0], statics(strides));
  auto type = MemRefType::get(statics(sizes), storageType(elementType), layout);
  return memref::ReinterpretCastOp::create(builder, type, base, offset, sizes, strides);
}

Value KernelBuilder::operandMemory(unsigned operand) {
  Value &cached = memories[{operand, 0}];
  if (!cached)
    cached = memory(entry->getArgument(operand), operandViews[operand], storedElement(operand));
  return cached;
}

Value KernelBuilder::scratchMemory(unsigned position) {
  return handover.use == ScratchUse::Read ? operandMemory(unsigned(sourceOp.getOperands().size()) + position)
                                          : resultMemory(scratchResult(position));
}

Value KernelBuilder::resultMemory(unsigned result) {
  Value &cached = memories[{result, 1}];
  unsigned base = operandViews.size() + handover.started.size() + result;
  if (!cached)
    cached = memory(entry->getArgument(base), resultViews[result], storedElement(base));
  return cached;
}

Value KernelBuilder::yielded(unsigned result) {
  return cast<plan::YieldOp>(sourceBlock().getTerminator()).getValues()[result];
}

Value KernelBuilder::scalar(Value original) {
  if (Value known = scalars.lookup(original))
    return known;
  Operation *op = original.getDefiningOp();
  if (!op || isa<RankedTensorType>(original.getType()))
    return {};
  OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPointToStart(entry);
  Value result;
  if (auto symbol = dyn_cast<plan::SymbolOp>(op)) {
    auto names = sourceOp->getParentOfType<func::FuncOp>()->getAttrOfType<ArrayAttr>(plan::symbolsAttrName);
    for (auto [position, name] : llvm::enumerate(names ? names.getValue() : ArrayRef<Attribute>()))
      if (name == symbol.getNameAttr())
        result = value(builder.getAffineSymbolExpr(position));
  } else if (isPure(op) && op->getNumRegions() == 0 && op->getNumResults() == 1) {
    IRMapping mapping;
    for (Value operand : op->getOperands()) {
      Value mapped = scalar(operand);
      if (!mapped)
        return {};
      mapping.map(operand, mapped);
      builder.setInsertionPointAfterValue(mapped);
    }
    // Operands may have been placed after one another: go behind the last of them.
    for (auto [from, to] : mapping.getValueMap())
      if (Operation *definition = to.getDefiningOp(); definition && builder.getInsertionPoint() != entry->end() &&
                                                      definition->getBlock() == entry &&
                                                      !definition->isBeforeInBlock(&*builder.getInsertionPoint()))
        builder.setInsertionPointAfter(definition);
    result = builder.clone(*op, mapping)->getResult(0);
  }
  scalars[original] = result;
  return result;
}

SmallVector<AffineExpr> KernelBuilder::sizesOf(Value tensor) { return SmallVector<AffineExpr>(shapes.shapeOf(tensor)); }

SmallVector<AffineExpr> KernelBuilder::loopSizes(linalg::GenericOp generic) {
  SmallVector<AffineExpr> sizes(generic.getNumLoops());
  for (OpOperand &operand : generic->getOpOperands()) {
    if (!isa<RankedTensorType>(operand.get().getType()))
      continue;
    ArrayRef<AffineExpr> known = shapes.shapeOf(operand.get());
    for (auto [dim, expr] : llvm::enumerate(generic.getMatchingIndexingMap(&operand).getResults()))
      if (auto loop = dyn_cast<AffineDimExpr>(expr); loop && known[dim] && !sizes[loop.getPosition()])
        sizes[loop.getPosition()] = known[dim];
  }
  return sizes;
}

FailureOr<SmallVector<Value>> KernelBuilder::part(StringRef name, function_ref<FailureOr<SmallVector<Value>>()> body) {
  auto block = std::make_unique<Block>();
  FailureOr<SmallVector<Value>> values;
  {
    OpBuilder::InsertionGuard guard(builder);
    builder.setInsertionPointToStart(block.get());
    values = body();
    if (failed(values))
      return failure();
    tile::YieldOp::create(builder, *values);
  }
  auto op = tile::PartOp::create(builder, TypeRange(ValueRange(*values)), name);
  op.getBody().push_back(block.release());
  return SmallVector<Value>(op.getResults());
}

Value KernelBuilder::add(Value a, Value b) { return builder.createOrFold<arith::AddIOp>(a, b); }
Value KernelBuilder::sub(Value a, Value b) { return builder.createOrFold<arith::SubIOp>(a, b); }
Value KernelBuilder::mul(Value a, Value b) { return builder.createOrFold<arith::MulIOp>(a, b); }
Value KernelBuilder::min(Value a, Value b) { return builder.createOrFold<arith::MinSIOp>(a, b); }
Value KernelBuilder::max(Value a, Value b) { return builder.createOrFold<arith::MaxSIOp>(a, b); }
Value KernelBuilder::floorDiv(Value a, int64_t divisor) {
  return divisor == 1 ? a : builder.createOrFold<arith::FloorDivSIOp>(a, constant(divisor));
}

Value KernelBuilder::divideCounts(Value a, Value b) {
  auto narrow = [&](Value value) {
    return arith::IndexCastUIOp::create(builder, builder.getI32Type(), value).getResult();
  };
  Value quotient = arith::DivUIOp::create(builder, narrow(a), narrow(b));
  return arith::IndexCastUIOp::create(builder, builder.getIndexType(), quotient);
}

std::pair<Value, Value> KernelBuilder::divideWithRest(Value a, Value b) {
  Value quotient = divideCounts(a, b);
  return {quotient, sub(a, mul(quotient, b))};
}

Value KernelBuilder::extent(AffineExpr size, int64_t block, Value origin) {
  auto known = dyn_cast<AffineConstantExpr>(size);
  return known && known.getValue() % block == 0 ? Value() : sub(value(size), origin);
}

SmallVector<Value> KernelBuilder::delinearise(Value linear, ArrayRef<AffineExpr> sizes) {
  SmallVector<Value> coordinates(sizes.size());
  for (size_t dim = sizes.size(); dim-- > 0;) {
    if (dim == 0) {
      coordinates[0] = linear;
      break;
    }
    Value size = value(sizes[dim]);
    coordinates[dim] = builder.createOrFold<arith::RemUIOp>(linear, size);
    linear = builder.createOrFold<arith::DivUIOp>(linear, size);
  }
  return coordinates;
}

void KernelBuilder::markUneven() { kernel->setAttr(tile::unevenAttrName, builder.getUnitAttr()); }

/// Of what the views show, each element once; what kernels hand to each other is no useful work.
AffineExpr KernelBuilder::usefulBytes() {
  AffineExpr bytes = expression(0);
  auto count = [&](const StoredView &view, unsigned base) {
    if (tied && base == tied->operand)
      return;
    AffineExpr elements = expression(storageBytes(storedElement(base)));
    if (tied && base == operandViews.size()) {
      bytes = bytes + elements * tied->elements;
      return;
    }
    for (auto [size, stride] : llvm::zip_equal(view.sizes, view.strides))
      if (stride != expression(0))
        elements = elements * size;
    bytes = bytes + elements;
  };
  if (handover.use != ScratchUse::Read)
    for (auto [operand, view] : llvm::enumerate(operandViews))
      count(view, operand);
  if (handover.use != ScratchUse::Write)
    for (auto [result, view] : llvm::enumerate(ArrayRef(resultViews).take_front(sourceOp.getNumResults())))
      count(view, operandViews.size() + handover.started.size() + result);
  return bytes;
}

plan::LaunchOp KernelBuilder::createLaunch(ArrayRef<AffineExpr> grid, AffineExpr flops) {
  SmallVector<AffineExpr> fullGrid(grid);
  fullGrid.resize(maxGridRank, expression(1));
  auto map = [&](ArrayRef<AffineExpr> results) { return AffineMap::get(0, numSymbols, results, builder.getContext()); };
  SmallVector<Value> operands(sourceOp.getOperands());
  SmallVector<Type> types(sourceOp.getResultTypes());
  ArrayAttr shapesOfResults = sourceOp.getStorageSizes().value_or(sourceOp.getResultSizes());
  if (handover.use == ScratchUse::Read)
    llvm::append_range(operands, llvm::map_range(handover.scratch, [](const Scratch &each) { return each.tensor; }));
  llvm::append_range(operands, handover.started);
  if (handover.use == ScratchUse::Write || handover.use == ScratchUse::Own) {
    SmallVector<Attribute> maps(shapesOfResults.getValue());
    if (handover.use == ScratchUse::Write) {
      types.clear();
      maps.clear();
    }
    for (const Scratch &each : handover.scratch) {
      auto sizes = llvm::map_to_vector(each.sizes, [](AffineExpr size) {
        auto known = dyn_cast<AffineConstantExpr>(size);
        return known ? known.getValue() : ShapedType::kDynamic;
      });
      types.push_back(RankedTensorType::get(sizes, each.element));
      maps.push_back(AffineMapAttr::get(map(each.sizes)));
    }
    shapesOfResults = builder.getArrayAttr(maps);
  }
  return plan::LaunchOp::create(builder, types, kernel.getSymName(), operands, map(parameters), map(fullGrid),
                                shapesOfResults, map({flops}), map({usefulBytes()}), sourceOp.getRoot(),
                                (sourceOp.getLabel() + handover.suffix).str(), sourceOp.getNotesAttr(),
                                /*alternatives=*/ArrayAttr(),
                                /*alternative_grids=*/ArrayAttr(), /*alternative_conditions=*/ArrayAttr());
}

void KernelBuilder::finish(ArrayRef<AffineExpr> grid, AffineExpr flops, ArrayRef<NamedAttribute> schedule) {
  tile::ReturnOp::create(builder);
  kernel.setFunctionType(builder.getFunctionType(entry->getArgumentTypes(), {}));
  kernel.setScheduleAttr(builder.getDictionaryAttr(schedule));
  builder.setInsertionPoint(sourceOp);
  launchOp = createLaunch(grid, flops);
  if (handover.use == ScratchUse::Write) {
    for (auto [each, result] : llvm::zip_equal(handover.scratch, launchOp.getResults()))
      each.tensor = result;
    return;
  }
  if (!handover.started.empty()) {
    auto first = int64_t(launchOp.getOperands().size() - handover.started.size());
    auto starts = llvm::to_vector(llvm::seq(first, first + int64_t(handover.started.size())));
    starts.resize(launchOp.getNumResults(), -1);
    launchOp->setAttr(plan::tiedAttrName, builder.getDenseI64ArrayAttr(starts));
  }
  if (handover.use == ScratchUse::Own)
    markZeroed();
  if (tied)
    launchOp->setAttr(plan::tiedAttrName, builder.getDenseI64ArrayAttr({tied->operand}));
  sourceOp.replaceAllUsesWith(launchOp.getResults().take_front(sourceOp.getNumResults()));
  sourceOp.erase();
}

void KernelBuilder::markZeroed() {
  SmallVector<int64_t> zeroed;
  for (auto [position, each] : llvm::enumerate(handover.scratch))
    if (each.isZeroed)
      zeroed.push_back(scratchResult(position));
  if (!zeroed.empty())
    launchOp->setAttr(plan::zeroedAttrName, builder.getDenseI64ArrayAttr(zeroed));
}

SymbolicShapes heed::shapesInside(plan::KernelOp kernel) {
  SymbolicShapes shapes(kernel->getParentOfType<func::FuncOp>());
  for (auto [argument, sizes] :
       llvm::zip_equal(kernel.getBody().getArguments(), kernel.getOperandSizes().getAsValueRange<AffineMapAttr>()))
    shapes.setShape(argument, SmallVector<AffineExpr>(sizes.getResults()));
  return shapes;
}
