/// Operators that read or choose elements by index: Gather and its relatives, CumSum, ArgMax, ArgMin.
#include "compiler/import/Registry.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "llvm/ADT/STLExtras.h"

using namespace mlir;
using namespace heed::importer;

static LogicalResult requireIndices(Node &node, size_t input) {
  ElementKind kind = node.input(input).kind;
  if (kind == ElementKind::i32 || kind == ElementKind::i64)
    return success();
  return node.error() << "input " << input << " (indices) must be i32 or i64, got " << elementTypeName(kind);
}

/// An index value from an element of the indices; negative ones count from the end.
static Value wrapIndex(GraphBuilder &build, ImplicitLocOpBuilder &body, Value element, Size dim) {
  Value index = body.createOrFold<arith::IndexCastOp>(body.getIndexType(), element);
  Value zero = arith::ConstantIndexOp::create(body, 0);
  Value isNegative = body.createOrFold<arith::CmpIOp>(arith::CmpIPredicate::slt, index, zero);
  Value fromEnd = body.createOrFold<arith::AddIOp>(index, build.sizeInBody(body, dim, body.getIndexType()));
  return body.createOrFold<arith::SelectOp>(isNegative, fromEnd, index);
}

//===- Gather --------------------------------------------------------------------------------------------------===//

/// Known indices into a literal, as shape arithmetic does it. An index outside the axis gives nothing.
static std::shared_ptr<const Literal> gatherLiteral(Node &node, int64_t axis, ArrayRef<Size> shape) {
  const Tensor &data = node.input(0), &indices = node.input(1);
  if (!indices.literal || !indices.literal->isConstant() || !data.count())
    return nullptr;
  return node.build().rearrange(data, shape, [&](ArrayRef<int64_t> out) {
    int64_t position = 0, source = 0;
    for (auto [size, index] : llvm::zip_equal(indices.shape, out.slice(axis, indices.rank())))
      position = position * *constantOf(size) + index;
    int64_t chosen = *constantOf(indices.integer(position)), extent = *constantOf(data.shape[axis]);
    if (chosen < -extent || chosen >= extent)
      return int64_t(-1);
    for (int64_t dim = 0; dim < data.rank(); ++dim) {
      int64_t index = dim < axis    ? out[dim]
                      : dim == axis ? (chosen < 0 ? chosen + extent : chosen)
                                    : out[dim + indices.rank() - 1];
      source = source * *constantOf(data.shape[dim]) + index;
    }
    return source;
  });
}

static LogicalResult buildGather(Node &node) {
  const Tensor &data = node.input(0), &indices = node.input(1);
  FailureOr<int64_t> axis = node.resolveAxis(node.intAttribute("axis", 0), data.rank());
  if (failed(axis) || failed(requireIndices(node, 1)))
    return failure();
  GraphBuilder &build = node.build();
  SmallVector<Size> shape(ArrayRef(data.shape).take_front(*axis));
  shape.append(indices.shape.begin(), indices.shape.end());
  shape.append(data.shape.begin() + *axis + 1, data.shape.end());
  Size dim = data.shape[*axis];
  if (auto literal = gatherLiteral(node, *axis, shape)) {
    Tensor result = build.wrap(Value(), data.kind, shape);
    result.literal = literal;
    node.set(0, result);
    return success();
  }
  // One known index is a slice, which is a view.
  if (indices.isScalarConstant() && indices.count() == 1) {
    Sizes &sizes = node.sizes();
    Size chosen = indices.integer(0);
    if (*constantOf(chosen) < 0)
      chosen = sizes.add(chosen, dim);
    if (failed(node.requireAtLeast(chosen, sizes.constant(0), "the index (input 1)")) ||
        failed(node.requireAtLeast(sizes.subtract(dim, sizes.constant(1)), chosen, "the gathered dimension less 1")))
      return failure();
    node.set(0, build.reshape(build.slice(data, *axis, chosen, sizes.constant(1), 1), shape));
    return success();
  }
  Value source = build.materialise(data);
  AffineExpr zero = build.getBuilder().getAffineConstantExpr(0);
  SmallVector<AffineExpr> indexDims;
  for (int64_t position = 0; position < indices.rank(); ++position)
    indexDims.push_back(isConstant(indices.shape[position], 1) ? zero
                                                               : build.getBuilder().getAffineDimExpr(*axis + position));
  node.set(0, build.map(data.kind, shape, indices, AffineMap::get(shape.size(), 0, indexDims, build.getContext()),
                        [&](ScalarBuilder &s, ValueRange elements, ValueRange out) -> Value {
                          SmallVector<Value> from(out.take_front(*axis));
                          from.push_back(wrapIndex(build, s.getBuilder(), elements[0], dim));
                          llvm::append_range(from, out.drop_front(*axis + indices.rank()));
                          return tensor::ExtractOp::create(s.getBuilder(), source, from);
                        }));
  return success();
}

