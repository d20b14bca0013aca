#include "compiler/graph/AttentionOperands.h"

#include "compiler/graph/Rewriting.h"

#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace heed;

using Role = OperandLayout::Role;

AttentionOperands::AttentionOperands(OpBuilder &builder, func::FuncOp function, SymbolicShapes &shapes,
                                     const AttentionMatch &match)
    : builder(builder), location(match.softmax->getLoc()), function(function), shapes(shapes), match(match),
      walker(shapes, match.extents), heads(cast<AffineConstantExpr>(match.extents[HeadDim]).getValue()) {}

std::optional<Role> AttentionOperands::roleOf(AffineExpr index, AffineExpr size, unsigned sequenceDim,
                                              unsigned depthDim, int64_t &tensorHeads) {
  MLIRContext *context = builder.getContext();
  AffineExpr batch = getAffineDimExpr(BatchDim, context), head = getAffineDimExpr(HeadDim, context);
  auto covers = [&](AffineExpr extent) { return provablyEqual(size, extent); };
  if (index == shapes.constant(0))
    return covers(shapes.constant(1)) ? std::optional(Role::Unit) : std::nullopt;
  if (index == batch)
    return covers(match.extents[BatchDim]) ? std::optional(Role::Batch) : std::nullopt;
  if (index == getAffineDimExpr(sequenceDim, context))
    return covers(match.extents[sequenceDim]) ? std::optional(Role::Sequence) : std::nullopt;
  if (index == getAffineDimExpr(depthDim, context))
    return covers(match.extents[depthDim]) ? std::optional(Role::Depth) : std::nullopt;
  // What is left is h / group, alone or under the batch.
  if (!index.isFunctionOfDim(HeadDim) || index.isFunctionOfDim(sequenceDim) || index.isFunctionOfDim(depthDim))
    return std::nullopt;
  for (int64_t group = 1; group <= heads; ++group) {
    if (heads % group != 0)
      continue;
    AffineExpr served = group == 1 ? head : head.floorDiv(group);
    tensorHeads = heads / group;
    if (walker.simplify(index - served) == shapes.constant(0) && covers(shapes.constant(tensorHeads)))
      return Role::Head;
    if (walker.simplify(index - batch * tensorHeads - served) == shapes.constant(0) &&
        covers(match.extents[BatchDim] * tensorHeads))
      return Role::BatchAndHead;
  }
  return std::nullopt;
}

std::optional<OperandLayout> AttentionOperands::layoutAt(const Element &element, unsigned sequenceDim,
                                                         unsigned depthDim) {
  OperandLayout layout;
  layout.tensor = element.value;
  for (auto [index, size] : llvm::zip_equal(element.indices, shapes.shapeOf(element.value))) {
    int64_t tensorHeads = 1;
    std::optional<Role> role = roleOf(index, size, sequenceDim, depthDim, tensorHeads);
    if (!role || (*role != Role::Unit && layout.has(*role)))
      return std::nullopt;
    if (*role == Role::Head || *role == Role::BatchAndHead)
      layout.heads = tensorHeads;
    layout.roles.push_back(*role);
  }
  auto isOne = [&](unsigned dim) { return match.extents[dim] == shapes.constant(1); };
  if (layout.has(Role::BatchAndHead) && (layout.has(Role::Batch) || layout.has(Role::Head)))
    return std::nullopt;
  if ((!layout.has(Role::Sequence) && !isOne(sequenceDim)) || (!layout.has(Role::Depth) && !isOne(depthDim)))
    return std::nullopt;
  return layout;
}

/// Every tensor on the way to the operand's source whose dimensions are those of an operand, nearest first.
SmallVector<OperandLayout> AttentionOperands::layoutsOf(Element element, unsigned sequenceDim, unsigned depthDim) {
  SmallVector<OperandLayout> layouts;
  for (std::optional<Element> next = element; next; next = walker.source(*next))
    if (std::optional<OperandLayout> layout = layoutAt(*next, sequenceDim, depthDim))
      layouts.push_back(*layout);
  return layouts;
}

static constexpr Role inOrder[] = {Role::Batch, Role::Head, Role::Sequence, Role::Depth};

