/// Operators that map elements to an element, with broadcasting: arithmetic, comparison, logic, activations.
#include "compiler/import/Registry.h"

#include "mlir/IR/Matchers.h"

#include <cmath>

using namespace mlir;
using namespace heed::importer;

namespace {
using Order = ScalarBuilder::Order;
/// The element kinds an operator takes.
enum Kinds : unsigned { floats = 1, ints = 2, bools = 4, numbers = floats | ints, anything = numbers | bools };
using Body = std::function<Value(ScalarBuilder &, ValueRange)>;
using SizeRule = std::function<Size(Sizes &, ArrayRef<Size>)>;

/// How an operator without attributes is built.
struct Rule {
  unsigned kinds = floats;
  Body body;
  /// What the operator does to sizes, for shape arithmetic; may be empty.
  SizeRule onSizes;
  /// Comparisons give booleans.
  bool givesBoolean = false;
};
} // namespace

static LogicalResult checkKinds(Node &node, ArrayRef<Tensor> inputs, unsigned kinds) {
  for (const Tensor &input : inputs) {
    unsigned kind = isFloat(input.kind) ? floats : input.kind == ElementKind::boolean ? bools : ints;
    if (!(kinds & kind))
      return node.error() << "elements of type " << elementTypeName(input.kind)
                          << " are not supported by this operator";
    if (input.kind != inputs[0].kind)
      return node.error() << "all inputs must have one element type, got " << elementTypeName(inputs[0].kind) << " and "
                          << elementTypeName(input.kind);
  }
  return success();
}

static LogicalResult buildElementwise(Node &node, ArrayRef<Tensor> inputs, ElementKind result, ScalarBody body,
                                      const SizeRule &onSizes = nullptr) {
  FailureOr<SmallVector<Size>> shape = node.broadcastShape(inputs);
  if (failed(shape))
    return failure();
  GraphBuilder &build = node.build();
  if (onSizes &&
      !llvm::all_of(inputs, [](const Tensor &input) { return input.literal && input.literal->isConstant(); })) {
    auto folded = build.foldSizes(result, *shape, inputs,
                                  [&](ArrayRef<Size> arguments) { return onSizes(node.sizes(), arguments); });
    if (folded) {
      node.set(0, *folded);
      return success();
    }
  }
  node.set(0, build.elementwise(result, inputs[0].kind, *shape, inputs, body));
  return success();
}

static LogicalResult buildRule(Node &node, const Rule &rule) {
  SmallVector<Tensor> inputs = node.allInputs();
  if (failed(checkKinds(node, inputs, rule.kinds)))
    return failure();
  return buildElementwise(node, inputs, rule.givesBoolean ? ElementKind::boolean : inputs[0].kind, rule.body,
                          rule.onSizes);
}

/// A body of one operand; registered for the opsets from which the operator has had its present form.
static void addUnary(OperatorRegistry &registry, const std::string &name, int64_t since, unsigned kinds,
                     std::function<Value(ScalarBuilder &, Value)> body, SizeRule onSizes = nullptr) {
  Rule rule{kinds, [body = std::move(body)](ScalarBuilder &s, ValueRange v) { return body(s, v[0]); },
            std::move(onSizes)};
  registry.add(name, {.since = since, .minInputs = 1, .maxInputs = 1, .build = [rule](Node &node) {
                        return buildRule(node, rule);
                      }});
}

static void addBinary(OperatorRegistry &registry, const std::string &name, unsigned kinds,
                      std::function<Value(ScalarBuilder &, Value, Value)> body, SizeRule onSizes = nullptr,
                      bool givesBoolean = false) {
  Rule rule{kinds, [body = std::move(body)](ScalarBuilder &s, ValueRange v) { return body(s, v[0], v[1]); },
            std::move(onSizes), givesBoolean};
  registry.add(name, {.since = 7, .minInputs = 2, .maxInputs = 2, .build = [rule](Node &node) {
                        return buildRule(node, rule);
                      }});
}

