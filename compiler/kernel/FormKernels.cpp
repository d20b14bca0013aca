/// Makes a kernel of each group of ops.
///
/// Transposes, slices and reshapes become views of kernel operands; a transpose that is the only user of a result
/// decides how the result is stored.
#include "compiler/kernel/Contraction.h"
#include "compiler/kernel/KernelGroups.h"
#include "compiler/kernel/Passes.h"
#include "compiler/kernel/ViewResolver.h"
#include "dialects/attn/Attn.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Transforms/RegionUtils.h"

using namespace mlir;
using namespace heed;

namespace {
/// What a kernel stores: a value that it computes, in place of a value of the graph.
struct StoredResult {
  Value computed, replaced;
  ResolvedView view; ///< of what `computed` becomes
};

class KernelFormer {
public:
  explicit KernelFormer(func::FuncOp graph)
      : graph(graph), shapes(graph), views(graph, shapes), groups(graph, shapes), builder(graph) {}
  ~KernelFormer() {
    for (Operation *op : retired)
      op->destroy();
  }

  LogicalResult run();

private:
  FailureOr<StoredResult> placeResult(Value result, bool mayTurn);
  FailureOr<SmallVector<AffineExpr>> isolate(attn::AppendOp append, const KernelGroup &group);
  plan::KernelOp createKernel(const KernelGroup &group, ArrayRef<StoredResult> stored);
  LogicalResult fillKernel(plan::KernelOp kernel, ArrayRef<Operation *> members, ArrayRef<StoredResult> stored);
  LogicalResult outline(const KernelGroup &group);
  LogicalResult materialiseReturns();

  void retire(Operation *op);
  FailureOr<ResolvedView> view(Value tensor);
  Value copy(Value tensor);
  AffineMap viewMap(const ResolvedView &view);
  AffineMap sizesMap(ArrayRef<AffineExpr> sizes);
  FailureOr<Value> bringIn(Value outside, plan::KernelOp kernel, IRMapping &mapping);
  std::string label(const KernelGroup &group);
  ArrayAttr notes(const KernelGroup &group);

  func::FuncOp graph;
  SymbolicShapes shapes;
  ViewResolver views;
  KernelGroups groups;
  OpBuilder builder;
  /// Ops taken out of the graph. They live on until the end, because the analysis of shapes knows values by address.
  SmallVector<Operation *> retired;
};
} // namespace

//===- Views ------------------------------------------------------------------------------------------------------===//

AffineMap KernelFormer::sizesMap(ArrayRef<AffineExpr> sizes) {
  return AffineMap::get(0, shapes.getNumSymbols(), sizes, builder.getContext());
}

AffineMap KernelFormer::viewMap(const ResolvedView &view) {
  SmallVector<AffineExpr> results{view.offset};
  llvm::append_range(results, view.strides);
  return sizesMap(results);
}

void KernelFormer::retire(Operation *op) {
  op->dropAllReferences();
  op->remove();
  retired.push_back(op);
}

/// A map kernel that copies `tensor` to contiguous storage of its own.
Value KernelFormer::copy(Value tensor) {
  OpBuilder::InsertionGuard guard(builder);
  if (Operation *op = tensor.getDefiningOp())
    builder.setInsertionPointAfter(op);
  else
    builder.setInsertionPointToStart(&graph.getBody().front());
  auto type = cast<RankedTensorType>(tensor.getType());
  Location loc = tensor.getLoc();
  SmallVector<OpFoldResult> sizes = llvm::map_to_vector(
      shapes.shapeOf(tensor), [&](AffineExpr size) { return materialiseMixedSize(builder, loc, graph, size); });
  Value empty = tensor::EmptyOp::create(builder, loc, sizes, type.getElementType());
  if (empty.getType() != type)
    empty = tensor::CastOp::create(builder, loc, type, empty);
  AffineMap identity = builder.getMultiDimIdentityMap(type.getRank());
  SmallVector<utils::IteratorType> iterators(type.getRank(), utils::IteratorType::parallel);
  auto generic = linalg::GenericOp::create(
      builder, loc, TypeRange{type}, ValueRange{tensor}, ValueRange{empty}, ArrayRef<AffineMap>{identity, identity},
      iterators,
      [](OpBuilder &nested, Location at, ValueRange arguments) { linalg::YieldOp::create(nested, at, arguments[0]); });
  KernelGroup group{generic, plan::KernelRoot::Map, {}, generic.getResult(0)};
  group.members.insert(generic);
  // Outlining replaces the generic, so remember its place by a cast that stands for it.
  auto anchor = tensor::CastOp::create(builder, loc, type, generic.getResult(0));
  if (failed(outline(group)))
    return {};
  Value result = anchor.getSource();
  retire(anchor);
  return result;
}

