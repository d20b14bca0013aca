/// Sizes, constants, elementwise operations and reductions. Reshapes and other rearrangements: Rearrange.cpp.
#include "compiler/import/GraphBuilder.h"

#include "dialects/plan/Plan.h"
#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Affine/Utils.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;
using namespace heed::importer;

GraphBuilder::GraphBuilder(func::FuncOp function, Sizes &sizes)
    : sizes(sizes), builder(function.getLoc(), function.getContext()), prologue(function.getContext()) {
  Block &entry = function.getBody().front();
  // An unused operation separates the two; the clean-up after the import removes it.
  builder.setInsertionPointToEnd(&entry);
  prologue.setInsertionPoint(arith::ConstantIndexOp::create(builder, 0));
}

//===- Sizes and types -----------------------------------------------------------------------------------------===//

/// The values of the symbols an expression mentions, by position; null for the others.
static SmallVector<Value> symbolValues(Size size, const Sizes &sizes, llvm::function_ref<Value(unsigned)> make) {
  SmallVector<Value> values(sizes.getSymbolNames().size());
  size.walk([&](AffineExpr expr) {
    if (auto symbol = dyn_cast<AffineSymbolExpr>(expr); symbol && !values[symbol.getPosition()])
      values[symbol.getPosition()] = make(symbol.getPosition());
  });
  return values;
}

Value GraphBuilder::dim(Size size) {
  if (!size) {
    overflowed = true;
    size = sizes.constant(0);
  }
  if (Value known = dims.lookup(size))
    return known;
  Location location = UnknownLoc::get(getContext());
  Value value;
  if (auto number = constantOf(size)) {
    value = arith::ConstantIndexOp::create(prologue, location, *number);
  } else if (auto symbol = dyn_cast<AffineSymbolExpr>(size)) {
    value = plan::SymbolOp::create(prologue, location, prologue.getIndexType(),
                                   prologue.getStringAttr(sizes.getSymbolNames()[symbol.getPosition()]));
  } else {
    SmallVector<Value> symbols =
        symbolValues(size, sizes, [&](unsigned position) { return dim(getAffineSymbolExpr(position, getContext())); });
    // The map takes only the symbols it mentions.
    SmallVector<Value> used;
    SmallVector<AffineExpr> replacements(symbols.size());
    for (auto [position, symbol] : llvm::enumerate(symbols)) {
      replacements[position] = getAffineSymbolExpr(used.size(), getContext());
      if (symbol)
        used.push_back(symbol);
    }
    auto map = AffineMap::get(0, used.size(), size.replaceSymbols(replacements));
    value = affine::AffineApplyOp::create(prologue, location, map, used);
  }
  return dims[size] = value;
}

OpFoldResult GraphBuilder::dimOrConstant(Size size) {
  if (auto number = constantOf(size))
    return builder.getIndexAttr(*number);
  return dim(size);
}

RankedTensorType GraphBuilder::typeOf(Type element, ArrayRef<Size> shape) {
  SmallVector<int64_t> extents;
  for (Size size : shape) {
    std::optional<int64_t> extent = constantOf(size);
    bool isSound = size && extent.value_or(0) >= 0;
    overflowed = overflowed || !isSound;
    extents.push_back(extent && isSound ? *extent : ShapedType::kDynamic);
  }
  return RankedTensorType::get(extents, element);
}

Value GraphBuilder::empty(Type element, ArrayRef<Size> shape) {
  SmallVector<Value> dynamic;
  for (Size size : shape)
    if (!constantOf(size))
      dynamic.push_back(dim(size));
  return tensor::EmptyOp::create(builder, typeOf(element, shape), dynamic);
}

Value GraphBuilder::filled(TypedAttr value, ArrayRef<Size> shape) {
  Value scalar = arith::ConstantOp::create(builder, value);
  return linalg::FillOp::create(builder, scalar, empty(value.getType(), shape)).getResult(0);
}

