/// Brings every op of a graph into the few forms kernels are made of.
#include "compiler/graph/SymbolicShapes.h"
#include "compiler/kernel/Passes.h"
#include "dialects/attn/Attn.h"
#include "dialects/plan/Plan.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Linalg/Transforms/Transforms.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace heed;

namespace {
class GraphNormaliser {
public:
  explicit GraphNormaliser(func::FuncOp graph) : graph(graph), shapes(graph), rewriter(graph.getContext()) {}

  LogicalResult run();

private:
  LogicalResult generalise(linalg::LinalgOp op);
  void joinByIndex(tensor::ConcatOp op);
  LogicalResult padByIndex(tensor::PadOp op);
  LogicalResult insertByIndex(tensor::InsertSliceOp op);
  void normaliseOneDimension(attn::NormOp op);

  /// Replaces `op` by a generic over its result whose body picks the element at `indices`.
  LogicalResult replaceByPicking(Operation *op,
                                 llvm::function_ref<Value(OpBuilder &, Location, ArrayRef<Value> indices)> pick);
  Value sizeAsIndex(AffineExpr size) { return materialiseSize(rewriter, loc, graph, size); }

  func::FuncOp graph;
  SymbolicShapes shapes;
  IRRewriter rewriter;
  Location loc = UnknownLoc::get(graph.getContext());
};
} // namespace

LogicalResult GraphNormaliser::generalise(linalg::LinalgOp op) {
  if (isa<linalg::GenericOp, linalg::FillOp, linalg::TransposeOp>(op))
    return success();
  return linalg::generalizeNamedOp(rewriter, op);
}

LogicalResult
GraphNormaliser::replaceByPicking(Operation *op,
                                  llvm::function_ref<Value(OpBuilder &, Location, ArrayRef<Value> indices)> pick) {
  auto type = cast<RankedTensorType>(op->getResult(0).getType());
  SmallVector<OpFoldResult> sizes;
  for (AffineExpr size : shapes.shapeOf(op->getResult(0))) {
    if (!size)
      return op->emitOpError("has a size that does not follow from the sizes of the inputs");
    sizes.push_back(materialiseMixedSize(rewriter, loc, graph, size));
  }
  Value empty = tensor::EmptyOp::create(rewriter, loc, sizes, type.getElementType());
  if (empty.getType() != type)
    empty = tensor::CastOp::create(rewriter, loc, type, empty);
  SmallVector<utils::IteratorType> iterators(type.getRank(), utils::IteratorType::parallel);
  auto generic = linalg::GenericOp::create(rewriter, loc, TypeRange{type}, ValueRange(), ValueRange{empty},
                                           ArrayRef<AffineMap>{rewriter.getMultiDimIdentityMap(type.getRank())},
                                           iterators, [&](OpBuilder &nested, Location at, ValueRange) {
                                             SmallVector<Value> indices;
                                             for (int64_t dim = 0; dim < type.getRank(); ++dim)
                                               indices.push_back(linalg::IndexOp::create(nested, at, dim));
                                             linalg::YieldOp::create(nested, at, pick(nested, at, indices));
                                           });
  SmallVector<AffineExpr> resultSizes(shapes.shapeOf(op->getResult(0)));
  rewriter.replaceOp(op, generic);
  shapes.setShape(generic.getResult(0), resultSizes);
  return success();
}

/// `index` limited to [0, size), so that the element is there to be read whichever source is then chosen.
static Value clampIndex(OpBuilder &builder, Location loc, Value index, Value size) {
  Value one = arith::ConstantIndexOp::create(builder, loc, 1), zero = arith::ConstantIndexOp::create(builder, loc, 0);
  Value last = arith::SubIOp::create(builder, loc, size, one);
  return arith::MaxSIOp::create(builder, loc, zero, arith::MinSIOp::create(builder, loc, index, last));
}