static void addVariadic(OperatorRegistry &registry, const std::string &name, unsigned kinds,
                        std::function<Value(ScalarBuilder &, Value, Value)> combine, bool isMean,
                        SizeRule onSizes = nullptr) {
  Rule rule{kinds,
            [combine = std::move(combine), isMean](ScalarBuilder &s, ValueRange v) {
              Value result = v[0];
              for (Value value : v.drop_front())
                result = combine(s, result, value);
              return isMean ? s.divide(result, s.constant(v.size())) : result;
            },
            std::move(onSizes)};
  registry.add(name, {.since = 8, .minInputs = 1, .maxInputs = variadic, .build = [rule](Node &node) {
                        return buildRule(node, rule);
                      }});
}

//===- Sizes ---------------------------------------------------------------------------------------------------===//

/// Whether a is at most b: 1, 0, or null when that depends on the call.
static Size isAtMost(Sizes &sizes, Size a, Size b) {
  if (sizes.isAtLeast(b, a))
    return sizes.constant(1);
  return sizes.isAtLeast(a, sizes.add(b, sizes.constant(1))) ? sizes.constant(0) : Size();
}

static Size isEqual(Sizes &sizes, ArrayRef<Size> v) {
  if (sizes.areEqual(v[0], v[1]))
    return sizes.constant(1);
  return sizes.areDifferent(v[0], v[1]) ? sizes.constant(0) : Size();
}

static Size negateTruth(Sizes &sizes, Size truth) { return truth ? sizes.subtract(sizes.constant(1), truth) : truth; }

/// The smallest (largest) of some sizes, when the order is known.
static SizeRule extremeOfSizes(bool isMinimum) {
  return [isMinimum](Sizes &sizes, ArrayRef<Size> v) {
    Size best = v[0];
    for (Size size : v.drop_front()) {
      Size bestIsLess = best ? isAtMost(sizes, best, size) : Size();
      best = !bestIsLess ? Size() : isConstant(bestIsLess, isMinimum ? 1 : 0) ? best : size;
    }
    return best;
  };
}

/// Division and remainder that round towards zero agree with those that round down on sizes.
static bool areSizes(Sizes &sizes, ArrayRef<Size> v) {
  return sizes.isAtLeast(v[0], sizes.constant(0)) && sizes.isAtLeast(v[1], sizes.constant(0));
}

static void registerArithmetic(OperatorRegistry &registry) {
  addBinary(
      registry, "Add", numbers, [](ScalarBuilder &s, Value a, Value b) { return s.add(a, b); },
      [](Sizes &sizes, ArrayRef<Size> v) { return sizes.add(v[0], v[1]); });
  addBinary(
      registry, "Sub", numbers, [](ScalarBuilder &s, Value a, Value b) { return s.subtract(a, b); },
      [](Sizes &sizes, ArrayRef<Size> v) { return sizes.subtract(v[0], v[1]); });
  addBinary(
      registry, "Mul", numbers, [](ScalarBuilder &s, Value a, Value b) { return s.multiply(a, b); },
      [](Sizes &sizes, ArrayRef<Size> v) { return sizes.multiply(v[0], v[1]); });
  addBinary(
      registry, "Div", numbers, [](ScalarBuilder &s, Value a, Value b) { return s.divide(a, b); },
      [](Sizes &sizes, ArrayRef<Size> v) { return areSizes(sizes, v) ? sizes.floorDivide(v[0], v[1]) : Size(); });
  addVariadic(registry, "Sum", floats, [](ScalarBuilder &s, Value a, Value b) { return s.add(a, b); }, false);
  addVariadic(registry, "Mean", floats, [](ScalarBuilder &s, Value a, Value b) { return s.add(a, b); }, true);
  addVariadic(
      registry, "Min", numbers, [](ScalarBuilder &s, Value a, Value b) { return s.minimum(a, b); }, false,
      extremeOfSizes(true));
  addVariadic(
      registry, "Max", numbers, [](ScalarBuilder &s, Value a, Value b) { return s.maximum(a, b); }, false,
      extremeOfSizes(false));
  addUnary(
      registry, "Neg", 6, numbers, [](ScalarBuilder &s, Value x) { return s.negate(x); },
      [](Sizes &sizes, ArrayRef<Size> v) { return sizes.subtract(sizes.constant(0), v[0]); });
  addUnary(
      registry, "Abs", 6, numbers, [](ScalarBuilder &s, Value x) { return s.absolute(x); },
      [](Sizes &sizes, ArrayRef<Size> v) { return sizes.isAtLeast(v[0], sizes.constant(0)) ? v[0] : Size(); });
  addUnary(registry, "Sign", 9, numbers, [](ScalarBuilder &s, Value x) {
    // A NaN stays; -0 gives -0, which equals 0.
    Value zero = s.constant(0);
    Value negative = isUnsigned(s.getKind()) ? x : s.select(s.compare(Order::less, x, zero), s.constant(-1), x);
    return s.select(s.compare(Order::greater, x, zero), s.constant(1), negative);
  });
}

