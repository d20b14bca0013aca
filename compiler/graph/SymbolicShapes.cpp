#include "compiler/graph/SymbolicShapes.h"

#include "dialects/attn/Attn.h"
#include "dialects/plan/Plan.h"
#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Matchers.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace heed;

SymbolicShapes::SymbolicShapes(func::FuncOp function) : function(function), context(function.getContext()) {
  if (auto names = function->getAttrOfType<ArrayAttr>(plan::symbolsAttrName))
    for (auto [position, name] : llvm::enumerate(names.getAsRange<StringAttr>()))
      symbolPositions[name.getValue()] = position;
  // In program order, so that a long chain of ops never recurses deeply.
  function.walk<WalkOrder::PreOrder>([&](Operation *op) {
    for (Value result : op->getResults()) {
      (void)shapeOf(result);
      (void)valueOf(result);
    }
  });
}

static RankedTensorType tensorTypeOf(Value value) {
  if (auto state = dyn_cast<attn::RowStateType>(value.getType()))
    return state.getAccumulator();
  return dyn_cast<RankedTensorType>(value.getType());
}

ArrayRef<AffineExpr> SymbolicShapes::shapeOf(Value tensor) {
  RankedTensorType type = tensorTypeOf(tensor);
  if (!type)
    return {};
  if (auto known = shapes.find(tensor); known != shapes.end())
    return known->second;
  Sizes sizes = deriveShape(tensor);
  sizes.resize(type.getRank());
  setShape(tensor, sizes);
  return shapes[tensor];
}

void SymbolicShapes::setShape(Value tensor, ArrayRef<AffineExpr> sizes) {
  RankedTensorType type = tensorTypeOf(tensor);
  Sizes known(sizes);
  for (auto [dim, size] : llvm::enumerate(known))
    size = type.isDynamicDim(dim) ? simplifySize(size) : constant(type.getDimSize(dim));
  shapes[tensor] = ArrayRef<AffineExpr>(known).copy(storage);
}

void SymbolicShapes::invalidate() {
  shapes.clear();
  values.clear();
}

AffineExpr SymbolicShapes::valueOf(Value scalar) {
  if (!scalar.getType().isIntOrIndex())
    return {};
  if (auto known = values.find(scalar); known != values.end())
    return known->second;
  AffineExpr value = simplifySize(deriveValue(scalar));
  values[scalar] = value;
  return value;
}

AffineExpr SymbolicShapes::valueOf(OpFoldResult scalar) {
  if (auto value = dyn_cast<Value>(scalar))
    return valueOf(value);
  auto attribute = dyn_cast_or_null<IntegerAttr>(cast<Attribute>(scalar));
  return attribute ? constant(attribute.getInt()) : AffineExpr();
}

bool SymbolicShapes::haveSameShape(ArrayRef<AffineExpr> left, ArrayRef<AffineExpr> right) {
  return left.size() == right.size() && llvm::all_of(llvm::zip_equal(left, right), [&](auto pair) {
           return provablyEqual(std::get<0>(pair), std::get<1>(pair));
         });
}

bool SymbolicShapes::haveSameShape(Value left, Value right) { return haveSameShape(shapeOf(left), shapeOf(right)); }

SymbolicShapes::Sizes SymbolicShapes::copyShape(Value tensor) { return Sizes(shapeOf(tensor)); }

SymbolicShapes::Sizes SymbolicShapes::deriveShape(Value tensor) {
  RankedTensorType type = tensorTypeOf(tensor);
  if (type.hasStaticShape())
    return Sizes(type.getRank()); // setShape fills the static sizes in
  if (auto argument = dyn_cast<BlockArgument>(tensor))
    return deriveArgumentShape(argument);
  return deriveFromOp(tensor.getDefiningOp(), cast<OpResult>(tensor));
}

SymbolicShapes::Sizes SymbolicShapes::deriveArgumentShape(BlockArgument argument) {
  Operation *parent = argument.getOwner()->getParentOp();
  if (auto kernel = dyn_cast_or_null<plan::KernelOp>(parent))
    return Sizes(cast<AffineMapAttr>(kernel.getOperandSizes()[argument.getArgNumber()]).getValue().getResults());
  if (auto attend = dyn_cast_or_null<attn::AttendOp>(parent)) {
    size_t captures = attend.getCaptures().size();
    size_t leading = argument.getOwner()->getNumArguments() - captures;
    return argument.getArgNumber() < leading ? Sizes()
                                             : copyShape(attend.getCaptures()[argument.getArgNumber() - leading]);
  }
  if (parent == function)
    if (auto map = function.getArgAttrOfType<AffineMapAttr>(argument.getArgNumber(), plan::shapeAttrName))
      return Sizes(map.getValue().getResults());
  return {};
}

