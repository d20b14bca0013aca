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

/// Sizes of the tensor a kernel's body sees. Views give strides only, so dynamic sizes come from the op's shapes
/// attribute `name` when it has one, else from the materialised tensor of the same rank.
static FailureOr<Shape> seenShape(Interpreter &interpreter, Operation *op, StringRef name, unsigned position,
                                  RankedTensorType type, ArrayRef<int64_t> materialised, const Frame &frame) {
  if (type.hasStaticShape())
    return Shape(type.getShape());
  Shape candidate(materialised);
  if (auto maps = op->getAttrOfType<ArrayAttr>(name); maps && position < maps.size()) {
    FailureOr<Shape> given = evaluateMap(op, cast<AffineMapAttr>(maps[position]).getValue(), frame, name);
    if (failed(given))
      return failure();
    candidate = *given;
  }
  if (static_cast<int64_t>(candidate.size()) != type.getRank())
    return op->emitError("interpreter: the sizes of ") << type << " behind a view are unknown";
  Shape dynamic;
  for (int64_t dim = 0; dim < type.getRank(); ++dim)
    if (type.isDynamicDim(dim))
      dynamic.push_back(candidate[dim]);
  return interpreter.shapeOf(op, type, dynamic);
}

static LogicalResult bindOperand(Interpreter &interpreter, plan::KernelOp kernel, unsigned position, Frame &frame) {
  BlockArgument argument = kernel.getBody().getArgument(position);
  auto type = cast<RankedTensorType>(argument.getType());
  const Tensor operand = frame.tensor(kernel.getOperands()[position]);
  AffineMap map = cast<AffineMapAttr>(kernel.getOperandViews()[position]).getValue();
  FailureOr<Shape> view = evaluateMap(kernel, map, frame, "an operand view");
  FailureOr<Shape> shape = seenShape(interpreter, kernel, "operand_shapes", position, type, operand.shape, frame);
  if (failed(view) || failed(shape))
    return failure();
  std::shared_ptr<Storage> storage = storageOf(operand);
  Tensor seen = Tensor::filled(type.getElementType(), *shape, Scalar::ofInteger(0));
  MutableArrayRef<Scalar> data = seen.mutableData();
  if (failed(walkView(kernel, *view, *shape, storage->size(),
                      [&](int64_t element, int64_t flat) { data[element] = (*storage)[flat]; })))
    return failure();
  frame.set(argument, std::move(seen));
  return success();
}

static LogicalResult storeResult(Interpreter &interpreter, plan::KernelOp kernel, unsigned position,
                                 const Tensor &computed, Frame &frame) {
  auto type = cast<RankedTensorType>(kernel.getResults()[position].getType());
  AffineMap map = cast<AffineMapAttr>(kernel.getResultViews()[position]).getValue();
  FailureOr<Shape> view = evaluateMap(kernel, map, frame, "a result view");
  FailureOr<Shape> shape = seenShape(interpreter, kernel, "result_shapes", position, type, computed.shape, frame);
  if (failed(view) || failed(shape))
    return failure();
  Tensor stored = Tensor::filled(type.getElementType(), *shape, poison(type.getElementType()));
  MutableArrayRef<Scalar> data = stored.mutableData();
  if (failed(walkView(kernel, *view, computed.shape, data.size(),
                      [&](int64_t element, int64_t flat) { data[flat] = computed.data()[element]; })))
    return failure();
  frame.set(kernel.getResults()[position], std::move(stored));
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

static FailureOr<Tensor> makeResult(Interpreter &interpreter, plan::LaunchOp launch, unsigned position,
                                    const Frame &frame) {
  auto type = cast<RankedTensorType>(launch.getResults()[position].getType());
  AffineMap map = cast<AffineMapAttr>(launch.getResultShapes()[position]).getValue();
  FailureOr<Shape> sizes = evaluateMap(launch, map, frame, "a result shape");
  if (failed(sizes))
    return failure();
  if (static_cast<int64_t>(sizes->size()) != type.getRank())
    return launch.emitError("interpreter: a result shape does not fit ") << type;
  SmallVector<int64_t> unknown(sizes->size(), ShapedType::kDynamic);
  if (failed(interpreter.shapeOf(launch, RankedTensorType::get(unknown, type.getElementType()), *sizes)))
    return failure();
  Tensor made = Tensor::filled(type.getElementType(), *sizes, poison(type.getElementType()));
  if (failed(interpreter.checkShape(launch, type, made)))
    return failure();
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
  for (Value operand : launch.getOperands())
    bases.push_back(baseOf(frame.tensor(operand).elementType, storageOf(frame.tensor(operand))));
  for (unsigned position = 0; position < op->getNumResults(); ++position) {
    FailureOr<Tensor> made = makeResult(interpreter, launch, position, frame);
    if (failed(made))
      return failure();
    // The kernel writes into the elements of the result itself.
    bases.push_back(baseOf(made->elementType, made->elements));
    frame.set(op->getResult(position), std::move(*made));
  }
  ++interpreter.counters.launches;
  return runGrid(interpreter, kernel, *grid, bases, *parameters);
}

void addPlanHandlers(HandlerTable &table) {
  table["plan.symbol"] = runSymbol;
  table["plan.kernel"] = runKernelRegion;
  table["plan.launch"] = runLaunch;
}

} // namespace heed::interp
