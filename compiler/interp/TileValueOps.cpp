/// tile: ops on tile values.
#include "compiler/interp/Handlers.h"

#include "dialects/tile/Tile.h"
#include "llvm/ADT/APFloat.h"

#include <cmath>

using namespace mlir;

namespace heed::interp {

static RankedTensorType resultType(Operation *op) { return cast<RankedTensorType>(op->getResult(0).getType()); }

static LogicalResult runIndex(Interpreter &, Operation *op, Frame &frame) {
  auto index = cast<tile::IndexOp>(op);
  RankedTensorType type = resultType(op);
  Tensor result = Tensor::filled(type.getElementType(), type.getShape(), Scalar::ofInteger(0));
  int64_t offset = frame.index(index.getOffset()), extent = result.shape[index.getDim()];
  int64_t stride = contiguousStrides(result.shape)[index.getDim()];
  MutableArrayRef<Scalar> data = result.mutableData();
  for (int64_t element = 0; element < result.size(); ++element)
    data[element] = Scalar::ofInteger(wrapInteger(offset + element / stride % extent, 32));
  frame.set(op->getResult(0), std::move(result));
  return success();
}

static LogicalResult runSplat(Interpreter &, Operation *op, Frame &frame) {
  RankedTensorType type = resultType(op);
  frame.set(op->getResult(0), Tensor::filled(type.getElementType(), type.getShape(), frame.scalar(op->getOperand(0))));
  return success();
}

static LogicalResult runBroadcast(Interpreter &, Operation *op, Frame &frame) {
  auto broadcast = cast<tile::BroadcastOp>(op);
  const Tensor source = frame.tensor(broadcast.getSource());
  RankedTensorType type = resultType(op);
  Tensor result = Tensor::filled(type.getElementType(), type.getShape(), Scalar::ofInteger(0));
  Shape strides = contiguousStrides(source.shape), position(result.shape.size(), 0);
  for (Scalar &element : result.mutableData()) {
    int64_t flat = 0;
    for (auto [dim, target] : llvm::enumerate(broadcast.getDims()))
      flat += position[target] * strides[dim];
    element = source.data()[flat];
    nextPosition(position, result.shape);
  }
  frame.set(op->getResult(0), std::move(result));
  return success();
}

static LogicalResult runToeplitz(Interpreter &, Operation *op, Frame &frame) {
  const Tensor band = frame.tensor(cast<tile::ToeplitzOp>(op).getBand());
  RankedTensorType type = resultType(op);
  int64_t rows = type.getDimSize(0), columns = type.getDimSize(1);
  Tensor result = Tensor::filled(type.getElementType(), type.getShape(), Scalar::ofInteger(0));
  MutableArrayRef<Scalar> data = result.mutableData();
  for (int64_t i = 0; i < rows; ++i)
    for (int64_t j = 0; j < columns; ++j)
      data[i * columns + j] = band.data()[i - j + columns - 1];
  frame.set(op->getResult(0), std::move(result));
  return success();
}

/// Combines two elements; and, or work on integers, the rest on both. A NaN stays in a maximum, so that padding which
/// reaches one is seen.
static Scalar combine(tile::Combine kind, Scalar a, Scalar b, Type type) {
  bool real = isa<FloatType>(type);
  switch (kind) {
  case tile::Combine::Add:
    return real ? Scalar::ofReal(a.real + b.real)
                : Scalar::ofInteger(wrapInteger(
                      static_cast<int64_t>(static_cast<uint64_t>(a.integer) + static_cast<uint64_t>(b.integer)),
                      bitWidth(type)));
  case tile::Combine::Mul:
    return real ? Scalar::ofReal(a.real * b.real)
                : Scalar::ofInteger(wrapInteger(
                      static_cast<int64_t>(static_cast<uint64_t>(a.integer) * static_cast<uint64_t>(b.integer)),
                      bitWidth(type)));
  case tile::Combine::Max:
    return real ? Scalar::ofReal(std::isnan(a.real) ? a.real
                                 : b.real < a.real  ? a.real
                                                    : b.real)
                : Scalar::ofInteger(std::max(a.integer, b.integer));
  case tile::Combine::Min:
    return real ? Scalar::ofReal(std::isnan(a.real) ? a.real
                                 : b.real > a.real  ? a.real
                                                    : b.real)
                : Scalar::ofInteger(std::min(a.integer, b.integer));
  case tile::Combine::And:
    return Scalar::ofInteger(a.integer & b.integer);
  case tile::Combine::Or:
    return Scalar::ofInteger(a.integer | b.integer);
  }
  return a;
}

/// The neutral element; the lowest finite value for max, the highest for min.
static Scalar neutral(tile::Combine kind, Type type) {
  unsigned width = bitWidth(type);
  switch (kind) {
  case tile::Combine::Add:
  case tile::Combine::Or:
    return isa<FloatType>(type) ? Scalar::ofReal(0) : Scalar::ofInteger(0);
  case tile::Combine::Mul:
    return isa<FloatType>(type) ? Scalar::ofReal(1) : Scalar::ofInteger(wrapInteger(1, width));
  case tile::Combine::And:
    return Scalar::ofInteger(-1);
  case tile::Combine::Max:
  case tile::Combine::Min:
    break;
  }
  bool lowest = kind == tile::Combine::Max;
  if (auto real = dyn_cast<FloatType>(type)) {
    APFloat largest = APFloat::getLargest(real.getFloatSemantics());
    bool losesInfo = false;
    largest.convert(APFloat::IEEEdouble(), APFloat::rmNearestTiesToEven, &losesInfo);
    return Scalar::ofReal(lowest ? -largest.convertToDouble() : largest.convertToDouble());
  }
  int64_t highest = width >= 64 ? std::numeric_limits<int64_t>::max() : (int64_t{1} << (width - 1)) - 1;
  return Scalar::ofInteger(lowest ? -highest - 1 : highest);
}

static LogicalResult runReduce(Interpreter &interpreter, Operation *op, Frame &frame) {
  auto reduce = cast<tile::ReduceOp>(op);
  const Tensor source = frame.tensor(reduce.getSource());
  size_t dim = reduce.getDim();
  int64_t length = source.shape[dim], stride = contiguousStrides(source.shape)[dim];
  int64_t extent = reduce.getExtent() ? std::min(frame.index(reduce.getExtent()), length) : length;
  Type type = source.elementType;
  Tensor result = Tensor::filled(type, resultType(op).getShape(), neutral(reduce.getCombine(), type));
  MutableArrayRef<Scalar> data = result.mutableData();
  for (int64_t element = 0; element < result.size(); ++element) {
    int64_t first = element / stride * stride * length + element % stride;
    for (int64_t i = 0; i < extent; ++i)
      data[element] = combine(reduce.getCombine(), data[element], source.data()[first + i * stride], type);
    if (result.isFloat())
      data[element] = interpreter.settle(data[element].real, type);
  }
  frame.set(op->getResult(0), std::move(result));
  return success();
}

/// Elements that lie as far apart as the result is long come together.
static LogicalResult runFold(Interpreter &interpreter, Operation *op, Frame &frame) {
  auto fold = cast<tile::FoldOp>(op);
  const Tensor source = frame.tensor(fold.getSource());
  Type type = source.elementType;
  Tensor result = Tensor::filled(type, resultType(op).getShape(), neutral(fold.getCombine(), type));
  size_t dim = fold.getDim();
  int64_t length = source.shape[dim], parts = result.shape[dim], stride = contiguousStrides(source.shape)[dim];
  MutableArrayRef<Scalar> data = result.mutableData();
  for (int64_t element = 0; element < source.size(); ++element) {
    int64_t row = element / (stride * length), place = element / stride % length % parts;
    Scalar &sum = data[(row * parts + place) * stride + element % stride];
    sum = combine(fold.getCombine(), sum, source.data()[element], type);
  }
  for (Scalar &sum : data)
    if (result.isFloat())
      sum = interpreter.settle(sum.real, type);
  frame.set(op->getResult(0), std::move(result));
  return success();
}

static LogicalResult runExceeds(Interpreter &, Operation *op, Frame &frame) {
  auto exceeds = cast<tile::ExceedsOp>(op);
  const Tensor source = frame.tensor(exceeds.getSource()), limits = frame.tensor(exceeds.getLimits());
  size_t dim = exceeds.getDim();
  int64_t length = source.shape[dim], stride = contiguousStrides(source.shape)[dim];
  bool some = false;
  for (int64_t element = 0; element < source.size(); ++element)
    some |= source.data()[element].real > limits.data()[element / (stride * length) * stride + element % stride].real;
  frame.set(op->getResult(0), Scalar::ofInteger(some));
  return success();
}

static LogicalResult runScan(Interpreter &interpreter, Operation *op, Frame &frame) {
  auto scan = cast<tile::ScanOp>(op);
  Tensor result = frame.tensor(scan.getSource());
  size_t dim = scan.getDim();
  int64_t length = result.shape[dim], stride = contiguousStrides(result.shape)[dim];
  MutableArrayRef<Scalar> data = result.mutableData();
  for (int64_t element = 0; element < result.size(); ++element) {
    if (element / stride % length == 0)
      continue;
    data[element] = combine(scan.getCombine(), data[element - stride], data[element], result.elementType);
    if (result.isFloat())
      data[element] = interpreter.settle(data[element].real, result.elementType);
  }
  frame.set(op->getResult(0), std::move(result));
  return success();
}

static LogicalResult runDot(Interpreter &interpreter, Operation *op, Frame &frame) {
  auto dot = cast<tile::DotOp>(op);
  const Tensor left = frame.tensor(dot.getLeft()), right = frame.tensor(dot.getRight());
  Tensor result = frame.tensor(dot.getAccumulator());
  int64_t rows = left.shape[0], inner = left.shape[1], columns = right.shape[1];
  MutableArrayRef<Scalar> data = result.mutableData();
  const Scalar *a = left.data().data(), *b = right.data().data();
  for (int64_t i = 0; i < rows; ++i)
    for (int64_t k = 0; k < inner; ++k) {
      Scalar *sum = data.data() + i * columns;
      if (result.isFloat())
        for (int64_t j = 0; j < columns; ++j)
          sum[j].real += a[i * inner + k].real * b[k * columns + j].real;
      else
        for (int64_t j = 0; j < columns; ++j)
          sum[j].integer += a[i * inner + k].integer * b[k * columns + j].integer;
    }
  for (Scalar &element : data)
    element = result.isFloat() ? interpreter.settle(element.real, result.elementType)
                               : Scalar::ofInteger(wrapInteger(element.integer, bitWidth(result.elementType)));
  frame.set(op->getResult(0), std::move(result));
  return success();
}

static LogicalResult runTranspose(Interpreter &, Operation *op, Frame &frame) {
  const Tensor source = frame.tensor(op->getOperand(0));
  int64_t rows = source.shape[0], columns = source.shape[1];
  Tensor result = Tensor::filled(source.elementType, {columns, rows}, Scalar::ofInteger(0));
  MutableArrayRef<Scalar> data = result.mutableData();
  for (int64_t i = 0; i < rows; ++i)
    for (int64_t j = 0; j < columns; ++j)
      data[j * rows + i] = source.data()[i * columns + j];
  frame.set(op->getResult(0), std::move(result));
  return success();
}

static LogicalResult runConvert(Interpreter &, Operation *op, Frame &frame) {
  frame.set(op->getResult(0), RuntimeValue(frame.get(op->getOperand(0))));
  return success();
}

/// X = (I + L)^-1 by forward substitution: X_ij = I_ij - sum over k < i of L_ik X_kj.
static LogicalResult runTriInv(Interpreter &interpreter, Operation *op, Frame &frame) {
  const Tensor lower = frame.tensor(op->getOperand(0));
  int64_t size = lower.shape[0];
  Tensor inverse = Tensor::filled(lower.elementType, lower.shape, Scalar::ofReal(0));
  MutableArrayRef<Scalar> data = inverse.mutableData();
  for (int64_t i = 0; i < size; ++i)
    for (int64_t j = 0; j <= i; ++j) {
      double value = i == j ? 1 : 0;
      for (int64_t k = j; k < i; ++k)
        value -= lower.data()[i * size + k].real * data[k * size + j].real;
      data[i * size + j] = interpreter.settle(value, lower.elementType);
    }
  frame.set(op->getResult(0), std::move(inverse));
  return success();
}

void addTileValueHandlers(HandlerTable &table) {
  table["tile.index"] = runIndex;
  table["tile.splat"] = runSplat;
  table["tile.broadcast"] = runBroadcast;
  table["tile.toeplitz"] = runToeplitz;
  table["tile.reduce"] = runReduce;
  table["tile.fold"] = runFold;
  table["tile.exceeds"] = runExceeds;
  table["tile.scan"] = runScan;
  table["tile.dot"] = runDot;
  table["tile.transpose"] = runTranspose;
  table["tile.convert"] = runConvert;
  table["tile.trinv"] = runTriInv;
}

} // namespace heed::interp
