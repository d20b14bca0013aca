/// A kernel before attention that finds which keys can have the labels of a block of rows.
///
///   for each 64 rows:   least and greatest label of the rows
///     over all keys:    first and last key whose label is between, and how many are
///
/// Labels may come in any order: keys between the first and the last may have others, and the mask, which is applied to
/// them, says so. Where the rows have one label and as many keys have it as there are between, no mask is needed.
#include "compiler/kernel/AttendBounds.h"

#include "compiler/kernel/MaskAnalysis.h"
#include "compiler/kernel/TileEmitter.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace heed;

/// Keys looked at in one step.
constexpr int64_t keysOfStep = 1024;

std::optional<AttendBounds> heed::boundLabels(plan::KernelOp source, attn::AttendOp attend) {
  if (!attend.hasKeep() || !MaskAnalysis::findLabels(attend.getKeep()))
    return std::nullopt;
  SymbolicShapes shapes = shapesInside(source);
  AttendBounds bounds;
  AffineExpr batch = shapes.shapeOf(attend.getQuery())[0];
  bounds.rows = shapes.shapeOf(attend.getQuery())[2];
  bounds.keys = shapes.shapeOf(attend.getKey())[2];
  if (Value pages = attend.getPages())
    bounds.keys = bounds.keys * shapes.shapeOf(pages)[1];
  bounds.entries = bounds.rows.ceilDiv(AttendBounds::rowsOfEntry);
  Type number = IntegerType::get(source.getContext(), 32);
  bounds.scratch.assign(3, {number, {batch, bounds.entries}});
  return bounds;
}

namespace {

class BoundsSkeleton {
public:
  BoundsSkeleton(KernelBuilder &kernel, attn::AttendOp attend, const AttendBounds &bounds, LabelMatch match)
      : kernel(kernel), at(kernel.at()), attend(attend), bounds(bounds), match(match), emitter(kernel, TileDomain()) {}

  LogicalResult build(AffineExpr isWanted);

private:
  /// Domain dimensions: the program's entry, its rows, keys of a step.
  enum Dimension : int64_t { Entry = 0, Rows = 1, Keys = 2 };

  FailureOr<Value> labels(tensor::ExtractOp extract, Dimension dim);
  Value splat(int64_t value, ArrayRef<int64_t> dims) {
    return arith::ConstantOp::create(
        at, DenseElementsAttr::get(emitter.tileType(at.getI32Type(), dims), at.getI32IntegerAttr(value)));
  }
  Value overKeys(Value entryTile) { return emitter.spread(TileEmitter::tile(entryTile, {Entry}), {Entry, Keys}); }
  Value reduce(tile::Combine kind, Value values, Value extent) {
    Type element = cast<RankedTensorType>(values.getType()).getElementType();
    return tile::ReduceOp::create(at, emitter.tileType(element, {Entry}), kind, values, 1, extent);
  }
  FailureOr<SmallVector<Value>> search(Value least, Value greatest);

  KernelBuilder &kernel;
  ImplicitLocOpBuilder &at;
  attn::AttendOp attend;
  const AttendBounds &bounds;
  LabelMatch match;
  TileEmitter emitter;
  Value batch;
};

} // namespace

FailureOr<Value> BoundsSkeleton::labels(tensor::ExtractOp extract, Dimension dim) {
  Region &keep = attend.getKeep();
  SmallVector<Piece> indices;
  for (Value index : extract.getIndices()) {
    auto argument = dyn_cast<BlockArgument>(index);
    if (!argument)
      indices.push_back(Piece::uniform(at.clone(*index.getDefiningOp())->getResult(0)));
    else
      indices.push_back(argument == keep.getArgument(0) ? Piece::uniform(batch) : emitter.coordinate(dim));
  }
  unsigned capture = cast<BlockArgument>(extract.getTensor()).getArgNumber() - attn::AttendOp::numIndexArguments;
  FailureOr<Piece> piece = emitter.read(attend.getCaptures()[capture], indices);
  if (failed(piece))
    return failure();
  return emitter.spread(*piece, {Entry, dim});
}

