/// arith and math: constants, scalars, and tensors element by element.
#include "compiler/interp/Handlers.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/DialectResourceBlobManager.h"
#include "mlir/IR/TypeUtilities.h"

using namespace mlir;

namespace heed::interp {

static Scalar scalarOf(const APFloat &value) {
  APFloat wide = value;
  bool losesInfo = false;
  wide.convert(APFloat::IEEEdouble(), APFloat::rmNearestTiesToEven, &losesInfo);
  return Scalar::ofReal(wide.convertToDouble());
}

static Scalar scalarOf(const APInt &value) { return Scalar::ofInteger(value.getSExtValue()); }

static void fillFromDense(DenseElementsAttr elements, Tensor &tensor) {
  MutableArrayRef<Scalar> data = tensor.mutableData();
  if (tensor.isFloat()) {
    for (auto [position, value] : llvm::enumerate(elements.getValues<APFloat>()))
      data[position] = scalarOf(value);
  } else {
    for (auto [position, value] : llvm::enumerate(elements.getValues<APInt>()))
      data[position] = scalarOf(value);
  }
}

/// The raw little-endian elements of a resource; i1 takes a byte each.
static LogicalResult fillFromResource(ArrayRef<char> bytes, Tensor &tensor) {
  unsigned width = bitWidth(tensor.elementType), step = std::max(width / 8, 1u);
  if (bytes.size() != static_cast<size_t>(tensor.size()) * step)
    return failure();
  MutableArrayRef<Scalar> data = tensor.mutableData();
  for (int64_t position = 0; position < tensor.size(); ++position) {
    uint64_t bits = 0;
    memcpy(&bits, bytes.data() + position * step, step);
    APInt value(width, width == 64 ? bits : bits & ((uint64_t{1} << width) - 1));
    auto type = dyn_cast<FloatType>(tensor.elementType);
    data[position] = type ? scalarOf(APFloat(type.getFloatSemantics(), value)) : scalarOf(value);
  }
  return success();
}

FailureOr<RuntimeValue> constantValue(Operation *op, Attribute attribute, Type type) {
  if (auto number = dyn_cast<IntegerAttr>(attribute))
    return RuntimeValue(scalarOf(number.getValue()));
  if (auto number = dyn_cast<FloatAttr>(attribute))
    return RuntimeValue(scalarOf(number.getValue()));
  auto tensorType = dyn_cast<RankedTensorType>(type);
  if (!tensorType || !tensorType.hasStaticShape() || bitWidth(tensorType.getElementType()) == 0 ||
      bitWidth(tensorType.getElementType()) > 64)
    return op->emitError("interpreter: a constant of type ") << type << " is not supported";
  Tensor tensor = Tensor::filled(tensorType.getElementType(), tensorType.getShape(), Scalar::ofInteger(0));
  if (auto dense = dyn_cast<DenseElementsAttr>(attribute)) {
    fillFromDense(dense, tensor);
    return RuntimeValue(std::move(tensor));
  }
  if (auto resource = dyn_cast<DenseResourceElementsAttr>(attribute)) {
    AsmResourceBlob *blob = resource.getRawHandle().getBlob();
    if (!blob || failed(fillFromResource(blob->getData(), tensor)))
      return op->emitError("interpreter: the constant's resource is missing or of the wrong size");
    return RuntimeValue(std::move(tensor));
  }
  return op->emitError("interpreter: this kind of constant is not supported");
}

LogicalResult runConstant(Interpreter &, Operation *op, Frame &frame) {
  auto constant = cast<arith::ConstantOp>(op);
  // A constant does not change: inside loops it is made once.
  if (frame.has(constant.getResult()))
    return success();
  FailureOr<RuntimeValue> value = constantValue(op, constant.getValue(), constant.getType());
  if (failed(value))
    return failure();
  frame.set(constant.getResult(), std::move(*value));
  return success();
}

static LogicalResult noValue(Operation *op) {
  return op->emitError("interpreter: the operation has no value for these operands");
}

static LogicalResult runOnTensors(Operation *op, const ScalarCall &call, Frame &frame) {
  SmallVector<const Tensor *, 3> tensors;
  SmallVector<Scalar, 3> operands(op->getNumOperands(), Scalar::ofInteger(0));
  const Tensor *shaped = nullptr;
  for (auto [position, operand] : llvm::enumerate(op->getOperands())) {
    tensors.push_back(std::get_if<Tensor>(&frame.get(operand)));
    if (!tensors.back())
      operands[position] = frame.scalar(operand); // the condition of a select
    else if (shaped && shaped->shape != tensors.back()->shape)
      return op->emitError("interpreter: operands have different sizes");
    else
      shaped = tensors.back();
  }
  if (!shaped)
    return op->emitError("interpreter: makes a tensor of scalars");
  Tensor result = Tensor::filled(call.resultType, shaped->shape, Scalar::ofInteger(0));
  MutableArrayRef<Scalar> data = result.mutableData();
  for (int64_t element = 0, count = result.size(); element < count; ++element) {
    for (size_t position = 0; position < operands.size(); ++position)
      if (tensors[position])
        operands[position] = tensors[position]->data()[element];
    if (!call(operands.data(), data[element]))
      return noValue(op);
  }
  frame.set(op->getResult(0), std::move(result));
  return success();
}

LogicalResult runElementwise(Interpreter &interpreter, Operation *op, Frame &frame) {
  std::optional<ScalarCall> call = prepareScalarCall(op, interpreter.precision);
  if (!call)
    return op->emitError("interpreter: ") << op->getName() << " is not supported on these types";
  if (isa<ShapedType>(op->getResult(0).getType()))
    return runOnTensors(op, *call, frame);
  SmallVector<Scalar, 3> operands;
  for (Value operand : op->getOperands())
    operands.push_back(frame.scalar(operand));
  Scalar result;
  if (!(*call)(operands.data(), result))
    return noValue(op);
  frame.set(op->getResult(0), result);
  return success();
}

} // namespace heed::interp
