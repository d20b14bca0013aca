/// Turns the graph of a model into a function, node by node.
#pragma once

#include "compiler/import/ImportOnnx.h"
#include "compiler/import/ModelFile.h"
#include "compiler/import/Node.h"
#include "llvm/ADT/StringMap.h"

#include <memory>
#include <vector>

namespace heed::importer {

/// Names in sight of the nodes of one graph: the main graph, the body of a model function at a call, or the branch of
/// an If.
struct Scope {
  std::string path;             ///< "graph 'g'", or "graph 'g', function 'f'" within a call
  const Scope *outer = nullptr; ///< the graph around the branch of an If
  unsigned depth = 0;
  llvm::StringMap<Tensor> tensors;
  llvm::StringMap<const onnx::AttributeProto *> attributes; ///< what the call gives the function
  llvm::StringMap<int64_t> opsets;

  const Tensor *find(llvm::StringRef name) const;
};

class GraphImporter {
public:
  GraphImporter(ModelFile &file, GraphBuilder &builder) : file(file), builder(builder) {}

  /// The main graph: adds the function's arguments, its body, and its return.
  mlir::LogicalResult importMain(mlir::func::FuncOp function);
  /// A graph within a node of `outer`; gives the values of its outputs.
  mlir::LogicalResult importBranch(const onnx::GraphProto &graph, Scope &outer, llvm::SmallVectorImpl<Tensor> &results);

  ModelFile &getFile() { return file; }
  GraphBuilder &getBuilder() { return builder; }
  mlir::InFlightDiagnostic error() { return file.error(); }

private:
  using NodeList = google::protobuf::RepeatedPtrField<onnx::NodeProto>;

  mlir::LogicalResult readOpsets(const google::protobuf::RepeatedPtrField<onnx::OperatorSetIdProto> &imports,
                                 Scope &scope);
  mlir::LogicalResult importInitialisers(const onnx::GraphProto &graph, Scope &scope);
  mlir::LogicalResult importInputs(const onnx::GraphProto &graph, Scope &scope, mlir::func::FuncOp function);
  mlir::LogicalResult importOutputs(const onnx::GraphProto &graph, Scope &scope, mlir::func::FuncOp function);
  mlir::FailureOr<Tensor> readType(const onnx::ValueInfoProto &info, llvm::StringRef what);
  /// Imports the nodes the wanted values depend on.
  mlir::LogicalResult importNodes(const NodeList &nodes, llvm::ArrayRef<llvm::StringRef> wanted, Scope &scope);
  mlir::LogicalResult importNode(const onnx::NodeProto &proto, size_t position, Scope &scope);
  mlir::LogicalResult callFunction(Node &node, const onnx::FunctionProto &function);
  const onnx::FunctionProto *findFunction(const onnx::NodeProto &node) const;
  mlir::LogicalResult readFunctionDefaults(const onnx::FunctionProto &function, Scope &scope);

  ModelFile &file;
  GraphBuilder &builder;
  /// Nodes so far, those of functions counted at every call.
  size_t numNodes = 0;
  /// Defaults of function attributes, parsed from fields that the wire schema does not know yet.
  std::vector<std::unique_ptr<onnx::AttributeProto>> functionDefaults;
};

} // namespace heed::importer
