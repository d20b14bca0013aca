/// The part of GraphBuilder that moves elements without changing them: views where the algebra allows.
#include "compiler/import/GraphBuilder.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/DialectResourceBlobManager.h"
#include "llvm/ADT/STLExtras.h"

using namespace mlir;
using namespace heed::importer;

std::shared_ptr<const Literal> GraphBuilder::rearrange(const Tensor &tensor, ArrayRef<Size> shape,
                                                       llvm::function_ref<int64_t(ArrayRef<int64_t>)> source) {
  if (!tensor.literal)
    return nullptr;
  if (tensor.literal->isSplat())
    return tensor.literal;
  Tensor target = wrap(Value(), tensor.kind, shape);
  std::optional<int64_t> count = target.count();
  if (!count || *count > maxLiteralElements || !tensor.count())
    return nullptr;
  auto literal = std::make_shared<Literal>();
  SmallVector<int64_t> index(shape.size(), 0);
  for (int64_t element = 0; element < *count; ++element) {
    auto from = static_cast<size_t>(source(index));
    if (from >= tensor.literal->size())
      return nullptr;
    if (isFloat(tensor.kind))
      literal->floats.push_back(tensor.floating(from));
    else
      literal->integers.push_back(tensor.integer(from));
    for (size_t dim = shape.size(); dim-- > 0;) {
      if (++index[dim] < *constantOf(shape[dim]))
        break;
      index[dim] = 0;
    }
  }
  return literal;
}

//===- Reshape -------------------------------------------------------------------------------------------------===//

namespace {
/// Ranges of dimensions of two shapes with the same number of elements.
struct ShapeGroup {
  ReassociationIndices from, to;
};
} // namespace

/// The finest grouping in which the products agree, or nothing when the products are not comparable.
static std::optional<SmallVector<ShapeGroup>> groupDims(ArrayRef<Size> from, ArrayRef<Size> to, Sizes &sizes) {
  SmallVector<ShapeGroup> groups;
  size_t i = 0, j = 0;
  while (i < from.size() && j < to.size()) {
    ShapeGroup group;
    group.from.push_back(i);
    group.to.push_back(j);
    Size left = from[i++], right = to[j++];
    while (!sizes.areEqual(left, right)) {
      if (isConstant(left, 0) || isConstant(right, 0))
        return std::nullopt;
      if (j < to.size() && sizes.divideExactly(left, right)) {
        group.to.push_back(j);
        right = sizes.multiply(right, to[j++]);
      } else if (i < from.size() && sizes.divideExactly(right, left)) {
        group.from.push_back(i);
        left = sizes.multiply(left, from[i++]);
      } else if (i < from.size() && j < to.size()) {
        group.from.push_back(i);
        left = sizes.multiply(left, from[i++]);
        group.to.push_back(j);
        right = sizes.multiply(right, to[j++]);
      } else {
        return std::nullopt;
      }
    }
    groups.push_back(group);
  }
  // What is left over are dimensions of size 1.
  if (groups.empty() && (i < from.size() || j < to.size()))
    return std::nullopt;
  for (; i < from.size(); ++i) {
    if (!sizes.areEqual(from[i], sizes.constant(1)))
      return std::nullopt;
    groups.back().from.push_back(i);
  }
  for (; j < to.size(); ++j) {
    if (!sizes.areEqual(to[j], sizes.constant(1)))
      return std::nullopt;
    groups.back().to.push_back(j);
  }
  return groups;
}

/// tensor.cast where the type an op infers is less static than the shape is known to be.
static Value castTo(ImplicitLocOpBuilder &builder, Value value, RankedTensorType type) {
  return value.getType() == type ? value : tensor::CastOp::create(builder, type, value).getResult();
}

Value GraphBuilder::collapse(Value value, ArrayRef<ReassociationIndices> groups, ArrayRef<Size> shape) {
  auto type = mlir::cast<RankedTensorType>(value.getType());
  if (static_cast<size_t>(type.getRank()) == groups.size())
    return value;
  Value collapsed = tensor::CollapseShapeOp::create(builder, value, groups);
  return castTo(builder, collapsed, typeOf(type.getElementType(), shape));
}

