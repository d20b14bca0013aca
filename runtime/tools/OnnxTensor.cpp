#include "runtime/tools/OnnxTensor.h"

#include "runtime/OnnxElementType.h"
#include "runtime/tools/Npy.h"

#include <onnx/onnx_pb.h>

#include <algorithm>
#include <cstring>
#include <filesystem>

namespace heed::rt {

/// Copies the low bytes of each entry: narrow types are stored in wider fields, 16-bit floats as their bits.
template <typename Field> static Status copyField(const Field &field, HostTensor &tensor) {
  int64_t width = byteWidth(tensor.type);
  if (field.size() != tensor.elementCount())
    return error(Code::invalidArgument, "it holds ", field.size(), " elements, its shape has ", tensor.elementCount());
  for (int i = 0; i < field.size(); ++i) {
    auto value = field.Get(i);
    std::memcpy(tensor.data.data() + i * width, &value, std::min<size_t>(sizeof(value), static_cast<size_t>(width)));
  }
  return {};
}

static Status copyData(const onnx::TensorProto &proto, HostTensor &tensor) {
  if (proto.has_raw_data()) {
    if (proto.raw_data().size() != tensor.data.size())
      return error(Code::invalidArgument, "it holds ", proto.raw_data().size(), " bytes, its shape needs ",
                   tensor.data.size());
    auto raw = std::as_bytes(std::span(proto.raw_data()));
    tensor.data.assign(raw.begin(), raw.end());
    return {};
  }
  switch (tensor.type) {
  case ElementType::f64:
    return copyField(proto.double_data(), tensor);
  case ElementType::f32:
    return copyField(proto.float_data(), tensor);
  case ElementType::i64:
    return copyField(proto.int64_data(), tensor);
  case ElementType::u64:
  case ElementType::u32:
    return copyField(proto.uint64_data(), tensor);
  default:
    return copyField(proto.int32_data(), tensor);
  }
}

Status parseOnnxTensor(std::span<const std::byte> bytes, NamedTensor &named) {
  onnx::TensorProto proto;
  if (bytes.size() > INT32_MAX || !proto.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())))
    return error(Code::invalidArgument, "no valid ONNX tensor");
  named.name = proto.name();
  auto type = fromOnnxElementType(proto.data_type());
  if (!type)
    return error(Code::unsupported, "ONNX tensor '", named.name, "' has type ", proto.data_type(),
                 ", which is not supported");
  if (proto.data_location() == onnx::TensorProto::EXTERNAL)
    return error(Code::unsupported, "ONNX tensor '", named.name, "' has external data");
  // The sizes are untrusted: whatever they claim must be there before memory is taken for it.
  bool isEmpty = std::ranges::count(proto.dims(), 0) != 0;
  int64_t elements = isEmpty ? 0 : 1;
  for (int64_t size : proto.dims())
    if (size < 0 || (!isEmpty && (__builtin_mul_overflow(elements, size, &elements) ||
                                  elements > static_cast<int64_t>(bytes.size()))))
      return error(Code::invalidArgument, "ONNX tensor '", named.name, "' has less data than its shape needs");
  HEED_TRY(makeTensor(*type, {proto.dims().begin(), proto.dims().end()}, named.tensor));
  return copyData(proto, named.tensor).within("ONNX tensor '", named.name, "'");
}

Status readOnnxTensors(const std::string &folder, const std::string &prefix, std::vector<NamedTensor> &tensors) {
  for (int number = 0;; ++number) {
    std::string path = concat(folder, "/", prefix, "_", number, ".pb");
    std::error_code ignored;
    if (!std::filesystem::exists(path, ignored))
      return {};
    std::vector<std::byte> bytes;
    HEED_TRY(readFile(path, INT32_MAX, bytes));
    NamedTensor named;
    HEED_TRY(parseOnnxTensor(bytes, named).within(path));
    tensors.push_back(std::move(named));
  }
}

} // namespace heed::rt