Value GraphBuilder::sizeInBody(ImplicitLocOpBuilder &body, Size size, Type type) {
  if (!size) {
    overflowed = true;
    size = sizes.constant(0);
  }
  if (auto number = constantOf(size))
    return arith::ConstantOp::create(
        body, type.isIndex()
                  ? TypedAttr(body.getIndexAttr(*number))
                  : TypedAttr(IntegerAttr::get(type, APInt(type.getIntOrFloatBitWidth(), *number, true, true))));
  SmallVector<Value> symbols = symbolValues(size, sizes, [&](unsigned position) -> Value {
    return plan::SymbolOp::create(body, body.getIndexType(), body.getStringAttr(sizes.getSymbolNames()[position]));
  });
  Value value = affine::expandAffineExpr(body, body.getLoc(), size, {}, symbols);
  return type.isIndex() ? value : arith::IndexCastOp::create(body, type, value).getResult();
}

//===- Literals and constants ----------------------------------------------------------------------------------===//

Tensor GraphBuilder::wrap(Value value, ElementKind kind, ArrayRef<Size> shape) {
  Tensor tensor;
  tensor.kind = kind;
  tensor.shape.assign(shape.begin(), shape.end());
  tensor.value = value;
  return tensor;
}

Tensor GraphBuilder::integers(ElementKind kind, ArrayRef<Size> shape, ArrayRef<Size> elements) {
  Tensor tensor = wrap(Value(), kind, shape);
  auto literal = std::make_shared<Literal>();
  literal->integers.assign(elements.begin(), elements.end());
  tensor.literal = std::move(literal);
  return tensor;
}

Tensor GraphBuilder::scalar(ElementKind kind, double value) {
  if (!isFloat(kind))
    return integers(kind, {}, sizes.constant(static_cast<int64_t>(value)));
  Tensor tensor = wrap(Value(), kind, {});
  auto literal = std::make_shared<Literal>();
  APFloat number(value);
  bool lost = false;
  number.convert(cast<FloatType>(storageType(kind, getContext())).getFloatSemantics(), APFloat::rmNearestTiesToEven,
                 &lost);
  literal->floats.push_back(number);
  tensor.literal = std::move(literal);
  return tensor;
}

DenseElementsAttr GraphBuilder::denseElements(const Tensor &tensor) {
  RankedTensorType type = typeOf(tensor);
  if (isFloat(tensor.kind))
    return DenseElementsAttr::get(type, ArrayRef<APFloat>(tensor.literal->floats));
  unsigned width = type.getElementTypeBitWidth();
  SmallVector<APInt> elements;
  for (Size element : tensor.literal->integers)
    elements.emplace_back(width, constantOf(element).value_or(0), /*isSigned=*/true, /*implicitTrunc=*/true);
  return DenseElementsAttr::get(type, elements);
}

Value GraphBuilder::materialise(const Tensor &tensor) {
  if (tensor.value)
    return tensor.value;
  if (tensor.count() == 0)
    return empty(storageType(tensor.kind, getContext()), tensor.shape);
  if (tensor.literal &&
      (!tensor.literal->isConstant() || (tensor.literal->isSplat() && !typeOf(tensor).hasStaticShape())))
    return materialiseSymbolic(tensor);
  ElementsAttr elements = tensor.literal ? cast<ElementsAttr>(denseElements(tensor)) : tensor.constant;
  Value &value = constants[{elements, elements.getType()}];
  if (!value)
    value = arith::ConstantOp::create(prologue, builder.getLoc(), cast<TypedAttr>(elements));
  return value;
}

