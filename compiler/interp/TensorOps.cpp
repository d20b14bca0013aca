/// tensor: all data movement in one routine, copying a strided box of one tensor into a strided box of another.
#include "compiler/interp/Handlers.h"
#include "compiler/interp/ScalarProgram.h"

#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"

using namespace mlir;

namespace heed::interp {

namespace {
/// Elements offset + i * step of each dimension of a tensor.
struct Box {
  Shape offsets, steps;
};
} // namespace

static Shape resolve(ArrayRef<OpFoldResult> mixed, const Frame &frame) {
  Shape values;
  for (OpFoldResult entry : mixed) {
    std::optional<int64_t> constant = getConstantIntValue(entry);
    values.push_back(constant ? *constant : frame.index(cast<Value>(entry)));
  }
  return values;
}

static LogicalResult checkBox(Operation *op, const Box &box, ArrayRef<int64_t> sizes, ArrayRef<int64_t> shape) {
  for (auto [dim, extent] : llvm::enumerate(shape)) {
    int64_t last = box.offsets[dim] + (sizes[dim] - 1) * box.steps[dim];
    if (sizes[dim] < 0 ||
        (sizes[dim] > 0 && (std::min(box.offsets[dim], last) < 0 || std::max(box.offsets[dim], last) >= extent)))
      return op->emitError("interpreter: slice [")
             << box.offsets[dim] << ", size " << sizes[dim] << ", step " << box.steps[dim] << "] of dimension " << dim
             << " leaves its " << extent << " elements";
  }
  return success();
}

static int64_t flatPosition(ArrayRef<int64_t> position, const Box &box, ArrayRef<int64_t> strides) {
  int64_t flat = 0;
  for (size_t dim = 0; dim < strides.size(); ++dim)
    flat += (box.offsets[dim] + position[dim] * box.steps[dim]) * strides[dim];
  return flat;
}

/// target[targetBox(i)] = source[sourceBox(i)] for every i within sizes; both tensors have the rank of sizes.
static void copyBox(const Tensor &source, const Box &sourceBox, Tensor &target, const Box &targetBox,
                    ArrayRef<int64_t> sizes) {
  if (elementCount(sizes) == 0)
    return;
  Shape sourceStrides = contiguousStrides(source.shape), targetStrides = contiguousStrides(target.shape);
  MutableArrayRef<Scalar> data = target.mutableData();
  Shape position(sizes.size(), 0);
  do
    data[flatPosition(position, targetBox, targetStrides)] =
        source.data()[flatPosition(position, sourceBox, sourceStrides)];
  while (nextPosition(position, sizes));
}

static Box wholeBox(int64_t rank) { return Box{Shape(rank, 0), Shape(rank, 1)}; }

static LogicalResult runEmpty(Interpreter &interpreter, Operation *op, Frame &frame) {
  auto type = cast<RankedTensorType>(op->getResult(0).getType());
  FailureOr<Shape> shape = interpreter.shapeOf(op, type, frame.indices(op->getOperands()));
  if (failed(shape))
    return failure();
  frame.set(op->getResult(0), Tensor::filled(type.getElementType(), *shape, poison(type.getElementType())));
  return success();
}

static LogicalResult runSplat(Interpreter &interpreter, Operation *op, Frame &frame) {
  auto splat = cast<tensor::SplatOp>(op);
  FailureOr<Shape> shape = interpreter.shapeOf(op, splat.getType(), frame.indices(splat.getDynamicSizes()));
  if (failed(shape))
    return failure();
  frame.set(splat.getResult(),
            Tensor::filled(splat.getType().getElementType(), *shape, frame.scalar(splat.getInput())));
  return success();
}

static LogicalResult runFromElements(Interpreter &, Operation *op, Frame &frame) {
  auto type = cast<RankedTensorType>(op->getResult(0).getType());
  Tensor result = Tensor::filled(type.getElementType(), type.getShape(), Scalar::ofInteger(0));
  for (auto [target, element] : llvm::zip_equal(result.mutableData(), op->getOperands()))
    target = frame.scalar(element);
  frame.set(op->getResult(0), std::move(result));
  return success();
}

static LogicalResult runDim(Interpreter &, Operation *op, Frame &frame) {
  auto dim = cast<tensor::DimOp>(op);
  const Tensor &source = frame.tensor(dim.getSource());
  int64_t position = frame.index(dim.getIndex());
  if (position < 0 || position >= source.rank())
    return op->emitError("interpreter: no dimension ") << position;
  frame.set(op->getResult(0), Scalar::ofInteger(source.shape[position]));
  return success();
}

static LogicalResult runCast(Interpreter &interpreter, Operation *op, Frame &frame) {
  auto type = dyn_cast<RankedTensorType>(op->getResult(0).getType());
  Tensor tensor = frame.tensor(op->getOperand(0));
  if (!type || failed(interpreter.checkShape(op, type, tensor)))
    return type ? failure() : op->emitError("interpreter: unranked tensors are not supported");
  frame.set(op->getResult(0), std::move(tensor));
  return success();
}

static LogicalResult setReshaped(Interpreter &interpreter, Operation *op, Frame &frame, ArrayRef<int64_t> shape) {
  Tensor tensor = frame.tensor(op->getOperand(0));
  if (elementCount(shape) != tensor.size())
    return op->emitError("interpreter: the new shape has ")
           << elementCount(shape) << " elements, the tensor " << tensor.size();
  Tensor result = tensor.reshaped(shape);
  if (failed(interpreter.checkShape(op, cast<ShapedType>(op->getResult(0).getType()), result)))
    return failure();
  frame.set(op->getResult(0), std::move(result));
  return success();
}

static LogicalResult runExpandShape(Interpreter &interpreter, Operation *op, Frame &frame) {
  auto expand = cast<tensor::ExpandShapeOp>(op);
  FailureOr<Shape> shape = interpreter.shapeOf(op, expand.getResultType(), frame.indices(expand.getOutputShape()));
  if (failed(shape))
    return failure();
  return setReshaped(interpreter, op, frame, *shape);
}

static LogicalResult runCollapseShape(Interpreter &interpreter, Operation *op, Frame &frame) {
  auto collapse = cast<tensor::CollapseShapeOp>(op);
  const Tensor &source = frame.tensor(collapse.getSrc());
  Shape shape;
  for (const ReassociationIndices &group : collapse.getReassociationIndices()) {
    shape.push_back(1);
    for (int64_t dim : group)
      shape.back() *= source.shape[dim];
  }
  return setReshaped(interpreter, op, frame, shape);
}

static LogicalResult runReshape(Interpreter &interpreter, Operation *op, Frame &frame) {
  Shape shape;
  for (Scalar extent : frame.tensor(cast<tensor::ReshapeOp>(op).getShape()).data())
    shape.push_back(extent.integer);
  return setReshaped(interpreter, op, frame, shape);
}

static LogicalResult runExtractSlice(Interpreter &interpreter, Operation *op, Frame &frame) {
  auto slice = cast<tensor::ExtractSliceOp>(op);
  const Tensor &source = frame.tensor(slice.getSource());
  Box box{resolve(slice.getMixedOffsets(), frame), resolve(slice.getMixedStrides(), frame)};
  Shape sizes = resolve(slice.getMixedSizes(), frame);
  if (failed(checkBox(op, box, sizes, source.shape)))
    return failure();
  Tensor result = Tensor::filled(source.elementType, sizes, Scalar::ofInteger(0));
  copyBox(source, box, result, wholeBox(source.rank()), sizes);
  llvm::SmallBitVector dropped = slice.getDroppedDims();
  Shape kept;
  for (auto [dim, extent] : llvm::enumerate(sizes))
    if (!dropped.test(dim))
      kept.push_back(extent);
  result = result.reshaped(kept);
  if (failed(interpreter.checkShape(op, slice.getType(), result)))
    return failure();
  frame.set(slice.getResult(), std::move(result));
  return success();
}

static LogicalResult runInsertSlice(Interpreter &, Operation *op, Frame &frame) {
  auto slice = cast<tensor::InsertSliceOp>(op);
  Tensor result = frame.tensor(slice.getDest());
  Box box{resolve(slice.getMixedOffsets(), frame), resolve(slice.getMixedStrides(), frame)};
  Shape sizes = resolve(slice.getMixedSizes(), frame);
  const Tensor &source = frame.tensor(slice.getSource());
  if (failed(checkBox(op, box, sizes, result.shape)))
    return failure();
  if (elementCount(sizes) != source.size())
    return op->emitError("interpreter: the source does not have the sizes of the slice");
  copyBox(source.reshaped(sizes), wholeBox(result.rank()), result, box, sizes);
  frame.set(slice.getResult(), std::move(result));
  return success();
}

static LogicalResult runConcat(Interpreter &, Operation *op, Frame &frame) {
  auto concat = cast<tensor::ConcatOp>(op);
  size_t along = concat.getDim();
  Shape shape = frame.tensor(concat.getInputs().front()).shape;
  shape[along] = 0;
  for (Value input : concat.getInputs()) {
    const Tensor &part = frame.tensor(input);
    for (size_t dim = 0; dim < shape.size(); ++dim)
      if (dim != along && part.shape[dim] != shape[dim])
        return op->emitError("interpreter: parts differ in dimension ") << dim;
    shape[along] += part.shape[along];
  }
  Tensor result = Tensor::filled(concat.getType().getElementType(), shape, Scalar::ofInteger(0));
  Box box = wholeBox(result.rank());
  for (Value input : concat.getInputs()) {
    const Tensor &part = frame.tensor(input);
    copyBox(part, wholeBox(part.rank()), result, box, part.shape);
    box.offsets[along] += part.shape[along];
  }
  frame.set(concat.getResult(), std::move(result));
  return success();
}

/// Fills `result` by running a body of index arguments and one yielded scalar for every element.
static LogicalResult fillByBody(Interpreter &interpreter, Block &body, Frame &frame, Tensor &result) {
  FailureOr<ScalarProgram> program = ScalarProgram::compile(body, body.getNumArguments(), interpreter, frame);
  if (failed(program))
    return failure();
  MutableArrayRef<Scalar> data = result.mutableData();
  Shape position(result.rank(), 0);
  for (int64_t element = 0, count = result.size(); element < count; ++element) {
    SmallVector<Scalar, 4> arguments;
    for (int64_t index : position)
      arguments.push_back(Scalar::ofInteger(index));
    if (failed(program->run(arguments, {}, data[element])))
      return failure();
    nextPosition(position, result.shape);
  }
  return success();
}

static LogicalResult runPad(Interpreter &interpreter, Operation *op, Frame &frame) {
  auto pad = cast<tensor::PadOp>(op);
  const Tensor &source = frame.tensor(pad.getSource());
  Shape low = resolve(pad.getMixedLowPad(), frame), high = resolve(pad.getMixedHighPad(), frame);
  Shape shape;
  for (auto [dim, extent] : llvm::enumerate(source.shape)) {
    if (low[dim] < 0 || high[dim] < 0)
      return op->emitError("interpreter: negative padding is not supported");
    shape.push_back(low[dim] + extent + high[dim]);
  }
  Tensor result = Tensor::filled(source.elementType, shape, Scalar::ofInteger(0));
  if (failed(fillByBody(interpreter, pad.getRegion().front(), frame, result)))
    return failure();
  copyBox(source, wholeBox(source.rank()), result, Box{low, Shape(shape.size(), 1)}, source.shape);
  frame.set(pad.getResult(), std::move(result));
  return success();
}

static LogicalResult runGenerate(Interpreter &interpreter, Operation *op, Frame &frame) {
  auto generate = cast<tensor::GenerateOp>(op);
  auto type = cast<RankedTensorType>(generate.getType());
  FailureOr<Shape> shape = interpreter.shapeOf(op, type, frame.indices(generate.getDynamicExtents()));
  if (failed(shape))
    return failure();
  Tensor result = Tensor::filled(type.getElementType(), *shape, Scalar::ofInteger(0));
  if (failed(fillByBody(interpreter, generate.getBody().front(), frame, result)))
    return failure();
  frame.set(generate.getResult(), std::move(result));
  return success();
}

static FailureOr<int64_t> elementAt(Operation *op, const Tensor &tensor, ValueRange indices, const Frame &frame) {
  Box box{frame.indices(indices), Shape(tensor.rank(), 1)};
  Shape one(tensor.rank(), 1);
  if (failed(checkBox(op, box, one, tensor.shape)))
    return failure();
  return flatPosition(Shape(tensor.rank(), 0), box, contiguousStrides(tensor.shape));
}

static LogicalResult runExtract(Interpreter &, Operation *op, Frame &frame) {
  auto extract = cast<tensor::ExtractOp>(op);
  const Tensor &tensor = frame.tensor(extract.getTensor());
  FailureOr<int64_t> position = elementAt(op, tensor, extract.getIndices(), frame);
  if (failed(position))
    return failure();
  frame.set(extract.getResult(), Scalar(tensor.data()[*position]));
  return success();
}

static LogicalResult runInsert(Interpreter &, Operation *op, Frame &frame) {
  auto insert = cast<tensor::InsertOp>(op);
  Tensor result = frame.tensor(insert.getDest());
  FailureOr<int64_t> position = elementAt(op, result, insert.getIndices(), frame);
  if (failed(position))
    return failure();
  result.mutableData()[*position] = frame.scalar(insert.getScalar());
  frame.set(insert.getResult(), std::move(result));
  return success();
}

void addTensorHandlers(HandlerTable &table) {
  table["tensor.empty"] = runEmpty;
  table["tensor.splat"] = runSplat;
  table["tensor.from_elements"] = runFromElements;
  table["tensor.dim"] = runDim;
  table["tensor.cast"] = runCast;
  table["tensor.expand_shape"] = runExpandShape;
  table["tensor.collapse_shape"] = runCollapseShape;
  table["tensor.reshape"] = runReshape;
  table["tensor.extract_slice"] = runExtractSlice;
  table["tensor.insert_slice"] = runInsertSlice;
  table["tensor.concat"] = runConcat;
  table["tensor.pad"] = runPad;
  table["tensor.generate"] = runGenerate;
  table["tensor.extract"] = runExtract;
  table["tensor.insert"] = runInsert;
}

} // namespace heed::interp
