#include "compiler/import/Node.h"

#include "compiler/import/GraphImporter.h"
#include "llvm/ADT/STLExtras.h"

using namespace mlir;
using namespace heed::importer;

Node::Node(GraphImporter &importer, Scope &scope, const onnx::NodeProto &proto, std::string label, int64_t opset)
    : importer(importer), scope(scope), builder(importer.getBuilder()), proto(proto), label(std::move(label)),
      opset(opset), outputs(proto.output_size()) {}

InFlightDiagnostic Node::error() { return importer.error() << label << ": "; }

SmallVector<Tensor> Node::allInputs() const {
  SmallVector<Tensor> given;
  for (const std::optional<Tensor> &input : inputs)
    if (input)
      given.push_back(*input);
  return given;
}

void Node::set(size_t output, Tensor tensor) {
  if (output < outputs.size())
    outputs[output] = std::move(tensor);
}

//===- Attributes ----------------------------------------------------------------------------------------------===//

const onnx::AttributeProto *Node::attribute(StringRef name, onnx::AttributeProto::AttributeType type) {
  auto found = attributes.find(name);
  if (found == attributes.end())
    return nullptr;
  found->second.isUsed = true;
  // Files of the first versions leave the type out.
  const onnx::AttributeProto *value = found->second.attribute;
  if (value->type() == type || value->type() == onnx::AttributeProto::UNDEFINED)
    return value;
  // Reported at the end: of errors reported earlier the checks that follow would take theirs for a repetition, which
  // says nothing and counts as success.
  if (attributeError.empty())
    attributeError = "attribute '" + name.str() + "' has type " +
                     onnx::AttributeProto::AttributeType_Name(value->type()) + ", must be " +
                     onnx::AttributeProto::AttributeType_Name(type);
  return nullptr;
}

int64_t Node::intAttribute(StringRef name, int64_t otherwise) {
  const auto *value = attribute(name, onnx::AttributeProto::INT);
  return value ? value->i() : otherwise;
}

double Node::floatAttribute(StringRef name, double otherwise) {
  const auto *value = attribute(name, onnx::AttributeProto::FLOAT);
  return value ? value->f() : otherwise;
}

std::string Node::stringAttribute(StringRef name, StringRef otherwise) {
  const auto *value = attribute(name, onnx::AttributeProto::STRING);
  return value ? value->s() : otherwise.str();
}

std::optional<SmallVector<int64_t>> Node::intsAttribute(StringRef name) {
  const auto *value = attribute(name, onnx::AttributeProto::INTS);
  if (!value)
    return std::nullopt;
  return SmallVector<int64_t>(value->ints().begin(), value->ints().end());
}

std::optional<SmallVector<double>> Node::floatsAttribute(StringRef name) {
  const auto *value = attribute(name, onnx::AttributeProto::FLOATS);
  if (!value)
    return std::nullopt;
  return SmallVector<double>(value->floats().begin(), value->floats().end());
}

const onnx::TensorProto *Node::tensorAttribute(StringRef name) {
  const auto *value = attribute(name, onnx::AttributeProto::TENSOR);
  return value ? &value->t() : nullptr;
}

const onnx::GraphProto *Node::graphAttribute(StringRef name) {
  const auto *value = attribute(name, onnx::AttributeProto::GRAPH);
  return value ? &value->g() : nullptr;
}

llvm::StringMap<const onnx::AttributeProto *> Node::allAttributes() const {
  llvm::StringMap<const onnx::AttributeProto *> all;
  for (const auto &entry : attributes)
    all[entry.getKey()] = entry.getValue().attribute;
  return all;
}

LogicalResult Node::finishAttributes() {
  if (!attributeError.empty())
    return error() << attributeError;
  // In the file's order, so that the message does not depend on hashing.
  for (const auto &value : proto.attribute())
    if (auto found = attributes.find(value.name()); found != attributes.end() && !found->second.isUsed)
      return error() << "attribute '" << value.name() << "' is not known for this operator and opset";
  return success();
}

//===- Checks --------------------------------------------------------------------------------------------------===//

LogicalResult Node::requireRank(size_t index, int64_t minimum, int64_t maximum) {
  int64_t rank = input(index).rank();
  if (rank >= minimum && rank <= maximum)
    return success();
  InFlightDiagnostic diagnostic = error() << "input " << index << " must have rank " << minimum;
  if (maximum != minimum)
    diagnostic << " to " << maximum;
  return diagnostic << ", got " << describe(input(index), sizes());
}

