/// Cast, CastLike and the operators that return their input.
#include "compiler/import/Registry.h"

using namespace mlir;
using namespace heed::importer;

static LogicalResult castTo(Node &node, ElementKind kind) {
  const Tensor &x = node.input(0);
  GraphBuilder &build = node.build();
  Sizes &sizes = node.sizes();
  if (x.kind == kind) {
    node.set(0, x);
    return success();
  }
  // Sizes stay sizes under a change of width; a size is a truth value when it is known to be zero or not.
  if (x.isIntegerLiteral() && !isFloat(kind) && !x.literal->isConstant()) {
    auto folded = build.foldSizes(kind, x.shape, x, [&](ArrayRef<Size> v) {
      if (kind != ElementKind::boolean)
        return v[0];
      return sizes.areDifferent(v[0], sizes.constant(0)) ? sizes.constant(1) : Size();
    });
    if (folded) {
      node.set(0, *folded);
      return success();
    }
  }
  node.set(0, build.cast(x, kind));
  return success();
}

static LogicalResult buildCast(Node &node) {
  int64_t to = node.intAttribute("to", 0);
  node.intAttribute("saturate", 1); // concerns 8-bit floats only
  std::optional<ElementKind> kind =
      to > 0 && to <= 64 ? heed::rt::fromOnnxElementType(static_cast<int32_t>(to)) : std::nullopt;
  if (!kind)
    return node.error() << "attribute 'to' names "
                        << (to > 0 && to <= 64 ? onnxTypeName(static_cast<int32_t>(to)) : std::to_string(to))
                        << ", which is not supported";
  return castTo(node, *kind);
}

static LogicalResult buildCastLike(Node &node) {
  node.intAttribute("saturate", 1);
  return castTo(node, node.input(1).kind);
}

static LogicalResult buildIdentity(Node &node) {
  node.set(0, node.input(0));
  return success();
}

/// Inference returns the input and keeps every element.
static LogicalResult buildDropout(Node &node) {
  node.floatAttribute("ratio", 0.5);
  node.intAttribute("seed", 0);
  if (node.has(2)) {
    const Tensor &training = node.input(2);
    if (!training.isScalarConstant() || !isConstant(training.integer(0), 0))
      return node.error() << "input 2 (training_mode) must be the constant false: only inference is supported";
  }
  node.set(0, node.input(0));
  node.set(1, node.build().broadcast(node.build().scalar(ElementKind::boolean, 1), node.input(0).shape));
  return success();
}

void heed::importer::registerConversionOperators(OperatorRegistry &registry) {
  registry.add("Cast", {.since = 6, .minInputs = 1, .maxInputs = 1, .build = buildCast});
  registry.add("CastLike", {.since = 15, .minInputs = 2, .maxInputs = 2, .build = buildCastLike});
  registry.add("Identity", {.since = 1, .minInputs = 1, .maxInputs = 1, .build = buildIdentity});
  registry.add("Dropout", {.since = 7, .minInputs = 1, .maxInputs = 3, .maxOutputs = 2, .build = buildDropout});
}
