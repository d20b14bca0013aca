#include "compiler/interp/ScalarProgram.h"

#include "compiler/interp/AffineEvaluation.h"
#include "dialects/plan/Plan.h"
#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;

namespace heed::interp {

unsigned ScalarProgram::newSlot(Value value) {
  unsigned slot = slots.size();
  slots.push_back(Scalar::ofInteger(0));
  slotOfValue[value] = slot;
  return slot;
}

FailureOr<unsigned> ScalarProgram::slotOf(Value value, const Frame &frame, Operation *user) {
  if (auto found = slotOfValue.find(value); found != slotOfValue.end())
    return found->second;
  const Scalar *outer = frame.has(value) ? std::get_if<Scalar>(&frame.get(value)) : nullptr;
  if (!outer)
    return user->emitError("interpreter: operand is not a scalar known to this body");
  unsigned slot = newSlot(value);
  slots[slot] = *outer;
  return slot;
}

LogicalResult ScalarProgram::addOperands(Step &step, ValueRange operands, const Frame &frame) {
  for (Value operand : operands) {
    FailureOr<unsigned> slot = slotOf(operand, frame, step.op);
    if (failed(slot))
      return failure();
    step.operands.push_back(*slot);
  }
  return success();
}

LogicalResult ScalarProgram::compileExtract(Operation &op, const Frame &frame) {
  auto extract = cast<tensor::ExtractOp>(op);
  if (!frame.has(extract.getTensor()))
    return op.emitError("interpreter: reads a tensor made inside a scalar body");
  Step step{.kind = StepKind::extract, .op = &op, .result = newSlot(extract.getResult())};
  step.tensor = tensors.size();
  tensors.push_back(frame.tensor(extract.getTensor()));
  if (failed(addOperands(step, extract.getIndices(), frame)))
    return failure();
  steps.push_back(std::move(step));
  return success();
}

LogicalResult ScalarProgram::compileDim(Operation &op, const Frame &frame) {
  auto dim = cast<tensor::DimOp>(op);
  std::optional<int64_t> position = dim.getConstantIndex();
  if (!frame.has(dim.getSource()) || !position || *position < 0 || *position >= frame.tensor(dim.getSource()).rank())
    return op.emitError("interpreter: needs a constant dimension of a tensor from outside of the body");
  slots[newSlot(dim.getResult())] = Scalar::ofInteger(frame.tensor(dim.getSource()).shape[*position]);
  return success();
}

LogicalResult ScalarProgram::compileOp(Operation &op, Interpreter &interpreter, const Frame &frame) {
  if (auto constant = dyn_cast<arith::ConstantOp>(op)) {
    FailureOr<RuntimeValue> value = constantValue(&op, constant.getValue(), constant.getType());
    if (failed(value) || !std::holds_alternative<Scalar>(*value))
      return failed(value) ? failure() : op.emitError("interpreter: only scalar constants are allowed here");
    slots[newSlot(constant.getResult())] = std::get<Scalar>(*value);
    return success();
  }
  if (isa<tensor::ExtractOp>(op))
    return compileExtract(op, frame);
  if (isa<tensor::DimOp>(op))
    return compileDim(op, frame);
  if (auto symbol = dyn_cast<plan::SymbolOp>(op)) {
    auto *found = llvm::find(frame.symbolNames, symbol.getName());
    if (found == frame.symbolNames.end())
      return op.emitError("interpreter: the graph has no symbol ") << symbol.getName();
    slots[newSlot(symbol.getResult())] = Scalar::ofInteger(frame.symbols[found - frame.symbolNames.begin()]);
    return success();
  }
  Step step{.kind = StepKind::compute, .op = &op, .result = 0};
  if (auto index = dyn_cast<linalg::IndexOp>(op)) {
    step.kind = StepKind::iterationIndex;
    step.dim = static_cast<int64_t>(index.getDim());
  } else if (auto apply = dyn_cast<affine::AffineApplyOp>(op)) {
    step.kind = StepKind::affine;
    step.map = apply.getAffineMap();
  } else if (std::optional<ScalarCall> call = prepareScalarCall(&op, interpreter.precision)) {
    step.call = *call;
  } else {
    return op.emitError("interpreter: ") << op.getName() << " is not supported in a scalar body";
  }
  if (failed(addOperands(step, op.getOperands(), frame)))
    return failure();
  step.result = newSlot(op.getResult(0));
  steps.push_back(std::move(step));
  return success();
}

FailureOr<ScalarProgram> ScalarProgram::compile(Block &block, unsigned numArguments, Interpreter &interpreter,
                                                const Frame &frame) {
  ScalarProgram program;
  for (BlockArgument argument : block.getArguments().take_front(numArguments))
    program.newSlot(argument);
  for (Operation &op : block.without_terminator())
    if (failed(program.compileOp(op, interpreter, frame)))
      return failure();
  for (Value result : block.getTerminator()->getOperands()) {
    FailureOr<unsigned> slot = program.slotOf(result, frame, block.getTerminator());
    if (failed(slot))
      return failure();
    program.resultSlots.push_back(*slot);
  }
  return program;
}

LogicalResult ScalarProgram::runExtract(const Step &step) {
  const Tensor &tensor = tensors[step.tensor];
  int64_t position = 0;
  for (auto [dim, slot] : llvm::enumerate(step.operands)) {
    int64_t index = slots[slot].integer;
    if (index < 0 || index >= tensor.shape[dim])
      return step.op->emitError("interpreter: index ")
             << index << " of dimension " << dim << " is outside of its " << tensor.shape[dim] << " elements";
    position = position * tensor.shape[dim] + index;
  }
  slots[step.result] = tensor.data()[position];
  return success();
}

LogicalResult ScalarProgram::runStep(const Step &step, ArrayRef<int64_t> iteration) {
  switch (step.kind) {
  case StepKind::compute: {
    Scalar operands[4] = {};
    for (auto [position, slot] : llvm::enumerate(ArrayRef(step.operands).take_front(4)))
      operands[position] = slots[slot];
    if (!step.call(operands, slots[step.result]))
      return step.op->emitError("interpreter: the operation has no value for these operands");
    return success();
  }
  case StepKind::extract:
    return runExtract(step);
  case StepKind::iterationIndex:
    slots[step.result] = Scalar::ofInteger(iteration[step.dim]);
    return success();
  case StepKind::affine: {
    Shape values;
    for (unsigned slot : step.operands)
      values.push_back(slots[slot].integer);
    unsigned numDims = step.map.getNumDims();
    std::optional<int64_t> value =
        evaluate(step.map.getResult(0), ArrayRef(values).take_front(numDims), ArrayRef(values).drop_front(numDims));
    if (!value)
      return step.op->emitError("interpreter: the map divides by zero");
    slots[step.result] = Scalar::ofInteger(*value);
    return success();
  }
  }
  return failure();
}

LogicalResult ScalarProgram::run(ArrayRef<Scalar> arguments, ArrayRef<int64_t> iteration,
                                 MutableArrayRef<Scalar> results) {
  // The first slots are the arguments, in order.
  llvm::copy(arguments, slots.begin());
  for (const Step &step : steps)
    if (failed(runStep(step, iteration)))
      return failure();
  for (auto [position, slot] : llvm::enumerate(resultSlots))
    results[position] = slots[slot];
  return success();
}

} // namespace heed::interp
