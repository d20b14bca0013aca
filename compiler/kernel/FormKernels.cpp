/// Groups the ops of a graph into kernels, one root each.
///
/// Elementwise users are pushed into the kernel that produces what they read, elementwise producers are pulled into
/// row kernels, and what is left of the elementwise ops becomes map kernels. Transposes, slices and reshapes become
/// views of kernel operands; a transpose that is the only user of a result decides how the result is stored.
#include "compiler/kernel/Contraction.h"
#include "compiler/kernel/Passes.h"
#include "compiler/kernel/ViewResolver.h"
#include "dialects/attn/Attn.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Transforms/RegionUtils.h"
#include "llvm/ADT/SetVector.h"

using namespace mlir;
using namespace heed;

namespace {
/// Ops that will run as one kernel.
struct Group {
  Operation *root;
  plan::KernelRoot kind;
  llvm::SetVector<Operation *> members;
  /// The value the epilogue continues from; null once the root's results leave as they are.
  Value tail;
  bool joins = false; ///< another contraction is among the members

  Operation *last() const {
    Operation *result = root;
    for (Operation *op : members)
      if (result->isBeforeInBlock(op))
        result = op;
    return result;
  }
};

/// What a kernel stores: a value that it computes, in place of a value of the graph.
struct StoredResult {
  Value computed, replaced;
  ResolvedView view; ///< of what `computed` becomes
};

class KernelFormer {
public:
  explicit KernelFormer(func::FuncOp graph) : graph(graph), shapes(graph), views(graph, shapes), builder(graph) {}
  ~KernelFormer() {
    for (Operation *op : retired)
      op->destroy();
  }

  LogicalResult run();

private:
  LogicalResult checkOps();
  void findModifiers();
  void formGroups();
  void add(Group &group, Operation *op);
  void push(Group &group);
  void pull(Group &group, Operation *consumer);
  void joinContractions(Group &group, linalg::GenericOp user);
  bool findJoining(Group &group, Value value, SmallVectorImpl<Operation *> &path);
  FailureOr<StoredResult> placeResult(Value result);
  plan::KernelOp createKernel(const Group &group, ArrayRef<StoredResult> stored);
  LogicalResult fillKernel(plan::KernelOp kernel, ArrayRef<Operation *> members, ArrayRef<StoredResult> stored);
  LogicalResult outline(Group &group);
  LogicalResult materialiseReturns();

  void retire(Operation *op);
  FailureOr<ResolvedView> view(Value tensor);
  Value copy(Value tensor);
  AffineMap viewMap(const ResolvedView &view);
  AffineMap sizesMap(ArrayRef<AffineExpr> sizes);
  FailureOr<Value> bringIn(Value outside, plan::KernelOp kernel, IRMapping &mapping);
  std::string label(const Group &group);
  ArrayAttr notes(const Group &group);

  func::FuncOp graph;
  SymbolicShapes shapes;
  ViewResolver views;
  OpBuilder builder;
  SmallVector<std::unique_ptr<Group>> groups;
  DenseMap<Operation *, Group *> groupOf;
  /// Ops taken out of the graph. They live on until the end, because the analysis of shapes knows values by address.
  SmallVector<Operation *> retired;
  /// Elementwise ops that only attention reads, as captures: every attend computes what it needs of them itself, so
  /// that no mask over rows and keys is stored.
  DenseSet<Operation *> modifiers;
};
} // namespace

static bool isMapLike(Operation *op) {
  auto generic = dyn_cast_or_null<linalg::GenericOp>(op);
  return generic && generic.getNumReductionLoops() == 0 && llvm::all_of(generic->getResults(), [&](OpResult result) {
           return generic.getIndexingMapMatchingResult(result).isPermutation();
         });
}

static bool isView(Operation *op) {
  return isa<linalg::TransposeOp, tensor::ExpandShapeOp, tensor::CollapseShapeOp, tensor::ExtractSliceOp,
             tensor::CastOp>(op);
}

/// Ops that are cheap enough to be repeated in every kernel that reads them.
static bool isRepeated(Operation *op) {
  DenseElementsAttr constant;
  return isa<linalg::FillOp, tensor::EmptyOp, tensor::SplatOp>(op) ||
         (matchPattern(op, m_Constant(&constant)) && constant.isSplat() && constant.getNumElements() == 1) ||
         (matchPattern(op, m_Constant()) && !isa<ShapedType>(op->getResult(0).getType()));
}

