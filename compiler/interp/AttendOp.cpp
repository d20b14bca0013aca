/// attn.attend, row by row as its description says: scores, mask, weights, value product.
#include "compiler/interp/Handlers.h"
#include "compiler/interp/RowStates.h"
#include "compiler/interp/ScalarProgram.h"

#include "dialects/attn/Attn.h"

#include <cmath>
#include <limits>

using namespace mlir;

namespace heed::interp {
namespace {

using attn::Normaliser;

/// A visible key of a row: its index, where its row lies in the key and value operands, its score and weight.
struct VisibleKey {
  int64_t key, operandRow;
  double score, weight;
};

class AttendRun {
public:
  AttendRun(Interpreter &interpreter, attn::AttendOp op, Frame &frame)
      : interpreter(interpreter), op(op), frame(frame), query(frame.tensor(op.getQuery())),
        keys(frame.tensor(op.getKey())), values(frame.tensor(op.getValue())) {}

  LogicalResult run() {
    if (failed(prepare()))
      return failure();
    Shape rows = {query.shape[0], query.shape[1], query.shape[2]}, row(3, 0);
    if (elementCount(rows) != 0)
      do
        if (failed(runRow(row)))
          return failure();
      while (nextPosition(row, rows));
    setResults();
    return success();
  }

private:
  LogicalResult prepare() {
    if (keys.shape[2] != values.shape[2] || keys.shape[0] != values.shape[0] || keys.shape[3] != query.shape[3] ||
        (!op.getPages() && keys.shape[0] != query.shape[0]))
      return op.emitError("interpreter: sizes of query, key and value do not fit");
    Type f32 = Float32Type::get(op.getContext());
    Shape rows = {query.shape[0], query.shape[1], query.shape[2]}, full = rows;
    full.push_back(values.shape[3]);
    state.reference = Tensor::filled(f32, rows, Scalar::ofReal(attn::maskedScore));
    state.sum = Tensor::filled(f32, rows, Scalar::ofReal(0));
    state.accumulator = Tensor::filled(f32, full, Scalar::ofReal(0));
    return failure(failed(compile(op.getScore(), 1, score)) || failed(compile(op.getKeep(), 0, keep)) ||
                   failed(compile(op.getProb(), 1, prob)));
  }

  LogicalResult compile(Region &region, unsigned leading, std::optional<ScalarProgram> &program) {
    if (region.empty())
      return success();
    unsigned numScalars = leading + attn::AttendOp::numIndexArguments;
    for (auto [argument, capture] : llvm::zip_equal(region.getArguments().drop_front(numScalars), op.getCaptures()))
      frame.set(argument, RuntimeValue(frame.get(capture)));
    FailureOr<ScalarProgram> compiled = ScalarProgram::compile(region.front(), numScalars, interpreter, frame);
    if (failed(compiled))
      return failure();
    program = std::move(*compiled);
    return success();
  }

  /// The integer an optional [batch] operand has for a batch.
  FailureOr<int64_t> perBatch(Value operand, int64_t batch, int64_t otherwise) {
    if (!operand)
      return otherwise;
    const Tensor &tensor = frame.tensor(operand);
    if (batch >= tensor.size())
      return op.emitError("interpreter: a [batch] operand has only ") << tensor.size() << " elements";
    return tensor.data()[batch].integer;
  }

