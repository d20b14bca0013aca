/// Merges neighbouring dimensions of matmul and map kernels where every operand lies in memory as if they were one.
///
/// A product of [batch, rows, depth] by one weight matrix then has batch x rows rows, so that blocks of rows are full
/// whatever the batch; a map over a contiguous tensor becomes a map over longer rows.
#include "compiler/graph/SizeAlgebra.h"
#include "compiler/kernel/Passes.h"
#include "dialects/plan/Plan.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace heed;

namespace {
/// Merges dimensions `dim` and `dim + 1` of what a kernel yields.
class DimensionMerger {
public:
  DimensionMerger(plan::KernelOp kernel, unsigned dim) : kernel(kernel), dim(dim), builder(kernel) {}

  /// Does nothing unless the merge is possible everywhere.
  bool run();

private:
  bool check();
  bool checkGeneric(linalg::GenericOp generic);
  bool checkTensor(Value tensor, unsigned position);
  bool checkView(AffineMap view, AffineMap sizes, unsigned position);
  void rewriteArguments();
  void rewriteGeneric(linalg::GenericOp generic);
  Value mergedInit(OpOperand &init);
  AffineMap mergeMap(AffineMap map, unsigned outer, unsigned inner);
  RankedTensorType mergeType(Type type, unsigned position);
  ArrayAttr mergeMaps(ArrayAttr maps, bool areViews, llvm::function_ref<std::optional<unsigned>(unsigned)> position);

  plan::KernelOp kernel;
  unsigned dim;
  OpBuilder builder;
  /// The position of the first of the two dimensions in each tensor that has them.
  DenseMap<Value, unsigned> positions;
  SmallVector<linalg::GenericOp> generics;
};
} // namespace

/// In storage the two dimensions are one when a step of the outer one passes over all of the inner one.
bool DimensionMerger::checkView(AffineMap view, AffineMap sizes, unsigned position) {
  AffineExpr outer = view.getResult(1 + position), inner = view.getResult(2 + position);
  return provablyEqual(outer, inner * sizes.getResult(position + 1));
}

bool DimensionMerger::checkTensor(Value tensor, unsigned position) {
  auto [known, isNew] = positions.try_emplace(tensor, position);
  if (!isNew)
    return known->second == position;
  if (auto argument = dyn_cast<BlockArgument>(tensor)) {
    unsigned number = argument.getArgNumber();
    return checkView(cast<AffineMapAttr>(kernel.getOperandViews()[number]).getValue(),
                     cast<AffineMapAttr>(kernel.getOperandSizes()[number]).getValue(), position);
  }
  return tensor.getDefiningOp<linalg::GenericOp>() && position == dim;
}

bool DimensionMerger::checkGeneric(linalg::GenericOp generic) {
  if (generic->getNumResults() != 1)
    return false;
  AffineMap stored = generic.getIndexingMapsArray().back();
  if (stored.getNumResults() < dim + 2)
    return false;
  unsigned outer = stored.getDimPosition(dim), inner = stored.getDimPosition(dim + 1);
  if (inner != outer + 1)
    return false;
  bool fits = checkTensor(generic.getResult(0), dim);
  for (OpOperand *input : generic.getDpsInputOperands()) {
    AffineMap map = generic.getMatchingIndexingMap(input);
    if (!map.isFunctionOfDim(outer) && !map.isFunctionOfDim(inner))
      continue;
    std::optional<unsigned> position = map.getResultPosition(builder.getAffineDimExpr(outer));
    fits = fits && map.isProjectedPermutation() && position && *position + 1 < map.getNumResults() &&
           map.getResult(*position + 1) == builder.getAffineDimExpr(inner) && checkTensor(input->get(), *position);
  }
  for (OpOperand &init : generic.getDpsInitsMutable()) {
    Operation *op = init.get().getDefiningOp();
    bool isFill = isa_and_nonnull<linalg::FillOp>(op);
    fits = fits && (isFill || !generic.payloadUsesValueFromOperand(&init)) &&
           (isa_and_nonnull<tensor::EmptyOp>(op) || (isFill && op->getOperand(1).getDefiningOp<tensor::EmptyOp>()));
  }
  generic.walk([&](linalg::IndexOp index) { fits = fits && index.getDim() != outer && index.getDim() != inner; });
  generics.push_back(generic);
  return fits;
}