static void registerComparisons(OperatorRegistry &registry) {
  auto compare = [&](const std::string &name, unsigned kinds, Order order, SizeRule onSizes) {
    addBinary(
        registry, name, kinds, [order](ScalarBuilder &s, Value a, Value b) { return s.compare(order, a, b); },
        std::move(onSizes), /*givesBoolean=*/true);
  };
  compare("Equal", anything, Order::equal, isEqual);
  compare("Less", numbers, Order::less,
          [](Sizes &sizes, ArrayRef<Size> v) { return negateTruth(sizes, isAtMost(sizes, v[1], v[0])); });
  compare("LessOrEqual", numbers, Order::lessOrEqual,
          [](Sizes &sizes, ArrayRef<Size> v) { return isAtMost(sizes, v[0], v[1]); });
  compare("Greater", numbers, Order::greater,
          [](Sizes &sizes, ArrayRef<Size> v) { return negateTruth(sizes, isAtMost(sizes, v[0], v[1])); });
  compare("GreaterOrEqual", numbers, Order::greaterOrEqual,
          [](Sizes &sizes, ArrayRef<Size> v) { return isAtMost(sizes, v[1], v[0]); });
}

static void registerLogic(OperatorRegistry &registry) {
  addBinary(registry, "And", bools,
            [](ScalarBuilder &s, Value a, Value b) { return s.getBuilder().createOrFold<arith::AndIOp>(a, b); });
  addBinary(registry, "Or", bools,
            [](ScalarBuilder &s, Value a, Value b) { return s.getBuilder().createOrFold<arith::OrIOp>(a, b); });
  addBinary(registry, "Xor", bools,
            [](ScalarBuilder &s, Value a, Value b) { return s.getBuilder().createOrFold<arith::XOrIOp>(a, b); });
  addUnary(registry, "Not", 1, bools,
           [](ScalarBuilder &s, Value x) { return s.getBuilder().createOrFold<arith::XOrIOp>(x, s.constant(1)); });
}

//===- Functions of one float ----------------------------------------------------------------------------------===//

static void registerFunctions(OperatorRegistry &registry) {
  auto add = [&](const std::string &name, int64_t since, std::function<Value(ScalarBuilder &, Value)> body) {
    addUnary(registry, name, since, floats, std::move(body));
  };
  add("Sqrt", 6, [](ScalarBuilder &s, Value x) { return s.apply<math::SqrtOp>(x); });
  add("Exp", 6, [](ScalarBuilder &s, Value x) { return s.apply<math::ExpOp>(x); });
  add("Log", 6, [](ScalarBuilder &s, Value x) { return s.apply<math::LogOp>(x); });
  add("Erf", 9, [](ScalarBuilder &s, Value x) { return s.apply<math::ErfOp>(x); });
  add("Tanh", 6, [](ScalarBuilder &s, Value x) { return s.apply<math::TanhOp>(x); });
  add("Sin", 7, [](ScalarBuilder &s, Value x) { return s.apply<math::SinOp>(x); });
  add("Cos", 7, [](ScalarBuilder &s, Value x) { return s.apply<math::CosOp>(x); });
  add("Tan", 7, [](ScalarBuilder &s, Value x) { return s.apply<math::TanOp>(x); });
  add("Mish", 18, [](ScalarBuilder &s, Value x) {
    Value tail = s.apply<math::Log1pOp>(s.apply<math::ExpOp>(s.negate(s.absolute(x))));
    return s.multiply(x, s.apply<math::TanhOp>(s.add(s.maximum(x, s.constant(0)), tail)));
  });
  add("Floor", 6, [](ScalarBuilder &s, Value x) { return s.apply<math::FloorOp>(x); });
  add("Ceil", 6, [](ScalarBuilder &s, Value x) { return s.apply<math::CeilOp>(x); });
  add("Round", 11, [](ScalarBuilder &s, Value x) { return s.apply<math::RoundEvenOp>(x); });
  add("Reciprocal", 6, [](ScalarBuilder &s, Value x) { return s.divide(s.constant(1), x); });
  add("Sigmoid", 6, [](ScalarBuilder &s, Value x) { return s.sigmoid(x); });
  add("HardSwish", 14, [](ScalarBuilder &s, Value x) {
    Value gate = s.add(s.multiply(x, s.constant(1.0 / 6)), s.constant(0.5));
    return s.multiply(x, s.maximum(s.constant(0), s.minimum(s.constant(1), gate)));
  });
  add("Softplus", 1, [](ScalarBuilder &s, Value x) {
    // max(x, 0) + log(1 + exp(-|x|)) does not overflow.
    Value tail = s.apply<math::ExpOp>(s.negate(s.absolute(x)));
    return s.add(s.maximum(x, s.constant(0)), s.apply<math::Log1pOp>(tail));
  });
  add("Softsign", 1, [](ScalarBuilder &s, Value x) { return s.divide(x, s.add(s.constant(1), s.absolute(x))); });
  addUnary(registry, "Relu", 6, numbers, [](ScalarBuilder &s, Value x) { return s.maximum(x, s.constant(0)); });
}