SymbolicShapes::Sizes SymbolicShapes::deriveFromLinalg(Operation *op, OpResult result) {
  auto destination = cast<DestinationStyleOpInterface>(op);
  Sizes sizes = copyShape(destination.getDpsInits()[result.getResultNumber()]);
  auto structured = dyn_cast<linalg::LinalgOp>(op);
  if (!structured || llvm::all_of(sizes, [](AffineExpr size) { return static_cast<bool>(size); }))
    return sizes;
  // A dimension the init does not tell is the extent of its loop in some other operand.
  AffineMap output = structured.getIndexingMapMatchingResult(result);
  for (auto [dim, size] : llvm::enumerate(sizes)) {
    if (size || !isa<AffineDimExpr>(output.getResult(dim)))
      continue;
    for (OpOperand &operand : op->getOpOperands()) {
      if (!isa<RankedTensorType>(operand.get().getType()))
        continue;
      AffineMap map = structured.getMatchingIndexingMap(&operand);
      if (std::optional<unsigned> position = map.getResultPosition(output.getResult(dim)))
        if (AffineExpr found = shapeOf(operand.get())[*position]) {
          size = found;
          break;
        }
    }
  }
  return sizes;
}

/// Sizes of a concatenation: the joined dimension adds up, the others are those of any input that knows them.
static SmallVector<AffineExpr, 4> concatenate(SymbolicShapes &shapes, tensor::ConcatOp op) {
  SmallVector<AffineExpr, 4> sizes(shapes.shapeOf(op.getInputs().front()));
  for (Value input : op.getInputs().drop_front())
    for (auto [dim, size] : llvm::enumerate(shapes.shapeOf(input))) {
      if (dim == op.getDim())
        sizes[dim] = sizes[dim] && size ? sizes[dim] + size : AffineExpr();
      else if (!sizes[dim])
        sizes[dim] = size;
    }
  return sizes;
}

static SmallVector<AffineExpr, 4> collapse(SymbolicShapes &shapes, tensor::CollapseShapeOp op) {
  SmallVector<AffineExpr, 4> sizes;
  ArrayRef<AffineExpr> source = shapes.shapeOf(op.getSrc());
  for (const ReassociationIndices &group : op.getReassociationIndices()) {
    AffineExpr size = shapes.constant(1);
    for (int64_t dim : group)
      size = size && source[dim] ? size * source[dim] : AffineExpr();
    sizes.push_back(size);
  }
  return sizes;
}

static SmallVector<AffineExpr, 4> splat(SymbolicShapes &shapes, tensor::SplatOp op) {
  SmallVector<AffineExpr, 4> sizes(op.getType().getRank());
  unsigned next = 0;
  for (auto [dim, size] : llvm::enumerate(sizes))
    if (op.getType().isDynamicDim(dim))
      size = shapes.valueOf(op.getDynamicSizes()[next++]);
  return sizes;
}

static SmallVector<AffineExpr, 4> slice(SymbolicShapes &shapes, tensor::ExtractSliceOp op) {
  SmallVector<AffineExpr, 4> sizes;
  llvm::SmallBitVector dropped = op.getDroppedDims();
  for (auto [dim, size] : llvm::enumerate(op.getMixedSizes()))
    if (!dropped.test(dim))
      sizes.push_back(shapes.valueOf(size));
  return sizes;
}

static SmallVector<AffineExpr, 4> pad(SymbolicShapes &shapes, tensor::PadOp op) {
  SmallVector<AffineExpr, 4> sizes(shapes.shapeOf(op.getSource()));
  for (auto [size, low, high] : llvm::zip_equal(sizes, op.getMixedLowPad(), op.getMixedHighPad())) {
    AffineExpr before = shapes.valueOf(low), after = shapes.valueOf(high);
    size = size && before && after ? size + before + after : AffineExpr();
  }
  return sizes;
}

