/// func, scf and affine.
#include "compiler/interp/AffineEvaluation.h"
#include "compiler/interp/Handlers.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;

namespace heed::interp {

using Values = SmallVector<RuntimeValue>;

static void setAll(Frame &frame, ValueRange targets, ArrayRef<RuntimeValue> values) {
  for (auto [target, value] : llvm::zip_equal(targets, values))
    frame.set(target, value);
}

static Values getAll(Frame &frame, ValueRange sources) {
  return llvm::map_to_vector(sources, [&](Value source) { return frame.get(source); });
}

static LogicalResult runCall(Interpreter &interpreter, Operation *op, Frame &frame) {
  auto call = cast<func::CallOp>(op);
  auto callee = interpreter.symbolTables.lookupNearestSymbolFrom<func::FuncOp>(op, call.getCalleeAttr());
  if (!callee)
    return op->emitError("interpreter: no function named ") << call.getCallee();
  FailureOr<Values> results = interpreter.call(callee, getAll(frame, call.getOperands()));
  if (failed(results))
    return failure();
  setAll(frame, op->getResults(), *results);
  return success();
}

static LogicalResult runFor(Interpreter &interpreter, Operation *op, Frame &frame) {
  auto loop = cast<scf::ForOp>(op);
  int64_t lower = frame.index(loop.getLowerBound()), upper = frame.index(loop.getUpperBound());
  int64_t step = frame.index(loop.getStep());
  if (step <= 0)
    return op->emitError("interpreter: step ") << step << " is not positive";
  Values carried = getAll(frame, loop.getInitArgs());
  for (int64_t i = lower; i < upper; i += step) {
    frame.set(loop.getInductionVar(), Scalar::ofInteger(i));
    setAll(frame, loop.getRegionIterArgs(), carried);
    if (failed(interpreter.runBlock(*loop.getBody(), frame, carried)))
      return failure();
  }
  setAll(frame, op->getResults(), carried);
  return success();
}

static LogicalResult runIf(Interpreter &interpreter, Operation *op, Frame &frame) {
  auto branch = cast<scf::IfOp>(op);
  Region &taken = frame.index(branch.getCondition()) != 0 ? branch.getThenRegion() : branch.getElseRegion();
  Values yielded;
  if (!taken.empty() && failed(interpreter.runBlock(taken.front(), frame, yielded)))
    return failure();
  setAll(frame, op->getResults(), yielded);
  return success();
}

static LogicalResult runWhile(Interpreter &interpreter, Operation *op, Frame &frame) {
  auto loop = cast<scf::WhileOp>(op);
  Values carried = getAll(frame, loop.getInits());
  while (true) {
    setAll(frame, loop.getBeforeArguments(), carried);
    if (failed(interpreter.runBlock(*loop.getBeforeBody(), frame, carried)))
      return failure();
    bool goesOn = std::get<Scalar>(carried.front()).integer != 0;
    carried.erase(carried.begin());
    if (!goesOn)
      break;
    setAll(frame, loop.getAfterArguments(), carried);
    if (failed(interpreter.runBlock(*loop.getAfterBody(), frame, carried)))
      return failure();
  }
  setAll(frame, op->getResults(), carried);
  return success();
}

/// affine.apply, affine.min and affine.max.
template <typename Combine>
static LogicalResult runAffine(Operation *op, Frame &frame, AffineMap map, Combine combine) {
  Shape operands = frame.indices(op->getOperands());
  std::optional<Shape> values =
      evaluate(map, ArrayRef(operands).take_front(map.getNumDims()), ArrayRef(operands).drop_front(map.getNumDims()));
  if (!values || values->empty())
    return op->emitError("interpreter: the map divides by zero");
  int64_t result = values->front();
  for (int64_t value : *values)
    result = combine(result, value);
  frame.set(op->getResult(0), Scalar::ofInteger(result));
  return success();
}

void addControlHandlers(HandlerTable &table) {
  table["func.call"] = runCall;
  table["scf.for"] = runFor;
  table["scf.if"] = runIf;
  table["scf.while"] = runWhile;
  table["affine.apply"] = [](Interpreter &, Operation *op, Frame &frame) {
    return runAffine(op, frame, cast<affine::AffineApplyOp>(op).getAffineMap(),
                     [](int64_t first, int64_t) { return first; });
  };
  table["affine.min"] = [](Interpreter &, Operation *op, Frame &frame) {
    return runAffine(op, frame, cast<affine::AffineMinOp>(op).getMap(),
                     [](int64_t a, int64_t b) { return std::min(a, b); });
  };
  table["affine.max"] = [](Interpreter &, Operation *op, Frame &frame) {
    return runAffine(op, frame, cast<affine::AffineMaxOp>(op).getMap(),
                     [](int64_t a, int64_t b) { return std::max(a, b); });
  };
}

} // namespace heed::interp
