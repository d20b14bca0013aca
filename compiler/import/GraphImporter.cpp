#include "compiler/import/GraphImporter.h"

#include "compiler/import/NodeOrder.h"
#include "compiler/import/Registry.h"
#include "dialects/plan/Plan.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringSet.h"

#include <google/protobuf/unknown_field_set.h>

using namespace mlir;
using namespace heed;
using namespace heed::importer;

/// The newest version of the default operator set that the registry was written against.
static constexpr int64_t newestOpset = 28;
/// How deeply functions may call functions, and branches hold branches.
static constexpr unsigned maxDepth = 32;
/// Functions that call functions can make a small file stand for an endless graph.
static constexpr size_t maxNodes = 1000000;

static bool isDefaultDomain(StringRef domain) { return domain.empty() || domain == "ai.onnx"; }

const Tensor *Scope::find(StringRef name) const {
  for (const Scope *scope = this; scope; scope = scope->outer)
    if (auto found = scope->tensors.find(name); found != scope->tensors.end())
      return &found->second;
  return nullptr;
}

LogicalResult GraphImporter::readOpsets(const google::protobuf::RepeatedPtrField<onnx::OperatorSetIdProto> &imports,
                                        Scope &scope) {
  for (const auto &import : imports) {
    StringRef domain = isDefaultDomain(import.domain()) ? StringRef() : StringRef(import.domain());
    if (domain.empty() && (import.version() < 1 || import.version() > newestOpset))
      return error() << scope.path << ": operator set version " << import.version() << " is not known, versions 1 to "
                     << newestOpset << " are: export the model with one of these";
    scope.opsets[domain] = import.version();
  }
  return success();
}

//===- Initialisers, inputs, outputs ---------------------------------------------------------------------------===//

LogicalResult GraphImporter::importInitialisers(const onnx::GraphProto &graph, Scope &scope) {
  if (graph.sparse_initializer_size() > 0)
    return error() << scope.path << ": sparse initialisers are not supported";
  for (const auto &proto : graph.initializer()) {
    std::string what = scope.path + ": initialiser '" + proto.name() + "'";
    if (proto.name().empty() || scope.tensors.contains(proto.name()))
      return error() << what << (proto.name().empty() ? " has no name" : " is defined twice");
    FailureOr<Tensor> tensor = file.readTensor(proto, what, builder);
    if (failed(tensor))
      return failure();
    scope.tensors[proto.name()] = *tensor;
  }
  return success();
}

FailureOr<Tensor> GraphImporter::readType(const onnx::ValueInfoProto &info, StringRef what) {
  if (!info.has_type() || !info.type().has_tensor_type())
    return error() << what << " must be a tensor; sequences, maps and optionals are not supported";
  const auto &type = info.type().tensor_type();
  std::optional<ElementKind> kind = rt::fromOnnxElementType(type.elem_type());
  if (!kind)
    return error() << what << ": elements of type " << onnxTypeName(type.elem_type()) << " are not supported";
  if (!type.has_shape())
    return error() << what << " has no shape: its rank must be given, dimensions may be symbolic";
  if (type.shape().dim_size() > maxRank)
    return error() << what << " has " << type.shape().dim_size() << " dimensions, at most " << maxRank
                   << " are supported";
  Tensor tensor;
  tensor.kind = *kind;
  Sizes &sizes = builder.getSizes();
  for (const auto &dim : type.shape().dim()) {
    if (dim.has_dim_value() && dim.dim_value() < 0)
      return error() << what << " has the negative dimension " << dim.dim_value();
    if (dim.has_dim_value())
      tensor.shape.push_back(sizes.constant(dim.dim_value()));
    else if (dim.has_dim_param() && !dim.dim_param().empty())
      tensor.shape.push_back(sizes.symbol(dim.dim_param()));
    else
      tensor.shape.push_back(sizes.symbol(sizes.unusedName(info.name() + "_" + std::to_string(tensor.rank()))));
  }
  Size product = sizes.constant(byteWidth(*kind));
  for (Size size : tensor.shape)
    if (constantOf(size))
      product = sizes.multiply(product, size);
  if (!product)
    return error() << what << ": its dims take more than 2^63 bytes";
  return tensor;
}