FailureOr<ResolvedView> KernelFormer::view(Value tensor) {
  Value obstacle;
  FailureOr<ResolvedView> resolved = views.resolve(tensor, obstacle);
  if (succeeded(resolved))
    return resolved;
  // A reshape that is no view: copy what it reads, once for all its readers.
  Operation *reshape = nullptr;
  for (Value step = tensor; step != obstacle; step = reshape->getOperand(0))
    reshape = step.getDefiningOp();
  Value contiguous = copy(obstacle);
  if (!contiguous)
    return failure();
  reshape->setOperand(0, contiguous);
  return view(tensor);
}

//===- Outlining --------------------------------------------------------------------------------------------------===//

std::string KernelFormer::label(const KernelGroup &group) {
  std::string base = stringifyKernelRoot(group.kind).str();
  if (auto name = dyn_cast<NameLoc>(group.root->getLoc()))
    base = name.getName().str();
  return base;
}

ArrayAttr KernelFormer::notes(const KernelGroup &group) {
  SmallVector<Attribute> notes;
  for (Operation *op : group.members) {
    if (op == group.root)
      continue;
    auto generic = dyn_cast<linalg::GenericOp>(op);
    bool isContraction = generic && matchContraction(generic);
    std::string note = isContraction ? "joined:" : op->isBeforeInBlock(group.root) ? "pulled in:" : "fused:";
    op->walk([&](Operation *inner) {
      if (inner != op && !inner->hasTrait<OpTrait::IsTerminator>() && !inner->hasTrait<OpTrait::ConstantLike>())
        note += (" " + inner->getName().stripDialect()).str();
    });
    notes.push_back(builder.getStringAttr(note));
  }
  if (auto note = group.root->getAttrOfType<StringAttr>("heed.note"))
    notes.push_back(note);
  return notes.empty() ? ArrayAttr() : builder.getArrayAttr(notes);
}

/// The value inside the kernel for a value of the graph that a member reads.
FailureOr<Value> KernelFormer::bringIn(Value outside, plan::KernelOp kernel, IRMapping &mapping) {
  if (Value known = mapping.lookupOrNull(outside))
    return known;
  Operation *op = outside.getDefiningOp();
  Block &body = kernel.getBody().front();
  OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPointToEnd(&body);
  if (!isa<RankedTensorType>(outside.getType())) {
    Value inside;
    AffineExpr size = isa<IndexType>(outside.getType()) ? shapes.valueOf(outside) : AffineExpr();
    if (size)
      inside = materialiseSize(builder, outside.getLoc(), graph, size);
    else if (op && op->getNumRegions() == 0 && isPure(op)) {
      for (Value operand : op->getOperands())
        if (failed(bringIn(operand, kernel, mapping)))
          return failure();
      inside = builder.clone(*op, mapping)->getResult(0);
    } else {
      return kernel.emitOpError("reads a scalar that is not computed from sizes and constants");
    }
    mapping.map(outside, inside);
    return inside;
  }
  if (op && (isRepeated(op) || groups.isModifier(op))) {
    llvm::SetVector<Value> read(op->operand_begin(), op->operand_end());
    getUsedValuesDefinedAbove(op->getRegions(), read);
    for (Value operand : read)
      if (failed(bringIn(operand, kernel, mapping)))
        return failure();
    builder.setInsertionPointToEnd(&body);
    Value inside = builder.clone(*op, mapping)->getResult(cast<OpResult>(outside).getResultNumber());
    mapping.map(outside, inside);
    return inside;
  }
  if (llvm::any_of(shapes.shapeOf(outside), [](AffineExpr size) { return !size; }))
    return kernel.emitOpError("reads a tensor whose sizes do not follow from the sizes of the inputs");
  FailureOr<ResolvedView> resolved = view(outside);
  if (failed(resolved))
    return failure();
  Value inside = body.addArgument(outside.getType(), outside.getLoc());
  kernel.getOperandsMutable().append(resolved->base);
  auto append = [&](ArrayAttr attributes, AffineMap map) {
    SmallVector<Attribute> values(attributes.getValue());
    values.push_back(AffineMapAttr::get(map));
    return builder.getArrayAttr(values);
  };
  kernel.setOperandViewsAttr(append(kernel.getOperandViews(), viewMap(*resolved)));
  kernel.setOperandSizesAttr(append(kernel.getOperandSizes(), sizesMap(resolved->sizes)));
  mapping.map(outside, inside);
  return inside;
}

