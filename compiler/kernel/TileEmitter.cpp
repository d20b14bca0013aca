#include "compiler/kernel/TileEmitter.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Arith/Utils/Utils.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "llvm/ADT/SmallSet.h"

using namespace mlir;
using namespace heed;

//===- Shapes of pieces -------------------------------------------------------------------------------------------===//

RankedTensorType TileEmitter::tileType(Type element, ArrayRef<int64_t> dims) {
  if (element.isIndex()) // positions inside a kernel are below 2^31
    element = IntegerType::get(element.getContext(), 32);
  SmallVector<int64_t> shape = llvm::map_to_vector(dims, [&](int64_t dim) { return domain.sizes[dim]; });
  return RankedTensorType::get(shape, element);
}

SmallVector<int64_t> TileEmitter::unite(ArrayRef<Piece> pieces) {
  SmallVector<int64_t> dims;
  for (const Piece &piece : pieces)
    for (int64_t dim : piece.dims)
      if (!llvm::is_contained(dims, dim))
        dims.push_back(dim);
  llvm::sort(dims);
  return dims;
}

Piece TileEmitter::coordinate(int64_t dim) { return {Value(), {dim}, dim}; }

Value TileEmitter::materialise(const Piece &piece) {
  if (piece.value || !piece.coordinate)
    return piece.value;
  int64_t dim = *piece.coordinate;
  return tile::IndexOp::create(kernel.at(), tileType(kernel.at().getIndexType(), {dim}), 0, domain.origins[dim]);
}

Value TileEmitter::spread(const Piece &piece, ArrayRef<int64_t> dims) {
  Value value = materialise(piece);
  if (ArrayRef<int64_t>(piece.dims) == dims)
    return value;
  if (piece.dims.empty()) {
    if (value.getType().isIndex())
      value = arith::IndexCastOp::create(kernel.at(), kernel.at().getI32Type(), value);
    return tile::SplatOp::create(kernel.at(), tileType(value.getType(), dims), value);
  }
  Type element = cast<RankedTensorType>(value.getType()).getElementType();
  SmallVector<int64_t> kept(piece.dims), positions;
  for (size_t position = kept.size(); position-- > 0;) {
    if (llvm::is_contained(dims, kept[position]))
      continue;
    assert(domain.sizes[kept[position]] == 1 && "only a dimension of size 1 can be left out");
    kept.erase(kept.begin() + position);
    value = tile::ReduceOp::create(kernel.at(), tileType(element, kept), tile::Combine::Add, value, position, Value());
  }
  if (ArrayRef<int64_t>(kept) == dims)
    return value;
  for (auto [position, dim] : llvm::enumerate(dims))
    if (llvm::is_contained(kept, dim))
      positions.push_back(position);
  return tile::BroadcastOp::create(kernel.at(), tileType(element, dims), value, positions);
}

//===- Scalar code ------------------------------------------------------------------------------------------------===//

/// index_cast and its relatives, on tiles whose index elements already are i32.
static Value convertInteger(ImplicitLocOpBuilder &at, Value value, Type to) {
  unsigned from = cast<RankedTensorType>(value.getType()).getElementTypeBitWidth();
  unsigned width = cast<RankedTensorType>(to).getElementTypeBitWidth();
  if (from == width)
    return value;
  return from < width ? arith::ExtSIOp::create(at, to, value).getResult()
                      : arith::TruncIOp::create(at, to, value).getResult();
}

FailureOr<Piece> TileEmitter::emit(Operation *op, ArrayRef<Piece> operands) {
  ImplicitLocOpBuilder &at = kernel.at();
  if (op->getNumResults() != 1 || op->getNumRegions() != 0 ||
      !isa_and_nonnull<arith::ArithDialect, math::MathDialect>(op->getDialect()))
    return op->emitOpError("cannot be computed inside a kernel: only arith and math on scalars can");
  SmallVector<int64_t> dims = unite(operands);
  if (isa<arith::IndexCastOp>(op) && operands[0].coordinate)
    return operands[0]; // stays recognisable as a coordinate; its width is fixed where it is used
  if (dims.empty()) {
    IRMapping mapping;
    for (auto [from, to] : llvm::zip_equal(op->getOperands(), operands))
      mapping.map(from, to.value);
    return Piece::uniform(at.clone(*op, mapping)->getResult(0));
  }
  SmallVector<Value> values;
  for (auto [operand, original] : llvm::zip_equal(operands, op->getOperands())) {
    Value value = spread(operand, dims);
    if (operand.coordinate && isa<IntegerType>(original.getType()))
      value = convertInteger(at, value, tileType(original.getType(), dims));
    values.push_back(value);
  }
  RankedTensorType type = tileType(op->getResult(0).getType(), dims);
  if (isa<arith::IndexCastOp, arith::IndexCastUIOp>(op))
    return Piece{convertInteger(at, values[0], type), dims, std::nullopt};
  OperationState state(at.getLoc(), op->getName(), values, {type}, op->getAttrs());
  return Piece{at.create(state)->getResult(0), dims, std::nullopt};
}

