#include "compiler/host/ConstantPool.h"

#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/DialectResourceBlobManager.h"
#include "runtime/PackageFormat.h"

#include <cstring>

using namespace mlir;

namespace heed {

static std::optional<rt::ElementType> packageIntegerType(IntegerType type) {
  bool isUnsigned = type.isUnsigned();
  switch (type.getWidth()) {
  case 1:
    return rt::ElementType::boolean;
  case 8:
    return isUnsigned ? rt::ElementType::u8 : rt::ElementType::i8;
  case 16:
    return isUnsigned ? rt::ElementType::u16 : rt::ElementType::i16;
  case 32:
    return isUnsigned ? rt::ElementType::u32 : rt::ElementType::i32;
  case 64:
    return isUnsigned ? rt::ElementType::u64 : rt::ElementType::i64;
  default:
    return std::nullopt;
  }
}

std::optional<rt::ElementType> packageElementType(Type type) {
  if (auto integer = dyn_cast<IntegerType>(type))
    return packageIntegerType(integer);
  if (type.isF64())
    return rt::ElementType::f64;
  if (type.isF32())
    return rt::ElementType::f32;
  if (type.isF16())
    return rt::ElementType::f16;
  if (type.isBF16())
    return rt::ElementType::bf16;
  return std::nullopt;
}

static std::span<const std::byte> asBytes(ArrayRef<char> data) {
  return {reinterpret_cast<const std::byte *>(data.data()), data.size()};
}

FailureOr<std::span<const std::byte>> ConstantPool::bytesOf(ElementsAttr value, rt::ElementType type, Location where) {
  size_t size = value.getNumElements() * rt::byteWidth(type);
  if (auto resource = dyn_cast<DenseResourceElementsAttr>(value)) {
    AsmResourceBlob *blob = resource.getRawHandle().getBlob();
    if (!blob || blob->getData().size() != size)
      return emitError(where, "constant of type ")
             << value.getShapedType() << " needs " << size << " bytes, its resource '"
             << resource.getRawHandle().getKey() << "' has " << (blob ? blob->getData().size() : 0);
    return asBytes(blob->getData());
  }
  auto dense = dyn_cast<DenseElementsAttr>(value);
  if (!dense)
    return emitError(where, "a constant must be a dense or dense_resource tensor, got ") << value;
  if (!dense.isSplat() && type != rt::ElementType::boolean)
    return asBytes(dense.getRawData());
  std::vector<std::byte> &bytes = expanded.emplace_back();
  bytes.reserve(size);
  if (type == rt::ElementType::boolean) {
    for (bool element : dense.getValues<bool>())
      bytes.push_back(std::byte(element));
    return std::span<const std::byte>(bytes);
  }
  ArrayRef<char> element = dense.getRawData();
  for (int64_t i = 0; i < value.getNumElements(); ++i)
    bytes.insert(bytes.end(), asBytes(element).begin(), asBytes(element).end());
  return std::span<const std::byte>(bytes);
}

FailureOr<uint32_t> ConstantPool::add(ElementsAttr value, Location where) {
  auto type = packageElementType(value.getElementType());
  if (!type)
    return emitError(where, "a package cannot hold constants of element type ") << value.getElementType();
  auto bytes = bytesOf(value, *type, where);
  if (failed(bytes))
    return failure();
  ArrayRef<int64_t> shape = value.getShapedType().getShape();
  uint64_t hash = rt::hashBytes(*bytes);
  auto [begin, end] = byHash.equal_range(hash);
  for (auto entry = begin; entry != end; ++entry) {
    const rt::ConstantTensor &known = constants[entry->second];
    bool sameBytes = known.data.size() == bytes->size() &&
                     (bytes->empty() || std::memcmp(known.data.data(), bytes->data(), bytes->size()) == 0);
    if (!sameBytes || known.type != *type || shape != ArrayRef<int64_t>(known.dims))
      continue;
    if (!expanded.empty() && expanded.back().data() == bytes->data())
      expanded.pop_back();
    return entry->second;
  }
  uint32_t index = constants.size();
  byHash.emplace(hash, index);
  auto name = dyn_cast<NameLoc>(where);
  constants.push_back({name ? name.getName().str() : "constant" + std::to_string(index), *type, shape.vec(), *bytes});
  return index;
}

} // namespace heed