/// Stored in the order of its transpose when that is all that reads it and it `mayTurn`.
FailureOr<StoredResult> KernelFormer::placeResult(Value result, bool mayTurn) {
  ArrayRef<AffineExpr> sizes = shapes.shapeOf(result);
  if (llvm::any_of(sizes, [](AffineExpr size) { return !size; }))
    return failure();
  StoredResult stored{
      result, result, {result, views.constant(0), views.contiguousStrides(sizes), llvm::to_vector(sizes)}};
  auto transpose =
      mayTurn && result.hasOneUse() ? dyn_cast<linalg::TransposeOp>(*result.user_begin()) : linalg::TransposeOp();
  if (transpose && transpose.getInput() == result) {
    stored.replaced = transpose->getResult(0);
    SmallVector<AffineExpr> outer = views.contiguousStrides(shapes.shapeOf(stored.replaced));
    for (auto [position, dim] : llvm::enumerate(transpose.getPermutation()))
      stored.view.strides[dim] = outer[position];
  }
  return stored;
}

/// The kernel op, without a body and operands yet.
plan::KernelOp KernelFormer::createKernel(const KernelGroup &group, ArrayRef<StoredResult> stored) {
  SmallVector<Attribute> resultViews, resultSizes, storageSizes;
  SmallVector<Type> types;
  for (const StoredResult &result : stored) {
    storageSizes.push_back(AffineMapAttr::get(sizesMap(shapes.shapeOf(result.replaced))));
    types.push_back(result.replaced.getType());
    resultViews.push_back(AffineMapAttr::get(viewMap(result.view)));
    resultSizes.push_back(AffineMapAttr::get(sizesMap(result.view.sizes)));
  }
  ArrayAttr none = builder.getArrayAttr({});
  auto kernel = plan::KernelOp::create(builder, group.root->getLoc(), types, group.kind, label(group), ValueRange(),
                                       none, none, builder.getArrayAttr(resultViews), builder.getArrayAttr(resultSizes),
                                       storageSizes == resultSizes ? ArrayAttr() : builder.getArrayAttr(storageSizes),
                                       notes(group));
  kernel.getBody().emplaceBlock();
  return kernel;
}

LogicalResult KernelFormer::fillKernel(plan::KernelOp kernel, ArrayRef<Operation *> members,
                                       ArrayRef<StoredResult> stored) {
  IRMapping mapping;
  for (Operation *op : members) {
    llvm::SetVector<Value> read(op->operand_begin(), op->operand_end());
    getUsedValuesDefinedAbove(op->getRegions(), read);
    for (Value value : read)
      if (failed(bringIn(value, kernel, mapping)))
        return failure();
    OpBuilder::InsertionGuard guard(builder);
    builder.setInsertionPointToEnd(&kernel.getBody().front());
    builder.clone(*op, mapping);
  }
  OpBuilder inside = OpBuilder::atBlockEnd(&kernel.getBody().front());
  plan::YieldOp::create(inside, kernel.getLoc(), llvm::map_to_vector(stored, [&](const StoredResult &result) {
                          return mapping.lookup(result.computed);
                        }));
  return success();
}

/// Whether the append's result is returned in the place of the argument that is its cache, which nothing else reads.
static bool staysInPlace(attn::AppendOp append, func::FuncOp graph) {
  auto argument = dyn_cast<BlockArgument>(append.getCache());
  if (!argument || !argument.hasOneUse())
    return false;
  Operation *terminator = graph.getBody().front().getTerminator();
  std::optional<unsigned> returned;
  for (OpOperand &use : append.getResult().getUses())
    if (use.getOwner() == terminator && std::exchange(returned, use.getOperandNumber()))
      return false;
  auto alias = returned ? graph.getResultAttrOfType<IntegerAttr>(*returned, plan::aliasAttrName) : IntegerAttr();
  return alias && alias.getInt() == argument.getArgNumber();
}

/// The strides of what the group changes in place. It is all of some storage, and read by nothing else in the group; if
/// need be, a copy.
FailureOr<SmallVector<AffineExpr>> KernelFormer::isolate(attn::AppendOp append, const KernelGroup &group) {
  Value cache = append.getCache();
  auto reads = llvm::count_if(cache.getUsers(), [&](Operation *user) { return group.members.contains(user); });
  FailureOr<ResolvedView> resolved = view(cache);
  if (succeeded(resolved) && staysInPlace(append, graph))
    return resolved->strides;
  if (reads != 1 || failed(resolved) || !views.isWhole(*resolved) ||
      (resolved->base.getDefiningOp() && isRepeated(resolved->base.getDefiningOp()))) {
    cache = copy(cache);
    if (!cache)
      return failure();
    append.getCacheMutable().set(cache);
  }
  return views.contiguousStrides(shapes.shapeOf(cache));
}