FailureOr<SmallVector<Piece>> TileEmitter::inlineBlock(Block &block, ArrayRef<Piece> arguments,
                                                       ArrayRef<Piece> iteration,
                                                       const DenseMap<Value, Value> &captures) {
  DenseMap<Value, Piece> known;
  for (auto [argument, piece] : llvm::zip_equal(block.getArguments(), arguments))
    known[argument] = piece;
  auto lookUp = [&](Value value) -> FailureOr<Piece> {
    auto found = known.find(value);
    if (found != known.end())
      return found->second;
    if (Value outer = kernel.scalar(value))
      return Piece::uniform(outer);
    return emitError(kernel.loc(), "a kernel's scalar code uses a value that is neither constant nor a symbol");
  };
  auto lookUpAll = [&](OperandRange values) -> FailureOr<SmallVector<Piece>> {
    SmallVector<Piece> pieces;
    for (Value value : values) {
      FailureOr<Piece> piece = lookUp(value);
      if (failed(piece))
        return failure();
      pieces.push_back(*piece);
    }
    return pieces;
  };
  for (Operation &op : block.without_terminator()) {
    FailureOr<Piece> result;
    if (auto index = dyn_cast<linalg::IndexOp>(op)) {
      result = iteration[index.getDim()];
    } else if (auto extract = dyn_cast<tensor::ExtractOp>(op)) {
      FailureOr<SmallVector<Piece>> indices = lookUpAll(extract.getIndices());
      if (failed(indices))
        return failure();
      Value tensor = captures.lookup(extract.getTensor());
      result = read(tensor ? tensor : extract.getTensor(), *indices);
    } else if (isa<plan::SymbolOp>(op)) {
      result = lookUp(op.getResult(0)); // a parameter of the kernel, wherever it is asked for
    } else {
      FailureOr<SmallVector<Piece>> operands = lookUpAll(op.getOperands());
      if (failed(operands))
        return failure();
      result = emit(&op, *operands);
    }
    if (failed(result))
      return failure();
    known[op.getResult(0)] = *result;
  }
  return lookUpAll(block.getTerminator()->getOperands());
}

Piece TileEmitter::apply(AffineExpr expression, ArrayRef<Piece> iteration) {
  if (auto dim = dyn_cast<AffineDimExpr>(expression))
    return iteration[dim.getPosition()];
  if (auto constant = dyn_cast<AffineConstantExpr>(expression))
    return Piece::uniform(kernel.constant(constant.getValue()));
  auto both = cast<AffineBinaryOpExpr>(expression);
  Piece left = apply(both.getLHS(), iteration), right = apply(both.getRHS(), iteration);
  switch (both.getKind()) {
  case AffineExprKind::Add:
    return binary<arith::AddIOp>(left, right);
  case AffineExprKind::Mul:
    return binary<arith::MulIOp>(left, right);
  case AffineExprKind::FloorDiv:
    return binary<arith::FloorDivSIOp>(left, right);
  case AffineExprKind::CeilDiv:
    return binary<arith::CeilDivSIOp>(left, right);
  default: // Mod; coordinates are never negative
    return binary<arith::RemSIOp>(left, right);
  }
}

//===- Reading and writing ----------------------------------------------------------------------------------------===//

Piece TileEmitter::fromStorage(Piece stored, Type element) {
  if (!element.isInteger(1))
    return stored;
  Value zero = arith::ConstantOp::create(kernel.at(), kernel.at().getI8IntegerAttr(0));
  Piece bit = {Value(), stored.dims, std::nullopt};
  bit.value = arith::CmpIOp::create(kernel.at(), arith::CmpIPredicate::ne, stored.value,
                                    spread(Piece::uniform(zero), stored.dims));
  return bit;
}

/// Whether the indices are a block: each the same everywhere or a coordinate of its own.
static bool isBlock(ArrayRef<Piece> indices) {
  SmallVector<int64_t> seen;
  for (const Piece &index : indices) {
    if (index.dims.empty())
      continue;
    if (!index.coordinate || llvm::is_contained(seen, *index.coordinate))
      return false;
    seen.push_back(*index.coordinate);
  }
  return true;
}

namespace {
/// The arguments of a tile.load or tile.store for block indices.
struct BlockAccess {
  SmallVector<Value> indices;
  SmallVector<int64_t> tileDims; ///< domain dimensions of the tile, ascending
  SmallVector<int64_t> viewDims; ///< for each the view dimension it walks
  SmallVector<Value> extents;    ///< empty when everything is in bounds
};
} // namespace