/// Whether `indices` lie in the box of these sizes from `lows` on (null for rank 0), and where in the box, clamped.
static std::pair<Value, SmallVector<Value>> locate(OpBuilder &nested, Location at, ArrayRef<Value> indices,
                                                   ArrayRef<Value> lows, ArrayRef<Value> sizes) {
  Value inside;
  SmallVector<Value> inner;
  for (auto [index, low, size] : llvm::zip_equal(indices, lows, sizes)) {
    Value shifted = arith::SubIOp::create(nested, at, index, low);
    Value zero = arith::ConstantIndexOp::create(nested, at, 0);
    for (Value condition : {arith::CmpIOp::create(nested, at, arith::CmpIPredicate::sge, shifted, zero).getResult(),
                            arith::CmpIOp::create(nested, at, arith::CmpIPredicate::slt, shifted, size).getResult()})
      inside = inside ? arith::AndIOp::create(nested, at, inside, condition).getResult() : condition;
    inner.push_back(clampIndex(nested, at, shifted, size));
  }
  return {inside, inner};
}

void GraphNormaliser::joinByIndex(tensor::ConcatOp op) {
  int64_t dim = op.getDim();
  SmallVector<Value> sources, starts, sizes;
  AffineExpr start = shapes.constant(0);
  for (Value source : op.getInputs()) {
    AffineExpr size = shapes.shapeOf(source)[dim];
    // A source without elements along the dimension has nothing to pick from.
    if (size != shapes.constant(0)) {
      sources.push_back(source);
      starts.push_back(sizeAsIndex(start));
      sizes.push_back(sizeAsIndex(size));
    }
    start = simplifySize(start + size);
  }
  (void)replaceByPicking(op, [&](OpBuilder &nested, Location at, ArrayRef<Value> indices) {
    Value picked;
    for (size_t position = 0; position < sources.size(); ++position) {
      SmallVector<Value> inner(indices);
      Value shifted = arith::SubIOp::create(nested, at, indices[dim], starts[position]);
      inner[dim] = clampIndex(nested, at, shifted, sizes[position]);
      Value element = tensor::ExtractOp::create(nested, at, sources[position], inner);
      if (!picked) {
        picked = element;
        continue;
      }
      Value reached = arith::CmpIOp::create(nested, at, arith::CmpIPredicate::sge, indices[dim], starts[position]);
      picked = arith::SelectOp::create(nested, at, reached, element, picked);
    }
    return picked;
  });
}

LogicalResult GraphNormaliser::padByIndex(tensor::PadOp op) {
  Value padding = op.getConstantPaddingValue();
  if (!padding)
    return op.emitOpError("must pad with one constant");
  ArrayRef<AffineExpr> sourceSizes = shapes.shapeOf(op.getSource());
  SmallVector<Value> lows, sizes;
  for (auto [low, size] : llvm::zip_equal(op.getMixedLowPad(), sourceSizes)) {
    AffineExpr start = shapes.valueOf(low);
    if (!start || !size)
      return op.emitOpError("pads by an amount that does not follow from the sizes of the inputs");
    lows.push_back(sizeAsIndex(start));
    sizes.push_back(sizeAsIndex(size));
  }
  Value source = op.getSource();
  return replaceByPicking(op, [&](OpBuilder &nested, Location at, ArrayRef<Value> indices) {
    auto [inside, inner] = locate(nested, at, indices, lows, sizes);
    Value element = tensor::ExtractOp::create(nested, at, source, inner);
    return inside ? arith::SelectOp::create(nested, at, inside, element, padding).getResult() : element;
  });
}