/// A splat of any shape is a fill; an arithmetic progression is computed from its index; other literals select.
Value GraphBuilder::materialiseSymbolic(const Tensor &tensor) {
  const Literal &literal = *tensor.literal;
  if (literal.isSplat() && literal.isConstant()) {
    Value scalar = constantScalar(builder, tensor, 0);
    return linalg::FillOp::create(builder, scalar, empty(scalar.getType(), tensor.shape)).getResult(0);
  }
  auto generated = generate(tensor.kind, tensor.shape, [&](ScalarBuilder &scalars, ValueRange indices) -> Value {
    ImplicitLocOpBuilder &body = scalars.getBuilder();
    Value result = sizeInBody(body, tensor.integer(0), scalars.getType());
    if (literal.isSplat())
      return result;
    Value position = arith::ConstantIndexOp::create(body, 0);
    for (auto [index, size] : llvm::zip_equal(indices, tensor.shape)) {
      Value extent = arith::ConstantIndexOp::create(body, *constantOf(size));
      position = body.createOrFold<arith::AddIOp>(body.createOrFold<arith::MulIOp>(position, extent), index);
    }
    Size step = sizes.subtract(tensor.integer(1), tensor.integer(0));
    bool isProgression = true;
    for (size_t i = 2; i < literal.size(); ++i)
      isProgression = isProgression && sizes.areEqual(sizes.subtract(tensor.integer(i), tensor.integer(i - 1)), step);
    if (step && isProgression) {
      Value count = body.createOrFold<arith::IndexCastOp>(scalars.getType(), position);
      return scalars.add(result, scalars.multiply(sizeInBody(body, step, scalars.getType()), count));
    }
    for (size_t i = 1; i < literal.size(); ++i) {
      Value isHere =
          arith::CmpIOp::create(body, arith::CmpIPredicate::eq, position, arith::ConstantIndexOp::create(body, i));
      result = scalars.select(isHere, sizeInBody(body, tensor.integer(i), scalars.getType()), result);
    }
    return result;
  });
  return generated.value;
}

Value GraphBuilder::constantScalar(ImplicitLocOpBuilder &at, const Tensor &tensor, size_t element) {
  Type type = storageType(tensor.kind, getContext());
  if (isFloat(tensor.kind))
    return arith::ConstantOp::create(at, FloatAttr::get(type, tensor.floating(element)));
  APInt value(type.getIntOrFloatBitWidth(), constantOf(tensor.integer(element)).value_or(0), true, true);
  return arith::ConstantOp::create(at, IntegerAttr::get(type, value));
}

Value GraphBuilder::scalarInBody(ImplicitLocOpBuilder &body, const Tensor &tensor) {
  if (!tensor.literal)
    return tensor::ExtractOp::create(body, tensor.value, ValueRange());
  return isFloat(tensor.kind) ? constantScalar(body, tensor, 0)
                              : sizeInBody(body, tensor.integer(0), storageType(tensor.kind, getContext()));
}

//===- Elementwise ---------------------------------------------------------------------------------------------===//

/// Aligned at the last dimension; a dimension of size 1 that is stretched reads index 0.
AffineMap GraphBuilder::broadcastMap(const Tensor &input, ArrayRef<Size> shape) {
  SmallVector<AffineExpr> results;
  int64_t missing = shape.size() - input.rank();
  for (auto [position, size] : llvm::enumerate(input.shape)) {
    bool isStretched = isConstant(size, 1) && !isConstant(shape[missing + position], 1);
    results.push_back(isStretched ? builder.getAffineConstantExpr(0) : builder.getAffineDimExpr(missing + position));
  }
  return AffineMap::get(shape.size(), 0, results, getContext());
}

bool GraphBuilder::isFoldable(ArrayRef<Tensor> inputs, ArrayRef<Size> shape) {
  if (inputs.empty() ||
      !llvm::all_of(inputs, [](const Tensor &input) { return input.literal && input.literal->size(); }))
    return false;
  if (llvm::all_of(inputs, [](const Tensor &input) { return input.literal->isSplat(); }))
    return true;
  int64_t count = 1;
  for (Size size : shape) {
    auto extent = constantOf(size);
    if (!extent || *extent > maxLiteralElements || (count *= *extent) > maxLiteralElements)
      return false;
  }
  return count > 0;
}

/// The element of a literal that meets element `element` of the broadcast shape.
static int64_t broadcastSource(const Tensor &input, ArrayRef<Size> shape, int64_t element) {
  if (input.literal->isSplat())
    return 0;
  int64_t source = 0, stride = 1;
  for (size_t i = 0; i < input.shape.size(); ++i) {
    int64_t extent = *constantOf(shape[shape.size() - 1 - i]), index = element % extent;
    int64_t inputExtent = *constantOf(input.shape[input.shape.size() - 1 - i]);
    source += (inputExtent == 1 ? 0 : index) * stride;
    stride *= inputExtent;
    element /= extent;
  }
  return source;
}