static BlockAccess blockAccess(KernelBuilder &kernel, const TileDomain &domain, ArrayRef<Piece> indices) {
  BlockAccess access;
  SmallVector<std::pair<int64_t, int64_t>> walks;
  bool bounded = false;
  for (auto [viewDim, index] : llvm::enumerate(indices)) {
    if (index.dims.empty()) {
      access.indices.push_back(index.value);
      continue;
    }
    access.indices.push_back(domain.origins[*index.coordinate]);
    walks.push_back({*index.coordinate, viewDim});
    bounded |= static_cast<bool>(domain.extents[*index.coordinate]);
  }
  llvm::sort(walks);
  for (auto [tileDim, viewDim] : walks) {
    access.tileDims.push_back(tileDim);
    access.viewDims.push_back(viewDim);
    if (bounded)
      access.extents.push_back(domain.extents[tileDim] ? domain.extents[tileDim]
                                                       : kernel.constant(domain.sizes[tileDim]));
  }
  return access;
}

/// An integer scalar index as an index value.
static Value asIndex(KernelBuilder &kernel, Value value) {
  return value.getType().isIndex()
             ? value
             : arith::IndexCastOp::create(kernel.at(), kernel.at().getIndexType(), value).getResult();
}

Value TileEmitter::loadScalar(Value memory, ArrayRef<Piece> indices) {
  // Clamped, so that a computed index never leaves the operand.
  SmallVector<OpFoldResult> sizes = memory.getDefiningOp<memref::ReinterpretCastOp>().getMixedSizes();
  SmallVector<Value> clamped;
  for (auto [dim, index] : llvm::enumerate(indices)) {
    Value value = asIndex(kernel, index.value);
    if (!value.getDefiningOp<tile::ProgramIdOp>() && !isa<BlockArgument>(value) && !matchPattern(value, m_Constant())) {
      Value size = getValueOrCreateConstantIndexOp(kernel.at(), value.getLoc(), sizes[dim]);
      Value last = kernel.sub(size, kernel.constant(1));
      value = kernel.max(kernel.min(value, last), kernel.constant(0));
    }
    clamped.push_back(value);
  }
  if (clamped.empty())
    clamped.push_back(kernel.constant(0));
  return memref::LoadOp::create(kernel.at(), memory, clamped);
}

Piece TileEmitter::readMemory(Value memory, Type element, ArrayRef<Piece> indices) {
  ImplicitLocOpBuilder &at = kernel.at();
  Type stored = storageType(element);
  SmallVector<int64_t> dims = unite(indices);
  if (dims.empty())
    return fromStorage(Piece::uniform(loadScalar(memory, indices)), element);

  Value zero = arith::ConstantOp::create(at, at.getZeroAttr(stored));
  if (isBlock(indices)) {
    SmallVector<Piece> fixed(indices);
    for (Piece &index : fixed)
      if (index.dims.empty())
        index.value = asIndex(kernel, index.value);
    BlockAccess access = blockAccess(kernel, domain, fixed);
    Value loaded = tile::LoadOp::create(at, tileType(stored, access.tileDims), memory, access.indices, access.extents,
                                        access.extents.empty() ? Value() : zero, access.viewDims);
    return fromStorage({loaded, access.tileDims, std::nullopt}, element);
  }
  SmallVector<Value> values;
  for (const Piece &index : indices)
    values.push_back(index.dims.empty() ? asIndex(kernel, index.value) : spread(index, dims));
  Value gathered = tile::GatherOp::create(at, tileType(stored, dims), memory, values, zero);
  return fromStorage({gathered, dims, std::nullopt}, element);
}

FailureOr<Piece> TileEmitter::readGeneric(linalg::GenericOp generic, unsigned result, ArrayRef<Piece> indices) {
  AffineMap stored = generic.getIndexingMapMatchingResult(generic->getOpResult(result));
  if (generic.getNumReductionLoops() != 0 || !stored.isPermutation())
    return generic.emitOpError("cannot be computed block by block inside another kernel");
  SmallVector<Piece> iteration(generic.getNumLoops());
  for (auto [expression, index] : llvm::zip_equal(stored.getResults(), indices))
    iteration[cast<AffineDimExpr>(expression).getPosition()] = index;
  SmallVector<Piece> arguments;
  for (OpOperand &operand : generic->getOpOperands()) {
    if (generic.isDpsInit(&operand) && !generic.payloadUsesValueFromOperand(&operand)) {
      arguments.push_back(Piece());
      continue;
    }
    if (!isa<RankedTensorType>(operand.get().getType())) {
      Value scalar = kernel.scalar(operand.get());
      if (!scalar)
        return generic.emitOpError("reads a scalar that is neither constant nor a symbol");
      arguments.push_back(Piece::uniform(scalar));
      continue;
    }
    SmallVector<Piece> inner;
    for (AffineExpr expression : generic.getMatchingIndexingMap(&operand).getResults())
      inner.push_back(apply(expression, iteration));
    FailureOr<Piece> piece = read(operand.get(), inner);
    if (failed(piece))
      return failure();
    arguments.push_back(*piece);
  }
  FailureOr<SmallVector<Piece>> yields = inlineBlock(*generic.getBody(), arguments, iteration);
  if (failed(yields))
    return failure();
  return (*yields)[result];
}