Value GraphBuilder::expand(Value value, ArrayRef<ReassociationIndices> groups, ArrayRef<Size> shape) {
  auto type = mlir::cast<RankedTensorType>(value.getType());
  if (shape.size() == groups.size() && static_cast<size_t>(type.getRank()) == shape.size())
    return castTo(builder, value, typeOf(type.getElementType(), shape));
  // The collapsed dimension must be dynamic exactly where its group has a dynamic member.
  SmallVector<int64_t> extents;
  for (const ReassociationIndices &group : groups) {
    Size product = sizes.constant(1);
    bool isStatic = llvm::all_of(group, [&](int64_t dim) { return constantOf(shape[dim]).has_value(); });
    for (int64_t dim : group)
      product = sizes.multiply(product, shape[dim]);
    extents.push_back(isStatic ? constantOf(product).value_or(ShapedType::kDynamic) : ShapedType::kDynamic);
  }
  value = castTo(builder, value, RankedTensorType::get(extents, type.getElementType()));
  SmallVector<OpFoldResult> outputShape;
  for (Size size : shape)
    outputShape.push_back(dimOrConstant(size));
  return tensor::ExpandShapeOp::create(builder, typeOf(type.getElementType(), shape), value, groups, outputShape);
}

Tensor GraphBuilder::reshape(const Tensor &tensor, ArrayRef<Size> shape) {
  Tensor result = wrap(Value(), tensor.kind, shape);
  if (ArrayRef(tensor.shape) == shape)
    return tensor;
  if (tensor.literal) {
    result.literal = tensor.literal;
    return result;
  }
  if (auto resource = dyn_cast_or_null<DenseResourceElementsAttr>(tensor.constant)) {
    result.constant = DenseResourceElementsAttr::get(typeOf(result), resource.getRawHandle());
    return result;
  }
  Value value = materialise(tensor);
  Type element = storageType(tensor.kind, getContext());
  if (result.count() == 0) {
    result.value = empty(element, shape);
    return result;
  }
  std::optional<SmallVector<ShapeGroup>> groups = groupDims(tensor.shape, shape, sizes);
  if (!groups && !tensor.shape.empty() && !shape.empty()) {
    // By way of one dimension that holds all elements.
    groups.emplace(1);
    llvm::append_range(groups->front().from, llvm::seq<int64_t>(0, tensor.rank()));
    llvm::append_range(groups->front().to, llvm::seq<int64_t>(0, shape.size()));
  }
  SmallVector<ReassociationIndices> from, to;
  SmallVector<Size> middle;
  if (groups)
    for (ShapeGroup &group : *groups) {
      Size product = sizes.constant(1);
      for (int64_t dim : group.to)
        product = sizes.multiply(product, shape[dim]);
      from.push_back(group.from);
      to.push_back(group.to);
      middle.push_back(product);
    }
  // Without groups one of the two shapes is the scalar's, and the dimensions of the other are 1, if only by a
  // constraint.
  SmallVector<Size> ones(groups ? 0 : tensor.rank() + shape.size(), sizes.constant(1));
  if (!groups && shape.empty())
    value = castTo(builder, value, typeOf(element, ones));
  value = collapse(value, from, middle);
  value = expand(value, to, groups ? shape : ArrayRef(ones).take_front(shape.size()));
  result.value = castTo(builder, value, typeOf(element, shape));
  return result;
}

//===- Transpose, slice, concat --------------------------------------------------------------------------------===//

Tensor GraphBuilder::transpose(const Tensor &tensor, ArrayRef<int64_t> permutation) {
  if (llvm::equal(permutation, llvm::seq<int64_t>(0, tensor.rank())))
    return tensor;
  SmallVector<Size> shape;
  for (int64_t from : permutation)
    shape.push_back(tensor.shape[from]);
  Tensor result = wrap(Value(), tensor.kind, shape);
  result.literal = rearrange(tensor, shape, [&](ArrayRef<int64_t> index) {
    SmallVector<int64_t> from(index.size());
    for (auto [to, dim] : llvm::enumerate(permutation))
      from[dim] = index[to];
    int64_t source = 0;
    for (auto [size, position] : llvm::zip_equal(tensor.shape, from))
      source = source * *constantOf(size) + position;
    return source;
  });
  if (!result.literal) {
    Value init = empty(storageType(tensor.kind, getContext()), shape);
    result.value = linalg::TransposeOp::create(builder, materialise(tensor), init, permutation)->getResult(0);
  }
  return result;
}

