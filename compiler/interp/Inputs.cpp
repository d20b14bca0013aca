#include "compiler/interp/Inputs.h"

#include "compiler/interp/AffineEvaluation.h"
#include "dialects/plan/Plan.h"
#include "mlir/IR/TypeUtilities.h"

#include <cmath>

using namespace mlir;

namespace heed::interp {
namespace {

/// SplitMix64: element i of argument a under a seed is a pure function of the three.
uint64_t mix(uint64_t state) {
  state += 0x9e3779b97f4a7c15;
  state = (state ^ (state >> 30)) * 0xbf58476d1ce4e5b9;
  state = (state ^ (state >> 27)) * 0x94d049bb133111eb;
  return state ^ (state >> 31);
}

class InputMaker {
public:
  InputMaker(func::FuncOp function, const InputOptions &options) : function(function), options(options) {}

  FailureOr<RuntimeValue> make(unsigned index) {
    argument = index;
    Type type = function.getArgumentTypes()[index];
    Type elementType = getElementTypeOrSelf(type);
    auto tensorType = dyn_cast<RankedTensorType>(type);
    unsigned width = bitWidth(elementType);
    if ((!tensorType && isa<ShapedType>(type)) || width == 0 || width > 64)
      return fail("values of this type cannot be made");
    FailureOr<Shape> shape = tensorType ? shapeOf(tensorType) : FailureOr<Shape>(Shape());
    if (failed(shape))
      return failure();
    Tensor tensor = Tensor::filled(elementType, *shape, Scalar::ofInteger(0));
    if (failed(fill(tensor)) || failed(setStrides(tensor)))
      return failure();
    return tensorType ? RuntimeValue(std::move(tensor)) : RuntimeValue(tensor.data()[0]);
  }

private:
  InFlightDiagnostic fail(const Twine &what) {
    return function.emitError("argument ") << argument << ": " << what.str();
  }

  const std::string *option(const llvm::StringMap<std::string> &map) {
    auto found = map.find(std::to_string(argument));
    if (found == map.end())
      if (auto name = function.getArgAttrOfType<StringAttr>(argument, plan::nameAttrName))
        found = map.find(name.getValue());
    return found == map.end() ? nullptr : &found->second;
  }

  /// Values of plan.symbols; a missing one is an error only where it is used.
  std::optional<int64_t> symbol(unsigned position) {
    auto names = function->getAttrOfType<ArrayAttr>(plan::symbolsAttrName);
    if (!names || position >= names.size())
      return std::nullopt;
    auto found = options.dims.find(cast<StringAttr>(names[position]).getValue());
    return found == options.dims.end() ? std::nullopt : std::optional(found->second);
  }

  /// The values of a map over symbols all of which have a value; nothing otherwise.
  std::optional<Shape> evaluateGiven(AffineMap map) {
    SmallVector<int64_t> symbols(map.getNumSymbols(), 0);
    for (unsigned position = 0; position < map.getNumSymbols(); ++position) {
      std::optional<int64_t> value = symbol(position);
      bool used = llvm::any_of(map.getResults(), [&](AffineExpr e) { return e.isFunctionOfSymbol(position); });
      if (used && !value)
        return std::nullopt;
      symbols[position] = value.value_or(0);
    }
    return evaluate(map, {}, symbols);
  }

  FailureOr<Shape> shapeOf(RankedTensorType type) {
    Shape shape(type.getShape());
    if (const std::string *text = option(options.shapes)) {
      SmallVector<StringRef> parts;
      StringRef(*text).split(parts, 'x');
      shape.assign(parts.size(), -1);
      for (auto [extent, part] : llvm::zip_equal(shape, parts))
        if (part.getAsInteger(10, extent))
          return fail("shape " + *text + " is not of the form 2x3");
    } else if (auto map = function.getArgAttrOfType<AffineMapAttr>(argument, plan::shapeAttrName)) {
      std::optional<Shape> given = evaluateGiven(map.getValue());
      if (!given)
        return fail("a symbol of its plan.shape has no value: give --dim NAME=SIZE");
      shape = *given;
    }
    if (static_cast<int64_t>(shape.size()) != type.getRank())
      return fail("the shape has another rank than the type");
    int64_t count = 1;
    for (auto [want, extent] : llvm::zip_equal(type.getShape(), shape)) {
      if (ShapedType::isDynamic(extent))
        return fail("has a dynamic size: give --shape or, with plan.shape, --dim");
      if (extent < 0 || (!ShapedType::isDynamic(want) && want != extent) || extent > (int64_t{1} << 27) / count)
        return fail("a size is negative, too large or contradicts the type");
      count *= std::max<int64_t>(extent, 1);
    }
    return shape;
  }