/// Whether the tensor is an operand of attn.attend as it is.
static bool isInOrder(const OperandLayout &layout) {
  return layout.roles.size() == 4 && llvm::all_of(llvm::zip_equal(layout.roles, inOrder), [](auto pair) {
           return std::get<0>(pair) == Role::Unit || std::get<0>(pair) == std::get<1>(pair);
         });
}

/// The nearest layout that needs no rearranging, else the nearest.
static const OperandLayout &simplest(ArrayRef<OperandLayout> layouts) {
  auto found = llvm::find_if(layouts, isInOrder);
  return found == layouts.end() ? layouts.front() : *found;
}

/// The tensors of keys and values with the fewest heads both can have: repeated heads are not read twice.
static std::optional<std::pair<OperandLayout, OperandLayout>> choosePair(ArrayRef<OperandLayout> keys,
                                                                         ArrayRef<OperandLayout> values) {
  std::optional<int64_t> heads;
  for (const OperandLayout &key : keys)
    for (const OperandLayout &value : values)
      if (key.heads == value.heads && (!heads || key.heads < *heads))
        heads = key.heads;
  if (!heads)
    return std::nullopt;
  auto choose = [&](ArrayRef<OperandLayout> layouts) {
    SmallVector<OperandLayout> fitting;
    llvm::copy_if(layouts, std::back_inserter(fitting),
                  [&](const OperandLayout &layout) { return layout.heads == heads; });
    return simplest(fitting);
  };
  return std::pair(choose(keys), choose(values));
}

bool AttentionOperands::arrange(std::string &obstacle) {
  SmallVector<OperandLayout> queries = layoutsOf(match.query, RowDim, DepthDim);
  llvm::erase_if(queries, [&](const OperandLayout &layout) { return layout.heads != heads && layout.heads != 1; });
  std::optional<std::pair<OperandLayout, OperandLayout>> pair =
      choosePair(layoutsOf(match.key, KeyDim, DepthDim), layoutsOf(match.value, KeyDim, ValueDepthDim));
  if (queries.empty() || !pair) {
    obstacle = queries.empty() ? "the dimensions of the query are not batch, head, row and depth"
                               : "the dimensions of key and value are not batch, head, key and depth";
    return false;
  }
  query = toRankFour(simplest(queries), RowDim, DepthDim);
  key = toRankFour(pair->first, KeyDim, DepthDim);
  value = toRankFour(pair->second, KeyDim, ValueDepthDim);
  auto elementType = [](Value tensor) { return cast<RankedTensorType>(tensor.getType()).getElementType(); };
  bool agree = elementType(query) == elementType(key) && elementType(query) == elementType(value);
  for (Value *operand : {&query, &key, &value})
    if (!agree)
      *operand = convertElements(builder, location, *operand, builder.getF32Type());
  return true;
}

RankedTensorType AttentionOperands::typeOf(ArrayRef<AffineExpr> sizes, Type elementType) {
  SmallVector<int64_t> dims;
  for (AffineExpr size : sizes) {
    auto constant = dyn_cast_or_null<AffineConstantExpr>(size);
    dims.push_back(constant ? constant.getValue() : ShapedType::kDynamic);
  }
  return RankedTensorType::get(dims, elementType);
}

Value AttentionOperands::collapse(Value tensor, ArrayRef<ReassociationIndices> groups) {
  auto type = cast<RankedTensorType>(tensor.getType());
  if (groups.size() == static_cast<size_t>(type.getRank()))
    return tensor;
  return tensor::CollapseShapeOp::create(builder, location, tensor, groups);
}

Value AttentionOperands::expand(Value tensor, ArrayRef<ReassociationIndices> groups, ArrayRef<AffineExpr> sizes) {
  auto type = cast<RankedTensorType>(tensor.getType());
  if (sizes.size() == static_cast<size_t>(type.getRank()))
    return tensor;
  SmallVector<OpFoldResult> shape;
  SmallVector<int64_t> dims;
  for (AffineExpr size : sizes)
    shape.push_back(materialiseMixedSize(builder, location, function, size));
  // A size that was static stays it; one that was not may only be in its group what the group's type allows.
  RankedTensorType target = typeOf(sizes, type.getElementType());
  for (auto [source, group] : llvm::enumerate(groups)) {
    bool targetStatic = llvm::none_of(group, [&](int64_t dim) { return target.isDynamicDim(dim); });
    if (targetStatic && type.isDynamicDim(source)) {
      SmallVector<int64_t> refined(type.getShape());
      refined[source] = 1;
      for (int64_t dim : group)
        refined[source] *= target.getDimSize(dim);
      type = RankedTensorType::get(refined, type.getElementType());
    }
  }
  if (type != tensor.getType())
    tensor = tensor::CastOp::create(builder, location, type, tensor);
  return tensor::ExpandShapeOp::create(builder, location, target, tensor, groups, shape);
}

