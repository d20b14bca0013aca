#include "compiler/kernel/RowFrame.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;
using namespace heed;

void RowFrame::open() {
  unsigned rank = sizes.size();
  for (unsigned dim = rank; dim-- > 0;)
    if (dim != columnDim && !rowDim)
      rowDim = dim;
  iteration.resize(rank);
  TileDomain &domain = emitter.getDomain();
  Value firstRow = kernel.mul(tile::ProgramIdOp::create(at, 0), kernel.constant(blocks.rows));
  Value rows = rowDim ? kernel.value(sizes[*rowDim]) : kernel.constant(1);
  domain.addDimension(rowDim ? blocks.rows : 1, firstRow, kernel.sub(rows, firstRow));
  Value none = kernel.constant(0);
  domain.addDimension(blocks.columns, none,
                      isOneBlock() ? kernel.extent(sizes[columnDim], blocks.columns, none) : Value());
  if (rowDim)
    iteration[*rowDim] = emitter.coordinate(Rows);
  iteration[columnDim] = emitter.coordinate(Columns);
  SmallVector<AffineExpr> outerSizes;
  for (unsigned dim = 0; dim < rank; ++dim)
    if (dim != columnDim && dim != rowDim) {
      outer.push_back(dim);
      outerSizes.push_back(sizes[dim]);
    }
  if (outer.empty())
    return;
  for (auto [dim, value] : llvm::zip_equal(outer, kernel.delinearise(tile::ProgramIdOp::create(at, 1), outerSizes)))
    iteration[dim] = Piece::uniform(value);
}

Value RowFrame::splat(double value, RankedTensorType type) {
  return arith::ConstantOp::create(at, DenseElementsAttr::get(type, at.getF32FloatAttr(static_cast<float>(value))));
}

Value RowFrame::reduce(tile::Combine combine, Value block) {
  return tile::ReduceOp::create(at, rowType(), combine, block, 1, columnExtent());
}

FailureOr<Value> RowFrame::readFloat(Value tensor, ArrayRef<Piece> indices) {
  FailureOr<Piece> piece = emitter.read(tensor, indices);
  if (failed(piece))
    return failure();
  Value value = emitter.spread(*piece, {Rows, Columns});
  if (getElementTypeOrSelf(value.getType()).getIntOrFloatBitWidth() < 32)
    value = arith::ExtFOp::create(at, blockType(), value);
  return value;
}

FailureOr<SmallVector<Value>> RowFrame::sweep(ValueRange carried,
                                              llvm::function_ref<FailureOr<SmallVector<Value>>(ValueRange)> body) {
  if (isOneBlock())
    return body(carried);
  TileDomain &domain = emitter.getDomain();
  auto loop = scf::ForOp::create(at, kernel.constant(0), kernel.value(sizes[columnDim]),
                                 kernel.constant(blocks.columns), carried);
  OpBuilder::InsertionGuard guard(at);
  at.setInsertionPointToStart(loop.getBody());
  domain.origins[Columns] = loop.getInductionVar();
  domain.extents[Columns] = kernel.sub(kernel.value(sizes[columnDim]), loop.getInductionVar());
  FailureOr<SmallVector<Value>> next = body(loop.getRegionIterArgs());
  if (failed(next))
    return failure();
  if (!carried.empty())
    scf::YieldOp::create(at, *next);
  return SmallVector<Value>(loop.getResults());
}

LogicalResult RowFrame::store() {
  for (unsigned result = 0; result < kernel.source().getNumResults(); ++result) {
    FailureOr<Piece> piece = emitter.read(kernel.yielded(result), iteration);
    if (failed(piece) || failed(emitter.write(result, *piece, iteration)))
      return failure();
  }
  return success();
}

void RowFrame::finish(AffineExpr flopsPerElement) {
  AffineExpr flops = flopsPerElement, grid = kernel.expression(1);
  for (AffineExpr size : sizes)
    flops = flops * size;
  for (unsigned dim : outer)
    grid = grid * sizes[dim];
  AffineExpr rowGrid = rowDim ? sizes[*rowDim].ceilDiv(blocks.rows) : kernel.expression(1);
  kernel.finish({rowGrid, grid}, flops,
                {at.getNamedAttr("block_rows", at.getI64IntegerAttr(rowDim ? blocks.rows : 1)),
                 at.getNamedAttr("block_columns", at.getI64IntegerAttr(blocks.columns))});
}