//===- Operators with attributes -------------------------------------------------------------------------------===//

static LogicalResult buildActivation(Node &node, ScalarBody body, unsigned kinds = floats) {
  if (failed(checkKinds(node, node.input(0), kinds)))
    return failure();
  return buildElementwise(node, node.input(0), node.input(0).kind, body);
}

static LogicalResult buildGelu(Node &node) {
  std::string approximate = node.stringAttribute("approximate", "none");
  if (approximate != "none" && approximate != "tanh")
    return node.error() << "attribute 'approximate' is '" << approximate << "', must be 'none' or 'tanh'";
  return buildActivation(node, [&](ScalarBuilder &s, ValueRange v) {
    Value x = v[0], inner;
    if (approximate == "none") {
      inner = s.apply<math::ErfOp>(s.multiply(x, s.constant(M_SQRT1_2)));
    } else {
      Value cube = s.multiply(x, s.multiply(x, x));
      Value argument = s.multiply(s.constant(std::sqrt(M_2_PI)), s.add(x, s.multiply(s.constant(0.044715), cube)));
      inner = s.apply<math::TanhOp>(argument);
    }
    return s.multiply(s.multiply(s.constant(0.5), x), s.add(s.constant(1), inner));
  });
}

static LogicalResult buildLeakyRelu(Node &node) {
  double alpha = node.floatAttribute("alpha", 0.01f);
  return buildActivation(node, [&](ScalarBuilder &s, ValueRange v) {
    return s.select(s.compare(Order::less, v[0], s.constant(0)), s.multiply(s.constant(alpha), v[0]), v[0]);
  });
}

static LogicalResult buildElu(Node &node) {
  double alpha = node.floatAttribute("alpha", 1);
  return buildActivation(node, [&](ScalarBuilder &s, ValueRange v) {
    Value below = s.multiply(s.constant(alpha), s.apply<math::ExpM1Op>(v[0]));
    return s.select(s.compare(Order::less, v[0], s.constant(0)), below, v[0]);
  });
}

static LogicalResult buildHardSigmoid(Node &node) {
  double alpha = node.floatAttribute("alpha", 0.2f), beta = node.floatAttribute("beta", 0.5);
  return buildActivation(node, [&](ScalarBuilder &s, ValueRange v) {
    Value line = s.add(s.multiply(s.constant(alpha), v[0]), s.constant(beta));
    return s.maximum(s.constant(0), s.minimum(s.constant(1), line));
  });
}

static LogicalResult buildSwish(Node &node) {
  double alpha = node.floatAttribute("alpha", 1);
  return buildActivation(node, [&](ScalarBuilder &s, ValueRange v) {
    return s.multiply(v[0], s.sigmoid(s.multiply(s.constant(alpha), v[0])));
  });
}

static LogicalResult buildSelu(Node &node) {
  double alpha = node.floatAttribute("alpha", 1.67326319217681884765625f);
  double gamma = node.floatAttribute("gamma", 1.05070102214813232421875f);
  return buildActivation(node, [&](ScalarBuilder &s, ValueRange v) {
    Value below = s.multiply(s.constant(alpha), s.apply<math::ExpM1Op>(v[0]));
    return s.multiply(s.constant(gamma), s.select(s.compare(Order::greater, v[0], s.constant(0)), v[0], below));
  });
}