static LogicalResult buildGatherElements(Node &node) {
  const Tensor &data = node.input(0), &indices = node.input(1);
  FailureOr<int64_t> axis = node.resolveAxis(node.intAttribute("axis", 0), data.rank());
  if (failed(axis) || failed(requireIndices(node, 1)) || failed(node.requireRank(1, data.rank(), data.rank())))
    return failure();
  for (int64_t dim = 0; dim < data.rank(); ++dim)
    if (dim != *axis && failed(node.requireAtLeast(data.shape[dim], indices.shape[dim],
                                                   "dimension " + std::to_string(dim) + " of the data")))
      return failure();
  GraphBuilder &build = node.build();
  Value source = build.materialise(data);
  AffineMap map = build.getBuilder().getMultiDimIdentityMap(data.rank());
  node.set(0, build.map(data.kind, indices.shape, indices, map,
                        [&](ScalarBuilder &s, ValueRange elements, ValueRange out) -> Value {
                          SmallVector<Value> from(out);
                          from[*axis] = wrapIndex(build, s.getBuilder(), elements[0], data.shape[*axis]);
                          return tensor::ExtractOp::create(s.getBuilder(), source, from);
                        }));
  return success();
}

static LogicalResult buildGatherND(Node &node) {
  const Tensor &data = node.input(0), &indices = node.input(1);
  int64_t batch = node.intAttribute("batch_dims", 0);
  if (failed(requireIndices(node, 1)) || failed(node.requireRank(1, 1, 64)))
    return failure();
  auto depth = constantOf(indices.shape.back());
  if (!depth || *depth < 1 || batch < 0 || batch >= indices.rank() || batch + *depth > data.rank())
    return node.error() << "batch_dims " << batch << " and the last dimension of the indices "
                        << describe(indices, node.sizes()) << " do not fit the data " << describe(data, node.sizes());
  for (int64_t dim = 0; dim < batch; ++dim)
    if (failed(node.requireEqual(data.shape[dim], indices.shape[dim], "batch dimensions of data and indices")))
      return failure();
  SmallVector<Size> shape(ArrayRef(indices.shape).drop_back());
  shape.append(data.shape.begin() + batch + *depth, data.shape.end());
  GraphBuilder &build = node.build();
  Value source = build.materialise(data), table = build.materialise(indices);
  node.set(0, build.generate(data.kind, shape, [&](ScalarBuilder &s, ValueRange out) -> Value {
    ImplicitLocOpBuilder &body = s.getBuilder();
    SmallVector<Value> from(out.take_front(batch)), at(out.take_front(indices.rank() - 1));
    for (int64_t level = 0; level < *depth; ++level) {
      at.push_back(arith::ConstantIndexOp::create(body, level));
      Value element = tensor::ExtractOp::create(body, table, at);
      from.push_back(wrapIndex(build, body, element, data.shape[batch + level]));
      at.pop_back();
    }
    llvm::append_range(from, out.drop_front(indices.rank() - 1));
    return s.widen(tensor::ExtractOp::create(body, source, from));
  }));
  return success();
}

