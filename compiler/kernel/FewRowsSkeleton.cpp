/// Products of few rows: they read one operand once and compute little. A program sums along the depth for some
/// columns, each lane for itself, and adds up what the lanes have at the end.
#include "compiler/kernel/Contraction.h"
#include "compiler/kernel/Skeletons.h"
#include "compiler/kernel/TileEmitter.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;
using namespace heed;

namespace {
/// Domain dimensions of such a kernel; its rows are numbers.
enum Dimension : int64_t { Columns = 0, Depth = 1 };

class FewRowsSkeleton {
public:
  FewRowsSkeleton(KernelBuilder &kernel, ArrayRef<linalg::GenericOp> products, const MatmulBlocks &blocks,
                  const MachineTraits &machine)
      : kernel(kernel), at(kernel.at()), products(products), root(products.front()), roles(*matchContraction(root)),
        emitter(kernel, TileDomain()), blocks(blocks), machine(machine) {}

  LogicalResult build();

private:
  void openProgram();
  FailureOr<SmallVector<Value>> depthLoop();
  FailureOr<SmallVector<Value>> step(Value firstDepth, ValueRange sums);
  FailureOr<Value> operandTile(OpOperand &operand);
  Value multiplyAdd(Value left, Value right, Value sum);
  LogicalResult store(int64_t row, ValueRange sums);
  void enterRow(int64_t row);

  KernelBuilder &kernel;
  ImplicitLocOpBuilder &at;
  ArrayRef<linalg::GenericOp> products;
  linalg::GenericOp root; ///< the first of them
  Contraction roles;
  TileEmitter emitter;
  MatmulBlocks blocks;
  MachineTraits machine;
  Type sumType;
  Value firstRow;
  SmallVector<AffineExpr> sizes;
  SmallVector<Piece> iteration;
};
} // namespace

void FewRowsSkeleton::openProgram() {
  sizes = kernel.loopSizes(root);
  sumType = getElementTypeOrSelf(root.getResult(0).getType());
  iteration.resize(root.getNumLoops());
  firstRow = kernel.mul(tile::ProgramIdOp::create(at, 0), kernel.constant(blocks.rows));
  Value origin = kernel.mul(tile::ProgramIdOp::create(at, 1), kernel.constant(blocks.columns));
  emitter.getDomain().addDimension(blocks.columns, origin, kernel.extent(sizes[roles.column], blocks.columns, origin));
  emitter.getDomain().addDimension(blocks.depth, Value(), Value());
  iteration[roles.column] = emitter.coordinate(Columns);
  iteration[roles.depth] = emitter.coordinate(Depth);
  SmallVector<AffineExpr> outer = llvm::map_to_vector(roles.outer, [&](unsigned loop) { return sizes[loop]; });
  if (outer.empty())
    return;
  SmallVector<Value> walked = kernel.delinearise(tile::ProgramIdOp::create(at, 2), outer);
  for (auto [loop, value] : llvm::zip_equal(roles.outer, walked))
    iteration[loop] = Piece::uniform(value);
}

void FewRowsSkeleton::enterRow(int64_t row) {
  iteration[roles.row] = Piece::uniform(kernel.add(firstRow, kernel.constant(row)));
}

FailureOr<Value> FewRowsSkeleton::operandTile(OpOperand &operand) {
  SmallVector<Piece> indices;
  for (AffineExpr expression : root.getMatchingIndexingMap(&operand).getResults())
    indices.push_back(emitter.apply(expression, iteration));
  FailureOr<Piece> piece = emitter.read(operand.get(), indices);
  if (failed(piece))
    return failure();
  if (getElementTypeOrSelf(piece->value.getType()) != sumType) {
    RankedTensorType wide = emitter.tileType(sumType, piece->dims);
    piece->value = arith::ExtFOp::create(at, wide, piece->value);
  }
  return emitter.spread(*piece, {Columns, Depth});
}

Value FewRowsSkeleton::multiplyAdd(Value left, Value right, Value sum) {
  if (machine.fusedMultiplyAdd)
    return math::FmaOp::create(at, left, right, sum);
  return arith::AddFOp::create(at, sum, arith::MulFOp::create(at, left, right));
}