LogicalResult Node::requireFloat(size_t index) {
  if (isFloat(input(index).kind))
    return success();
  return error() << "input " << index << " must hold floats, got " << describe(input(index), sizes());
}

LogicalResult Node::requireSameKind(size_t first, size_t second) {
  if (input(first).kind == input(second).kind)
    return success();
  return error() << "inputs " << first << " and " << second << " must have one element type, got "
                 << elementTypeName(input(first).kind) << " and " << elementTypeName(input(second).kind);
}

FailureOr<int64_t> Node::resolveAxis(int64_t axis, int64_t rank, StringRef name) {
  if (axis < -rank || axis >= rank)
    return error() << name << " is " << axis << ", must be in [" << -rank << ", " << rank - 1 << "] for rank " << rank;
  return axis < 0 ? axis + rank : axis;
}

FailureOr<SmallVector<int64_t>> Node::resolveAxes(ArrayRef<int64_t> axes, int64_t rank) {
  SmallVector<int64_t> resolved;
  for (int64_t axis : axes) {
    FailureOr<int64_t> position = resolveAxis(axis, rank, "axes");
    if (failed(position))
      return failure();
    if (llvm::is_contained(resolved, *position))
      return error() << "axes name dimension " << *position << " twice";
    resolved.push_back(*position);
  }
  llvm::sort(resolved);
  return resolved;
}

FailureOr<SmallVector<Size>> Node::sizesFrom(size_t index, StringRef name) {
  const Tensor &tensor = input(index);
  if (isFloat(tensor.kind) || tensor.rank() > 1)
    return error() << name << " must be integers of rank 0 or 1, got " << describe(tensor, sizes());
  std::optional<int64_t> count = tensor.count();
  if (!tensor.literal || !count || *count > maxLiteralElements)
    return error() << name
                   << " must be known when the model is compiled: a constant, or computed from shapes; here it depends "
                   << "on data of the call";
  SmallVector<Size> values;
  for (int64_t element = 0; element < *count; ++element)
    values.push_back(tensor.integer(element));
  return values;
}

FailureOr<SmallVector<int64_t>> Node::integersFrom(size_t index, StringRef name) {
  FailureOr<SmallVector<Size>> values = sizesFrom(index, name);
  if (failed(values))
    return failure();
  SmallVector<int64_t> integers;
  for (Size value : *values) {
    auto number = constantOf(value);
    if (!number)
      return error() << name << " must be constant, got " << describe(value, sizes());
    integers.push_back(*number);
  }
  return integers;
}

FailureOr<SmallVector<Size>> Node::broadcastShape(ArrayRef<Tensor> tensors) {
  size_t rank = 0;
  for (const Tensor &tensor : tensors)
    rank = std::max(rank, tensor.shape.size());
  SmallVector<Size> shape(rank, sizes().constant(1));
  for (const Tensor &tensor : tensors)
    for (auto [position, size] : llvm::enumerate(tensor.shape)) {
      Size &common = shape[rank - tensor.rank() + position];
      if (isConstant(size, 1))
        continue;
      if (isConstant(common, 1)) {
        common = size;
        continue;
      }
      if (!sizes().requireEqual(common, size, reason("sizes that are broadcast")))
        return error() << "sizes " << describe(common, sizes()) << " and " << describe(size, sizes())
                       << " of dimension " << rank - tensor.rank() + position << " cannot be broadcast";
      if (constantOf(size))
        common = size;
    }
  return shape;
}

LogicalResult Node::requireEqual(Size a, Size b, StringRef what) {
  // A size too large to be expressed is null.
  if (!a || !b)
    return error() << what << " must be equal, got one that cannot be expressed";
  if (sizes().requireEqual(a, b, reason(what)))
    return success();
  return error() << what << " must be equal, got " << describe(a, sizes()) << " and " << describe(b, sizes());
}

LogicalResult Node::requireAtLeast(Size a, Size b, StringRef what) {
  if (sizes().requireAtLeast(a, b, reason(what)))
    return success();
  return error() << what << ": " << describe(a, sizes()) << " must be at least " << describe(b, sizes());
}