FailureOr<Piece> TileEmitter::read(Value tensor, ArrayRef<Piece> indices) {
  if (auto found = defined.find(tensor); found != defined.end())
    return found->second;
  if (auto found = readers.find(tensor); found != readers.end())
    return found->second(indices);
  if (auto argument = dyn_cast<BlockArgument>(tensor))
    return readMemory(kernel.operandMemory(argument.getArgNumber()), getElementTypeOrSelf(argument.getType()), indices);
  Operation *op = tensor.getDefiningOp();
  if (auto generic = dyn_cast<linalg::GenericOp>(op))
    return readGeneric(generic, cast<OpResult>(tensor).getResultNumber(), indices);
  if (auto fill = dyn_cast<linalg::FillOp>(op)) {
    if (Value scalar = kernel.scalar(fill.getInputs()[0]))
      return Piece::uniform(scalar);
  }
  if (isa<tensor::EmptyOp>(op)) { // unwritten: any value will do
    Type element = getElementTypeOrSelf(tensor.getType());
    return Piece::uniform(arith::ConstantOp::create(kernel.at(), kernel.at().getZeroAttr(element)));
  }
  if (auto splat = dyn_cast<tensor::SplatOp>(op)) {
    if (Value scalar = kernel.scalar(splat.getInput()))
      return Piece::uniform(scalar);
  }
  DenseElementsAttr constant;
  if (matchPattern(tensor, m_Constant(&constant)) && constant.isSplat())
    return Piece::uniform(arith::ConstantOp::create(kernel.at(), cast<TypedAttr>(constant.getSplatValue<Attribute>())));
  return op->emitOpError("cannot be computed block by block inside a kernel");
}

LogicalResult TileEmitter::write(unsigned result, const Piece &piece, ArrayRef<Piece> indices) {
  if (!isBlock(indices))
    return emitError(kernel.loc(), "a kernel stores blocks only");
  ImplicitLocOpBuilder &at = kernel.at();
  BlockAccess access = blockAccess(kernel, domain, indices);
  if (access.tileDims.empty())
    return writeElement(result, piece, access.indices);
  Value value = spread(piece, access.tileDims);
  Value memory = kernel.resultMemory(result);
  Type element = getElementTypeOrSelf(value.getType());
  Type stored = cast<MemRefType>(memory.getType()).getElementType();
  if (element.isInteger(1))
    value = arith::ExtUIOp::create(at, tileType(stored, access.tileDims), value);
  else if (isa<IntegerType>(stored) && element != stored)
    value = convertInteger(at, value, tileType(stored, access.tileDims)); // a coordinate, i32 until here
  tile::StoreOp::create(at, value, memory, access.indices, access.extents, access.viewDims);
  return success();
}

/// A single element is stored as a tile of one.
LogicalResult TileEmitter::writeElement(unsigned result, const Piece &piece, SmallVector<Value> indices) {
  ImplicitLocOpBuilder &at = kernel.at();
  Value memory = kernel.resultMemory(result);
  Type stored = cast<MemRefType>(memory.getType()).getElementType();
  if (indices.empty())
    indices.push_back(kernel.constant(0));
  Value value;
  if (piece.dims.empty()) {
    Type element = piece.value.getType().isIndex() ? stored : piece.value.getType();
    Value scalar =
        piece.value.getType().isIndex() ? arith::IndexCastOp::create(at, stored, piece.value).getResult() : piece.value;
    value = tile::SplatOp::create(at, RankedTensorType::get({1}, element), scalar);
  } else {
    value = spread(piece, ArrayRef(piece.dims).take_front());
  }
  if (getElementTypeOrSelf(value.getType()).isInteger(1))
    value = arith::ExtUIOp::create(at, RankedTensorType::get({1}, stored), value);
  auto last = static_cast<int64_t>(indices.size()) - 1;
  tile::StoreOp::create(at, value, memory, indices, ValueRange(), ArrayRef<int64_t>{last});
  return success();
}