  /// Keys that lengths and lists leave for a row, in order.
  FailureOr<SmallVector<int64_t>> candidateKeys(ArrayRef<int64_t> row) {
    int64_t count = keys.shape[2];
    if (op.getPages())
      count *= frame.tensor(op.getPages()).shape[1];
    FailureOr<int64_t> length = perBatch(op.getKvLength(), row[0], count);
    if (failed(length))
      return failure();
    count = std::clamp<int64_t>(*length, 0, count);
    SmallVector<int64_t> candidates;
    if (!op.getBlocks()) {
      for (int64_t key = 0; key < count; ++key)
        candidates.push_back(key);
      return candidates;
    }
    const Tensor &blocks = frame.tensor(op.getBlocks());
    int64_t queryBlock = row[2] / (*op.getBlockSize())[0], width = (*op.getBlockSize())[1];
    if (row[0] >= blocks.shape[0] || row[1] >= blocks.shape[1] || queryBlock >= blocks.shape[2])
      return op.emitError("interpreter: no block list for query block ") << queryBlock;
    int64_t first = ((row[0] * blocks.shape[1] + row[1]) * blocks.shape[2] + queryBlock) * blocks.shape[3];
    for (int64_t entry = 0; entry < blocks.shape[3]; ++entry) {
      int64_t block = blocks.data()[first + entry].integer;
      if (block < 0)
        break;
      for (int64_t key = block * width; key < std::min((block + 1) * width, count); ++key) {
        if (llvm::is_contained(candidates, key))
          return op.emitError("interpreter: block ") << block << " is listed twice";
        candidates.push_back(key);
      }
    }
    return candidates;
  }

  /// The row of the key and value operands, counted over all heads, where a key lies.
  FailureOr<int64_t> operandRow(ArrayRef<int64_t> row, int64_t key) {
    int64_t heads = keys.shape[1], length = keys.shape[2];
    int64_t head = row[1] / (query.shape[1] / heads), batch = row[0];
    if (op.getPages()) {
      const Tensor &pages = frame.tensor(op.getPages());
      if (batch >= pages.shape[0])
        return op.emitError("interpreter: no page list for batch ") << batch;
      int64_t page = pages.data()[batch * pages.shape[1] + key / length].integer;
      if (page < 0 || page >= keys.shape[0])
        return op.emitError("interpreter: page ") << page << " is outside of the pool of " << keys.shape[0];
      batch = page;
      key %= length;
    }
    return (batch * heads + head) * length + key;
  }

  double dot(ArrayRef<int64_t> row, int64_t keyRow) {
    int64_t depth = query.shape[3], queryRow = (row[0] * query.shape[1] + row[1]) * query.shape[2] + row[2];
    double sum = 0;
    for (int64_t d = 0; d < depth; ++d)
      sum += query.data()[queryRow * depth + d].real * keys.data()[keyRow * depth + d].real;
    return sum;
  }

  /// Region arguments after the leading scalar.
  SmallVector<Scalar, 8> regionArguments(ArrayRef<int64_t> row, int64_t key, int64_t position) {
    SmallVector<Scalar, 8> arguments;
    for (int64_t value : {row[0], row[1], row[2], key, position})
      arguments.push_back(Scalar::ofInteger(value));
    return arguments;
  }

  /// `value` changed by a score or prob region.
  LogicalResult apply(std::optional<ScalarProgram> &program, double &value, ArrayRef<Scalar> arguments) {
    if (!program)
      return success();
    SmallVector<Scalar, 8> all = {Scalar::ofReal(value)};
    all.append(arguments.begin(), arguments.end());
    Scalar result;
    if (failed(program->run(all, {}, result)))
      return failure();
    value = result.real;
    return success();
  }

  LogicalResult collectVisible(ArrayRef<int64_t> row, int64_t position, SmallVectorImpl<VisibleKey> &visible) {
    FailureOr<SmallVector<int64_t>> candidates = candidateKeys(row);
    if (failed(candidates))
      return failure();
    for (int64_t key : *candidates) {
      SmallVector<Scalar, 8> arguments = regionArguments(row, key, position);
      Scalar kept = Scalar::ofInteger(1);
      if (keep && failed(keep->run(arguments, {}, kept)))
        return failure();
      if (kept.integer == 0)
        continue;
      FailureOr<int64_t> keyRow = operandRow(row, key);
      if (failed(keyRow))
        return failure();
      double s = settle(op.getScale().convertToDouble() * dot(row, *keyRow));
      if (failed(apply(score, s, arguments)))
        return failure();
      if (!(s <= attn::maskedScore))
        visible.push_back({key, *keyRow, s, 0});
    }
    return success();
  }

  double settle(double value) { return interpreter.settle(value, state.sum.elementType).real; }