Value AttentionOperands::collapseUnits(Value tensor, ArrayRef<bool> isUnit) {
  SmallVector<ReassociationIndices> groups;
  ReassociationIndices leading;
  for (auto [dim, unit] : llvm::enumerate(isUnit)) {
    if (!unit) {
      groups.push_back(leading);
      groups.back().push_back(dim);
      leading.clear();
    } else if (groups.empty()) {
      leading.push_back(dim);
    } else {
      groups.back().push_back(dim);
    }
  }
  return collapse(tensor, groups);
}

Value AttentionOperands::transpose(Value tensor, ArrayRef<int64_t> permutation) {
  if (llvm::is_sorted(permutation))
    return tensor;
  SmallVector<OpFoldResult> sizes = materialiseShape(builder, location, function, shapes, tensor);
  SmallVector<OpFoldResult> permuted;
  for (int64_t dim : permutation)
    permuted.push_back(sizes[dim]);
  Value init =
      tensor::EmptyOp::create(builder, location, permuted, cast<RankedTensorType>(tensor.getType()).getElementType());
  return linalg::TransposeOp::create(builder, location, tensor, init, permutation)->getResult(0);
}

Value AttentionOperands::castToSizes(Value tensor, ArrayRef<AffineExpr> sizes) {
  RankedTensorType type = typeOf(sizes, cast<RankedTensorType>(tensor.getType()).getElementType());
  return type == tensor.getType() ? tensor : Value(tensor::CastOp::create(builder, location, type, tensor));
}

Value AttentionOperands::broadcastTo(Value tensor, ArrayRef<AffineExpr> sizes) {
  auto type = cast<RankedTensorType>(tensor.getType());
  SmallVector<AffineExpr> read;
  SmallVector<OpFoldResult> shape;
  bool same = true;
  for (auto [dim, size] : llvm::enumerate(sizes)) {
    bool repeats = type.getDimSize(dim) == 1 && size != shapes.constant(1);
    read.push_back(repeats ? builder.getAffineConstantExpr(0) : builder.getAffineDimExpr(dim));
    shape.push_back(materialiseMixedSize(builder, location, function, size));
    same &= !repeats;
  }
  if (same)
    return tensor;
  Value init = tensor::EmptyOp::create(builder, location, shape, type.getElementType());
  AffineMap source = AffineMap::get(sizes.size(), 0, read, builder.getContext());
  SmallVector<utils::IteratorType> loops(sizes.size(), utils::IteratorType::parallel);
  return linalg::GenericOp::create(builder, location, init.getType(), tensor, init,
                                   ArrayRef{source, builder.getMultiDimIdentityMap(sizes.size())}, loops,
                                   [](OpBuilder &inner, Location loc, ValueRange arguments) {
                                     linalg::YieldOp::create(inner, loc, arguments[0]);
                                   })
      .getResult(0);
}