LogicalResult KernelFormer::outline(const KernelGroup &group) {
  auto append = dyn_cast<attn::AppendOp>(group.root);
  FailureOr<SmallVector<AffineExpr>> inPlace = append ? isolate(append, group) : FailureOr<SmallVector<AffineExpr>>();
  if (append && failed(inPlace))
    return failure();
  SmallVector<Operation *> members(group.members.begin(), group.members.end());
  llvm::sort(members, [](Operation *a, Operation *b) { return a->isBeforeInBlock(b); });
  SmallVector<StoredResult> stored;
  for (Operation *op : members)
    for (Value result : op->getResults()) {
      if (llvm::all_of(result.getUsers(), [&](Operation *user) { return group.members.contains(user); }))
        continue;
      FailureOr<StoredResult> place = placeResult(result, /*mayTurn=*/!append);
      if (failed(place))
        return group.root->emitOpError("has a result whose sizes do not follow from the sizes of the inputs");
      if (append)
        place->view.strides = *inPlace;
      stored.push_back(*place);
    }
  if (!stored.empty()) {
    builder.setInsertionPointAfter(members.back());
    plan::KernelOp kernel = createKernel(group, stored);
    if (failed(fillKernel(kernel, members, stored)))
      return failure();
    for (auto [result, now] : llvm::zip_equal(stored, kernel.getResults())) {
      shapes.setShape(now, SmallVector<AffineExpr>(shapes.shapeOf(result.replaced)));
      if (append && *inPlace != views.contiguousStrides(shapes.shapeOf(now)))
        views.place(now, *inPlace);
      result.replaced.replaceAllUsesWith(now);
      if (result.replaced != result.computed)
        retire(result.replaced.getDefiningOp());
    }
  }
  for (Operation *op : llvm::reverse(members))
    retire(op);
  return success();
}

//===- Returns ----------------------------------------------------------------------------------------------------===//

/// A returned tensor must be the whole storage of something, in order, or of a reshape of it.
LogicalResult KernelFormer::materialiseReturns() {
  Operation *terminator = graph.getBody().front().getTerminator();
  for (OpOperand &returned : terminator->getOpOperands()) {
    Value value = returned.get();
    if (!isa<RankedTensorType>(value.getType()))
      return terminator->emitOpError("a graph returns tensors only");
    Value obstacle;
    FailureOr<ResolvedView> resolved = views.resolve(value, obstacle);
    bool reshapesOnly = true;
    for (Operation *op = value.getDefiningOp(); op && isView(op); op = op->getOperand(0).getDefiningOp())
      reshapesOnly &= isa<tensor::ExpandShapeOp, tensor::CollapseShapeOp, tensor::CastOp>(op);
    bool kept = succeeded(resolved) && views.isWhole(*resolved) && reshapesOnly &&
                !(resolved->base.getDefiningOp() && isRepeated(resolved->base.getDefiningOp()));
    if (kept)
      continue;
    Value contiguous = copy(value);
    if (!contiguous)
      return failure();
    returned.set(contiguous);
  }
  return success();
}

LogicalResult KernelFormer::run() {
  if (!graph.getBody().hasOneBlock())
    return graph.emitOpError("must be one block: control flow is not supported");
  if (!graph.getOps<plan::LaunchOp>().empty())
    return success(); // written with kernels already
  if (failed(groups.form()))
    return failure();
  for (const std::unique_ptr<KernelGroup> &group : groups.get())
    if (failed(outline(*group)))
      return failure();
  if (failed(materialiseReturns()))
    return failure();
  // Views that became part of kernels, and fills they repeat, are dead now.
  SmallVector<Operation *> ops;
  for (Operation &op : graph.getBody().front().without_terminator())
    ops.push_back(&op);
  for (Operation *op : llvm::reverse(ops))
    if (isOpTriviallyDead(op))
      retire(op);
  return success();
}

namespace {
struct FormKernels : PassWrapper<FormKernels, OperationPass<func::FuncOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(FormKernels)
  StringRef getArgument() const override { return "form-kernels"; }
  StringRef getDescription() const override { return "KernelGroup the ops of a graph into kernels, one root each"; }
  void getDependentDialects(DialectRegistry &registry) const override {
    registry.insert<plan::PlanDialect, linalg::LinalgDialect, tensor::TensorDialect>();
  }
  void runOnOperation() override {
    if (failed(KernelFormer(getOperation()).run()))
      signalPassFailure();
  }
};
} // namespace

std::unique_ptr<Pass> heed::createFormKernelsPass() { return std::make_unique<FormKernels>(); }
