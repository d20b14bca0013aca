/// plan: symbols, kernels as regions behind views, launches of tile kernels on flat storage.
#include "compiler/interp/AffineEvaluation.h"
#include "compiler/interp/Handlers.h"

#include "dialects/plan/Plan.h"
#include "dialects/tile/Tile.h"

using namespace mlir;

namespace heed::interp {

static LogicalResult runSymbol(Interpreter &, Operation *op, Frame &frame) {
  StringRef name = cast<plan::SymbolOp>(op).getName();
  auto *found = llvm::find(frame.symbolNames, name);
  if (found == frame.symbolNames.end())
    return op->emitError("interpreter: the graph has no symbol ") << name;
  frame.set(op->getResult(0), Scalar::ofInteger(frame.symbols[found - frame.symbolNames.begin()]));
  return success();
}

/// What lies in memory: the elements at the tensor's strides, poison between them.
static std::shared_ptr<Storage> storageOf(const Tensor &tensor) {
  if (tensor.storageStrides.empty())
    return std::make_shared<Storage>(*tensor.elements);
  int64_t last = 0;
  for (auto [extent, stride] : llvm::zip_equal(tensor.shape, tensor.storageStrides))
    last += (extent - 1) * stride;
  auto storage = std::make_shared<Storage>(tensor.size() == 0 ? 0 : last + 1, poison(tensor.elementType));
  Shape position(tensor.shape.size(), 0);
  for (Scalar element : tensor.data()) {
    int64_t flat = 0;
    for (auto [index, stride] : llvm::zip_equal(position, tensor.storageStrides))
      flat += index * stride;
    (*storage)[flat] = element;
    nextPosition(position, tensor.shape);
  }
  return storage;
}

static FailureOr<Shape> evaluateMap(Operation *op, AffineMap map, const Frame &frame, StringRef what) {
  std::optional<Shape> values = evaluate(map, {}, frame.symbols);
  if (!values)
    return op->emitError("interpreter: ") << what << " uses a symbol the graph lacks, or divides by zero";
  return *values;
}

static AffineMap mapAt(ArrayAttr maps, unsigned position) { return cast<AffineMapAttr>(maps[position]).getValue(); }

/// A tensor nobody has written, of a shape that must fit `type`.
static FailureOr<Tensor> makeTensor(Interpreter &interpreter, Operation *op, RankedTensorType type,
                                    ArrayRef<int64_t> shape) {
  if (static_cast<int64_t>(shape.size()) != type.getRank())
    return op->emitError("interpreter: sizes do not fit ") << type;
  for (auto [want, extent] : llvm::zip_equal(type.getShape(), shape))
    if (!ShapedType::isDynamic(want) && want != extent)
      return op->emitError("interpreter: a size is ") << extent << " where the type says " << type;
  SmallVector<int64_t> unknown(shape.size(), ShapedType::kDynamic);
  if (failed(interpreter.shapeOf(op, RankedTensorType::get(unknown, type.getElementType()), shape)))
    return failure();
  return Tensor::filled(type.getElementType(), shape, poison(type.getElementType()));
}

/// Calls visit(element of the view in row-major order, its place in the storage) for a view (offset, strides..).
template <typename Visit>
static LogicalResult walkView(Operation *op, ArrayRef<int64_t> view, ArrayRef<int64_t> shape, size_t storageSize,
                              Visit visit) {
  Shape position(shape.size(), 0);
  for (int64_t element = 0, count = elementCount(shape); element < count; ++element) {
    int64_t flat = view.front();
    for (auto [index, stride] : llvm::zip_equal(position, view.drop_front()))
      flat += index * stride;
    if (flat < 0 || flat >= static_cast<int64_t>(storageSize))
      return op->emitError("interpreter: a view reaches element ") << flat << " of a storage of " << storageSize;
    visit(element, flat);
    nextPosition(position, shape);
  }
  return success();
}

static LogicalResult bindOperand(Interpreter &interpreter, plan::KernelOp kernel, unsigned position, Frame &frame) {
  BlockArgument argument = kernel.getBody().getArgument(position);
  auto type = cast<RankedTensorType>(argument.getType());
  FailureOr<Shape> view = evaluateMap(kernel, mapAt(kernel.getOperandViews(), position), frame, "an operand view");
  FailureOr<Shape> sizes = evaluateMap(kernel, mapAt(kernel.getOperandSizes(), position), frame, "operand sizes");
  if (failed(view) || failed(sizes))
    return failure();
  FailureOr<Tensor> seen = makeTensor(interpreter, kernel, type, *sizes);
  if (failed(seen))
    return failure();
  std::shared_ptr<Storage> storage = storageOf(frame.tensor(kernel.getOperands()[position]));
  MutableArrayRef<Scalar> data = seen->mutableData();
  if (failed(walkView(kernel, *view, *sizes, storage->size(),
                      [&](int64_t element, int64_t flat) { data[element] = (*storage)[flat]; })))
    return failure();
  frame.set(argument, std::move(*seen));
  return success();
}

static LogicalResult storeResult(Interpreter &interpreter, plan::KernelOp kernel, unsigned position,
                                 const Tensor &computed, Frame &frame) {
  auto type = cast<RankedTensorType>(kernel.getResults()[position].getType());
  FailureOr<Shape> view = evaluateMap(kernel, mapAt(kernel.getResultViews(), position), frame, "a result view");
  FailureOr<Shape> sizes = evaluateMap(kernel, mapAt(kernel.getResultSizes(), position), frame, "result sizes");
  if (failed(view) || failed(sizes))
    return failure();
  if (*sizes != computed.shape)
    return kernel.emitError("interpreter: the sizes of result ") << position << " are not those of the value it stores";
  // Storage has the sizes of what is stored, unless the op says otherwise.
  FailureOr<Shape> shape = *sizes;
  if (std::optional<ArrayAttr> storage = kernel.getStorageSizes(); storage && position < storage->size())
    shape = evaluateMap(kernel, mapAt(*storage, position), frame, "storage sizes");
  if (failed(shape))
    return failure();
  FailureOr<Tensor> stored = makeTensor(interpreter, kernel, type, *shape);
  if (failed(stored))
    return failure();
  MutableArrayRef<Scalar> data = stored->mutableData();
  if (failed(walkView(kernel, *view, *sizes, data.size(),
                      [&](int64_t element, int64_t flat) { data[flat] = computed.data()[element]; })))
    return failure();
  frame.set(kernel.getResults()[position], std::move(*stored));
  return success();
}

static LogicalResult runKernelRegion(Interpreter &interpreter, Operation *op, Frame &frame) {
  auto kernel = cast<plan::KernelOp>(op);
  for (unsigned position = 0; position < kernel.getOperands().size(); ++position)
    if (failed(bindOperand(interpreter, kernel, position, frame)))
      return failure();
  SmallVector<RuntimeValue> yielded;
  if (failed(interpreter.runBlock(kernel.getBody().front(), frame, yielded)))
    return failure();
  for (auto [position, value] : llvm::enumerate(yielded))
    if (failed(storeResult(interpreter, kernel, position, std::get<Tensor>(value), frame)))
      return failure();
  return success();
}

static LogicalResult runGrid(Interpreter &interpreter, tile::KernelOp kernel, ArrayRef<int64_t> grid,
                             ArrayRef<View> bases, ArrayRef<int64_t> parameters) {
  std::array<int64_t, 3> sizes = {1, 1, 1};
  llvm::copy(grid, sizes.begin());
  Frame program;
  auto bind = [&](int64_t x, int64_t y, int64_t z) {
    program = Frame();
    program.programId = {x, y, z};
    for (auto [argument, base] : llvm::zip(kernel.getArguments(), bases))
      program.set(argument, View(base));
    for (auto [argument, value] : llvm::zip(kernel.getArguments().drop_front(bases.size()), parameters))
      program.set(argument, Scalar::ofInteger(value));
  };
  SmallVector<RuntimeValue> nothing;
  for (int64_t z = 0; z < sizes[2]; ++z)
    for (int64_t y = 0; y < sizes[1]; ++y)
      for (int64_t x = 0; x < sizes[0]; ++x) {
        bind(x, y, z);
        ++interpreter.counters.programs;
        if (failed(interpreter.runBlock(kernel.getBody().front(), program, nothing)))
          return failure();
      }
  return success();
}

/// The base pointer of storage, as a kernel gets it.
static View baseOf(Type elementType, std::shared_ptr<Storage> storage) {
  auto count = static_cast<int64_t>(storage->size());
  return View{std::move(storage), elementType, 0, {count}, {1}};
}

/// Memory holds a bool as a byte, 0 or 1; an i1 value is 0 or -1.
static void storeBools(MutableArrayRef<Scalar> elements, int64_t whenTrue) {
  for (Scalar &element : elements)
    element = Scalar::ofInteger(element.integer != 0 ? whenTrue : 0);
}

static bool isZeroed(plan::LaunchOp launch, unsigned position) {
  auto zeroed = launch->getAttrOfType<DenseI64ArrayAttr>(plan::zeroedAttrName);
  return zeroed && llvm::is_contained(zeroed.asArrayRef(), int64_t(position));
}

/// Later calls find what is in such memory.
static LogicalResult checkLeftZero(plan::LaunchOp launch, unsigned position, ArrayRef<Scalar> elements) {
  if (isZeroed(launch, position) && llvm::any_of(elements, [](const Scalar &each) { return each.integer != 0; }))
    return launch.emitError("interpreter: result ") << position << " is not zero when the launch has ended";
  return success();
}

/// The storage of a result before the launch: unwritten, zero, or what the operand that plan.tied names holds.
static FailureOr<Tensor> makeResult(Interpreter &interpreter, plan::LaunchOp launch, unsigned position,
                                    const Frame &frame) {
  auto type = cast<RankedTensorType>(launch.getResults()[position].getType());
  FailureOr<Shape> shape = evaluateMap(launch, mapAt(launch.getResultShapes(), position), frame, "a result shape");
  if (failed(shape))
    return failure();
  FailureOr<Tensor> made = makeTensor(interpreter, launch, type, *shape);
  if (succeeded(made) && isZeroed(launch, position))
    return Tensor::filled(type.getElementType(), *shape, Scalar::ofInteger(0));
  auto tied = launch->getAttrOfType<DenseI64ArrayAttr>("plan.tied");
  if (failed(made) || !tied || position >= tied.size() || tied[position] < 0)
    return made;
  if (tied[position] >= static_cast<int64_t>(launch.getOperands().size()) ||
      frame.tensor(launch.getOperands()[tied[position]]).size() != made->size())
    return launch.emitError("interpreter: result ") << position << " cannot start from the operand it is tied to";
  *made->elements = *frame.tensor(launch.getOperands()[tied[position]]).elements;
  return made;
}

static LogicalResult runLaunch(Interpreter &interpreter, Operation *op, Frame &frame) {
  auto launch = cast<plan::LaunchOp>(op);
  auto kernel = interpreter.symbolTables.lookupNearestSymbolFrom<tile::KernelOp>(op, launch.getKernelAttr());
  if (!kernel || !kernel.getBody().hasOneBlock())
    return op->emitError("interpreter: ") << launch.getKernel() << " is no tile.kernel with one block";
  FailureOr<Shape> grid = evaluateMap(op, launch.getGrid(), frame, "the grid");
  FailureOr<Shape> parameters = evaluateMap(op, launch.getParams(), frame, "params");
  if (failed(grid) || failed(parameters))
    return failure();
  if (grid->size() != kernel.getGridRank() || launch.getResultShapes().size() != op->getNumResults() ||
      kernel.getNumBases() != op->getNumOperands() + op->getNumResults() ||
      kernel.getNumArguments() != kernel.getNumBases() + parameters->size())
    return op->emitError("interpreter: grid, shapes or arguments do not fit kernel ") << launch.getKernel();
  SmallVector<View> bases;
  for (Value operand : launch.getOperands()) {
    const Tensor &tensor = frame.tensor(operand);
    std::shared_ptr<Storage> storage = storageOf(tensor);
    if (tensor.elementType.isInteger(1)) {
      storage = std::make_shared<Storage>(*storage);
      storeBools(*storage, 1);
    }
    bases.push_back(baseOf(tensor.elementType, std::move(storage)));
  }
  for (unsigned position = 0; position < op->getNumResults(); ++position) {
    FailureOr<Tensor> made = makeResult(interpreter, launch, position, frame);
    if (failed(made))
      return failure();
    // The kernel writes into the elements of the result itself.
    bases.push_back(baseOf(made->elementType, made->elements));
    frame.set(op->getResult(position), std::move(*made));
  }
  ++interpreter.counters.launches;
  if (failed(runGrid(interpreter, kernel, *grid, bases, *parameters)))
    return failure();
  for (auto [result, base] : llvm::zip_equal(op->getResults(), ArrayRef(bases).take_back(op->getNumResults()))) {
    if (getElementTypeOrSelf(result.getType()).isInteger(1))
      storeBools(*base.storage, -1);
    if (failed(checkLeftZero(launch, result.getResultNumber(), *base.storage)))
      return failure();
  }
  return success();
}

void addPlanHandlers(HandlerTable &table) {
  table["plan.symbol"] = runSymbol;
  table["plan.kernel"] = runKernelRegion;
  table["plan.launch"] = runLaunch;
}

} // namespace heed::interp
