/// attn but attend: merge, finish, rope, append, norm.
#include "compiler/interp/Handlers.h"
#include "compiler/interp/RowStates.h"

#include "dialects/attn/Attn.h"

#include <cmath>

using namespace mlir;

namespace heed::interp {

static const RowState &rowState(Frame &frame, Value value) {
  return *std::get<std::shared_ptr<RowState>>(frame.get(value));
}

static LogicalResult runMerge(Interpreter &, Operation *op, Frame &frame) {
  auto merge = cast<attn::MergeOp>(op);
  const RowState &left = rowState(frame, merge.getLeft()), &right = rowState(frame, merge.getRight());
  if (left.accumulator.shape != right.accumulator.shape)
    return op->emitError("interpreter: the states have different shapes");
  auto merged = std::make_shared<RowState>(left);
  MutableArrayRef<Scalar> reference = merged->reference.mutableData(), sum = merged->sum.mutableData();
  MutableArrayRef<Scalar> accumulator = merged->accumulator.mutableData();
  int64_t depth = left.accumulator.shape[3];
  for (int64_t row = 0; row < left.sum.size(); ++row) {
    double leftReference = reference[row].real, rightReference = right.reference.data()[row].real;
    double together = std::fmax(leftReference, rightReference), leftFactor = 1, rightFactor = 1;
    if (merge.getNormaliser() == attn::Normaliser::Softmax) {
      leftFactor = std::exp(leftReference - together);
      rightFactor = std::exp(rightReference - together);
    }
    reference[row].real = together;
    sum[row].real = sum[row].real * leftFactor + right.sum.data()[row].real * rightFactor;
    for (int64_t d = row * depth; d < (row + 1) * depth; ++d)
      accumulator[d].real = accumulator[d].real * leftFactor + right.accumulator.data()[d].real * rightFactor;
  }
  frame.set(merge.getResult(), std::move(merged));
  return success();
}

static LogicalResult runFinish(Interpreter &interpreter, Operation *op, Frame &frame) {
  auto finish = cast<attn::FinishOp>(op);
  const Tensor *sink = finish.getSink() ? &frame.tensor(finish.getSink()) : nullptr;
  auto outType = cast<RankedTensorType>(finish.getOut().getType()).getElementType();
  const RowState &state = rowState(frame, finish.getState());
  if (sink && sink->size() != state.sum.shape[1])
    return op->emitError("interpreter: sink needs one element per head");
  FinishedRows rows = finishRows(interpreter, state, sink, finish.getNormaliser(), outType);
  frame.set(finish.getOut(), std::move(rows.out));
  if (finish.getLse())
    frame.set(finish.getLse(), std::move(rows.lse));
  return success();
}

/// The row of the cos and sin tables for (batch, position in the sequence).
static FailureOr<int64_t> tableRow(attn::RopeOp op, const Frame &frame, int64_t batch, int64_t sequence,
                                   int64_t length) {
  const Tensor &table = frame.tensor(op.getCos());
  int64_t row = sequence, rows = table.shape[0];
  if (op.getPositions()) {
    const Tensor &positions = frame.tensor(op.getPositions());
    if (batch >= positions.shape[0] || sequence >= positions.shape[1])
      return op.emitError("interpreter: no position for batch ") << batch << ", row " << sequence;
    row = positions.data()[batch * positions.shape[1] + sequence].integer;
  } else if (table.rank() == 3) {
    row = batch * length + sequence;
    rows = table.shape[0] * table.shape[1];
  }
  if (row < 0 || row >= rows)
    return op.emitError("interpreter: position ") << row << " is outside of a table of " << rows;
  return row;
}

static LogicalResult runRope(Interpreter &interpreter, Operation *op, Frame &frame) {
  auto rope = cast<attn::RopeOp>(op);
  Tensor result = frame.tensor(rope.getInput());
  const Tensor &cosines = frame.tensor(rope.getCos()), &sines = frame.tensor(rope.getSin());
  MutableArrayRef<Scalar> data = result.mutableData();
  int64_t half = static_cast<int64_t>(rope.getRotaryDim()) / 2, depth = result.shape[3];
  if (cosines.shape.back() != half || sines.shape != cosines.shape)
    return op->emitError("interpreter: cos and sin need rotary_dim / 2 columns");
  for (int64_t row = 0, rows = elementCount(ArrayRef(result.shape).drop_back()); row < rows; ++row) {
    int64_t sequence = row % result.shape[2], batch = row / (result.shape[1] * result.shape[2]);
    FailureOr<int64_t> entry = tableRow(rope, frame, batch, sequence, result.shape[2]);
    if (failed(entry))
      return failure();
    for (int64_t pair = 0; pair < half; ++pair) {
      Scalar &first = data[row * depth + (rope.getInterleaved() ? 2 * pair : pair)];
      Scalar &second = data[row * depth + (rope.getInterleaved() ? 2 * pair + 1 : pair + half)];
      double cosine = cosines.data()[*entry * half + pair].real, sine = sines.data()[*entry * half + pair].real;
      double x1 = first.real, x2 = second.real;
      first = interpreter.settle(x1 * cosine - x2 * sine, result.elementType);
      second = interpreter.settle(x1 * sine + x2 * cosine, result.elementType);
    }
  }
  frame.set(rope.getResult(), std::move(result));
  return success();
}

static LogicalResult runAppend(Interpreter &, Operation *op, Frame &frame) {
  auto append = cast<attn::AppendOp>(op);
  Tensor cache = frame.tensor(append.getCache());
  const Tensor &rows = frame.tensor(append.getRows()), &index = frame.tensor(append.getIndex());
  int64_t heads = cache.shape[1], capacity = cache.shape[2], depth = cache.shape[3], count = rows.shape[2];
  if (rows.shape[0] != cache.shape[0] || rows.shape[1] != heads || rows.shape[3] != depth ||
      index.size() != cache.shape[0])
    return op->emitError("interpreter: sizes of cache, rows and index do not fit");
  bool circular = append.getMode() == attn::AppendMode::Circular;
  MutableArrayRef<Scalar> data = cache.mutableData();
  for (int64_t row = 0; row < cache.shape[0] * heads * count; ++row) {
    int64_t batchHead = row / count, target = index.data()[batchHead / heads].integer + row % count;
    if (target < 0)
      return op->emitError("interpreter: write index ") << target << " is negative";
    if (circular && capacity > 0)
      target %= capacity;
    if (target >= capacity)
      continue;
    for (int64_t d = 0; d < depth; ++d)
      data[(batchHead * capacity + target) * depth + d] = rows.data()[row * depth + d];
  }
  frame.set(append.getResult(), std::move(cache));
  return success();
}

static LogicalResult runNorm(Interpreter &interpreter, Operation *op, Frame &frame) {
  auto norm = cast<attn::NormOp>(op);
  Tensor result = frame.tensor(norm.getInput());
  const Tensor *scale = norm.getScale() ? &frame.tensor(norm.getScale()) : nullptr;
  const Tensor *bias = norm.getBias() ? &frame.tensor(norm.getBias()) : nullptr;
  int64_t width = elementCount(ArrayRef(result.shape).drop_front(norm.getFirstDim()));
  if ((scale && scale->size() != width) || (bias && bias->size() != width))
    return op->emitError("interpreter: scale and bias need ") << width << " elements";
  MutableArrayRef<Scalar> data = result.mutableData();
  for (int64_t first = 0; width > 0 && first < result.size(); first += width) {
    double mean = 0, variance = 0;
    if (norm.getKind() == attn::NormKind::Layer)
      for (int64_t i = 0; i < width; ++i)
        mean += data[first + i].real / static_cast<double>(width);
    for (int64_t i = 0; i < width; ++i)
      variance += (data[first + i].real - mean) * (data[first + i].real - mean) / static_cast<double>(width);
    double deviation = std::sqrt(variance + norm.getEpsilon().convertToDouble());
    for (int64_t i = 0; i < width; ++i) {
      double value = (data[first + i].real - mean) / deviation;
      value = value * (scale ? scale->data()[i].real : 1) + (bias ? bias->data()[i].real : 0);
      data[first + i] = interpreter.settle(value, result.elementType);
    }
  }
  frame.set(norm.getResult(), std::move(result));
  return success();
}

void addAttnHandlers(HandlerTable &table) {
  table["attn.merge"] = runMerge;
  table["attn.finish"] = runFinish;
  table["attn.rope"] = runRope;
  table["attn.append"] = runAppend;
  table["attn.norm"] = runNorm;
}

} // namespace heed::interp
