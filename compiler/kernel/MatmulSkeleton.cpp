/// One block of a matrix product, or of several that share their left operand: a loop over chunks of the contracted
/// dimension, then the epilogue.
///
/// Where it is known how many programs run at a time, these work on about a square of the result, so that together they
/// read little of either operand.
#include "compiler/kernel/Contraction.h"
#include "compiler/kernel/Skeletons.h"
#include "compiler/kernel/TileEmitter.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;
using namespace heed;

namespace {
/// Domain dimensions of a matmul kernel.
enum Dimension : int64_t { Rows = 0, Depth = 1, Columns = 2 };

class MatmulSkeleton {
public:
  MatmulSkeleton(KernelBuilder &kernel, ArrayRef<linalg::GenericOp> products, const MatmulBlocks &blocks)
      : kernel(kernel), at(kernel.at()), products(products), root(products.front()), roles(*matchContraction(root)),
        emitter(kernel, TileDomain()), blocks(blocks), sizes(kernel.loopSizes(root)) {}

  LogicalResult build();

private:
  bool isOrdered() const { return blocks.atOnce > 0; }
  AffineExpr numBlocks(unsigned loop, int64_t block) { return sizes[loop].ceilDiv(block); }
  SmallVector<AffineExpr> grid();
  std::pair<Value, Value> blockOfProgram();
  void openProgram();
  FailureOr<SmallVector<Value>> depthLoop(Type sumType);
  FailureOr<SmallVector<Value>> step(Value firstDepth, ValueRange sums);
  FailureOr<Value> operandTile(OpOperand &operand, ArrayRef<int64_t> dims);

  KernelBuilder &kernel;
  ImplicitLocOpBuilder &at;
  ArrayRef<linalg::GenericOp> products;
  linalg::GenericOp root; ///< the first of them
  Contraction roles;
  TileEmitter emitter;
  MatmulBlocks blocks;
  SmallVector<AffineExpr> sizes;
  SmallVector<Piece> iteration;
};
} // namespace

SmallVector<AffineExpr> MatmulSkeleton::grid() {
  AffineExpr rows = numBlocks(roles.row, blocks.rows), columns = numBlocks(roles.column, blocks.columns);
  AffineExpr outer = kernel.expression(1);
  for (unsigned loop : roles.outer)
    outer = outer * sizes[loop];
  if (isOrdered())
    return {rows * columns, kernel.expression(1), outer};
  return {rows, columns, outer};
}

/// Which block of rows and of columns the program works on. Ordered programs take bands of rows one after another, in a
/// band column by column; it is as high as the columns that then run at a time are wide.
std::pair<Value, Value> MatmulSkeleton::blockOfProgram() {
  Value index = tile::ProgramIdOp::create(at, 0);
  if (!isOrdered())
    return {index, tile::ProgramIdOp::create(at, 1)};
  auto columnsOfProgram = double(blocks.columns * products.size());
  double side = std::sqrt(double(blocks.atOnce) * columnsOfProgram / double(blocks.rows));
  Value height = kernel.constant(int64_t(llvm::bit_floor(uint64_t(std::max(side, 1.0)))));
  Value ofBand = kernel.mul(height, kernel.value(numBlocks(roles.column, blocks.columns)));
  auto [band, place] = kernel.divideWithRest(index, ofBand);
  Value firstRow = kernel.mul(band, height);
  Value rows = kernel.min(height, kernel.sub(kernel.value(numBlocks(roles.row, blocks.rows)), firstRow));
  auto [column, row] = kernel.divideWithRest(place, rows);
  return {kernel.add(firstRow, row), column};
}

void MatmulSkeleton::openProgram() {
  iteration.resize(root.getNumLoops());
  TileDomain &domain = emitter.getDomain();
  auto addBlocked = [&](Value number, int64_t block, unsigned loop) {
    Value origin = kernel.mul(number, kernel.constant(block));
    domain.addDimension(block, origin, kernel.extent(sizes[loop], block, origin));
  };
  auto [row, column] = blockOfProgram();
  addBlocked(row, blocks.rows, roles.row);
  domain.addDimension(blocks.depth, Value(), Value());
  addBlocked(column, blocks.columns, roles.column);
  iteration[roles.row] = emitter.coordinate(Rows);
  iteration[roles.column] = emitter.coordinate(Columns);
  iteration[roles.depth] = emitter.coordinate(Depth);
  SmallVector<AffineExpr> outer = llvm::map_to_vector(roles.outer, [&](unsigned loop) { return sizes[loop]; });
  if (outer.empty())
    return;
  SmallVector<Value> walked = kernel.delinearise(tile::ProgramIdOp::create(at, 2), outer);
  for (auto [loop, value] : llvm::zip_equal(roles.outer, walked))
    iteration[loop] = Piece::uniform(value);
}

FailureOr<Value> MatmulSkeleton::operandTile(OpOperand &operand, ArrayRef<int64_t> dims) {
  SmallVector<Piece> indices;
  for (AffineExpr expression : root.getMatchingIndexingMap(&operand).getResults())
    indices.push_back(emitter.apply(expression, iteration));
  FailureOr<Piece> piece = emitter.read(operand.get(), indices);
  if (failed(piece))
    return failure();
  return emitter.spread(*piece, dims);
}

