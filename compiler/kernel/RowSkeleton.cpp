/// Norms and softmax: a block of rows, each combined along its columns and swept once more for what is stored.
#include "compiler/kernel/RowFrame.h"
#include "compiler/kernel/Skeletons.h"
#include "dialects/attn/Attn.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"

#include <numbers>

using namespace mlir;
using namespace heed;

//===- Norms ------------------------------------------------------------------------------------------------------===//

namespace {
class NormSkeleton {
public:
  NormSkeleton(RowFrame &frame, attn::NormOp norm, AffineExpr columns)
      : frame(frame), at(frame.at), norm(norm), columns(columns) {}

  LogicalResult build();

private:
  FailureOr<Value> input() {
    if (wholeRow)
      return wholeRow;
    return frame.readFloat(norm.getInput(), frame.indices());
  }
  FailureOr<Value> rowMean(llvm::function_ref<Value(Value)> term);
  LogicalResult normalise(Value mean, Value inverse);

  RowFrame &frame;
  ImplicitLocOpBuilder &at;
  attn::NormOp norm;
  AffineExpr columns;
  Value wholeRow;
};
} // namespace

/// The mean of `term` over each row.
FailureOr<Value> NormSkeleton::rowMean(llvm::function_ref<Value(Value)> term) {
  FailureOr<SmallVector<Value>> sum =
      frame.sweep({frame.splat(0, frame.rowType())}, [&](ValueRange carried) -> FailureOr<SmallVector<Value>> {
        FailureOr<Value> x = input();
        if (failed(x))
          return failure();
        Value partial = frame.reduce(tile::Combine::Add, term(*x));
        return SmallVector<Value>{arith::AddFOp::create(at, carried[0], partial)};
      });
  if (failed(sum))
    return failure();
  Value count = arith::IndexCastOp::create(at, at.getI64Type(), frame.kernel.value(columns));
  Value inverse = arith::DivFOp::create(at, arith::ConstantOp::create(at, at.getF32FloatAttr(1.0f)),
                                        arith::SIToFPOp::create(at, at.getF32Type(), count));
  return arith::MulFOp::create(at, (*sum)[0], frame.emitter.spread(Piece::uniform(inverse), {RowFrame::Rows}))
      .getResult();
}

LogicalResult NormSkeleton::normalise(Value mean, Value inverse) {
  return frame.sweep({}, [&](ValueRange) -> FailureOr<SmallVector<Value>> {
    FailureOr<Value> x = input();
    if (failed(x))
      return failure();
    Value y = *x;
    if (mean)
      y = arith::SubFOp::create(at, y, frame.overColumns(mean));
    y = arith::MulFOp::create(at, y, frame.overColumns(inverse));
    ArrayRef<Piece> column = frame.indices().take_back(1);
    for (auto [operand, isScale] : {std::pair(norm.getScale(), true), std::pair(norm.getBias(), false)}) {
      if (!operand)
        continue;
      FailureOr<Value> piece = frame.readFloat(operand, column);
      if (failed(piece))
        return failure();
      y = isScale ? arith::MulFOp::create(at, y, *piece).getResult() : arith::AddFOp::create(at, y, *piece).getResult();
    }
    Type element = getElementTypeOrSelf(norm.getResult().getType());
    if (element != at.getF32Type())
      y = arith::TruncFOp::create(at, frame.emitter.tileType(element, {RowFrame::Rows, RowFrame::Columns}), y);
    frame.emitter.define(norm.getResult(), TileEmitter::tile(y, {RowFrame::Rows, RowFrame::Columns}));
    if (failed(frame.store()))
      return failure();
    return SmallVector<Value>{};
  });
}

LogicalResult NormSkeleton::build() {
  if (frame.isOneBlock()) {
    FailureOr<Value> row = input();
    if (failed(row))
      return failure();
    wholeRow = *row;
  }
  Value mean;
  if (norm.getKind() == attn::NormKind::Layer) {
    FailureOr<Value> rowMeanValue = rowMean([](Value x) { return x; });
    if (failed(rowMeanValue))
      return failure();
    mean = *rowMeanValue;
  }
  FailureOr<Value> variance = rowMean([&](Value x) -> Value {
    Value difference = mean ? arith::SubFOp::create(at, x, frame.overColumns(mean)).getResult() : x;
    return arith::MulFOp::create(at, difference, difference);
  });
  if (failed(variance))
    return failure();
  Value shifted =
      arith::AddFOp::create(at, *variance, frame.splat(norm.getEpsilon().convertToDouble(), frame.rowType()));
  Value root = math::SqrtOp::create(at, shifted);
  Value inverse = arith::DivFOp::create(at, frame.splat(1, frame.rowType()), root);
  if (failed(normalise(mean, inverse)))
    return failure();
  frame.finish(frame.kernel.expression(8));
  return success();
}