/// How many elements a literal of that shape has.
static int64_t literalCount(ArrayRef<Tensor> inputs, ArrayRef<Size> shape) {
  int64_t count = 1;
  if (!llvm::all_of(inputs, [](const Tensor &input) { return input.literal->isSplat(); }))
    for (Size size : shape)
      count *= *constantOf(size);
  return count;
}

std::optional<Tensor> GraphBuilder::foldSizes(ElementKind kind, ArrayRef<Size> shape, ArrayRef<Tensor> inputs,
                                              llvm::function_ref<Size(ArrayRef<Size>)> evaluate) {
  if (!isFoldable(inputs, shape) || llvm::any_of(inputs, [](const Tensor &input) { return isFloat(input.kind); }))
    return std::nullopt;
  SmallVector<Size> results;
  for (int64_t element = 0, count = literalCount(inputs, shape); element < count; ++element) {
    SmallVector<Size> arguments;
    for (const Tensor &input : inputs)
      arguments.push_back(input.integer(broadcastSource(input, shape, element)));
    results.push_back(evaluate(arguments));
    if (!results.back())
      return std::nullopt;
  }
  return integers(kind, shape, results);
}

std::shared_ptr<const Literal> GraphBuilder::evaluate(ElementKind resultKind, ElementKind bodyKind,
                                                      ArrayRef<Size> shape, ArrayRef<Tensor> inputs, ScalarBody body) {
  if (!isFoldable(inputs, shape) ||
      !llvm::all_of(inputs, [](const Tensor &input) { return input.literal->isConstant(); }))
    return nullptr;
  auto literal = std::make_shared<Literal>();
  ImplicitLocOpBuilder local(builder.getLoc(), getContext());
  ScalarBuilder scalars(local, bodyKind), narrowing(local, resultKind);
  for (int64_t element = 0, count = literalCount(inputs, shape); element < count; ++element) {
    scratch.clear();
    local.setInsertionPointToEnd(&scratch);
    SmallVector<Value> arguments;
    for (const Tensor &input : inputs)
      arguments.push_back(
          ScalarBuilder(local, input.kind).widen(constantScalar(local, input, broadcastSource(input, shape, element))));
    Value result = narrowing.narrow(body(scalars, arguments));
    Attribute attribute;
    if (!matchPattern(result, m_Constant(&attribute))) {
      literal = nullptr;
      break;
    }
    if (auto number = dyn_cast<FloatAttr>(attribute))
      literal->floats.push_back(number.getValue());
    else if (auto integer = dyn_cast<IntegerAttr>(attribute))
      literal->integers.push_back(sizes.constant(resultKind == ElementKind::boolean || isUnsigned(resultKind)
                                                     ? static_cast<int64_t>(integer.getValue().getZExtValue())
                                                     : integer.getValue().getSExtValue()));
  }
  scratch.clear();
  return literal;
}

Tensor GraphBuilder::elementwise(ElementKind resultKind, ElementKind bodyKind, ArrayRef<Size> shape,
                                 ArrayRef<Tensor> inputs, ScalarBody body) {
  Tensor result = wrap(Value(), resultKind, shape);
  result.literal = evaluate(resultKind, bodyKind, shape, inputs, body);
  if (result.literal)
    return result;
  // Scalars known here are part of the body, where patterns see them.
  auto isInBody = [](const Tensor &input) { return input.literal && input.literal->isSplat(); };
  SmallVector<Value> operands;
  SmallVector<AffineMap> maps;
  for (const Tensor &input : inputs)
    if (!isInBody(input)) {
      operands.push_back(materialise(input));
      maps.push_back(broadcastMap(input, shape));
    }
  maps.push_back(builder.getMultiDimIdentityMap(shape.size()));
  SmallVector<utils::IteratorType> iterators(shape.size(), utils::IteratorType::parallel);
  Type type = storageType(resultKind, getContext());
  auto generic =
      linalg::GenericOp::create(builder, TypeRange(typeOf(type, shape)), operands, empty(type, shape), maps, iterators,
                                [&](OpBuilder &nested, Location location, ValueRange blockArguments) {
                                  ImplicitLocOpBuilder local(location, nested);
                                  ScalarBuilder scalars(local, bodyKind);
                                  SmallVector<Value> arguments;
                                  size_t next = 0;
                                  for (const Tensor &input : inputs) {
                                    Value element =
                                        isInBody(input) ? scalarInBody(local, input) : Value(blockArguments[next++]);
                                    arguments.push_back(ScalarBuilder(local, input.kind).widen(element));
                                  }
                                  Value element = ScalarBuilder(local, resultKind).narrow(body(scalars, arguments));
                                  linalg::YieldOp::create(local, element);
                                });
  result.value = generic.getResult(0);
  return result;
}