LogicalResult GraphImporter::importInputs(const onnx::GraphProto &graph, Scope &scope, func::FuncOp function) {
  for (const auto &info : graph.input()) {
    if (scope.tensors.contains(info.name()))
      continue; // a default that the caller could override: it counts as a constant
    std::string what = scope.path + ": input '" + info.name() + "'";
    if (info.name().empty())
      return error() << what << " has no name";
    FailureOr<Tensor> tensor = readType(info, what);
    if (failed(tensor))
      return failure();
    auto name = NameLoc::get(builder.getBuilder().getStringAttr(info.name()));
    tensor->value = function.getBody().addArgument(builder.typeOf(*tensor), name);
    scope.tensors[info.name()] = *tensor;
  }
  // A repeated input would have been skipped above as a default.
  llvm::StringSet<> seen;
  for (const auto &info : graph.input())
    if (!seen.insert(info.name()).second)
      return error() << scope.path << ": input '" << info.name() << "' is defined twice";
  return success();
}

LogicalResult GraphImporter::importOutputs(const onnx::GraphProto &graph, Scope &scope, func::FuncOp function) {
  MLIRContext *context = builder.getContext();
  Builder attributes(context);
  Sizes &sizes = builder.getSizes();
  unsigned numSymbols = sizes.getSymbolNames().size();
  auto describeValue = [&](StringRef name, const Tensor &tensor) {
    SmallVector<NamedAttribute> list = {
        attributes.getNamedAttr(plan::nameAttrName, attributes.getStringAttr(name)),
        attributes.getNamedAttr(plan::shapeAttrName,
                                AffineMapAttr::get(AffineMap::get(0, numSymbols, tensor.shape, context)))};
    if (isInteger(tensor.kind) && isUnsigned(tensor.kind))
      list.push_back(attributes.getNamedAttr("plan.unsigned", attributes.getUnitAttr()));
    return attributes.getDictionaryAttr(list);
  };
  SmallVector<Attribute> argumentAttributes, resultAttributes;
  SmallVector<Value> results;
  llvm::StringSet<> defaults;
  for (const auto &initialiser : graph.initializer())
    defaults.insert(initialiser.name());
  for (const auto &info : graph.input())
    if (!defaults.contains(info.name()))
      argumentAttributes.push_back(describeValue(info.name(), *scope.find(info.name())));
  for (const auto &info : graph.output()) {
    const Tensor *tensor = scope.find(info.name());
    const auto &declared = info.type().tensor_type();
    if (info.has_type() && info.type().has_tensor_type() && declared.elem_type() != 0 &&
        rt::fromOnnxElementType(declared.elem_type()) != tensor->kind)
      return error() << scope.path << ": output '" << info.name() << "' is declared "
                     << onnxTypeName(declared.elem_type()) << " but computed as " << elementTypeName(tensor->kind);
    if (declared.has_shape() && declared.shape().dim_size() != tensor->rank())
      return error() << scope.path << ": output '" << info.name() << "' is declared with rank "
                     << declared.shape().dim_size() << " but computed as " << describe(*tensor, sizes);
    results.push_back(builder.materialise(*tensor));
    resultAttributes.push_back(describeValue(info.name(), *tensor));
  }
  func::ReturnOp::create(builder.getBuilder(), results);
  function.setFunctionType(
      FunctionType::get(context, function.getBody().getArgumentTypes(), ValueRange(results).getTypes()));
  function.setArgAttrsAttr(attributes.getArrayAttr(argumentAttributes));
  function.setResAttrsAttr(attributes.getArrayAttr(resultAttributes));
  SmallVector<StringRef> names(sizes.getSymbolNames().begin(), sizes.getSymbolNames().end());
  function->setAttr(plan::symbolsAttrName, attributes.getStrArrayAttr(names));
  std::vector<DictionaryAttr> constraints = sizes.getConstraints();
  if (!constraints.empty())
    function->setAttr(plan::constraintsAttrName,
                      attributes.getArrayAttr(SmallVector<Attribute>(constraints.begin(), constraints.end())));
  return success();
}

//===- Graphs --------------------------------------------------------------------------------------------------===//

LogicalResult GraphImporter::importMain(func::FuncOp function) {
  const onnx::GraphProto &graph = file.getModel().graph();
  Scope scope;
  scope.path = "graph '" + graph.name() + "'";
  if (failed(readOpsets(file.getModel().opset_import(), scope)) || failed(importInitialisers(graph, scope)) ||
      failed(importInputs(graph, scope, function)))
    return failure();
  SmallVector<StringRef> wanted;
  for (const auto &info : graph.output())
    wanted.push_back(info.name());
  if (wanted.empty())
    return error() << scope.path << ": has no outputs";
  return failure(failed(importNodes(graph.node(), wanted, scope)) || failed(importOutputs(graph, scope, function)));
}