static std::optional<plan::KernelRoot> rootKind(Operation *op) {
  if (isa<attn::AttendOp>(op))
    return plan::KernelRoot::Attend;
  if (isa<attn::NormOp, linalg::SoftmaxOp>(op))
    return plan::KernelRoot::Row;
  auto generic = dyn_cast<linalg::GenericOp>(op);
  if (!generic)
    return std::nullopt;
  if (generic.getNumReductionLoops() == 0)
    return isMapLike(op) ? std::optional(plan::KernelRoot::Map) : std::nullopt;
  return matchContraction(generic) ? plan::KernelRoot::Matmul : plan::KernelRoot::Row;
}

//===- Groups -----------------------------------------------------------------------------------------------------===//

LogicalResult KernelFormer::checkOps() {
  for (Operation &op : graph.getBody().front().without_terminator()) {
    bool touchesTensors = llvm::any_of(op.getResultTypes(), llvm::IsaPred<RankedTensorType>);
    if (!touchesTensors || isView(&op) || isRepeated(&op) || op.hasTrait<OpTrait::ConstantLike>() || rootKind(&op) ||
        isa<plan::KernelOp, plan::LaunchOp>(op))
      continue;
    return op.emitOpError("cannot be compiled: no kernel is made of it and no rewrite to attend, matmul, row or map "
                          "kernels is known");
  }
  return success();
}

/// Whether the use is as a capture of an attend.
static bool isCapture(OpOperand &use) {
  auto attend = dyn_cast<attn::AttendOp>(use.getOwner());
  return attend && llvm::is_contained(attend.getCaptures(), use.get()) && use.get() != attend.getQuery() &&
         use.get() != attend.getKey() && use.get() != attend.getValue();
}

void KernelFormer::findModifiers() {
  for (Operation &op : llvm::reverse(graph.getBody().front())) {
    if (!isMapLike(&op) || op.getNumResults() != 1 || op.use_empty())
      continue;
    bool readByAttention = llvm::all_of(
        op.getUses(), [&](OpOperand &use) { return isCapture(use) || modifiers.contains(use.getOwner()); });
    bool isCheap = !op.walk([](Operation *inner) {
                        return isa_and_nonnull<math::MathDialect>(inner->getDialect()) ? WalkResult::interrupt()
                                                                                       : WalkResult::advance();
                      }).wasInterrupted();
    if (readByAttention && isCheap)
      modifiers.insert(&op);
  }
}

void KernelFormer::add(Group &group, Operation *op) {
  group.members.insert(op);
  groupOf[op] = &group;
}

void KernelFormer::formGroups() {
  Block &body = graph.getBody().front();
  auto start = [&](Operation &op, plan::KernelRoot kind) {
    auto group = std::make_unique<Group>(Group{&op, kind, {}, op.getResult(0)});
    add(*group, &op);
    push(*group);
    if (kind == plan::KernelRoot::Row)
      pull(*group, &op);
    groups.push_back(std::move(group));
  };
  for (bool maps : {false, true})
    for (Operation &op : body.without_terminator())
      if (auto kind = rootKind(&op);
          kind && !groupOf.contains(&op) && !modifiers.contains(&op) && (kind == plan::KernelRoot::Map) == maps)
        start(op, *kind);
  llvm::sort(groups, [](const auto &a, const auto &b) { return a->last()->isBeforeInBlock(b->last()); });
}

/// Takes in elementwise users of the tail as long as they are its only users and walk it in its own order.
void KernelFormer::push(Group &group) {
  while (group.tail.hasOneUse()) {
    auto user = dyn_cast<linalg::GenericOp>(*group.tail.user_begin());
    if (!user || !isMapLike(user) || user->getNumResults() != 1 || groupOf.contains(user) || modifiers.contains(user))
      return;
    OpOperand &use = *group.tail.use_begin();
    AffineMap stored = user.getIndexingMapsArray().back();
    if (!user.isDpsInput(&use) || user.getMatchingIndexingMap(&use) != stored)
      return;
    add(group, user);
    group.tail = user.getResult(0);
    joinContractions(group, user);
  }
}

/// A contraction that shares the root's left operand, or elementwise users of one, ahead of a member that alone reads
/// the value: all of them, the contraction first.
bool KernelFormer::findJoining(Group &group, Value value, SmallVectorImpl<Operation *> &path) {
  auto producer = value.getDefiningOp<linalg::GenericOp>();
  if (!producer || !value.hasOneUse() || groupOf.contains(producer) || modifiers.contains(producer) ||
      producer->getNumResults() != 1)
    return false;
  bool joins = shareLeftOperand(cast<linalg::GenericOp>(group.root), producer) &&
               shapes.shapeOf(group.root->getResult(0)) == shapes.shapeOf(value);
  if (!joins && isMapLike(producer))
    joins = llvm::any_of(producer.getDpsInputOperands(), [&](OpOperand *input) {
      return producer.getMatchingIndexingMap(input) == producer.getIndexingMapsArray().back() &&
             findJoining(group, input->get(), path);
    });
  if (joins)
    path.push_back(producer);
  return joins;
}