  LogicalResult setStrides(Tensor &tensor) {
    auto map = function.getArgAttrOfType<AffineMapAttr>(argument, plan::stridesAttrName);
    if (!map)
      return success();
    // Without values for its strides the input is contiguous.
    if (std::optional<Shape> strides = evaluateGiven(map.getValue()))
      tensor.storageStrides = *strides;
    return success();
  }

  LogicalResult fill(Tensor &tensor) {
    if (auto name = function.getArgAttrOfType<StringAttr>(argument, plan::hostScalarAttrName))
      if (auto found = options.dims.find(name.getValue()); found != options.dims.end() && tensor.size() == 1) {
        tensor.mutableData()[0] = Scalar::ofInteger(found->second);
        return success();
      }
    const std::string *text = option(options.contents);
    if (!text)
      return tensor.isFloat() ? fillRandom(tensor, -1, 1) : fillRandom(tensor, 0, 3);
    SmallVector<StringRef> parts;
    StringRef(*text).split(parts, ':');
    SmallVector<double> numbers;
    bool isList = parts.size() == 1;
    if (isList)
      StringRef(*text).split(parts = {}, ',', -1, false);
    for (StringRef part : isList ? ArrayRef(parts) : ArrayRef(parts).drop_front())
      if (part.trim().getAsDouble(numbers.emplace_back()))
        return fail("contents " + *text + " are not numbers");
    if (isList)
      return fillList(tensor, numbers);
    if (parts[0] == "splat" && numbers.size() == 1)
      return fillList(tensor, SmallVector<double>(tensor.size(), numbers[0]));
    if (parts[0] == "iota" && numbers.size() == 1) {
      SmallVector<double> counted;
      for (int64_t i = 0; i < tensor.size(); ++i)
        counted.push_back(numbers[0] + static_cast<double>(i));
      return fillList(tensor, counted);
    }
    if (parts[0] == "random" && numbers.size() == 2)
      return fillRandom(tensor, numbers[0], numbers[1]);
    return fail("contents " + *text + " are not 1,2,.. or splat:V, iota:FIRST, random:LOW:HIGH");
  }

  Scalar convert(double value, Type type) {
    if (isa<FloatType>(type))
      return Scalar::ofReal(roundToType(value, type));
    return Scalar::ofInteger(wrapInteger(static_cast<int64_t>(value), bitWidth(type)));
  }

  LogicalResult fillList(Tensor &tensor, ArrayRef<double> numbers) {
    if (static_cast<int64_t>(numbers.size()) != tensor.size())
      return fail("needs " + Twine(tensor.size()) + " numbers, got " + Twine(numbers.size()));
    for (auto [element, number] : llvm::zip_equal(tensor.mutableData(), numbers))
      element = convert(number, tensor.elementType);
    return success();
  }

  LogicalResult fillRandom(Tensor &tensor, double low, double high) {
    if (tensor.elementType.isInteger(1))
      low = 0, high = 1;
    uint64_t stream = mix(mix(options.seed) + argument);
    for (auto [position, element] : llvm::enumerate(tensor.mutableData())) {
      double unit = static_cast<double>(mix(stream + position) >> 11) * 0x1.0p-53;
      element = tensor.isFloat() ? convert(low + unit * (high - low), tensor.elementType)
                                 : convert(std::floor(low + unit * (high - low + 1)), tensor.elementType);
    }
    return success();
  }

  func::FuncOp function;
  const InputOptions &options;
  unsigned argument = 0;
};

} // namespace

FailureOr<SmallVector<RuntimeValue>> makeInputs(func::FuncOp function, const InputOptions &options) {
  InputMaker maker(function, options);
  SmallVector<RuntimeValue> inputs;
  for (unsigned argument = 0; argument < function.getNumArguments(); ++argument) {
    FailureOr<RuntimeValue> input = maker.make(argument);
    if (failed(input))
      return failure();
    inputs.push_back(std::move(*input));
  }
  return inputs;
}

} // namespace heed::interp
