/// Rows written into a cache that is otherwise left as it is: one block of the new rows.
///
///   rows [first, end) of the block, of those that have a place
///   place of the first: index + first, around the end of the cache where it is circular
///   result[place ..] = rows up to the end of the cache; what is left, from its start on
///
/// The result starts as the cache, so that the time depends on the rows alone.
#include "compiler/kernel/Skeletons.h"
#include "compiler/kernel/TileEmitter.h"
#include "dialects/attn/Attn.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace heed;

namespace {
/// Domain dimensions of an append kernel.
enum Dimension : int64_t { Rows = 0, Columns = 1 };

class AppendSkeleton {
public:
  AppendSkeleton(KernelBuilder &kernel, attn::AppendOp append, RowBlocks blocks)
      : kernel(kernel), at(kernel.at()), append(append), blocks(blocks), emitter(kernel, TileDomain()),
        sizes(kernel.sizesOf(append.getRows())), capacity(kernel.value(kernel.sizesOf(append.getCache())[2])) {}

  LogicalResult build();

private:
  FailureOr<Value> openProgram();
  LogicalResult write(Value source, Value place, Value count);
  LogicalResult writeLinear(Value index);
  LogicalResult writeAround(Value index);

  KernelBuilder &kernel;
  ImplicitLocOpBuilder &at;
  attn::AppendOp append;
  RowBlocks blocks;
  TileEmitter emitter;
  SmallVector<AffineExpr> sizes; ///< of the new rows
  Value capacity, batch, head, first, end;
};
} // namespace

/// Returns where the first of all rows goes.
FailureOr<Value> AppendSkeleton::openProgram() {
  SmallVector<Value> outer = kernel.delinearise(tile::ProgramIdOp::create(at, 2), {sizes[0], sizes[1]});
  batch = outer[0];
  head = outer[1];
  Value size = kernel.constant(blocks.rows);
  first = kernel.mul(tile::ProgramIdOp::create(at, 1), size);
  end = kernel.min(kernel.add(first, size), kernel.value(sizes[2]));
  Value column = kernel.mul(tile::ProgramIdOp::create(at, 0), kernel.constant(blocks.columns));
  emitter.getDomain().addDimension(blocks.rows, Value(), Value());
  emitter.getDomain().addDimension(blocks.columns, column, kernel.extent(sizes[3], blocks.columns, column));
  FailureOr<Piece> index = emitter.read(append.getIndex(), {Piece::uniform(batch)});
  if (failed(index))
    return failure();
  return arith::IndexCastOp::create(at, at.getIndexType(), index->value).getResult();
}

/// Copies `count` rows, none where it is not positive, from row `source` on to row `place` of the cache.
LogicalResult AppendSkeleton::write(Value source, Value place, Value count) {
  TileDomain &domain = emitter.getDomain();
  domain.origins[Rows] = source;
  domain.extents[Rows] = count;
  FailureOr<Piece> rows = emitter.read(append.getRows(), {Piece::uniform(batch), Piece::uniform(head),
                                                          emitter.coordinate(Rows), emitter.coordinate(Columns)});
  if (failed(rows))
    return failure();
  Piece tile = TileEmitter::tile(emitter.spread(*rows, {Rows, Columns}), {Rows, Columns});
  domain.origins[Rows] = place;
  return emitter.write(
      0, tile, {Piece::uniform(batch), Piece::uniform(head), emitter.coordinate(Rows), emitter.coordinate(Columns)});
}

/// Rows before the cache and behind its end are dropped.
LogicalResult AppendSkeleton::writeLinear(Value index) {
  Value zero = kernel.constant(0);
  // No further away than where no row has a place, so that sums do not overflow.
  Value limited = kernel.max(kernel.min(index, capacity), kernel.sub(zero, kernel.value(sizes[2])));
  Value source = kernel.max(first, kernel.sub(zero, limited)), place = kernel.add(source, limited);
  return write(source, place, kernel.min(kernel.sub(end, source), kernel.sub(capacity, place)));
}

/// Of several rows with one place the last stays, so only the last ones are written, as many as the cache has.
LogicalResult AppendSkeleton::writeAround(Value index) {
  Value one = kernel.constant(1), length = kernel.max(capacity, one);
  auto remainder = [&](Value value) {
    Value rest = arith::RemSIOp::create(at, value, length);
    Value isNegative = arith::CmpIOp::create(at, arith::CmpIPredicate::slt, rest, kernel.constant(0));
    return arith::SelectOp::create(at, isNegative, kernel.add(rest, length), rest).getResult();
  };
  Value source = kernel.max(first, kernel.sub(kernel.value(sizes[2]), capacity)), count = kernel.sub(end, source);
  Value place = remainder(kernel.add(remainder(index), source));
  Value upToEnd = kernel.min(count, kernel.sub(capacity, place));
  if (failed(write(source, place, upToEnd)))
    return failure();
  return write(kernel.add(source, upToEnd), kernel.constant(0), kernel.sub(count, upToEnd));
}

LogicalResult AppendSkeleton::build() {
  FailureOr<Value> index = openProgram();
  if (failed(index))
    return failure();
  bool isCircular = append.getMode() == attn::AppendMode::Circular;
  if (failed(isCircular ? writeAround(*index) : writeLinear(*index)))
    return failure();
  kernel.tie(cast<BlockArgument>(append.getCache()).getArgNumber(), sizes[0] * sizes[1] * sizes[2] * sizes[3]);
  AffineExpr rowBlocks = sizes[2].ceilDiv(blocks.rows), columnBlocks = sizes[3].ceilDiv(blocks.columns);
  kernel.finish({columnBlocks, rowBlocks, sizes[0] * sizes[1]}, kernel.expression(0),
                {at.getNamedAttr("block_rows", at.getI64IntegerAttr(blocks.rows)),
                 at.getNamedAttr("block_columns", at.getI64IntegerAttr(blocks.columns))});
  return success();
}

LogicalResult heed::buildAppend(KernelBuilder &kernel, const Backend &backend) {
  auto appends = kernel.sourceBlock().getOps<attn::AppendOp>();
  attn::AppendOp append = appends.empty() ? attn::AppendOp() : *appends.begin();
  if (!append || !isa<BlockArgument>(append.getCache()))
    return kernel.source().emitOpError("has no append to an operand for its root");
  auto type = cast<RankedTensorType>(append.getRows().getType());
  return AppendSkeleton(kernel, append, mapBlocksOf(type, backend)).build();
}