SymbolicShapes::Sizes SymbolicShapes::deriveFromOp(Operation *op, OpResult result) {
  auto mixed = [&](ArrayRef<OpFoldResult> values) {
    return Sizes(llvm::map_range(values, [&](OpFoldResult value) { return valueOf(value); }));
  };
  return TypeSwitch<Operation *, Sizes>(op)
      .Case([&](tensor::EmptyOp empty) { return mixed(empty.getMixedSizes()); })
      .Case([&](tensor::SplatOp op) { return splat(*this, op); })
      .Case([&](tensor::ExpandShapeOp expand) { return mixed(expand.getMixedOutputShape()); })
      .Case([&](tensor::CollapseShapeOp op) { return collapse(*this, op); })
      .Case([&](tensor::ConcatOp op) { return concatenate(*this, op); })
      .Case([&](tensor::CastOp cast) { return copyShape(cast.getSource()); })
      .Case([&](tensor::ExtractSliceOp op) { return slice(*this, op); })
      .Case([&](tensor::InsertSliceOp insert) { return copyShape(insert.getDest()); })
      .Case([&](tensor::PadOp op) { return pad(*this, op); })
      .Case([&](attn::AttendOp attend) {
        Sizes sizes(shapeOf(attend.getQuery()).take_front(3));
        if (result != attend.getLse())
          sizes.push_back(shapeOf(attend.getValue()).back());
        return sizes;
      })
      .Case([&](attn::FinishOp finish) {
        Sizes sizes = copyShape(finish.getState());
        if (result == finish.getLse())
          sizes.pop_back();
        return sizes;
      })
      .Case([&](plan::KernelOp kernel) {
        return Sizes(cast<AffineMapAttr>(kernel.getResultSizes()[result.getResultNumber()]).getValue().getResults());
      })
      .Case([&](plan::LaunchOp launch) {
        return Sizes(cast<AffineMapAttr>(launch.getResultShapes()[result.getResultNumber()]).getValue().getResults());
      })
      .Case<attn::MergeOp, attn::RopeOp, attn::AppendOp, attn::NormOp>(
          [&](Operation *same) { return copyShape(same->getOperand(0)); })
      .Case<DestinationStyleOpInterface>([&](auto) { return deriveFromLinalg(op, result); })
      .Default([&](Operation *other) {
        // Elementwise ops on whole tensors have the shape of their operands.
        Sizes sizes;
        if (OpTrait::hasElementwiseMappableTraits(other))
          for (Value operand : other->getOperands())
            if (tensorTypeOf(operand) && (sizes.empty() || llvm::is_contained(sizes, AffineExpr())))
              sizes = copyShape(operand);
        return sizes;
      });
}

/// The quotient that truncating division gives too, for values that are not negative.
static bool floorsLikeTruncation(AffineExpr left, AffineExpr right) {
  return provablyNonNegative(left) && provablyNonNegative(right);
}

AffineExpr SymbolicShapes::deriveBinary(Operation *op) {
  AffineExpr left = valueOf(op->getOperand(0)), right = valueOf(op->getOperand(1));
  if (!left || !right)
    return {};
  bool truncates = isa<arith::DivSIOp, arith::DivUIOp, arith::RemSIOp, arith::RemUIOp>(op);
  if (truncates && !floorsLikeTruncation(left, right))
    return {};
  return TypeSwitch<Operation *, AffineExpr>(op)
      .Case<arith::AddIOp>([&](auto) { return left + right; })
      .Case<arith::SubIOp>([&](auto) { return left - right; })
      .Case<arith::MulIOp>([&](auto) { return left * right; })
      .Case<arith::DivSIOp, arith::DivUIOp, arith::FloorDivSIOp>([&](auto) { return left.floorDiv(right); })
      .Case<arith::CeilDivSIOp>([&](auto) { return left.ceilDiv(right); })
      .Case<arith::RemSIOp, arith::RemUIOp>([&](auto) { return left % right; })
      .Default([](Operation *) { return AffineExpr(); });
}