LogicalResult GraphNormaliser::insertByIndex(tensor::InsertSliceOp op) {
  if (op.getSourceType().getRank() != op.getDestType().getRank() ||
      llvm::any_of(op.getMixedStrides(), [](OpFoldResult stride) { return !isOneInteger(stride); }))
    return op.emitOpError("must insert a slice of the same rank with strides of 1");
  SmallVector<Value> lows, sizes;
  for (auto [low, size] : llvm::zip_equal(op.getMixedOffsets(), op.getMixedSizes())) {
    AffineExpr start = shapes.valueOf(low), extent = shapes.valueOf(size);
    if (!start || !extent)
      return op.emitOpError("inserts at a place that does not follow from the sizes of the inputs");
    lows.push_back(sizeAsIndex(start));
    sizes.push_back(sizeAsIndex(extent));
  }
  Value source = op.getSource(), destination = op.getDest();
  return replaceByPicking(op, [&](OpBuilder &nested, Location at, ArrayRef<Value> indices) {
    auto [inside, inner] = locate(nested, at, indices, lows, sizes);
    Value fresh = tensor::ExtractOp::create(nested, at, source, inner);
    Value old = tensor::ExtractOp::create(nested, at, destination, indices);
    return arith::SelectOp::create(nested, at, inside, fresh, old).getResult();
  });
}

/// A norm over several trailing dimensions is a norm over their product, through reshapes that become views.
void GraphNormaliser::normaliseOneDimension(attn::NormOp op) {
  auto type = cast<RankedTensorType>(op.getInput().getType());
  int64_t first = op.getFirstDim(), rank = type.getRank();
  if (first == rank - 1)
    return;
  SmallVector<ReassociationIndices> groups, inner(1);
  for (int64_t dim = 0; dim < first; ++dim)
    groups.push_back({dim});
  groups.emplace_back();
  for (int64_t dim = first; dim < rank; ++dim) {
    groups.back().push_back(dim);
    inner[0].push_back(dim - first);
  }
  auto flatten = [&](Value operand) -> Value {
    return operand ? tensor::CollapseShapeOp::create(rewriter, loc, operand, inner).getResult() : Value();
  };
  Value input = tensor::CollapseShapeOp::create(rewriter, loc, op.getInput(), groups);
  auto norm = attn::NormOp::create(rewriter, loc, input.getType(), input, flatten(op.getScale()), flatten(op.getBias()),
                                   op.getKind(), first, op.getEpsilon());
  SmallVector<OpFoldResult> sizes = llvm::map_to_vector(
      shapes.shapeOf(op.getInput()), [&](AffineExpr size) { return materialiseMixedSize(rewriter, loc, graph, size); });
  rewriter.replaceOpWithNewOp<tensor::ExpandShapeOp>(op, type, norm.getResult(), groups, sizes);
}

LogicalResult GraphNormaliser::run() {
  SmallVector<Operation *> ops;
  for (Operation &op : graph.getBody().front().without_terminator())
    ops.push_back(&op);
  for (Operation *op : ops) {
    rewriter.setInsertionPoint(op);
    loc = op->getLoc();
    LogicalResult done = llvm::TypeSwitch<Operation *, LogicalResult>(op)
                             .Case<linalg::LinalgOp>([&](linalg::LinalgOp linalgOp) { return generalise(linalgOp); })
                             .Case([&](tensor::ConcatOp concat) {
                               joinByIndex(concat);
                               return success();
                             })
                             .Case([&](tensor::PadOp pad) { return padByIndex(pad); })
                             .Case([&](tensor::InsertSliceOp insert) { return insertByIndex(insert); })
                             .Case([&](attn::NormOp norm) {
                               normaliseOneDimension(norm);
                               return success();
                             })
                             .Default([](Operation *) { return success(); });
    if (failed(done))
      return failure();
  }
  return success();
}

namespace {
struct NormaliseGraph : PassWrapper<NormaliseGraph, OperationPass<func::FuncOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(NormaliseGraph)
  StringRef getArgument() const override { return "normalise-graph"; }
  StringRef getDescription() const override { return "Bring every op into one of the forms kernels are made of"; }
  void getDependentDialects(DialectRegistry &registry) const override {
    registry.insert<plan::PlanDialect, arith::ArithDialect, linalg::LinalgDialect, tensor::TensorDialect>();
  }
  void runOnOperation() override {
    if (failed(GraphNormaliser(getOperation()).run()))
      signalPassFailure();
  }
};
} // namespace

std::unique_ptr<Pass> heed::createNormaliseGraphPass() { return std::make_unique<NormaliseGraph>(); }
