#include "compiler/import/ModelFile.h"

#include "mlir/IR/AsmState.h"
#include "mlir/IR/DialectResourceBlobManager.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MathExtras.h"
#include "llvm/Support/Path.h"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>

#include <climits>
#include <cstring>

using namespace mlir;
using namespace heed::importer;

InFlightDiagnostic ModelFile::error() {
  if (hasReported)
    return {}; // inactive: takes the words and says nothing
  hasReported = true;
  return emitError(location);
}

LogicalResult ModelFile::parse(StringRef bytes) {
  if (bytes.size() > INT_MAX)
    return error() << "the file has " << bytes.size()
                   << " bytes, beyond the 2 GiB a protobuf message can have: save the weights as external data";
  model = std::make_shared<onnx::ModelProto>();
  google::protobuf::io::ArrayInputStream stream(bytes.data(), static_cast<int>(bytes.size()));
  google::protobuf::io::CodedInputStream coded(&stream);
  coded.SetRecursionLimit(64);
  if (!model->ParseFromCodedStream(&coded) || !coded.ConsumedEntireMessage())
    return error() << "not an ONNX model: the bytes do not parse as a protobuf ModelProto; the file may be "
                      "truncated or damaged";
  if (!model->has_graph())
    return error() << "not an ONNX model: it has no graph";
  return success();
}

//===- Where the bytes are -------------------------------------------------------------------------------------===//

FailureOr<std::shared_ptr<llvm::MemoryBuffer>> ModelFile::openExternal(StringRef path, StringRef what) {
  namespace fs = llvm::sys::fs;
  namespace sys = llvm::sys::path;
  if (baseDirectory.empty())
    return error() << what << ": external data '" << path
                   << "' cannot be read, as the model was not read from a folder";
  if (path.empty() || path.contains('\0') || sys::is_absolute(path) ||
      llvm::is_contained(llvm::make_range(sys::begin(path), sys::end(path)), ".."))
    return error() << what << ": external data '" << path
                   << "' must be a relative path without '..', inside the model's folder";
  auto &file = externalFiles[path];
  if (file)
    return file;
  SmallString<256> joined(baseDirectory), real, realBase;
  sys::append(joined, path);
  if (fs::real_path(joined, real) || fs::real_path(baseDirectory, realBase))
    return error() << what << ": external data file '" << joined << "' does not exist: put it beside the model";
  // Links must not lead out of the folder.
  if (!real.starts_with(realBase) || (real.size() > realBase.size() && !sys::is_separator(real[realBase.size()]) &&
                                      !sys::is_separator(realBase.back())))
    return error() << what << ": external data '" << path << "' leads out of the model's folder, to '" << real << "'";
  auto opened = llvm::MemoryBuffer::getFile(real, /*IsText=*/false, /*RequiresNullTerminator=*/false);
  if (!opened)
    return error() << what << ": external data file '" << joined << "' cannot be read: " << opened.getError().message();
  file = std::move(*opened);
  return file;
}

FailureOr<ModelFile::Bytes> ModelFile::readExternal(const onnx::TensorProto &proto, int64_t expected, StringRef what) {
  StringRef path;
  uint64_t offset = 0, length = expected;
  for (const auto &entry : proto.external_data()) {
    StringRef key = entry.key(), value = entry.value();
    if (key == "location")
      path = value;
    else if ((key == "offset" && value.getAsInteger(10, offset)) || (key == "length" && value.getAsInteger(10, length)))
      return error() << what << ": external data " << key << " '" << value << "' is not a number";
  }
  FailureOr<std::shared_ptr<llvm::MemoryBuffer>> file = openExternal(path, what);
  if (failed(file))
    return failure();
  if (length != static_cast<uint64_t>(expected))
    return error() << what << ": external data has length " << length << ", but its type and dims take " << expected
                   << " bytes";
  uint64_t size = (*file)->getBufferSize();
  if (offset > size || length > size - offset)
    return error() << what << ": external data at offset " << offset << " with " << length << " bytes reaches beyond '"
                   << path << "', which has " << size << " bytes";
  return Bytes{ArrayRef((*file)->getBufferStart() + offset, length), *file};
}

/// The field as bytes, where its elements have the width of the tensor's; else a copy of their low bits.
template <typename Field>
static std::pair<ArrayRef<char>, std::shared_ptr<const void>> fieldBytes(const Field &field, int64_t width,
                                                                         std::shared_ptr<const void> owner) {
  using Element = std::remove_cv_t<std::remove_pointer_t<decltype(field.data())>>;
  if (width == sizeof(Element))
    return {ArrayRef(reinterpret_cast<const char *>(field.data()), field.size() * sizeof(Element)), std::move(owner)};
  auto copy = std::make_shared<std::vector<char>>(field.size() * width);
  for (int i = 0; i < field.size(); ++i)
    std::memcpy(copy->data() + i * width, &field.data()[i], width);
  return {ArrayRef<char>(*copy), copy};
}