//===- Scans and searches --------------------------------------------------------------------------------------===//

/// Sums the elements up to each one: a reduction over a second index of the axis, of which the body keeps a part.
static LogicalResult buildCumSum(Node &node) {
  const Tensor &x = node.input(0);
  bool isExclusive = node.flagAttribute("exclusive", false), isReverse = node.flagAttribute("reverse", false);
  FailureOr<SmallVector<int64_t>> given = node.integersFrom(1, "the axis (input 1)");
  if (failed(given))
    return failure();
  if (given->size() != 1 || x.kind == ElementKind::boolean)
    return node.error() << "needs one axis and a tensor of numbers";
  FailureOr<int64_t> axis = node.resolveAxis(given->front(), x.rank());
  if (failed(axis))
    return failure();
  GraphBuilder &build = node.build();
  MLIRContext *context = build.getContext();
  SmallVector<AffineExpr> from, to;
  for (int64_t dim = 0; dim < x.rank(); ++dim) {
    from.push_back(getAffineDimExpr(dim == *axis ? x.rank() : dim, context));
    to.push_back(getAffineDimExpr(dim, context));
  }
  SmallVector<utils::IteratorType> iterators(x.rank(), utils::IteratorType::parallel);
  iterators.push_back(utils::IteratorType::reduction);
  using Predicate = arith::CmpIPredicate;
  Predicate order = isReverse     ? (isExclusive ? Predicate::sgt : Predicate::sge)
                    : isExclusive ? Predicate::slt
                                  : Predicate::sle;
  node.set(0, build.accumulate(x, AffineMap::get(x.rank() + 1, 0, from, context),
                               AffineMap::get(x.rank() + 1, 0, to, context), iterators, x.shape,
                               [&](ScalarBuilder &s, Value sum, Value element) {
                                 ImplicitLocOpBuilder &body = s.getBuilder();
                                 Value position = linalg::IndexOp::create(body, *axis);
                                 Value other = linalg::IndexOp::create(body, x.rank());
                                 Value counts = arith::CmpIOp::create(body, order, other, position);
                                 return s.add(sum, s.select(counts, element, s.constant(0)));
                               }));
  return success();
}

static LogicalResult buildArgExtreme(Node &node, bool isMaximum) {
  const Tensor &x = node.input(0);
  bool keepDims = node.flagAttribute("keepdims", true), takesLast = node.flagAttribute("select_last_index", false);
  if (failed(node.requireRank(0, 1, 64)))
    return failure();
  FailureOr<int64_t> axis = node.resolveAxis(node.intAttribute("axis", 0), x.rank());
  if (failed(axis))
    return failure();
  if (x.kind == ElementKind::boolean)
    return node.error() << "elements of type bool are not supported by this operator";
  node.set(0, node.build().findExtreme(x, *axis, isMaximum, takesLast, keepDims));
  return success();
}

void heed::importer::registerIndexOperators(OperatorRegistry &registry) {
  registry.add("Gather", {.since = 1, .minInputs = 2, .maxInputs = 2, .build = buildGather});
  registry.add("GatherElements", {.since = 11, .minInputs = 2, .maxInputs = 2, .build = buildGatherElements});
  registry.add("CumSum", {.since = 11, .minInputs = 2, .maxInputs = 2, .build = buildCumSum});
  registry.add("ArgMax", {.since = 1, .minInputs = 1, .maxInputs = 1, .build = [](Node &node) {
                            return buildArgExtreme(node, true);
                          }});
  registry.add("ArgMin", {.since = 1, .minInputs = 1, .maxInputs = 1, .build = [](Node &node) {
                            return buildArgExtreme(node, false);
                          }});
  registry.add("GatherND", {.since = 11, .minInputs = 2, .maxInputs = 2, .build = buildGatherND});
}