AffineExpr SymbolicShapes::deriveValue(Value scalar) {
  Operation *op = scalar.getDefiningOp();
  if (!op)
    return {};
  APInt number;
  if (matchPattern(scalar, m_ConstantInt(&number)))
    return number.getSignificantBits() <= 64 ? constant(number.getSExtValue()) : AffineExpr();
  return TypeSwitch<Operation *, AffineExpr>(op)
      .Case([&](plan::SymbolOp symbol) {
        auto position = symbolPositions.find(symbol.getName());
        return position == symbolPositions.end() ? AffineExpr() : getAffineSymbolExpr(position->second, context);
      })
      .Case([&](tensor::DimOp dim) {
        std::optional<int64_t> index = dim.getConstantIndex();
        ArrayRef<AffineExpr> sizes = shapeOf(dim.getSource());
        return index && *index >= 0 && *index < static_cast<int64_t>(sizes.size()) ? sizes[*index] : AffineExpr();
      })
      .Case([&](tensor::ExtractOp extract) {
        // A host scalar is a rank-0 input whose value is a symbol.
        auto argument = dyn_cast<BlockArgument>(extract.getTensor());
        if (!argument || argument.getOwner()->getParentOp() != function)
          return AffineExpr();
        auto name = function.getArgAttrOfType<StringAttr>(argument.getArgNumber(), plan::hostScalarAttrName);
        auto position = name ? symbolPositions.find(name.getValue()) : symbolPositions.end();
        return position == symbolPositions.end() ? AffineExpr() : getAffineSymbolExpr(position->second, context);
      })
      .Case([&](affine::AffineApplyOp apply) {
        AffineMap map = apply.getAffineMap();
        SmallVector<AffineExpr> operands;
        for (Value operand : apply.getMapOperands())
          operands.push_back(valueOf(operand));
        if (llvm::is_contained(operands, AffineExpr()))
          return AffineExpr();
        ArrayRef<AffineExpr> all(operands);
        return map.getResult(0).replaceDimsAndSymbols(all.take_front(map.getNumDims()),
                                                      all.drop_front(map.getNumDims()));
      })
      .Case<arith::IndexCastOp, arith::IndexCastUIOp, arith::ExtSIOp, arith::ExtUIOp, arith::TruncIOp>(
          [&](Operation *cast) { return valueOf(cast->getOperand(0)); })
      .Case<arith::AddIOp, arith::SubIOp, arith::MulIOp, arith::DivSIOp, arith::DivUIOp, arith::FloorDivSIOp,
            arith::CeilDivSIOp, arith::RemSIOp, arith::RemUIOp>([&](Operation *binary) { return deriveBinary(binary); })
      .Default([](Operation *) { return AffineExpr(); });
}

Value heed::materialiseSize(OpBuilder &builder, Location location, func::FuncOp function, AffineExpr size) {
  if (auto constant = dyn_cast<AffineConstantExpr>(size))
    return arith::ConstantIndexOp::create(builder, location, constant.getValue());
  if (auto symbol = dyn_cast<AffineSymbolExpr>(size)) {
    auto names = function->getAttrOfType<ArrayAttr>(plan::symbolsAttrName);
    return plan::SymbolOp::create(builder, location, cast<StringAttr>(names[symbol.getPosition()]));
  }
  auto binary = cast<AffineBinaryOpExpr>(size);
  Value left = materialiseSize(builder, location, function, binary.getLHS());
  Value right = materialiseSize(builder, location, function, binary.getRHS());
  switch (size.getKind()) {
  case AffineExprKind::Add:
    return arith::AddIOp::create(builder, location, left, right);
  case AffineExprKind::Mul:
    return arith::MulIOp::create(builder, location, left, right);
  case AffineExprKind::FloorDiv:
    return arith::FloorDivSIOp::create(builder, location, left, right);
  case AffineExprKind::CeilDiv:
    return arith::CeilDivSIOp::create(builder, location, left, right);
  default: // a modulus: sizes are not negative
    return arith::RemUIOp::create(builder, location, left, right);
  }
}

OpFoldResult heed::materialiseMixedSize(OpBuilder &builder, Location location, func::FuncOp function, AffineExpr size) {
  if (auto constant = dyn_cast<AffineConstantExpr>(size))
    return builder.getIndexAttr(constant.getValue());
  return materialiseSize(builder, location, function, size);
}

SmallVector<OpFoldResult> heed::materialiseShape(OpBuilder &builder, Location location, func::FuncOp function,
                                                 SymbolicShapes &shapes, Value tensor) {
  SmallVector<OpFoldResult> sizes;
  for (auto [dim, size] : llvm::enumerate(shapes.shapeOf(tensor)))
    sizes.push_back(size ? materialiseMixedSize(builder, location, function, size)
                         : tensor::getMixedSize(builder, location, tensor, dim));
  return sizes;
}
