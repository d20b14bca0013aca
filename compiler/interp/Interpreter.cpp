#include "compiler/interp/Interpreter.h"

#include "compiler/interp/Handlers.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"

using namespace mlir;

namespace heed::interp {

constexpr int64_t largestTensor = int64_t{1} << 27;
constexpr unsigned deepestCall = 64;

Shape Frame::indices(ValueRange range) const {
  Shape result;
  for (Value value : range)
    result.push_back(index(value));
  return result;
}

static const HandlerTable &handlerTable() {
  static const HandlerTable table = [] {
    HandlerTable built;
    addControlHandlers(built);
    addTensorHandlers(built);
    addLinalgHandlers(built);
    addMemRefHandlers(built);
    addAttnHandlers(built);
    addPlanHandlers(built);
    addTileHandlers(built);
    addTileValueHandlers(built);
    built["attn.attend"] = runAttend;
    built["arith.constant"] = runConstant;
    return built;
  }();
  return table;
}

static Handler findHandler(Operation &op) {
  auto found = handlerTable().find(op.getName().getStringRef());
  if (found != handlerTable().end())
    return found->second;
  if (isa<linalg::LinalgOp>(op))
    return runLinalg;
  if (isa_and_nonnull<arith::ArithDialect, math::MathDialect>(op.getDialect()))
    return runElementwise;
  return nullptr;
}

Interpreter::Interpreter(Precision precision) : precision(precision) {}

LogicalResult Interpreter::run(Operation &op, Frame &frame) {
  auto [entry, isNew] = resolved.try_emplace(op.getName(), nullptr);
  if (isNew)
    entry->second = findHandler(op);
  if (!entry->second)
    return op.emitError("interpreter: ") << op.getName() << " is not supported";
  Handler handler = entry->second;
  return handler(*this, &op, frame);
}

LogicalResult Interpreter::runBlock(Block &block, Frame &frame, SmallVectorImpl<RuntimeValue> &yielded) {
  for (Operation &op : block.without_terminator())
    if (failed(run(op, frame)))
      return failure();
  Operation *terminator = block.getTerminator();
  if (terminator->getNumSuccessors() != 0)
    return terminator->emitError("interpreter: branches between blocks are not supported");
  yielded.clear();
  for (Value operand : terminator->getOperands())
    yielded.push_back(frame.get(operand));
  return success();
}

FailureOr<SmallVector<RuntimeValue>> Interpreter::call(func::FuncOp function, ArrayRef<RuntimeValue> arguments,
                                                       const llvm::StringMap<int64_t> &given) {
  if (function.isExternal() || !function.getBody().hasOneBlock())
    return function.emitError("interpreter: needs a body of one block");
  if (depth >= deepestCall)
    return function.emitError("interpreter: calls are nested deeper than ") << deepestCall;
  if (arguments.size() != function.getNumArguments())
    return function.emitError("interpreter: takes ")
           << function.getNumArguments() << " arguments, got " << arguments.size();
  Frame frame;
  for (auto [argument, value] : llvm::zip_equal(function.getArguments(), arguments))
    frame.set(argument, value);
  if (failed(bindSymbols(function, arguments, given, frame)))
    return failure();
  SmallVector<RuntimeValue> results;
  ++depth;
  LogicalResult ran = runBlock(function.getBody().front(), frame, results);
  --depth;
  if (failed(ran))
    return failure();
  return results;
}

FailureOr<Shape> Interpreter::shapeOf(Operation *op, ShapedType type, ArrayRef<int64_t> dynamicSizes) {
  Shape shape;
  int64_t count = 1;
  for (int64_t extent : type.getShape()) {
    if (ShapedType::isDynamic(extent)) {
      if (dynamicSizes.empty())
        return op->emitError("interpreter: a size of ") << type << " is unknown";
      extent = dynamicSizes.front();
      dynamicSizes = dynamicSizes.drop_front();
    }
    if (extent < 0 || (extent > 0 && count > largestTensor / extent))
      return op->emitError("interpreter: size ") << extent << " of " << type << " is negative or too large";
    count *= std::max<int64_t>(extent, 1);
    shape.push_back(extent);
  }
  return shape;
}

LogicalResult Interpreter::checkShape(Operation *op, ShapedType type, const Tensor &tensor) {
  for (auto [want, extent] : llvm::zip_equal(type.getShape(), tensor.shape))
    if (!ShapedType::isDynamic(want) && want != extent)
      return op->emitError("interpreter: a size is ") << extent << " where the type says " << type;
  return success();
}

} // namespace heed::interp