LogicalResult GraphImporter::importBranch(const onnx::GraphProto &graph, Scope &outer,
                                          SmallVectorImpl<Tensor> &results) {
  Scope scope;
  scope.path = outer.path + ", graph '" + graph.name() + "'";
  scope.outer = &outer;
  scope.depth = outer.depth + 1;
  scope.opsets = outer.opsets;
  scope.attributes = outer.attributes;
  if (scope.depth > maxDepth)
    return error() << outer.path << ": graphs are nested more than " << maxDepth << " deep";
  if (failed(importInitialisers(graph, scope)))
    return failure();
  SmallVector<StringRef> wanted;
  for (const auto &info : graph.output())
    wanted.push_back(info.name());
  if (failed(importNodes(graph.node(), wanted, scope)))
    return failure();
  for (StringRef name : wanted)
    results.push_back(*scope.find(name));
  return success();
}

LogicalResult GraphImporter::importNodes(const NodeList &nodes, ArrayRef<StringRef> wanted, Scope &scope) {
  auto isKnown = [&](StringRef name) { return scope.find(name) != nullptr; };
  FailureOr<SmallVector<int>> order =
      orderNodes(nodes, wanted, isKnown, [&]() { return error() << scope.path << ": "; });
  if (failed(order))
    return failure();
  for (int position : *order)
    if (failed(importNode(nodes[position], position, scope)))
      return failure();
  return success();
}

//===- Nodes ---------------------------------------------------------------------------------------------------===//

/// Gives the node the values that its inputs name, and its attributes.
static LogicalResult bindNode(Node &node) {
  const onnx::NodeProto &proto = node.getProto();
  const Scope &scope = node.getScope();
  for (const std::string &name : proto.input()) {
    const Tensor *tensor = name.empty() ? nullptr : scope.find(name);
    if (!name.empty() && !tensor)
      return node.error() << "input '" << name << "' is not defined";
    node.addInput(tensor ? std::optional(*tensor) : std::nullopt);
  }
  for (const auto &attribute : proto.attribute()) {
    const onnx::AttributeProto *value = &attribute;
    if (!attribute.ref_attr_name().empty()) {
      // An attribute of the function's body stands for one of the call; when that is absent, so is this.
      value = scope.attributes.lookup(attribute.ref_attr_name());
      if (!value)
        continue;
    }
    if (node.hasAttribute(attribute.name()))
      return node.error() << "attribute '" << attribute.name() << "' is given twice";
    node.addAttribute(attribute.name(), value);
  }
  return success();
}

/// Builds what a node of an operator, not of a function of the model, stands for.
static LogicalResult buildOperator(Node &node) {
  const onnx::NodeProto &proto = node.getProto();
  if (!isDefaultDomain(proto.domain()))
    return node.error() << "operators of the domain '" << proto.domain()
                        << "' are not supported: export with operators of the default ONNX domain";
  if (node.getOpset() == 0)
    return node.error() << "the model does not say which version of the default operator set it uses";
  const OperatorRegistry &registry = OperatorRegistry::get();
  const OperatorEntry *entry = registry.find(proto.op_type(), node.getOpset());
  if (!entry)
    return node.error() << (registry.isKnown(proto.op_type())
                                ? "this version of the operator is not supported: export with another opset"
                                : "the operator is not supported");
  for (size_t input = 0; input < entry->minInputs; ++input)
    if (!node.has(input))
      return node.error() << "input " << input << " is missing";
  if (node.numInputs() > entry->maxInputs)
    return node.error() << "takes at most " << entry->maxInputs << " inputs, has " << node.numInputs();
  if (node.numOutputs() > entry->maxOutputs)
    return node.error() << "has at most " << entry->maxOutputs << " outputs, the node asks for " << node.numOutputs();
  return failed(entry->build(node)) ? failure() : node.finishAttributes();
}

/// Checks the outputs that were built and makes their names known.
static LogicalResult defineOutputs(Node &node) {
  if (node.build().hasOverflowed())
    return node.error() << "a size overflows or is negative";
  for (size_t index = 0; index < node.numOutputs(); ++index) {
    if (!node.wants(index))
      continue;
    const std::optional<Tensor> &tensor = node.output(index);
    if (!tensor)
      return node.error() << "output " << index << " is not supported";
    if (tensor->rank() > maxRank)
      return node.error() << "output " << index << " has " << tensor->rank() << " dimensions, at most " << maxRank
                          << " are supported";
    if (llvm::any_of(tensor->shape, [](Size size) { return !size; }))
      return node.error() << "the shape of output " << index << " overflows";
    if (llvm::any_of(tensor->shape, [](Size size) { return constantOf(size).value_or(0) < 0; }))
      return node.error() << "output " << index << " would have the shape "
                          << describe(ArrayRef(tensor->shape), node.sizes());
    node.getScope().tensors[node.getProto().output(static_cast<int>(index))] = *tensor;
  }
  return success();
}