static LogicalResult buildCelu(Node &node) {
  double alpha = node.floatAttribute("alpha", 1);
  return buildActivation(node, [&](ScalarBuilder &s, ValueRange v) {
    Value below = s.multiply(s.constant(alpha), s.apply<math::ExpM1Op>(s.divide(v[0], s.constant(alpha))));
    return s.add(s.maximum(v[0], s.constant(0)), s.minimum(below, s.constant(0)));
  });
}

/// A slope per element below zero, broadcast to the input.
static LogicalResult buildPRelu(Node &node) {
  SmallVector<Tensor> inputs = node.allInputs();
  if (failed(checkKinds(node, inputs, numbers)))
    return failure();
  return buildElementwise(node, inputs, inputs[0].kind, [](ScalarBuilder &s, ValueRange v) {
    return s.select(s.compare(Order::less, v[0], s.constant(0)), s.multiply(v[0], v[1]), v[0]);
  });
}

static LogicalResult buildMod(Node &node) {
  bool isFmod = node.flagAttribute("fmod", false);
  SmallVector<Tensor> inputs = node.allInputs();
  if (failed(checkKinds(node, inputs, numbers)))
    return failure();
  return buildElementwise(
      node, inputs, inputs[0].kind,
      [&](ScalarBuilder &s, ValueRange v) { return s.remainder(v[0], v[1], /*signOfDivisor=*/!isFmod); },
      [](Sizes &sizes, ArrayRef<Size> v) { return areSizes(sizes, v) ? sizes.modulo(v[0], v[1]) : Size(); });
}

/// base^power by squaring, modulo the width of the type. Powers beyond 63 keep their parity, which is all that matters
/// for the bases 0, 1 and -1; others overflow.
static Value integerPower(ScalarBuilder &s, Value base, Value power) {
  ImplicitLocOpBuilder &body = s.getBuilder();
  Value one = s.constant(1), most = s.constant(63);
  Value parity = body.createOrFold<arith::AndIOp>(power, one);
  power = s.select(s.compare(Order::greater, power, most), s.add(s.constant(62), parity), power);
  Value result = one, factor = base;
  for (int bit = 0; bit < 6; ++bit) {
    Value isSet = s.isNotZero(body.createOrFold<arith::AndIOp>(power, s.constant(1 << bit)));
    result = s.multiply(result, s.select(isSet, factor, one));
    factor = s.multiply(factor, factor);
  }
  return result;
}

static Value floatPower(ScalarBuilder &s, Value base, Value power) {
  APFloat constant(0.0);
  if (matchPattern(power, m_ConstantFloat(&constant))) {
    if (constant.isExactlyValue(2))
      return s.multiply(base, base);
    if (constant.isExactlyValue(3))
      return s.multiply(base, s.multiply(base, base));
    if (constant.isExactlyValue(0.5))
      return s.apply<math::SqrtOp>(base);
    if (constant.isExactlyValue(-1))
      return s.divide(s.constant(1), base);
  }
  return s.getBuilder().createOrFold<math::PowFOp>(base, power);
}

/// The result is of the base's type; an integer base with a float power is raised as a float.
static LogicalResult buildPow(Node &node) {
  SmallVector<Tensor> inputs = node.allInputs();
  if (failed(checkKinds(node, inputs[0], numbers)) || failed(checkKinds(node, inputs[1], numbers)))
    return failure();
  ElementKind base = inputs[0].kind, power = inputs[1].kind;
  return buildElementwise(node, inputs, base, [&](ScalarBuilder &s, ValueRange v) -> Value {
    if (isFloat(base))
      return floatPower(s, v[0], s.convert(v[1], power, base));
    if (!isFloat(power))
      return integerPower(s, v[0], s.convert(v[1], power, base));
    ScalarBuilder floats(s.getBuilder(), power);
    return s.convert(floatPower(floats, s.convert(v[0], base, power), v[1]), power, base);
  });
}