  double weight(double s, double reference) {
    switch (op.getNormaliser()) {
    case Normaliser::Softmax:
      return settle(std::exp(s - reference));
    case Normaliser::Sigmoid:
      return settle(1.0 / (1.0 + std::exp(-s)));
    case Normaliser::Relu:
      return std::fmax(s, 0.0);
    }
    return 0;
  }

  LogicalResult runRow(ArrayRef<int64_t> row) {
    FailureOr<int64_t> offset = perBatch(op.getQOffset(), row[0], 0);
    if (failed(offset))
      return failure();
    int64_t position = row[2] + *offset;
    SmallVector<VisibleKey> visible;
    if (failed(collectVisible(row, position, visible)))
      return failure();
    int64_t flatRow = (row[0] * query.shape[1] + row[1]) * query.shape[2] + row[2];
    double reference = attn::maskedScore, sum = 0;
    if (op.getNormaliser() == Normaliser::Softmax)
      for (const VisibleKey &key : visible)
        reference = std::fmax(reference, key.score);
    for (VisibleKey &key : visible) {
      key.weight = weight(key.score, reference);
      sum += key.weight;
    }
    int64_t depth = values.shape[3];
    MutableArrayRef<Scalar> accumulator = state.accumulator.mutableData().slice(flatRow * depth, depth);
    for (VisibleKey &key : visible) {
      if (failed(apply(prob, key.weight, regionArguments(row, key.key, position))))
        return failure();
      for (int64_t d = 0; d < depth; ++d)
        accumulator[d].real += key.weight * values.data()[key.operandRow * depth + d].real;
    }
    state.reference.mutableData()[flatRow].real = reference;
    state.sum.mutableData()[flatRow].real = sum;
    return success();
  }

  void setResults() {
    if (op.getState()) {
      frame.set(op.getState(), std::make_shared<RowState>(state));
      return;
    }
    const Tensor *sink = op.getSink() ? &frame.tensor(op.getSink()) : nullptr;
    auto outType = cast<RankedTensorType>(op.getOut().getType()).getElementType();
    FinishedRows rows = finishRows(interpreter, state, sink, op.getNormaliser(), outType);
    frame.set(op.getOut(), std::move(rows.out));
    if (op.getLse())
      frame.set(op.getLse(), std::move(rows.lse));
  }

  Interpreter &interpreter;
  attn::AttendOp op;
  Frame &frame;
  // Copies of the handles: the frame may move its values while regions are compiled.
  const Tensor query, keys, values;
  std::optional<ScalarProgram> score, keep, prob;
  RowState state;
};

} // namespace

FinishedRows finishRows(Interpreter &interpreter, const RowState &state, const Tensor *sink, Normaliser normaliser,
                        Type outType) {
  int64_t heads = state.sum.shape[1], rows = state.sum.shape[2], depth = state.accumulator.shape[3];
  FinishedRows finished{Tensor::filled(outType, state.accumulator.shape, Scalar::ofReal(0)),
                        Tensor::filled(state.sum.elementType, state.sum.shape, Scalar::ofReal(0))};
  MutableArrayRef<Scalar> out = finished.out.mutableData(), lse = finished.lse.mutableData();
  for (int64_t row = 0; row < state.sum.size(); ++row) {
    double reference = state.reference.data()[row].real, sum = state.sum.data()[row].real, factor = 1;
    if (sink) {
      double virtualKey = sink->data()[row / rows % heads].real, together = std::fmax(reference, virtualKey);
      factor = std::exp(reference - together);
      sum = sum * factor + std::exp(virtualKey - together);
      reference = together;
    }
    lse[row] = interpreter.settle(sum > 0 ? reference + std::log(sum) : -std::numeric_limits<double>::infinity(),
                                  state.sum.elementType);
    double denominator = normaliser == Normaliser::Softmax ? sum : 1;
    for (int64_t d = row * depth; d < (row + 1) * depth; ++d)
      if (denominator > 0)
        out[d] = interpreter.settle(state.accumulator.data()[d].real * factor / denominator, outType);
  }
  return finished;
}

LogicalResult runAttend(Interpreter &interpreter, Operation *op, Frame &frame) {
  return AttendRun(interpreter, cast<attn::AttendOp>(op), frame).run();
}

} // namespace heed::interp