Tensor GraphBuilder::cast(const Tensor &tensor, ElementKind kind) {
  if (tensor.kind == kind)
    return tensor;
  return elementwise(kind, tensor.kind, tensor.shape, tensor, [&](ScalarBuilder &scalars, ValueRange elements) {
    return scalars.convert(elements[0], tensor.kind, kind);
  });
}

Tensor GraphBuilder::broadcast(const Tensor &tensor, ArrayRef<Size> shape) {
  if (ArrayRef(tensor.shape) == shape)
    return tensor;
  if (tensor.literal && tensor.literal->isSplat()) {
    Tensor result = wrap(Value(), tensor.kind, shape);
    result.literal = tensor.literal;
    return result;
  }
  int64_t missing = shape.size() - tensor.rank();
  if (auto literal = rearrange(tensor, shape, [&](ArrayRef<int64_t> index) {
        int64_t source = 0;
        for (auto [size, position] : llvm::zip_equal(tensor.shape, index.drop_front(missing)))
          source = source * *constantOf(size) + (isConstant(size, 1) ? 0 : position);
        return source;
      })) {
    Tensor result = wrap(Value(), tensor.kind, shape);
    result.literal = literal;
    return result;
  }
  return elementwise(tensor.kind, tensor.kind, shape, tensor,
                     [](ScalarBuilder &, ValueRange elements) { return elements[0]; });
}

Tensor GraphBuilder::generate(ElementKind kind, ArrayRef<Size> shape,
                              llvm::function_ref<Value(ScalarBuilder &, ValueRange)> body) {
  return mapIndexed(kind, shape, {}, {}, [&](ScalarBuilder &scalars, ValueRange, ValueRange indices) {
    return scalars.narrow(body(scalars, indices));
  });
}

Tensor GraphBuilder::map(ElementKind kind, ArrayRef<Size> shape, const Tensor &input, AffineMap inputMap,
                         llvm::function_ref<Value(ScalarBuilder &, ValueRange, ValueRange)> body) {
  return mapIndexed(kind, shape, materialise(input), inputMap, body);
}

Tensor GraphBuilder::mapIndexed(ElementKind kind, ArrayRef<Size> shape, ValueRange operands,
                                ArrayRef<AffineMap> operandMaps,
                                llvm::function_ref<Value(ScalarBuilder &, ValueRange, ValueRange)> body) {
  Type type = storageType(kind, getContext());
  SmallVector<AffineMap> maps(operandMaps);
  maps.push_back(builder.getMultiDimIdentityMap(shape.size()));
  SmallVector<utils::IteratorType> iterators(shape.size(), utils::IteratorType::parallel);
  auto generic =
      linalg::GenericOp::create(builder, TypeRange(typeOf(type, shape)), operands, empty(type, shape), maps, iterators,
                                [&](OpBuilder &nested, Location location, ValueRange elements) {
                                  ImplicitLocOpBuilder local(location, nested);
                                  ScalarBuilder scalars(local, kind);
                                  SmallVector<Value> indices;
                                  for (size_t position = 0; position < shape.size(); ++position)
                                    indices.push_back(linalg::IndexOp::create(local, position));
                                  linalg::YieldOp::create(local, body(scalars, elements.drop_back(), indices));
                                  // An index that the body did not need.
                                  for (Value index : indices)
                                    if (index.use_empty())
                                      index.getDefiningOp()->erase();
                                });
  return wrap(generic.getResult(0), kind, shape);
}
