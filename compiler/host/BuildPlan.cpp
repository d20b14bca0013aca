#include "compiler/host/BuildPlan.h"

#include "compiler/host/PlanKernels.h"
#include "compiler/host/PlanSignature.h"
#include "compiler/host/ValueSizes.h"
#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;

namespace heed {

FailureOr<func::FuncOp> findGraph(ModuleOp module) {
  if (auto main = module.lookupSymbol<func::FuncOp>("main"))
    return main;
  auto functions = llvm::to_vector(module.getOps<func::FuncOp>());
  if (functions.size() == 1)
    return functions.front();
  return module.emitError("the module needs a function @main that holds the graph, or exactly one function; it has ")
         << functions.size() << " functions";
}

namespace {

class PlanBuilder {
public:
  PlanBuilder(func::FuncOp graph, const PlanRequest &request, ConstantPool &constants, rt::Plan &plan)
      : graph(graph), constants(constants), plan(plan), symbols(graph, plan), sizes(graph, symbols, plan),
        signature(graph, symbols, sizes, plan), kernels(request, symbols, plan) {}

  LogicalResult run();

private:
  LogicalResult collectLaunches(SmallVectorImpl<plan::LaunchOp> &launches);
  void claimOutputs();
  bool mayTakeStorage(OpResult result, uint32_t output);
  bool readsAfter(uint32_t input, plan::LaunchOp launch);
  int64_t tiedOperand(OpResult result);
  bool isZeroed(OpResult result);
  OpResult heirOf(OpResult result);

  LogicalResult addLaunch(plan::LaunchOp launch);
  FailureOr<uint32_t> resultBuffer(OpResult result);
  FailureOr<uint32_t> bufferOf(Value tensor);
  uint32_t addBuffer(rt::Buffer buffer);
  FailureOr<rt::ExprId> byteSize(Value tensor);

  LogicalResult returnRemaining();
  LogicalResult addCopy(Value source, uint32_t sourceBuffer, uint32_t destinationBuffer, uint32_t output);
  SmallVector<rt::ExprId> denseStrides(ArrayRef<rt::ExprId> extents);
  SmallVector<rt::ExprId> inputStrides(uint32_t input);
  void setLifetimes();