static LogicalResult buildIsInf(Node &node) {
  bool negative = node.flagAttribute("detect_negative", true), positive = node.flagAttribute("detect_positive", true);
  if (failed(checkKinds(node, node.input(0), floats)))
    return failure();
  return buildElementwise(node, node.input(0), ElementKind::boolean, [&](ScalarBuilder &s, ValueRange v) {
    Value below = s.compare(Order::equal, v[0], s.constant(-INFINITY));
    Value above = s.compare(Order::equal, v[0], s.constant(INFINITY));
    Value none = ScalarBuilder(s.getBuilder(), ElementKind::boolean).constant(0);
    return s.getBuilder().createOrFold<arith::OrIOp>(negative ? below : none, positive ? above : none);
  });
}

static LogicalResult buildIsNaN(Node &node) {
  if (failed(checkKinds(node, node.input(0), floats)))
    return failure();
  return buildElementwise(node, node.input(0), ElementKind::boolean, [](ScalarBuilder &s, ValueRange v) {
    return s.getBuilder().createOrFold<arith::CmpFOp>(arith::CmpFPredicate::UNO, v[0], v[0]);
  });
}

static LogicalResult buildWhere(Node &node) {
  const Tensor &condition = node.input(0);
  if (condition.kind != ElementKind::boolean)
    return node.error() << "input 0 must be bool, got " << describe(condition, node.sizes());
  if (failed(node.requireSameKind(1, 2)))
    return failure();
  return buildElementwise(
      node, node.allInputs(), node.input(1).kind,
      [](ScalarBuilder &s, ValueRange v) { return s.select(v[0], v[1], v[2]); },
      [](Sizes &, ArrayRef<Size> v) { return isConstant(v[0], 0) ? v[2]
                                             : constantOf(v[0])  ? v[1]
                                                                 : Size(); });
}

/// Before opset 11 the bounds are attributes.
static LogicalResult buildClip(Node &node) {
  const Tensor &x = node.input(0);
  if (failed(checkKinds(node, x, numbers)))
    return failure();
  SmallVector<Tensor> inputs = {x};
  int lowAt = 0, highAt = 0;
  if (node.getOpset() < 11) {
    inputs.push_back(node.build().scalar(x.kind, node.floatAttribute("min", -3.4028234663852886e38)));
    inputs.push_back(node.build().scalar(x.kind, node.floatAttribute("max", 3.4028234663852886e38)));
    lowAt = 1, highAt = 2;
  } else {
    for (auto [index, at] : {std::pair<size_t, int *>(1, &lowAt), std::pair<size_t, int *>(2, &highAt)})
      if (node.has(index)) {
        if (failed(node.requireRank(index, 0, 0)) || failed(node.requireSameKind(0, index)))
          return failure();
        *at = static_cast<int>(inputs.size());
        inputs.push_back(node.input(index));
      }
  }
  return buildElementwise(node, inputs, x.kind, [&](ScalarBuilder &s, ValueRange v) {
    Value result = v[0];
    if (lowAt)
      result = s.maximum(result, v[lowAt]);
    return highAt ? s.minimum(result, v[highAt]) : result;
  });
}

void heed::importer::registerElementwiseOperators(OperatorRegistry &registry) {
  registerArithmetic(registry);
  registerComparisons(registry);
  registerLogic(registry);
  registerFunctions(registry);
  auto add = [&](const std::string &name, int64_t since, size_t minInputs, size_t maxInputs, NodeBuilder build) {
    registry.add(name, {.since = since, .minInputs = minInputs, .maxInputs = maxInputs, .build = std::move(build)});
  };
  add("Gelu", 20, 1, 1, buildGelu);
  add("LeakyRelu", 6, 1, 1, buildLeakyRelu);
  add("Elu", 6, 1, 1, buildElu);
  add("HardSigmoid", 6, 1, 1, buildHardSigmoid);
  add("Selu", 6, 1, 1, buildSelu);
  add("Celu", 12, 1, 1, buildCelu);
  add("PRelu", 7, 2, 2, buildPRelu);
  add("Swish", 24, 1, 1, buildSwish);
  add("Mod", 10, 2, 2, buildMod);
  add("Pow", 7, 2, 2, buildPow);
  add("IsInf", 10, 1, 1, buildIsInf);
  add("IsNaN", 9, 1, 1, buildIsNaN);
  add("Where", 9, 3, 3, buildWhere);
  add("Clip", 6, 1, 3, buildClip);
}
