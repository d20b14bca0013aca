#include "compiler/interp/Values.h"

#include "llvm/Support/Format.h"

#include <cmath>
#include <numeric>

using namespace mlir;

namespace heed::interp {

int64_t elementCount(ArrayRef<int64_t> shape) {
  return std::accumulate(shape.begin(), shape.end(), int64_t{1}, std::multiplies<int64_t>());
}

Shape contiguousStrides(ArrayRef<int64_t> shape) {
  Shape strides(shape.size(), 1);
  for (size_t dim = shape.size(); dim-- > 1;)
    strides[dim - 1] = strides[dim] * shape[dim];
  return strides;
}

bool nextPosition(MutableArrayRef<int64_t> position, ArrayRef<int64_t> shape) {
  for (size_t dim = shape.size(); dim-- > 0;) {
    if (++position[dim] < shape[dim])
      return true;
    position[dim] = 0;
  }
  return false;
}

Tensor Tensor::filled(Type elementType, ArrayRef<int64_t> shape, Scalar value) {
  auto elements = std::make_shared<Storage>(elementCount(shape), value);
  return Tensor{elementType, Shape(shape), std::move(elements), {}};
}

MutableArrayRef<Scalar> Tensor::mutableData() {
  if (elements.use_count() > 1)
    elements = std::make_shared<Storage>(*elements);
  return *elements;
}

Tensor Tensor::reshaped(ArrayRef<int64_t> newShape) const { return Tensor{elementType, Shape(newShape), elements, {}}; }

static void printScalar(raw_ostream &stream, Scalar value, Type type, unsigned digits) {
  if (type.isInteger(1)) {
    stream << (value.integer != 0);
  } else if (!isa<FloatType>(type)) {
    stream << value.integer;
  } else if (std::isnan(value.real)) {
    stream << "nan";
  } else {
    // Adding 0 turns -0 into 0: the sign of a zero is not worth a failing comparison of text.
    stream << llvm::format("%.*g", static_cast<int>(digits), value.real + 0.0);
  }
}

static void printElements(raw_ostream &stream, const Tensor &tensor, size_t dim, int64_t &next, unsigned digits) {
  if (dim == tensor.shape.size()) {
    printScalar(stream, tensor.data()[next++], tensor.elementType, digits);
    return;
  }
  stream << '[';
  for (int64_t i = 0; i < tensor.shape[dim]; ++i) {
    stream << (i == 0 ? "" : ", ");
    printElements(stream, tensor, dim + 1, next, digits);
  }
  stream << ']';
}

static void printTensor(raw_ostream &stream, const Tensor &tensor, unsigned digits) {
  for (int64_t extent : tensor.shape)
    stream << extent << 'x';
  stream << tensor.elementType << " = ";
  int64_t next = 0;
  printElements(stream, tensor, 0, next, digits);
}

void printValue(raw_ostream &stream, const RuntimeValue &value, Type type, unsigned digits) {
  if (auto *tensor = std::get_if<Tensor>(&value)) {
    printTensor(stream, *tensor, digits);
  } else if (auto *scalar = std::get_if<Scalar>(&value)) {
    stream << type << " = ";
    printScalar(stream, *scalar, type, digits);
  } else if (auto *state = std::get_if<std::shared_ptr<RowState>>(&value)) {
    stream << "state, reference ";
    printTensor(stream, (*state)->reference, digits);
    stream << ", sum ";
    printTensor(stream, (*state)->sum, digits);
    stream << ", accumulator ";
    printTensor(stream, (*state)->accumulator, digits);
  } else {
    stream << type << " (not printable)";
  }
}

} // namespace heed::interp
