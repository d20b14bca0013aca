#include "compiler/import/ExternalData.h"

#include "compiler/import/OnnxProto.h"

#include <climits>
#include <set>

namespace heed {
namespace {

/// The depth of nested graphs is bounded by the parser.
class LocationCollector {
public:
  void visit(const onnx::TensorProto &tensor) {
    if (tensor.data_location() != onnx::TensorProto::EXTERNAL)
      return;
    for (const auto &entry : tensor.external_data())
      if (entry.key() == "location")
        locations.insert(entry.value());
  }

  void visit(const onnx::SparseTensorProto &tensor) {
    visit(tensor.values());
    visit(tensor.indices());
  }

  void visit(const onnx::AttributeProto &attribute) {
    visit(attribute.t());
    visit(attribute.sparse_tensor());
    visitAll(attribute.tensors());
    visitAll(attribute.sparse_tensors());
    if (attribute.has_g())
      visit(attribute.g());
    visitAll(attribute.graphs());
  }

  void visit(const onnx::NodeProto &node) { visitAll(node.attribute()); }

  void visit(const onnx::GraphProto &graph) {
    visitAll(graph.initializer());
    visitAll(graph.sparse_initializer());
    visitAll(graph.node());
  }

  void visit(const onnx::FunctionProto &function) { visitAll(function.node()); }

  template <typename List> void visitAll(const List &list) {
    for (const auto &element : list)
      visit(element);
  }

  std::set<std::string> locations;
};

} // namespace

std::vector<std::string> externalDataFiles(llvm::StringRef modelBytes) {
  onnx::ModelProto model;
  if (modelBytes.size() > INT_MAX || !model.ParseFromArray(modelBytes.data(), static_cast<int>(modelBytes.size())))
    return {};
  LocationCollector collector;
  collector.visit(model.graph());
  collector.visitAll(model.functions());
  return {collector.locations.begin(), collector.locations.end()};
}

} // namespace heed