LogicalResult GraphImporter::importNode(const onnx::NodeProto &proto, size_t position, Scope &scope) {
  if (++numNodes > maxNodes)
    return error() << scope.path << ": the graph has more than " << maxNodes << " nodes";
  std::string name = !proto.name().empty()     ? proto.name()
                     : proto.output_size() > 0 ? proto.output(0)
                                               : "#" + std::to_string(position);
  StringRef domain = isDefaultDomain(proto.domain()) ? StringRef() : StringRef(proto.domain());
  auto opset = scope.opsets.find(domain);
  int64_t version = opset == scope.opsets.end() ? 0 : opset->second;
  std::string label = scope.path + ", node '" + name + "' (" + (domain.empty() ? "" : domain.str() + ".") +
                      proto.op_type() + ", opset " + std::to_string(version) + ")";
  builder.setLocation(NameLoc::get(StringAttr::get(builder.getContext(), name)));
  Node node(*this, scope, proto, label, version);
  if (failed(bindNode(node)))
    return failure();
  const onnx::FunctionProto *function = findFunction(proto);
  if (failed(function ? callFunction(node, *function) : buildOperator(node)))
    return failure();
  return defineOutputs(node);
}

//===- Functions of the model ----------------------------------------------------------------------------------===//

/// Fields newer than the wire schema, by their numbers in onnx.proto.
static constexpr int overloadOfNode = 8, overloadOfFunction = 13, defaultsOfFunction = 11;

/// The bytes of the last unknown field with a number; empty without one.
template <typename Message> static std::string unknownString(const Message &message, int number) {
  const google::protobuf::UnknownFieldSet &fields = message.unknown_fields();
  for (int i = fields.field_count(); i-- > 0;)
    if (fields.field(i).number() == number &&
        fields.field(i).type() == google::protobuf::UnknownField::TYPE_LENGTH_DELIMITED)
      return fields.field(i).length_delimited();
  return {};
}

const onnx::FunctionProto *GraphImporter::findFunction(const onnx::NodeProto &node) const {
  for (const auto &function : file.getModel().functions())
    if (function.name() == node.op_type() && function.domain() == node.domain() &&
        unknownString(function, overloadOfFunction) == unknownString(node, overloadOfNode))
      return &function;
  return nullptr;
}

/// Gives the scope of a call the values of attributes that the call leaves out.
LogicalResult GraphImporter::readFunctionDefaults(const onnx::FunctionProto &function, Scope &scope) {
  const google::protobuf::UnknownFieldSet &fields = function.unknown_fields();
  for (int i = 0; i < fields.field_count(); ++i) {
    const google::protobuf::UnknownField &field = fields.field(i);
    if (field.number() != defaultsOfFunction || field.type() != google::protobuf::UnknownField::TYPE_LENGTH_DELIMITED)
      continue;
    auto attribute = std::make_unique<onnx::AttributeProto>();
    if (!attribute->ParseFromString(field.length_delimited()))
      return error() << scope.path << ": a default of an attribute is damaged";
    if (scope.attributes.try_emplace(attribute->name(), attribute.get()).second)
      functionDefaults.push_back(std::move(attribute));
  }
  return success();
}

LogicalResult GraphImporter::callFunction(Node &node, const onnx::FunctionProto &function) {
  Scope scope;
  scope.path = node.getScope().path + ", function '" + function.name() + "'";
  scope.depth = node.getScope().depth + 1;
  if (scope.depth > maxDepth)
    return node.error() << "functions call each other more than " << maxDepth << " deep";
  if (static_cast<int>(node.numInputs()) > function.input_size() ||
      static_cast<int>(node.numOutputs()) > function.output_size())
    return node.error() << "the function has " << function.input_size() << " inputs and " << function.output_size()
                        << " outputs, the call " << node.numInputs() << " and " << node.numOutputs();
  if (failed(readOpsets(function.opset_import(), scope)))
    return failure();
  scope.attributes = node.allAttributes();
  if (failed(readFunctionDefaults(function, scope)))
    return failure();
  for (size_t index = 0; index < node.numInputs(); ++index)
    if (node.has(index))
      scope.tensors[function.input(static_cast<int>(index))] = node.input(index);
  SmallVector<StringRef> wanted;
  for (size_t index = 0; index < node.numOutputs(); ++index)
    if (node.wants(index))
      wanted.push_back(function.output(static_cast<int>(index)));
  if (failed(importNodes(function.node(), wanted, scope)))
    return failure();
  for (size_t index = 0; index < node.numOutputs(); ++index)
    if (node.wants(index))
      node.set(index, *scope.find(function.output(static_cast<int>(index))));
  return success();
}