bool DimensionMerger::check() {
  auto yield = cast<plan::YieldOp>(kernel.getBody().front().getTerminator());
  for (auto [number, value] : llvm::enumerate(yield.getValues()))
    if (cast<RankedTensorType>(value.getType()).getRank() < static_cast<int64_t>(dim + 2) ||
        !value.getDefiningOp<linalg::GenericOp>() ||
        !checkView(cast<AffineMapAttr>(kernel.getResultViews()[number]).getValue(),
                   cast<AffineMapAttr>(kernel.getResultSizes()[number]).getValue(), dim))
      return false;
  for (Operation &op : kernel.getBody().front().without_terminator()) {
    if (auto generic = dyn_cast<linalg::GenericOp>(op)) {
      if (!checkGeneric(generic))
        return false;
    } else if (!isa<linalg::FillOp, tensor::EmptyOp>(op) &&
               llvm::any_of(op.getResultTypes(), llvm::IsaPred<RankedTensorType>)) {
      return false;
    }
  }
  // An operand read both with and without the two dimensions keeps its type for one of its readers only.
  for (linalg::GenericOp generic : generics) {
    unsigned outer = generic.getIndexingMapsArray().back().getDimPosition(dim);
    for (OpOperand *input : generic.getDpsInputOperands())
      if (positions.contains(input->get()) && !generic.getMatchingIndexingMap(input).isFunctionOfDim(outer))
        return false;
    bool extracts = false;
    generic.walk([&](tensor::ExtractOp extract) { extracts |= positions.contains(extract.getTensor()); });
    if (extracts)
      return false;
  }
  return !generics.empty();
}

RankedTensorType DimensionMerger::mergeType(Type type, unsigned position) {
  auto tensor = cast<RankedTensorType>(type);
  SmallVector<int64_t> shape(tensor.getShape());
  bool isStatic = !tensor.isDynamicDim(position) && !tensor.isDynamicDim(position + 1);
  shape[position] = isStatic ? shape[position] * shape[position + 1] : ShapedType::kDynamic;
  shape.erase(shape.begin() + position + 1);
  return RankedTensorType::get(shape, tensor.getElementType());
}

/// The map with loops `outer` and `inner` = outer + 1 made one.
AffineMap DimensionMerger::mergeMap(AffineMap map, unsigned outer, unsigned inner) {
  SmallVector<AffineExpr> dims, results;
  for (unsigned loop = 0; loop < map.getNumDims(); ++loop)
    dims.push_back(builder.getAffineDimExpr(loop < inner ? loop : loop - 1));
  for (AffineExpr result : map.getResults())
    if (result != builder.getAffineDimExpr(inner) || !map.isFunctionOfDim(outer))
      results.push_back(result.replaceDims(dims));
  return AffineMap::get(map.getNumDims() - 1, 0, results, builder.getContext());
}

ArrayAttr DimensionMerger::mergeMaps(ArrayAttr maps, bool areViews,
                                     llvm::function_ref<std::optional<unsigned>(unsigned)> position) {
  SmallVector<Attribute> merged;
  for (auto [number, map] : llvm::enumerate(maps.getAsValueRange<AffineMapAttr>())) {
    SmallVector<AffineExpr> results(map.getResults());
    if (std::optional<unsigned> first = position(number)) {
      unsigned at = *first + (areViews ? 1 : 0); // a view starts with its offset
      if (!areViews)
        results[at] = simplifySize(results[at] * results[at + 1]);
      results.erase(results.begin() + (areViews ? at : at + 1)); // the inner stride stays
    }
    merged.push_back(AffineMapAttr::get(AffineMap::get(0, map.getNumSymbols(), results, builder.getContext())));
  }
  return builder.getArrayAttr(merged);
}

void DimensionMerger::rewriteArguments() {
  Block &body = kernel.getBody().front();
  auto ofOperand = [&](unsigned number) -> std::optional<unsigned> {
    auto found = positions.find(body.getArgument(number));
    return found == positions.end() ? std::nullopt : std::optional(found->second);
  };
  auto ofResult = [&](unsigned) { return std::optional(dim); };
  if (!kernel.getStorageSizes())
    kernel.setStorageSizesAttr(kernel.getResultSizes());
  kernel.setOperandViewsAttr(mergeMaps(kernel.getOperandViews(), true, ofOperand));
  kernel.setOperandSizesAttr(mergeMaps(kernel.getOperandSizes(), false, ofOperand));
  kernel.setResultViewsAttr(mergeMaps(kernel.getResultViews(), true, ofResult));
  kernel.setResultSizesAttr(mergeMaps(kernel.getResultSizes(), false, ofResult));
  for (BlockArgument argument : body.getArguments())
    if (auto position = ofOperand(argument.getArgNumber()))
      argument.setType(mergeType(argument.getType(), *position));
}