FailureOr<ModelFile::Bytes> ModelFile::readTyped(const onnx::TensorProto &proto, ElementKind kind, int64_t count,
                                                 StringRef what) {
  int64_t width = byteWidth(kind);
  Bytes bytes;
  switch (kind) {
  case ElementKind::f32:
    std::tie(bytes.data, bytes.owner) = fieldBytes(proto.float_data(), width, model);
    break;
  case ElementKind::f64:
    std::tie(bytes.data, bytes.owner) = fieldBytes(proto.double_data(), width, model);
    break;
  case ElementKind::i64:
    std::tie(bytes.data, bytes.owner) = fieldBytes(proto.int64_data(), width, model);
    break;
  case ElementKind::u32:
  case ElementKind::u64:
    std::tie(bytes.data, bytes.owner) = fieldBytes(proto.uint64_data(), width, model);
    break;
  default:
    std::tie(bytes.data, bytes.owner) = fieldBytes(proto.int32_data(), width, model);
  }
  if (static_cast<int64_t>(bytes.data.size()) != count * width)
    return error() << what << ": has " << bytes.data.size() / width << " elements, but its dims take " << count;
  return bytes;
}

FailureOr<ModelFile::Bytes> ModelFile::readBytes(const onnx::TensorProto &proto, ElementKind kind, int64_t count,
                                                 StringRef what) {
  if (proto.data_location() == onnx::TensorProto::EXTERNAL)
    return readExternal(proto, count * byteWidth(kind), what);
  if (!proto.has_raw_data())
    return readTyped(proto, kind, count, what);
  if (static_cast<int64_t>(proto.raw_data().size()) != count * byteWidth(kind))
    return error() << what << ": has " << proto.raw_data().size() << " bytes, but its type and dims take "
                   << count * byteWidth(kind);
  return Bytes{ArrayRef(proto.raw_data().data(), proto.raw_data().size()), model};
}

//===- Tensors -------------------------------------------------------------------------------------------------===//

static std::shared_ptr<const Literal> readLiteral(ArrayRef<char> data, ElementKind kind, MLIRContext *context,
                                                  Sizes &sizes) {
  auto literal = std::make_shared<Literal>();
  int64_t width = byteWidth(kind);
  for (size_t at = 0; at < data.size(); at += width) {
    uint64_t bits = 0;
    std::memcpy(&bits, data.data() + at, width);
    if (isFloat(kind)) {
      auto type = cast<FloatType>(storageType(kind, context));
      literal->floats.emplace_back(type.getFloatSemantics(), APInt(8 * width, bits));
    } else if (kind == ElementKind::boolean) {
      literal->integers.push_back(sizes.constant(bits != 0));
    } else {
      literal->integers.push_back(sizes.constant(isUnsigned(kind) ? bits : llvm::SignExtend64(bits, 8 * width)));
    }
  }
  return literal;
}

FailureOr<Tensor> ModelFile::readTensor(const onnx::TensorProto &proto, StringRef what, GraphBuilder &builder) {
  std::optional<ElementKind> kind = rt::fromOnnxElementType(proto.data_type());
  if (!kind)
    return error() << what << ": elements of type " << onnxTypeName(proto.data_type()) << " are not supported";
  if (proto.has_segment())
    return error() << what << ": segmented tensors are not supported";
  if (proto.dims_size() > maxRank)
    return error() << what << ": has " << proto.dims_size() << " dimensions, at most " << maxRank << " are supported";
  Tensor tensor;
  tensor.kind = *kind;
  int64_t bytesNeeded = byteWidth(*kind);
  for (int64_t dim : proto.dims()) {
    if (dim < 0 || llvm::MulOverflow(bytesNeeded, dim, bytesNeeded))
      return error() << what << ": its dims are negative or take more than 2^63 bytes";
    tensor.shape.push_back(builder.getSizes().constant(dim));
  }
  int64_t count = bytesNeeded / byteWidth(*kind);
  FailureOr<Bytes> bytes = readBytes(proto, *kind, count, what);
  if (failed(bytes))
    return failure();
  MLIRContext *context = builder.getContext();
  if (count <= maxLiteralElements) {
    tensor.literal = readLiteral(bytes->data, *kind, context, builder.getSizes());
    return tensor;
  }
  RankedTensorType type = builder.typeOf(tensor);
  if (*kind == ElementKind::boolean) { // one bit an element in the attribute: the file's bytes do not serve
    SmallVector<bool> elements;
    for (char element : bytes->data)
      elements.push_back(element != 0);
    tensor.constant = DenseElementsAttr::get(type, elements);
    return tensor;
  }
  // Readers of the attribute expect natural alignment, which a file need not keep.
  size_t alignment = byteWidth(*kind);
  if (reinterpret_cast<uintptr_t>(bytes->data.data()) % alignment != 0) {
    auto copy = std::make_shared<std::vector<int64_t>>(bytes->data.size() / sizeof(int64_t) + 1);
    std::memcpy(copy->data(), bytes->data.data(), bytes->data.size());
    bytes->data = ArrayRef(reinterpret_cast<const char *>(copy->data()), bytes->data.size());
    bytes->owner = copy;
  }
  AsmResourceBlob blob(
      bytes->data, alignment, [owner = bytes->owner](void *, size_t, size_t) {}, /*dataIsMutable=*/false);
  StringRef name = proto.name();
  std::string key = name.empty() ? "constant" + std::to_string(numResources++) : name.str();
  tensor.constant = DenseResourceElementsAttr::get(type, key, std::move(blob));
  return tensor;
}