Tensor GraphBuilder::slice(const Tensor &tensor, int64_t axis, Size offset, Size extent, int64_t stride) {
  if (isConstant(offset, 0) && stride == 1 && sizes.areEqual(extent, tensor.shape[axis]))
    return tensor;
  SmallVector<Size> shape(tensor.shape);
  shape[axis] = extent;
  Tensor result = wrap(Value(), tensor.kind, shape);
  if (auto start = constantOf(offset))
    result.literal = rearrange(tensor, shape, [&](ArrayRef<int64_t> index) {
      int64_t source = 0;
      for (int64_t dim = 0; dim < tensor.rank(); ++dim)
        source = source * *constantOf(tensor.shape[dim]) + (dim == axis ? *start + index[dim] * stride : index[dim]);
      return source;
    });
  if (result.literal)
    return result;
  if (result.count() == 0) { // an empty slice may begin at the end, where a view must not
    result.value = empty(storageType(tensor.kind, getContext()), shape);
    return result;
  }
  Value value = materialise(tensor);
  if (stride < 0) {
    // Backwards: read element offset - i * |stride|.
    return generate(tensor.kind, shape, [&](ScalarBuilder &scalars, ValueRange indices) -> Value {
      ImplicitLocOpBuilder &body = scalars.getBuilder();
      SmallVector<Value> source(indices);
      Value step = arith::ConstantIndexOp::create(body, stride);
      source[axis] = arith::AddIOp::create(body, sizeInBody(body, offset, body.getIndexType()),
                                           arith::MulIOp::create(body, indices[axis], step));
      return scalars.widen(tensor::ExtractOp::create(body, value, source));
    });
  }
  SmallVector<OpFoldResult> offsets(tensor.rank(), builder.getIndexAttr(0)), extents,
      strides(tensor.rank(), builder.getIndexAttr(1));
  for (Size size : shape)
    extents.push_back(dimOrConstant(size));
  offsets[axis] = dimOrConstant(offset);
  strides[axis] = builder.getIndexAttr(stride);
  result.value = tensor::ExtractSliceOp::create(builder, typeOf(result), value, offsets, extents, strides);
  return result;
}

Tensor GraphBuilder::concat(ArrayRef<Tensor> tensors, int64_t axis) {
  if (tensors.size() == 1)
    return tensors[0];
  SmallVector<Size> shape(tensors[0].shape);
  for (const Tensor &tensor : tensors.drop_front())
    for (auto [dim, size] : llvm::enumerate(tensor.shape)) {
      if (static_cast<int64_t>(dim) == axis)
        shape[dim] = sizes.add(shape[dim], size);
      else if (constantOf(size))
        shape[dim] = size;
    }
  Tensor result = wrap(Value(), tensors[0].kind, shape);
  std::optional<int64_t> count = result.count();
  if (count && *count <= maxLiteralElements &&
      llvm::all_of(tensors, [](const Tensor &tensor) { return tensor.literal && tensor.count(); })) {
    int64_t outer = 1;
    for (Size size : ArrayRef(shape).take_front(axis))
      outer *= *constantOf(size);
    auto literal = std::make_shared<Literal>();
    for (int64_t block = 0; block < outer; ++block)
      for (const Tensor &tensor : tensors) {
        int64_t length = *tensor.count() / outer;
        for (int64_t element = block * length; element < (block + 1) * length; ++element)
          if (isFloat(tensor.kind))
            literal->floats.push_back(tensor.floating(element));
          else
            literal->integers.push_back(tensor.integer(element));
      }
    result.literal = std::move(literal);
    return result;
  }
  SmallVector<Value> values;
  for (const Tensor &tensor : tensors)
    values.push_back(materialise(tensor));
  result.value = tensor::ConcatOp::create(builder, typeOf(result), axis, values);
  return result;
}
