#include "compiler/import/Tensor.h"

#include "compiler/import/OnnxProto.h"
#include "mlir/IR/BuiltinTypes.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/MathExtras.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;
using namespace heed;
using namespace heed::importer;

std::string heed::importer::onnxTypeName(int32_t onnxType) {
  if (auto kind = rt::fromOnnxElementType(onnxType))
    return std::string(elementTypeName(*kind));
  switch (onnxType) {
  case onnx::TensorProto::UNDEFINED:
    return "undefined";
  case onnx::TensorProto::STRING:
    return "string";
  case onnx::TensorProto::COMPLEX64:
    return "complex64";
  case onnx::TensorProto::COMPLEX128:
    return "complex128";
  default:
    return "element type " + std::to_string(onnxType);
  }
}

Type heed::importer::storageType(ElementKind kind, MLIRContext *context) {
  switch (kind) {
  case ElementKind::f32:
    return Float32Type::get(context);
  case ElementKind::f16:
    return Float16Type::get(context);
  case ElementKind::bf16:
    return BFloat16Type::get(context);
  case ElementKind::f64:
    return Float64Type::get(context);
  case ElementKind::boolean:
    return IntegerType::get(context, 1);
  default:
    return IntegerType::get(context, 8 * byteWidth(kind));
  }
}

Type heed::importer::computeType(ElementKind kind, MLIRContext *context) {
  if (kind == ElementKind::f16 || kind == ElementKind::bf16)
    return Float32Type::get(context);
  return storageType(kind, context);
}

bool Literal::isConstant() const {
  return llvm::all_of(integers, [](Size size) { return isa_and_present<AffineConstantExpr>(size); });
}

std::optional<int64_t> Tensor::count() const {
  int64_t product = 1;
  for (Size size : shape) {
    auto extent = constantOf(size);
    if (!extent || llvm::MulOverflow(product, *extent, product))
      return std::nullopt;
  }
  return product;
}

std::string heed::importer::describe(Size size, const Sizes &sizes) {
  if (!size)
    return "(too large)";
  std::string text;
  llvm::raw_string_ostream stream(text);
  stream << size;
  // Symbols print as s0, s1 ..: put the names in their place.
  ArrayRef<std::string> names = sizes.getSymbolNames();
  std::string named;
  for (StringRef rest = text; !rest.empty();) {
    size_t position = 0;
    StringRef digits = rest.drop_front().take_while(llvm::isDigit);
    if (rest.front() == 's' && !digits.empty() && !digits.getAsInteger(10, position) && position < names.size()) {
      named += names[position];
      rest = rest.drop_front(1 + digits.size());
    } else {
      named += rest.front();
      rest = rest.drop_front();
    }
  }
  return named;
}

std::string heed::importer::describe(ArrayRef<Size> shape, const Sizes &sizes) {
  std::string text = "[";
  llvm::raw_string_ostream stream(text);
  llvm::interleaveComma(shape, stream, [&](Size size) { stream << describe(size, sizes); });
  stream << "]";
  return text;
}

std::string heed::importer::describe(const Tensor &tensor, const Sizes &sizes) {
  return std::string(elementTypeName(tensor.kind)) + describe(ArrayRef(tensor.shape), sizes);
}