  func::FuncOp graph;
  func::ReturnOp terminator;
  ConstantPool &constants;
  rt::Plan &plan;
  SymbolExpressions symbols;
  ValueSizes sizes;
  PlanSignature signature;
  PlanKernels kernels;
  DenseMap<Value, uint32_t> buffers; // of storage roots
  DenseMap<Value, uint32_t> claimed; // launch results that are written into an output
};

LogicalResult PlanBuilder::run() {
  if (!graph.getBody().hasOneBlock())
    return graph.emitError("a graph has one block");
  terminator = dyn_cast<func::ReturnOp>(graph.getBody().front().getTerminator());
  if (!terminator)
    return graph.emitError("a graph ends with func.return");
  SmallVector<plan::LaunchOp> launches;
  if (failed(collectLaunches(launches)) || failed(signature.addInputs()) || failed(signature.addOutputs(terminator)))
    return failure();
  claimOutputs();
  for (plan::LaunchOp launch : launches)
    if (failed(addLaunch(launch)))
      return failure();
  if (failed(returnRemaining()) || failed(signature.addConstraints()) || failed(symbols.checkBound()))
    return failure();
  setLifetimes();
  return success();
}

/// The launches somebody needs, in order. Checks that everything needed is something a plan can hold.
LogicalResult PlanBuilder::collectLaunches(SmallVectorImpl<plan::LaunchOp> &launches) {
  llvm::SmallPtrSet<Operation *, 32> needed;
  for (Operation &op : llvm::reverse(graph.getBody().front()))
    if (&op == terminator || llvm::any_of(op.getUsers(), [&](Operation *user) { return needed.contains(user); }))
      needed.insert(&op);
  for (Operation &op : graph.getBody().front()) {
    bool isIndex = op.getNumResults() == 1 && op.getResult(0).getType().isIndex();
    if (!needed.contains(&op) || &op == terminator || isIndex || isReshape(&op) || isa<arith::ConstantOp>(op))
      continue;
    auto launch = dyn_cast<plan::LaunchOp>(op);
    if (!launch)
      return op.emitError("'") << op.getName()
                               << "' is left in the graph, but a plan has only launches, constants and reshapes: no "
                                  "kernel computes it";
    if (failed(verifyLaunch(launch, symbols)))
      return failure();
    launches.push_back(launch);
  }
  return success();
}

//===-- Which results are outputs ---------------------------------------------------------------------------------===//

/// The operand a result starts from, or -1.
int64_t PlanBuilder::tiedOperand(OpResult result) {
  auto tied = result.getOwner()->getAttrOfType<DenseI64ArrayAttr>(plan::tiedAttrName);
  return tied ? tied[result.getResultNumber()] : -1;
}

/// Whether a result is zero before and after its launch.
bool PlanBuilder::isZeroed(OpResult result) {
  auto zeroed = result.getOwner()->getAttrOfType<DenseI64ArrayAttr>(plan::zeroedAttrName);
  return zeroed && llvm::is_contained(zeroed.asArrayRef(), int64_t(result.getResultNumber()));
}

/// The result that starts from `result`, where nobody else reads it: both are in one place. Null where there is none.
OpResult PlanBuilder::heirOf(OpResult result) {
  auto launch = result.hasOneUse() ? dyn_cast<plan::LaunchOp>(*result.user_begin()) : plan::LaunchOp();
  if (!launch)
    return {};
  for (OpResult heir : launch.getResults())
    if (tiedOperand(heir) == static_cast<int64_t>(result.use_begin()->getOperandNumber()))
      return heir;
  return {};
}

/// Whether a launch after `launch`, or it itself other than through a tied operand, or the return reads an input.
bool PlanBuilder::readsAfter(uint32_t input, plan::LaunchOp launch) {
  SmallVector<Value> views = {graph.getArgument(input)};
  while (!views.empty()) {
    for (OpOperand &use : views.pop_back_val().getUses()) {
      Operation *user = use.getOwner();
      if (isReshape(user)) {
        views.push_back(user->getResult(0));
        continue;
      }
      if (!isa<plan::LaunchOp>(user) && user != terminator)
        continue; // sizes only
      bool isTied = user == launch && llvm::any_of(launch.getResults(), [&](OpResult result) {
                      return tiedOperand(result) == static_cast<int64_t>(use.getOperandNumber());
                    });
      if (!isTied && (user == launch || launch->isBeforeInBlock(user)))
        return true;
    }
  }
  return false;
}

bool PlanBuilder::mayTakeStorage(OpResult result, uint32_t output) {
  uint32_t alias = plan.outputs[output].alias;
  if (alias == rt::noIndex)
    return true;
  auto launch = cast<plan::LaunchOp>(result.getOwner());
  int64_t tied = tiedOperand(result);
  bool isTied = tied >= 0 && storageRoot(launch.getOperands()[tied]) == graph.getArgument(alias);
  return (isTied || !plan.outputs[output].strided) && !readsAfter(alias, launch);
}

void PlanBuilder::claimOutputs() {
  for (auto [index, value] : llvm::enumerate(terminator.getOperands())) {
    auto root = dyn_cast<OpResult>(storageRoot(value));
    if (root && isa<plan::LaunchOp>(root.getOwner()) && !claimed.contains(root) && mayTakeStorage(root, index))
      claimed[root] = index;
  }
}

//===-- Launches --------------------------------------------------------------------------------------------------===//

uint32_t PlanBuilder::addBuffer(rt::Buffer buffer) {
  plan.buffers.push_back(buffer);
  return plan.buffers.size() - 1;
}

FailureOr<rt::ExprId> PlanBuilder::byteSize(Value tensor) {
  auto element = packageElementType(cast<RankedTensorType>(tensor.getType()).getElementType());
  if (!element)
    return emitError(tensor.getLoc(), "a plan cannot hold a tensor of type ") << tensor.getType();
  auto extents = sizes.sizes(tensor);
  if (failed(extents))
    return failure();
  extents->push_back(plan.expressions.constant(rt::byteWidth(*element)));
  return sizes.product(*extents);
}

/// The buffer of an input, a constant or a launch result that was added before, seen through reshapes.
FailureOr<uint32_t> PlanBuilder::bufferOf(Value tensor) {
  Value root = storageRoot(tensor);
  if (auto known = buffers.find(root); known != buffers.end())
    return known->second;
  if (auto argument = dyn_cast<BlockArgument>(root))
    return buffers[root] = addBuffer(rt::Buffer::input(argument.getArgNumber()));
  auto constant = root.getDefiningOp<arith::ConstantOp>();
  auto value = constant ? dyn_cast<ElementsAttr>(constant.getValue()) : nullptr;
  if (!value)
    return emitError(root.getLoc(), "is not a tensor that a plan can hold");
  auto index = constants.add(value, constant.getLoc());
  if (failed(index))
    return failure();
  return buffers[root] = addBuffer(rt::Buffer::constant(*index));
}

FailureOr<uint32_t> PlanBuilder::resultBuffer(OpResult result) {
  if (auto known = buffers.find(result); known != buffers.end())
    return known->second;
  if (OpResult heir = heirOf(result)) {
    FailureOr<uint32_t> buffer = resultBuffer(heir);
    if (succeeded(buffer))
      buffers[result] = *buffer;
    return buffer;
  }
  if (auto output = claimed.find(result); output != claimed.end())
    return buffers[result] = addBuffer(rt::Buffer::output(output->second));
  auto bytes = byteSize(result);
  if (failed(bytes))
    return failure();
  return buffers[result] = addBuffer(isZeroed(result) ? rt::Buffer::zeroed(*bytes) : rt::Buffer::arena(*bytes, 0, 0));
}

LogicalResult PlanBuilder::addLaunch(plan::LaunchOp launch) {
  rt::LaunchStep step;
  std::vector<rt::Access> accesses(launch.getOperands().size(), rt::Access::read);
  for (Value operand : launch.getOperands()) {
    if (auto argument = dyn_cast<BlockArgument>(storageRoot(operand));
        argument && operand != argument && plan.inputs[argument.getArgNumber()].strided)
      return launch.emitError("reads input '")
             << plan.inputs[argument.getArgNumber()].name << "', which may have any strides, through a reshape";
    auto buffer = bufferOf(operand);
    if (failed(buffer))
      return failure();
    step.operands.push_back({*buffer});
  }
  for (OpResult result : launch.getResults()) {
    auto buffer = resultBuffer(result);
    if (failed(buffer))
      return failure();
    int64_t from = tiedOperand(result);
    accesses.push_back(from < 0 && !isZeroed(result) ? rt::Access::write : rt::Access::readWrite);
    step.operands.push_back({*buffer});
    if (from < 0)
      continue;
    Value start = launch.getOperands()[from];
    auto output = claimed.find(result);
    bool inPlace = step.operands[from].buffer == *buffer;
    inPlace |= output != claimed.end() && plan.outputs[output->second].alias != rt::noIndex &&
               storageRoot(start) == graph.getArgument(plan.outputs[output->second].alias);
    if (!inPlace && failed(addCopy(start, step.operands[from].buffer, *buffer,
                                   output == claimed.end() ? rt::noIndex : output->second)))
      return failure();
    step.operands[from].buffer = *buffer;
  }
  auto kernel = kernels.add(launch, std::move(accesses));
  if (failed(kernel))
    return failure();
  step.kernel = *kernel;
  llvm::append_range(step.params, symbols.convert(launch.getParams()));
  plan.steps.push_back(std::move(step));
  return success();
}

//===-- Copies and lifetimes --------------------------------------------------------------------------------------===//

SmallVector<rt::ExprId> PlanBuilder::denseStrides(ArrayRef<rt::ExprId> extents) {
  SmallVector<rt::ExprId> strides(extents.size());
  rt::ExprId stride = plan.expressions.constant(1);
  for (size_t dim = extents.size(); dim-- > 0;) {
    strides[dim] = stride;
    stride = plan.expressions.mul(stride, extents[dim]);
  }
  return strides;
}

SmallVector<rt::ExprId> PlanBuilder::inputStrides(uint32_t input) {
  SmallVector<rt::ExprId> strides;
  for (size_t dim = 0; dim < plan.inputs[input].dims.size(); ++dim)
    strides.push_back(plan.expressions.inputStride(input, dim));
  return strides;
}

/// Copies `source`, which lies in `sourceBuffer`, to a buffer that is `output` or (noIndex) dense. One dimension is
/// enough where both sides are dense.
LogicalResult PlanBuilder::addCopy(Value source, uint32_t sourceBuffer, uint32_t destinationBuffer, uint32_t output) {
  auto extents = sizes.sizes(source);
  auto element = packageElementType(cast<RankedTensorType>(source.getType()).getElementType());
  if (failed(extents) || !element)
    return failure();
  const rt::Buffer &from = plan.buffers[sourceBuffer];
  bool sourceStrided = from.kind == rt::BufferKind::input && plan.inputs[from.index].strided;
  bool destinationStrided = output != rt::noIndex && plan.outputs[output].strided;
  if (sourceStrided && !isa<BlockArgument>(source))
    return emitError(source.getLoc(), "reshapes input '")
           << plan.inputs[from.index].name << "', which may have any strides";
  rt::CopyStep copy;
  copy.elementBytes = rt::byteWidth(*element);
  if (!sourceStrided && !destinationStrided)
    extents = SmallVector<rt::ExprId>{sizes.product(*extents)};
  copy.sizes.assign(extents->begin(), extents->end());
  copy.source.buffer = sourceBuffer;
  copy.destination.buffer = destinationBuffer;
  llvm::append_range(copy.source.strides, sourceStrided ? inputStrides(from.index) : denseStrides(*extents));
  llvm::append_range(copy.destination.strides,
                     destinationStrided ? inputStrides(plan.outputs[output].alias) : denseStrides(*extents));
  plan.steps.push_back(std::move(copy));
  return success();
}

/// Outputs that no launch wrote: results returned twice, inputs, constants, and state that was still needed. Inputs
/// that an output overwrites are first saved to the arena, since outputs may exchange them.
LogicalResult PlanBuilder::returnRemaining() {
  struct Pending {
    Value value;
    uint32_t output;
    uint32_t buffer;
  };
  SmallVector<Pending> pending;
  for (auto [index, value] : llvm::enumerate(terminator.getOperands())) {
    Value root = storageRoot(value);
    auto claim = claimed.find(root);
    uint32_t alias = plan.outputs[index].alias;
    bool isUnchangedState = alias != rt::noIndex && value == graph.getArgument(alias);
    if ((claim != claimed.end() && claim->second == index) || isUnchangedState)
      continue;
    auto buffer = bufferOf(value);
    if (failed(buffer))
      return failure();
    const rt::Buffer from = plan.buffers[*buffer];
    bool overwritten = from.kind == rt::BufferKind::input &&
                       llvm::any_of(plan.outputs, [&](const rt::Output &output) { return output.alias == from.index; });
    if (overwritten) {
      auto bytes = byteSize(value);
      if (failed(bytes))
        return failure();
      uint32_t saved = addBuffer(rt::Buffer::arena(*bytes, 0, 0));
      if (failed(addCopy(value, *buffer, saved, rt::noIndex)))
        return failure();
      buffer = saved;
    }
    pending.push_back({value, static_cast<uint32_t>(index), *buffer});
  }
  for (const Pending &copy : pending) {
    uint32_t destination = addBuffer(rt::Buffer::output(copy.output));
    if (failed(addCopy(copy.value, copy.buffer, destination, copy.output)))
      return failure();
  }
  return success();
}

/// An arena buffer lives from the first step that touches it to the last.
void PlanBuilder::setLifetimes() {
  std::vector<bool> seen(plan.buffers.size(), false);
  for (uint32_t step = 0; step < plan.steps.size(); ++step) {
    auto touch = [&](uint32_t index) {
      rt::Buffer &buffer = plan.buffers[index];
      if (buffer.kind != rt::BufferKind::arena)
        return;
      if (!seen[index])
        buffer.firstStep = step;
      seen[index] = true;
      buffer.lastStep = step;
    };
    if (auto *launch = std::get_if<rt::LaunchStep>(&plan.steps[step])) {
      for (const rt::Operand &operand : launch->operands)
        touch(operand.buffer);
    } else {
      touch(std::get<rt::CopyStep>(plan.steps[step]).source.buffer);
      touch(std::get<rt::CopyStep>(plan.steps[step]).destination.buffer);
    }
  }
}

} // namespace

LogicalResult buildPlan(ModuleOp module, const PlanRequest &request, ConstantPool &constants, rt::Plan &plan) {
  auto graph = findGraph(module);
  if (failed(graph))
    return failure();
  plan.target = request.target;
  return PlanBuilder(*graph, request, constants, plan).run();
}

} // namespace heed