Value DimensionMerger::mergedInit(OpOperand &init) {
  auto fill = init.get().getDefiningOp<linalg::FillOp>();
  auto empty = (fill ? fill.getOutputs()[0] : init.get()).getDefiningOp<tensor::EmptyOp>();
  SmallVector<OpFoldResult> sizes = empty.getMixedSizes();
  Value outer = getValueOrCreateConstantIndexOp(builder, empty.getLoc(), sizes[dim]);
  Value inner = getValueOrCreateConstantIndexOp(builder, empty.getLoc(), sizes[dim + 1]);
  RankedTensorType type = mergeType(empty.getType(), dim);
  if (type.isDynamicDim(dim))
    sizes[dim] = arith::MulIOp::create(builder, empty.getLoc(), outer, inner).getResult();
  else
    sizes[dim] = builder.getIndexAttr(type.getDimSize(dim));
  sizes.erase(sizes.begin() + dim + 1);
  Value merged = tensor::EmptyOp::create(builder, empty.getLoc(), sizes, type.getElementType());
  if (fill)
    merged = linalg::FillOp::create(builder, empty.getLoc(), fill.getInputs(), ValueRange{merged}).getResult(0);
  return merged;
}

void DimensionMerger::rewriteGeneric(linalg::GenericOp generic) {
  builder.setInsertionPoint(generic);
  unsigned outer = generic.getIndexingMapsArray().back().getDimPosition(dim), inner = outer + 1;
  SmallVector<AffineMap> maps;
  for (AffineMap map : generic.getIndexingMapsArray())
    maps.push_back(mergeMap(map, outer, inner));
  SmallVector<utils::IteratorType> iterators = generic.getIteratorTypesArray();
  iterators.erase(iterators.begin() + inner);
  Value init = mergedInit(generic.getDpsInitsMutable()[0]);
  auto merged = linalg::GenericOp::create(builder, generic.getLoc(), TypeRange{init.getType()}, generic.getDpsInputs(),
                                          ValueRange{init}, maps, iterators);
  merged.getRegion().takeBody(generic.getRegion());
  merged.walk([&](linalg::IndexOp index) {
    if (index.getDim() > inner)
      index.setDim(index.getDim() - 1);
  });
  generic.getResult(0).replaceAllUsesWith(merged.getResult(0));
  generic.erase();
}

bool DimensionMerger::run() {
  if (!check())
    return false;
  rewriteArguments();
  for (linalg::GenericOp generic : generics)
    rewriteGeneric(generic);
  SmallVector<Operation *> inits;
  for (Operation &op : kernel.getBody().front())
    if (isa<linalg::FillOp, tensor::EmptyOp>(op))
      inits.push_back(&op);
  for (Operation *op : llvm::reverse(inits))
    if (op->use_empty())
      op->erase();
  return true;
}

namespace {
struct MergeDimensions : PassWrapper<MergeDimensions, OperationPass<func::FuncOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(MergeDimensions)
  StringRef getArgument() const override { return "merge-dimensions"; }
  StringRef getDescription() const override {
    return "Merge dimensions that lie in memory as one, in matmul and map kernels";
  }
  void getDependentDialects(DialectRegistry &registry) const override {
    registry.insert<arith::ArithDialect, linalg::LinalgDialect, tensor::TensorDialect>();
  }
  void runOnOperation() override {
    getOperation().walk([](plan::KernelOp kernel) {
      if (kernel.getRoot() != plan::KernelRoot::Matmul && kernel.getRoot() != plan::KernelRoot::Map)
        return;
      auto rank = [&] {
        return cast<RankedTensorType>(kernel.getBody().front().getTerminator()->getOperand(0).getType()).getRank();
      };
      for (int64_t dim = 0; dim + 1 < rank();)
        if (!DimensionMerger(kernel, dim).run())
          ++dim;
    });
  }
};
} // namespace

std::unique_ptr<Pass> heed::createMergeDimensionsPass() { return std::make_unique<MergeDimensions>(); }