/// Brings the dimensions that are there into the right order; those of size 1 come back where they go.
Value AttentionOperands::bringInOrder(const OperandLayout &layout, llvm::function_ref<AffineExpr(Role)> sizeOf) {
  SmallVector<bool> isUnit(llvm::map_range(layout.roles, [](Role role) { return role == Role::Unit; }));
  Value tensor = collapseUnits(layout.tensor, isUnit);
  SmallVector<Role> roles;
  SmallVector<AffineExpr> sizes;
  SmallVector<ReassociationIndices> groups;
  for (Role role : layout.roles) {
    if (role == Role::Unit)
      continue;
    groups.emplace_back();
    SmallVector<Role, 2> parts{role};
    if (role == Role::BatchAndHead)
      parts = {Role::Batch, Role::Head};
    for (Role part : parts) {
      groups.back().push_back(roles.size());
      roles.push_back(part);
      sizes.push_back(sizeOf(part));
    }
  }
  tensor = expand(tensor, groups, sizes);
  SmallVector<int64_t> permutation = llvm::to_vector(llvm::seq<int64_t>(roles.size()));
  llvm::sort(permutation, [&](int64_t a, int64_t b) { return roles[a] < roles[b]; });
  tensor = transpose(tensor, permutation);
  // Each dimension takes the missing ones after it along, the first also those before it.
  SmallVector<int64_t> present;
  for (int64_t position = 0; position < 4; ++position)
    if (llvm::is_contained(roles, inOrder[position]))
      present.push_back(position);
  groups.clear();
  for (size_t index = 0; index < present.size(); ++index) {
    int64_t begin = index == 0 ? 0 : present[index], end = index + 1 < present.size() ? present[index + 1] : 4;
    groups.push_back(llvm::to_vector(llvm::seq(begin, end)));
  }
  SmallVector<AffineExpr> full;
  for (Role role : inOrder)
    full.push_back(llvm::is_contained(roles, role) ? sizeOf(role) : shapes.constant(1));
  return expand(tensor, groups, full);
}

Value AttentionOperands::toRankFour(const OperandLayout &layout, unsigned sequenceDim, unsigned depthDim) {
  auto sizeOf = [&](Role role) {
    return role == Role::Batch      ? match.extents[BatchDim]
           : role == Role::Head     ? shapes.constant(layout.heads)
           : role == Role::Sequence ? match.extents[sequenceDim]
           : role == Role::Depth    ? match.extents[depthDim]
                                    : shapes.constant(1);
  };
  Value tensor = isInOrder(layout) ? layout.tensor : bringInOrder(layout, sizeOf);
  // A batch that the tensor lacks is one its values are shared over; so are heads, as long as it is the key or value.
  SmallVector<AffineExpr> sizes{match.extents[BatchDim], sizeOf(Role::Head), match.extents[sequenceDim],
                                match.extents[depthDim]};
  if (sequenceDim == RowDim)
    sizes[1] = match.extents[HeadDim];
  return castToSizes(broadcastTo(tensor, sizes), sizes);
}

RankedTensorType AttentionOperands::resultType() {
  return typeOf({match.extents[BatchDim], match.extents[HeadDim], match.extents[RowDim], match.extents[ValueDepthDim]},
                cast<RankedTensorType>(match.valueProduct->getResult(0).getType()).getElementType());
}

Value AttentionOperands::restore(Value attended) {
  linalg::LinalgOp product = match.valueProduct;
  AffineMap output = product.getIndexingMapMatchingResult(product->getResult(0));
  // The attend's dimensions in the order of the result, and how many of them each of its dimensions takes.
  SmallVector<int64_t> order;
  SmallVector<unsigned> parts;
  for (AffineExpr result : output.getResults()) {
    switch (match.roles[cast<AffineDimExpr>(result).getPosition()]) {
    case LoopRole::Batch:
      order.push_back(0);
      break;
    case LoopRole::Head:
      order.push_back(1);
      break;
    case LoopRole::BatchAndHead:
      order.append({0, 1});
      break;
    case LoopRole::Row:
      order.push_back(2);
      break;
    default:
      order.push_back(3);
      break;
    }
    parts.push_back(match.roles[cast<AffineDimExpr>(result).getPosition()] == LoopRole::BatchAndHead ? 2 : 1);
  }
  SmallVector<bool> isUnit;
  SmallVector<int64_t> rank(4);
  int64_t next = 0;
  for (int64_t dim = 0; dim < 4; ++dim) {
    isUnit.push_back(!llvm::is_contained(order, dim));
    rank[dim] = isUnit.back() ? -1 : next++;
  }
  attended = collapseUnits(attended, isUnit);
  for (int64_t &dim : order)
    dim = rank[dim];
  attended = transpose(attended, order);
  SmallVector<ReassociationIndices> groups;
  int64_t position = 0;
  for (unsigned count : parts) {
    groups.emplace_back();
    for (unsigned part = 0; part < count; ++part)
      groups.back().push_back(position++);
  }
  return convertTo(builder, location, collapse(attended, groups),
                   cast<RankedTensorType>(product->getResult(0).getType()));
}