FailureOr<SmallVector<Value>> MatmulSkeleton::step(Value firstDepth, ValueRange sums) {
  TileDomain &domain = emitter.getDomain();
  domain.origins[Depth] = firstDepth;
  domain.extents[Depth] = kernel.extent(sizes[roles.depth], blocks.depth, firstDepth);
  FailureOr<SmallVector<Value>> operands = kernel.part("operands", [&]() -> FailureOr<SmallVector<Value>> {
    FailureOr<Value> left = operandTile(*root.getDpsInputOperand(0), {Rows, Depth});
    if (failed(left))
      return failure();
    SmallVector<Value> tiles{*left};
    for (linalg::GenericOp product : products) {
      FailureOr<Value> right = operandTile(*product.getDpsInputOperand(1), {Depth, Columns});
      if (failed(right))
        return failure();
      tiles.push_back(*right);
    }
    return tiles;
  });
  if (failed(operands))
    return failure();
  return kernel.part("multiply", [&]() -> FailureOr<SmallVector<Value>> {
    SmallVector<Value> next;
    for (auto [right, sum] : llvm::zip_equal(ArrayRef(*operands).drop_front(), sums))
      next.push_back(tile::DotOp::create(at, operands->front(), right, sum));
    return next;
  });
}

/// The sums of each product.
FailureOr<SmallVector<Value>> MatmulSkeleton::depthLoop(Type sumType) {
  RankedTensorType type = emitter.tileType(sumType, {Rows, Columns});
  Value zero = arith::ConstantOp::create(at, at.getZeroAttr(type));
  auto loop = scf::ForOp::create(at, kernel.constant(0), kernel.value(sizes[roles.depth]),
                                 kernel.constant(blocks.depth), SmallVector<Value>(products.size(), zero));
  OpBuilder::InsertionGuard guard(at);
  at.setInsertionPointToStart(loop.getBody());
  FailureOr<SmallVector<Value>> next = step(loop.getInductionVar(), loop.getRegionIterArgs());
  if (failed(next))
    return failure();
  scf::YieldOp::create(at, *next);
  return SmallVector<Value>(loop.getResults());
}

LogicalResult MatmulSkeleton::build() {
  openProgram();
  FailureOr<SmallVector<Value>> sums = depthLoop(getElementTypeOrSelf(root.getResult(0).getType()));
  if (failed(sums))
    return failure();
  for (auto [position, sum] : llvm::enumerate(*sums)) {
    linalg::GenericOp product = products[position];
    emitter.define(product.getResult(0), TileEmitter::tile(sum, {Rows, Columns}));
  }
  SmallVector<Piece> indices;
  for (AffineExpr expression : root.getIndexingMapsArray().back().getResults())
    indices.push_back(iteration[cast<AffineDimExpr>(expression).getPosition()]);
  for (unsigned result = 0; result < kernel.source().getNumResults(); ++result) {
    FailureOr<Piece> piece = emitter.read(kernel.yielded(result), indices);
    if (failed(piece) || failed(emitter.write(result, *piece, indices)))
      return failure();
  }
  AffineExpr flops = kernel.expression(2 * products.size());
  for (AffineExpr size : sizes)
    flops = flops * size;
  auto number = [&](StringRef name, int64_t value) { return at.getNamedAttr(name, at.getI64IntegerAttr(value)); };
  SmallVector<NamedAttribute> schedule{number("block_m", blocks.rows), number("block_n", blocks.columns),
                                       number("block_k", blocks.depth)};
  if (blocks.workgroups > 1)
    schedule.push_back(number(tile::workgroupsScheduleName, blocks.workgroups));
  kernel.finish(grid(), flops, schedule);
  return success();
}

/// Whether elements of the right operand that are neighbours along a loop are neighbours in memory.
static bool isAlong(linalg::GenericOp root, unsigned loop) {
  auto right = dyn_cast<BlockArgument>(root.getDpsInputs()[1]);
  std::optional<unsigned> dim =
      root.getIndexingMapsArray()[1].getResultPosition(getAffineDimExpr(loop, root.getContext()));
  if (!right || !dim)
    return false;
  auto kernel = cast<plan::KernelOp>(root->getParentOp());
  AffineMap view = cast<AffineMapAttr>(kernel.getOperandViews()[right.getArgNumber()]).getValue();
  auto stride = dyn_cast<AffineConstantExpr>(view.getResult(1 + *dim)); // behind the offset
  return stride && stride.getValue() == 1;
}

FailureOr<SmallVector<MatmulBlocks>> heed::matmulChoices(plan::KernelOp kernel, const Backend &backend) {
  SmallVector<linalg::GenericOp> products = contractionsOf(kernel.getBody().front());
  if (products.empty())
    return kernel.emitOpError("has no contraction for its root");
  if (!llvm::all_of(products, [&](linalg::GenericOp each) { return shareLeftOperand(products.front(), each); }))
    return kernel.emitOpError("has contractions that are not the same but for their right operands");
  linalg::GenericOp root = products.front();
  Contraction roles = *matchContraction(root);
  SmallVector<int64_t> ranges = root.getStaticLoopRanges();
  Type left = getElementTypeOrSelf(root.getDpsInputs()[0]), right = getElementTypeOrSelf(root.getDpsInputs()[1]);
  Type element = left == right ? left : getElementTypeOrSelf(root.getResult(0));
  MatmulShape shape{ranges[roles.row], ranges[roles.column],       ranges[roles.depth],
                    element,           isAlong(root, roles.depth), static_cast<int64_t>(products.size())};
  return backend.matmulBlocks(shape);
}

LogicalResult heed::buildMatmul(KernelBuilder &kernel, const MatmulBlocks &blocks, const MachineTraits &machine) {
  SmallVector<linalg::GenericOp> products = contractionsOf(kernel.sourceBlock());
  return blocks.areSumsOfLanes ? buildFewRows(kernel, products, blocks, machine)
                               : MatmulSkeleton(kernel, products, blocks).build();
}