/// First, end and number of the keys that have labels from `least` to `greatest`, of the entry.
FailureOr<SmallVector<Value>> BoundsSkeleton::search(Value least, Value greatest) {
  SmallVector<int64_t, 2> dims{Entry, Keys};
  Value numKeys = kernel.value(bounds.keys);
  Value keysAsNumber = arith::IndexCastOp::create(at, at.getI32Type(), numKeys);
  Value none = emitter.spread(Piece::uniform(keysAsNumber), dims), zero = splat(0, dims), one = splat(1, dims);
  auto loop =
      scf::ForOp::create(at, kernel.constant(0), numKeys, kernel.constant(keysOfStep), ValueRange{none, zero, zero});
  {
    OpBuilder::InsertionGuard guard(at);
    at.setInsertionPointToStart(loop.getBody());
    TileDomain &domain = emitter.getDomain();
    domain.origins[Keys] = loop.getInductionVar();
    domain.extents[Keys] = kernel.sub(numKeys, loop.getInductionVar());
    FailureOr<Value> label = labels(match.ofKey, Keys);
    if (failed(label))
      return failure();
    auto compare = [&](arith::CmpIPredicate predicate, Value a, Value b) {
      return arith::CmpIOp::create(at, predicate, a, b).getResult();
    };
    Value key = emitter.spread(emitter.coordinate(Keys), dims);
    Value isThere = compare(arith::CmpIPredicate::slt, key, none);
    Value has = arith::AndIOp::create(at, compare(arith::CmpIPredicate::sge, *label, overKeys(least)),
                                      compare(arith::CmpIPredicate::sle, *label, overKeys(greatest)));
    has = arith::AndIOp::create(at, has, isThere);
    auto choose = [&](Value yes, Value no) { return arith::SelectOp::create(at, has, yes, no).getResult(); };
    ValueRange found = loop.getRegionIterArgs();
    Value first = arith::MinSIOp::create(at, found[0], choose(key, none));
    Value end = arith::MaxSIOp::create(at, found[1], choose(arith::AddIOp::create(at, key, one), zero));
    Value count = arith::AddIOp::create(at, found[2], choose(one, zero));
    scf::YieldOp::create(at, ValueRange{first, end, count});
  }
  return SmallVector<Value>{reduce(tile::Combine::Min, loop.getResult(0), Value()),
                            reduce(tile::Combine::Max, loop.getResult(1), Value()),
                            reduce(tile::Combine::Add, loop.getResult(2), Value())};
}

LogicalResult BoundsSkeleton::build(AffineExpr isWanted) {
  Value entry = tile::ProgramIdOp::create(at, 0);
  batch = tile::ProgramIdOp::create(at, 1);
  Value firstRow = kernel.mul(entry, kernel.constant(AttendBounds::rowsOfEntry));
  Value numRows = kernel.sub(kernel.value(bounds.rows), firstRow);
  TileDomain &domain = emitter.getDomain();
  domain.addDimension(1, entry, Value());
  domain.addDimension(AttendBounds::rowsOfEntry, firstRow, numRows);
  domain.addDimension(keysOfStep, kernel.constant(0), Value());

  FailureOr<Value> ofRows = labels(match.ofRow, Rows);
  if (failed(ofRows))
    return failure();
  Value least = reduce(tile::Combine::Min, *ofRows, numRows), greatest = reduce(tile::Combine::Max, *ofRows, numRows);
  FailureOr<SmallVector<Value>> found = search(least, greatest);
  if (failed(found))
    return failure();
  Value first = (*found)[0], end = (*found)[1], count = (*found)[2];
  auto equal = [&](Value a, Value b) { return arith::CmpIOp::create(at, arith::CmpIPredicate::eq, a, b).getResult(); };
  Value isWhole =
      arith::AndIOp::create(at, equal(least, greatest), equal(count, arith::SubIOp::create(at, end, first)));
  isWhole = arith::ExtUIOp::create(at, emitter.tileType(at.getI32Type(), {Entry}), isWhole);
  SmallVector<Piece> indices{Piece::uniform(batch), emitter.coordinate(Entry)};
  for (auto [field, value] :
       {std::pair{AttendBounds::First, first}, {AttendBounds::End, end}, {AttendBounds::IsWhole, isWhole}})
    if (failed(emitter.write(field, TileEmitter::tile(value, {Entry}), indices)))
      return failure();
  AffineExpr batches = bounds.scratch[0].sizes[0];
  kernel.finish({bounds.entries, batches * isWanted}, kernel.expression(0),
                {at.getNamedAttr("rows", at.getI64IntegerAttr(AttendBounds::rowsOfEntry))});
  return success();
}

LogicalResult heed::buildBounds(KernelBuilder &kernel, attn::AttendOp attend, const AttendBounds &bounds,
                                AffineExpr isWanted) {
  return BoundsSkeleton(kernel, attend, bounds, *MaskAnalysis::findLabels(attend.getKeep())).build(isWanted);
}