//===- Softmax ----------------------------------------------------------------------------------------------------===//

static LogicalResult buildSoftmax(RowFrame &frame, linalg::SoftmaxOp softmax) {
  ImplicitLocOpBuilder &at = frame.at;
  Value lowest = frame.splat(std::numeric_limits<float>::lowest(), frame.rowType());
  Value log2e = frame.splat(std::numbers::log2e, frame.blockType());
  auto greater = [&](Value a, Value b) -> Value { return arith::MaxNumFOp::create(at, a, b); };
  auto weights = [&](Value x, Value maximum) -> Value {
    Value difference = arith::SubFOp::create(at, x, frame.overColumns(maximum));
    return math::Exp2Op::create(at, arith::MulFOp::create(at, difference, log2e));
  };
  FailureOr<SmallVector<Value>> state =
      frame.sweep({lowest, frame.splat(0, frame.rowType())}, [&](ValueRange carried) -> FailureOr<SmallVector<Value>> {
        FailureOr<Value> x = frame.readFloat(softmax.getInput(), frame.indices());
        if (failed(x))
          return failure();
        Value maximum = greater(carried[0], frame.reduce(tile::Combine::Max, *x));
        Value shrink =
            math::Exp2Op::create(at, arith::MulFOp::create(at, arith::SubFOp::create(at, carried[0], maximum),
                                                           frame.splat(std::numbers::log2e, frame.rowType())));
        Value sum = arith::AddFOp::create(at, arith::MulFOp::create(at, carried[1], shrink),
                                          frame.reduce(tile::Combine::Add, weights(*x, maximum)));
        return SmallVector<Value>{maximum, sum};
      });
  if (failed(state))
    return failure();
  Value inverse = arith::DivFOp::create(at, frame.splat(1, frame.rowType()), (*state)[1]);
  FailureOr<SmallVector<Value>> stored = frame.sweep({}, [&](ValueRange) -> FailureOr<SmallVector<Value>> {
    FailureOr<Value> x = frame.readFloat(softmax.getInput(), frame.indices());
    if (failed(x))
      return failure();
    Value y = arith::MulFOp::create(at, weights(*x, (*state)[0]), frame.overColumns(inverse));
    Type element = getElementTypeOrSelf(softmax->getResult(0).getType());
    if (element != at.getF32Type())
      y = arith::TruncFOp::create(at, frame.emitter.tileType(element, {RowFrame::Rows, RowFrame::Columns}), y);
    frame.emitter.define(softmax->getResult(0), TileEmitter::tile(y, {RowFrame::Rows, RowFrame::Columns}));
    if (failed(frame.store()))
      return failure();
    return SmallVector<Value>{};
  });
  if (failed(stored))
    return failure();
  frame.finish(frame.kernel.expression(8));
  return success();
}

/// Of a tensor whose dimension `columns` is reduced; its rows are those of the last other dimension.
static RowShape shapeOf(Value tensor, unsigned columns) {
  auto type = cast<RankedTensorType>(tensor.getType());
  int64_t rank = type.getRank(), rows = columns + 1 == rank ? rank - 2 : rank - 1;
  return {rows < 0 ? 1 : type.getDimSize(rows), type.getDimSize(columns)};
}

LogicalResult heed::buildRow(KernelBuilder &kernel, const Backend &backend) {
  for (Operation &op : kernel.sourceBlock()) {
    if (auto norm = dyn_cast<attn::NormOp>(op)) {
      SmallVector<AffineExpr> sizes = kernel.sizesOf(norm.getInput());
      unsigned columns = sizes.size() - 1;
      RowFrame frame(kernel, backend.rowBlocks(shapeOf(norm.getInput(), columns)), sizes, columns);
      return NormSkeleton(frame, norm, sizes.back()).build();
    }
    if (auto softmax = dyn_cast<linalg::SoftmaxOp>(op)) {
      unsigned columns = softmax.getDimension();
      RowFrame frame(kernel, backend.rowBlocks(shapeOf(softmax.getInput(), columns)),
                     kernel.sizesOf(softmax.getInput()), columns);
      return buildSoftmax(frame, softmax);
    }
    if (auto generic = dyn_cast<linalg::GenericOp>(op); generic && generic.getNumReductionLoops() != 0)
      return buildReduction(kernel, generic, backend);
  }
  return kernel.source().emitOpError("has no norm, softmax or reduction for its root");
}