/// Takes in a contraction whose sums meet the root's in an elementwise op, as in a gated product: the kernel computes
/// both, and no sum is stored. With more than two, blocks would be so narrow that the left operand is read more often.
void KernelFormer::joinContractions(Group &group, linalg::GenericOp user) {
  if (group.kind != plan::KernelRoot::Matmul || group.joins)
    return;
  for (OpOperand *input : user.getDpsInputOperands()) {
    SmallVector<Operation *> path;
    if (user.getMatchingIndexingMap(input) != user.getIndexingMapsArray().back() ||
        !findJoining(group, input->get(), path))
      continue;
    for (Operation *op : path)
      add(group, op);
    group.joins = true;
    return;
  }
}

/// Takes in elementwise producers that nobody else reads.
void KernelFormer::pull(Group &group, Operation *consumer) {
  for (Value operand : consumer->getOperands()) {
    Operation *producer = operand.getDefiningOp();
    if (!producer || !operand.hasOneUse() || !isMapLike(producer) || producer->getNumResults() != 1 ||
        groupOf.contains(producer) || modifiers.contains(producer))
      continue;
    add(group, producer);
    pull(group, producer);
  }
}

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
  Group group{generic, plan::KernelRoot::Map, {}, generic.getResult(0)};
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

std::string KernelFormer::label(const Group &group) {
  std::string base = stringifyKernelRoot(group.kind).str();
  if (auto name = dyn_cast<NameLoc>(group.root->getLoc()))
    base = name.getName().str();
  return base;
}

ArrayAttr KernelFormer::notes(const Group &group) {
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
  if (op && (isRepeated(op) || modifiers.contains(op))) {
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

/// Stored in the order of its transpose when that is all that reads it.
FailureOr<StoredResult> KernelFormer::placeResult(Value result) {
  ArrayRef<AffineExpr> sizes = shapes.shapeOf(result);
  if (llvm::any_of(sizes, [](AffineExpr size) { return !size; }))
    return failure();
  StoredResult stored{
      result, result, {result, views.constant(0), views.contiguousStrides(sizes), llvm::to_vector(sizes)}};
  auto transpose = result.hasOneUse() ? dyn_cast<linalg::TransposeOp>(*result.user_begin()) : linalg::TransposeOp();
  if (transpose && transpose.getInput() == result) {
    stored.replaced = transpose->getResult(0);
    SmallVector<AffineExpr> outer = views.contiguousStrides(shapes.shapeOf(stored.replaced));
    for (auto [position, dim] : llvm::enumerate(transpose.getPermutation()))
      stored.view.strides[dim] = outer[position];
  }
  return stored;
}

/// The kernel op, without a body and operands yet.
plan::KernelOp KernelFormer::createKernel(const Group &group, ArrayRef<StoredResult> stored) {
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

LogicalResult KernelFormer::outline(Group &group) {
  SmallVector<Operation *> members(group.members.begin(), group.members.end());
  llvm::sort(members, [](Operation *a, Operation *b) { return a->isBeforeInBlock(b); });
  SmallVector<StoredResult> stored;
  for (Operation *op : members)
    for (Value result : op->getResults()) {
      if (llvm::all_of(result.getUsers(), [&](Operation *user) { return group.members.contains(user); }))
        continue;
      FailureOr<StoredResult> place = placeResult(result);
      if (failed(place))
        return group.root->emitOpError("has a result whose sizes do not follow from the sizes of the inputs");
      stored.push_back(*place);
    }
  if (!stored.empty()) {
    builder.setInsertionPointAfter(members.back());
    plan::KernelOp kernel = createKernel(group, stored);
    if (failed(fillKernel(kernel, members, stored)))
      return failure();
    for (auto [result, now] : llvm::zip_equal(stored, kernel.getResults())) {
      shapes.setShape(now, SmallVector<AffineExpr>(shapes.shapeOf(result.replaced)));
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
  if (failed(checkOps()))
    return failure();
  findModifiers();
  formGroups();
  for (std::unique_ptr<Group> &group : groups)
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
  StringRef getDescription() const override { return "Group the ops of a graph into kernels, one root each"; }
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