FailureOr<SmallVector<Value>> FewRowsSkeleton::step(Value firstDepth, ValueRange sums) {
  TileDomain &domain = emitter.getDomain();
  domain.origins[Depth] = firstDepth;
  domain.extents[Depth] = kernel.extent(sizes[roles.depth], blocks.depth, firstDepth);
  SmallVector<Value> rights, next;
  for (linalg::GenericOp product : products) {
    FailureOr<Value> right = operandTile(*product.getDpsInputOperand(1));
    if (failed(right))
      return failure();
    rights.push_back(*right);
  }
  for (int64_t row = 0; row < blocks.rows; ++row) {
    enterRow(row);
    FailureOr<Value> left = operandTile(*root.getDpsInputOperand(0));
    if (failed(left))
      return failure();
    for (Value right : rights)
      next.push_back(multiplyAdd(*left, right, sums[next.size()]));
  }
  return next;
}

/// The sums of each row and product, over columns, and over what the lanes have yet to add up.
FailureOr<SmallVector<Value>> FewRowsSkeleton::depthLoop() {
  Value zero = arith::ConstantOp::create(at, at.getZeroAttr(emitter.tileType(sumType, {Columns, Depth})));
  auto loop =
      scf::ForOp::create(at, kernel.constant(0), kernel.value(sizes[roles.depth]), kernel.constant(blocks.depth),
                         SmallVector<Value>(blocks.rows * products.size(), zero));
  OpBuilder::InsertionGuard guard(at);
  at.setInsertionPointToStart(loop.getBody());
  FailureOr<SmallVector<Value>> next = step(loop.getInductionVar(), loop.getRegionIterArgs());
  if (failed(next))
    return failure();
  scf::YieldOp::create(at, *next);
  return SmallVector<Value>(loop.getResults());
}

/// `sums`: of the products.
LogicalResult FewRowsSkeleton::store(int64_t row, ValueRange sums) {
  enterRow(row);
  for (auto [position, ofLanes] : llvm::enumerate(sums)) {
    linalg::GenericOp product = products[position];
    Value sum = tile::ReduceOp::create(at, emitter.tileType(sumType, {Columns}), tile::Combine::Add, ofLanes, /*dim=*/1,
                                       /*extent=*/Value());
    emitter.define(product.getResult(0), TileEmitter::tile(sum, {Columns}));
  }
  SmallVector<Piece> indices;
  for (AffineExpr expression : root.getIndexingMapsArray().back().getResults())
    indices.push_back(iteration[cast<AffineDimExpr>(expression).getPosition()]);
  for (unsigned result = 0; result < kernel.source().getNumResults(); ++result) {
    FailureOr<Piece> piece = emitter.read(kernel.yielded(result), indices);
    if (failed(piece) || failed(emitter.write(result, *piece, indices)))
      return failure();
  }
  return success();
}

LogicalResult FewRowsSkeleton::build() {
  openProgram();
  FailureOr<SmallVector<Value>> sums = depthLoop();
  if (failed(sums))
    return failure();
  for (int64_t row = 0; row < blocks.rows; ++row)
    if (failed(store(row, ArrayRef(*sums).slice(row * products.size(), products.size()))))
      return failure();
  AffineExpr flops = kernel.expression(2 * products.size()), outer = kernel.expression(1);
  for (AffineExpr size : sizes)
    flops = flops * size;
  for (unsigned loop : roles.outer)
    outer = outer * sizes[loop];
  kernel.finish({sizes[roles.row].floorDiv(blocks.rows), sizes[roles.column].ceilDiv(blocks.columns), outer}, flops,
                {at.getNamedAttr("rows", at.getI64IntegerAttr(blocks.rows)),
                 at.getNamedAttr("block_n", at.getI64IntegerAttr(blocks.columns)),
                 at.getNamedAttr("block_k", at.getI64IntegerAttr(blocks.depth))});
  return success();
}

LogicalResult heed::buildFewRows(KernelBuilder &kernel, ArrayRef<linalg::GenericOp> products,
                                 const MatmulBlocks &blocks, const MachineTraits &machine) {
  return FewRowsSkeleton(kernel, products, blocks, machine).build();
}
