/// LayerNormalization and RMSNormalization, as attn.norm.
#include "compiler/import/Registry.h"

#include "dialects/attn/Attn.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/Sequence.h"

using namespace mlir;
using namespace heed;
using namespace heed::importer;

/// The operand as attn.norm wants it: exactly the shape of the normalised dimensions. Null when it must be applied
/// after.
static Value asNormOperand(Node &node, const Tensor &operand, ArrayRef<Size> normalised) {
  if (operand.rank() > static_cast<int64_t>(normalised.size()))
    return Value();
  return node.build().materialise(node.build().broadcast(operand, normalised));
}

/// Checks that the operand broadcasts to the input's shape without stretching it.
static LogicalResult requireFits(Node &node, size_t index) {
  const Tensor &x = node.input(0);
  FailureOr<SmallVector<Size>> shape = node.broadcastShape({x, node.input(index)});
  if (failed(shape))
    return failure();
  if (shape->size() != x.shape.size())
    return node.error() << "input " << index << " must broadcast to the shape of input 0, got "
                        << describe(node.input(index), node.sizes());
  for (auto [wide, own] : llvm::zip_equal(*shape, x.shape))
    if (failed(node.requireEqual(wide, own, "a dimension of input 0 and of input " + std::to_string(index))))
      return failure();
  return success();
}

/// Mean over the normalised dimensions, kept as 1, in f32.
static Tensor meanOver(GraphBuilder &build, const Tensor &x, int64_t firstDim, bool isSquared, const Tensor *center) {
  SmallVector<int64_t> axes = llvm::to_vector(llvm::seq<int64_t>(firstDim, x.rank()));
  Tensor input = x;
  if (center)
    input = build.elementwise(center->kind, x.kind, x.shape, {x, *center},
                              [](ScalarBuilder &s, ValueRange v) { return s.subtract(v[0], v[1]); });
  Size count = build.getSizes().product(ArrayRef(x.shape).drop_front(firstDim));
  Type type = computeType(x.kind, build.getContext());
  Tensor total = build.reduce(
      input, axes, true, FloatAttr::get(type, 0.0),
      [&](ScalarBuilder &s, ValueRange v) { return isSquared ? s.multiply(v[0], v[0]) : v[0]; },
      [](ScalarBuilder &s, Value accumulator, Value element) { return s.add(accumulator, element); });
  Tensor number = build.cast(build.integers(ElementKind::i64, {}, count), total.kind);
  return build.elementwise(total.kind, total.kind, total.shape, {total, number},
                           [](ScalarBuilder &s, ValueRange v) { return s.divide(v[0], v[1]); });
}

/// The optional outputs of LayerNormalization: mean and 1 / sqrt(variance + epsilon).
static void buildStatistics(Node &node, int64_t firstDim, double epsilon) {
  GraphBuilder &build = node.build();
  const Tensor &x = node.input(0);
  Tensor mean = meanOver(build, x, firstDim, false, nullptr);
  node.set(1, mean);
  if (!node.wants(2))
    return;
  Tensor variance = meanOver(build, x, firstDim, true, &mean);
  node.set(
      2, build.elementwise(variance.kind, variance.kind, variance.shape, variance, [&](ScalarBuilder &s, ValueRange v) {
        return s.divide(s.constant(1), s.apply<math::SqrtOp>(s.add(v[0], s.constant(epsilon))));
      }));
}

static LogicalResult buildNorm(Node &node, attn::NormKind kind) {
  const Tensor &x = node.input(0);
  double epsilon = node.floatAttribute("epsilon", 1e-5f);
  int64_t axis = node.intAttribute("axis", -1), stash = node.intAttribute("stash_type", 1);
  if (failed(node.requireFloat(0)) || failed(node.requireRank(0, 1, 64)) || failed(node.requireFloat(1)))
    return failure();
  if (stash != 1 && stash != 11)
    return node.error() << "attribute 'stash_type' is " << stash << ", must be 1: statistics are computed in f32";
  FailureOr<int64_t> firstDim = node.resolveAxis(axis, x.rank());
  if (failed(firstDim) || failed(requireFits(node, 1)) || (node.has(2) && failed(requireFits(node, 2))))
    return failure();
  GraphBuilder &build = node.build();
  ArrayRef<Size> normalised = ArrayRef(x.shape).drop_front(*firstDim);
  Value input = build.materialise(x);
  // A scale of more dimensions than are normalised differs from row to row: it follows as a product of its own.
  Value scale = asNormOperand(node, node.input(1), normalised);
  Value bias = scale && node.has(2) ? asNormOperand(node, node.input(2), normalised) : Value();
  Value result =
      attn::NormOp::create(build.getBuilder(), input.getType(), input, scale, bias, kind, *firstDim, APFloat(epsilon));
  Tensor output = build.wrap(result, x.kind, x.shape);
  if (!scale)
    output = build.elementwise(x.kind, x.kind, x.shape, {output, node.input(1)},
                               [](ScalarBuilder &s, ValueRange v) { return s.multiply(v[0], v[1]); });
  if (node.has(2) && !bias)
    output = build.elementwise(x.kind, x.kind, x.shape, {output, node.input(2)},
                               [](ScalarBuilder &s, ValueRange v) { return s.add(v[0], v[1]); });
  node.set(0, output);
  if (node.wants(1) || node.wants(2))
    buildStatistics(node, *firstDim, epsilon);
  return success();
}

void heed::importer::registerNormOperators(OperatorRegistry &registry) {
  registry.add("LayerNormalization",
               {.since = 17, .minInputs = 2, .maxInputs = 3, .maxOutputs = 3, .build = [](Node &node) {
                  return buildNorm(node, attn::NormKind::Layer);
                }});
  registry.add("RMSNormalization", {.since = 23, .minInputs = 2, .maxInputs = 2, .build = [](Node &node) {
                                      return buildNorm(node, attn::NormKind::Rms);
                                    }});
}
