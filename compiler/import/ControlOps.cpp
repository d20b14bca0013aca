/// Operators with graphs in them: an If whose condition is known is the branch it takes; the others are refused.
#include "compiler/import/GraphImporter.h"
#include "compiler/import/Registry.h"

using namespace mlir;
using namespace heed::importer;

static LogicalResult buildIf(Node &node) {
  const onnx::GraphProto *thenBranch = node.graphAttribute("then_branch"),
                         *elseBranch = node.graphAttribute("else_branch");
  if (!thenBranch || !elseBranch)
    return node.error() << "needs the attributes 'then_branch' and 'else_branch'";
  const Tensor &condition = node.input(0);
  if (condition.kind != ElementKind::boolean || condition.count() != 1 || !condition.isScalarConstant())
    return node.error() << "the condition must be known when the model is compiled; here it depends on the call";
  SmallVector<Tensor> results;
  const onnx::GraphProto &taken = isConstant(condition.integer(0), 0) ? *elseBranch : *thenBranch;
  if (failed(node.getImporter().importBranch(taken, node.getScope(), results)))
    return failure();
  if (results.size() < node.numOutputs())
    return node.error() << "the branch has " << results.size() << " outputs, the node " << node.numOutputs();
  for (size_t index = 0; index < node.numOutputs(); ++index)
    node.set(index, results[index]);
  return success();
}

static LogicalResult refuseLoop(Node &node) {
  return node.error() << "loops are not supported: export the model with the loop unrolled";
}

void heed::importer::registerControlOperators(OperatorRegistry &registry) {
  registry.add("If", {.since = 1, .minInputs = 1, .maxInputs = 1, .maxOutputs = variadic, .build = buildIf});
  for (const char *name : {"Loop", "Scan"})
    registry.add(name,
                 {.since = 1, .minInputs = 0, .maxInputs = variadic, .maxOutputs = variadic, .build = refuseLoop});
}
