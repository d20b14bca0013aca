/// One node of the graph as its builder sees it: checked inputs and attributes, and errors that name the node.
#pragma once

#include "compiler/import/GraphBuilder.h"
#include "compiler/import/ModelFile.h"
#include "compiler/import/OnnxProto.h"
#include "mlir/IR/Diagnostics.h"

namespace heed::importer {

class GraphImporter;
struct Scope;

class Node {
public:
  Node(GraphImporter &importer, Scope &scope, const onnx::NodeProto &proto, std::string label, int64_t opset);

  const onnx::NodeProto &getProto() const { return proto; }
  int64_t getOpset() const { return opset; }
  Scope &getScope() { return scope; }
  GraphImporter &getImporter() { return importer; }
  GraphBuilder &build() { return builder; }
  Sizes &sizes() { return builder.getSizes(); }

  /// An error that starts with the node's name, operator and opset.
  mlir::InFlightDiagnostic error();

  /// \name Inputs and outputs
  /// @{
  size_t numInputs() const { return inputs.size(); }
  /// Whether the input is given: optional inputs may be left out or empty.
  bool has(size_t index) const { return index < inputs.size() && inputs[index].has_value(); }
  /// Only for an input that is given.
  const Tensor &input(size_t index) const { return *inputs[index]; }
  llvm::SmallVector<Tensor> allInputs() const;
  size_t numOutputs() const { return proto.output_size(); }
  bool wants(size_t output) const { return output < numOutputs() && !proto.output(static_cast<int>(output)).empty(); }
  void set(size_t output, Tensor tensor);
  const std::optional<Tensor> &output(size_t index) const { return outputs[index]; }
  void addInput(std::optional<Tensor> tensor) { inputs.push_back(std::move(tensor)); }
  /// @}

  /// \name Attributes
  /// A value of another type is reported, and the default returned; the import then fails when the builder returns.
  /// An attribute that no builder asked for is an error too.
  /// @{
  void addAttribute(llvm::StringRef name, const onnx::AttributeProto *attribute) {
    attributes[name] = {attribute, false};
  }
  bool hasAttribute(llvm::StringRef name) const { return attributes.contains(name); }
  int64_t intAttribute(llvm::StringRef name, int64_t otherwise);
  bool flagAttribute(llvm::StringRef name, bool otherwise) { return intAttribute(name, otherwise) != 0; }
  double floatAttribute(llvm::StringRef name, double otherwise);
  std::string stringAttribute(llvm::StringRef name, llvm::StringRef otherwise);
  std::optional<llvm::SmallVector<int64_t>> intsAttribute(llvm::StringRef name);
  std::optional<llvm::SmallVector<double>> floatsAttribute(llvm::StringRef name);
  const onnx::TensorProto *tensorAttribute(llvm::StringRef name);
  const onnx::GraphProto *graphAttribute(llvm::StringRef name);
  llvm::StringMap<const onnx::AttributeProto *> allAttributes() const;
  /// Fails, after a report, when an attribute had another type or was not asked for.
  mlir::LogicalResult finishAttributes();
  /// @}

  /// \name Checks, each with its report
  /// @{
  mlir::LogicalResult requireRank(size_t input, int64_t minimum, int64_t maximum);
  mlir::LogicalResult requireFloat(size_t input);
  mlir::LogicalResult requireSameKind(size_t first, size_t second);
  /// Counts a negative axis from the end; must lie in [-rank, rank).
  mlir::FailureOr<int64_t> resolveAxis(int64_t axis, int64_t rank, llvm::StringRef name = "axis");
  /// The same for several, which must differ; sorted.
  mlir::FailureOr<llvm::SmallVector<int64_t>> resolveAxes(llvm::ArrayRef<int64_t> axes, int64_t rank);
  /// What the message of a constraint says: this node, and what of it.
  std::string reason(llvm::StringRef what) const { return label + ": " + what.str(); }
  /// The elements of an integer input, which must be known while importing.
  mlir::FailureOr<llvm::SmallVector<Size>> sizesFrom(size_t input, llvm::StringRef name);
  mlir::FailureOr<llvm::SmallVector<int64_t>> integersFrom(size_t input, llvm::StringRef name);
  /// The common shape by ONNX's rules. Sizes that may differ are required to be equal when the graph is called.
  mlir::FailureOr<llvm::SmallVector<Size>> broadcastShape(llvm::ArrayRef<Tensor> tensors);
  /// Must hold when the graph is called, and be possible now.
  mlir::LogicalResult requireEqual(Size a, Size b, llvm::StringRef what);
  mlir::LogicalResult requireAtLeast(Size a, Size b, llvm::StringRef what);
  /// @}

private:
  const onnx::AttributeProto *attribute(llvm::StringRef name, onnx::AttributeProto::AttributeType type);

  GraphImporter &importer;
  Scope &scope;
  GraphBuilder &builder;
  const onnx::NodeProto &proto;
  std::string label;
  int64_t opset;
  llvm::SmallVector<std::optional<Tensor>> inputs;
  llvm::SmallVector<std::optional<Tensor>> outputs;
  struct AttributeUse {
    const onnx::AttributeProto *attribute = nullptr;
    bool isUsed = false;
  };
  llvm::StringMap<AttributeUse> attributes;
  std::string attributeError; ///< of the first attribute of another type than asked for; empty: none
};

} // namespace heed::importer
