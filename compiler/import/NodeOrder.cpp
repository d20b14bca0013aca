#include "compiler/import/NodeOrder.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/StringSet.h"

using namespace mlir;
using namespace heed::importer;

/// What a node reads: its inputs, and what the graphs in its attributes read from around them.
static void collectReads(const onnx::NodeProto &node, const llvm::StringSet<> &local,
                         SmallVectorImpl<StringRef> &reads) {
  for (const std::string &name : node.input())
    if (!name.empty() && !local.contains(name))
      reads.push_back(name);
  for (const auto &attribute : node.attribute()) {
    if (!attribute.has_g())
      continue;
    const onnx::GraphProto &graph = attribute.g();
    llvm::StringSet<> inner(local);
    for (const auto &info : graph.input())
      inner.insert(info.name());
    for (const auto &tensor : graph.initializer())
      inner.insert(tensor.name());
    for (const auto &nested : graph.node())
      inner.insert_range(nested.output());
    for (const auto &nested : graph.node())
      collectReads(nested, inner, reads);
    for (const auto &info : graph.output())
      if (!inner.contains(info.name()))
        reads.push_back(info.name());
  }
}

namespace {
/// A depth-first walk from the wanted values to what they depend on, with its own stack.
class NodeSorter {
public:
  NodeSorter(const google::protobuf::RepeatedPtrField<onnx::NodeProto> &nodes,
             llvm::function_ref<bool(StringRef)> isKnown, llvm::function_ref<InFlightDiagnostic()> error)
      : nodes(nodes), isKnown(isKnown), error(error), states(nodes.size(), State::unseen), reads(nodes.size()) {}

  LogicalResult collectProducers() {
    for (int position = 0; position < nodes.size(); ++position)
      for (const std::string &name : nodes[position].output()) {
        if (name.empty())
          continue;
        if (isKnown(name) || !producers.try_emplace(name, position).second)
          return error() << "value '" << name << "' is defined twice, again by node '" << nodes[position].name()
                         << "' (" << nodes[position].op_type() << ")";
      }
    return success();
  }

  LogicalResult visit(StringRef name) {
    if (isKnown(name))
      return success();
    auto producer = producers.find(name);
    if (producer == producers.end())
      return error() << "output '" << name << "' is not defined by any node";
    if (states[producer->second] == State::done)
      return success();
    SmallVector<int> stack = {producer->second};
    while (!stack.empty()) {
      int position = stack.back();
      if (states[position] == State::unseen) {
        states[position] = State::open;
        collectReads(nodes[position], {}, reads[position]);
      }
      if (reads[position].empty()) {
        states[position] = State::done;
        order.push_back(position);
        stack.pop_back();
        continue;
      }
      StringRef read = reads[position].pop_back_val();
      if (isKnown(read))
        continue;
      auto source = producers.find(read);
      if (source == producers.end())
        return error() << "node '" << nodes[position].name() << "' (" << nodes[position].op_type() << "): input '"
                       << read << "' is not defined by any node, input or initialiser";
      if (states[source->second] == State::open)
        return error() << "node '" << nodes[position].name() << "' (" << nodes[position].op_type() << "): input '"
                       << read << "' depends on the node itself: the graph has a cycle";
      if (states[source->second] == State::unseen)
        stack.push_back(source->second);
    }
    return success();
  }

  /// The file's order, unless a needed node comes before what it reads.
  SmallVector<int> takeOrder() {
    SmallVector<int> inFile(order);
    llvm::sort(inFile);
    SmallVector<StringRef> needs;
    for (int position : inFile) {
      needs.clear();
      collectReads(nodes[position], {}, needs);
      for (StringRef name : needs)
        if (auto source = producers.find(name); source != producers.end() && source->second >= position)
          return order;
    }
    return inFile;
  }

private:
  enum class State { unseen, open, done };
  const google::protobuf::RepeatedPtrField<onnx::NodeProto> &nodes;
  llvm::function_ref<bool(StringRef)> isKnown;
  llvm::function_ref<InFlightDiagnostic()> error;
  llvm::StringMap<int> producers;
  std::vector<State> states;
  std::vector<SmallVector<StringRef>> reads;
  SmallVector<int> order;
};
} // namespace

FailureOr<SmallVector<int>> heed::importer::orderNodes(const google::protobuf::RepeatedPtrField<onnx::NodeProto> &nodes,
                                                       ArrayRef<StringRef> wanted,
                                                       llvm::function_ref<bool(StringRef)> isKnown,
                                                       llvm::function_ref<InFlightDiagnostic()> error) {
  NodeSorter sorter(nodes, isKnown, error);
  if (failed(sorter.collectProducers()))
    return failure();
  for (StringRef name : wanted)
    if (failed(sorter.visit(name)))
      return failure();
  return sorter.takeOrder();
}
