#include "runtime/Call.h"

#include <algorithm>
#include <chrono>

namespace heed::rt {

Status Call::create(std::shared_ptr<const Module> module, std::unique_ptr<Call> &out) {
  std::unique_ptr<Call> call(new Call(std::move(module)));
  Driver &driver = call->loadedModule->driver();
  HEED_TRY(driver.createContext(call->loadedModule->workerScratchBytes(), call->context));
  HEED_TRY(driver.createQueue(call->ownQueue));
  out = std::move(call);
  return {};
}

static std::vector<uint32_t> listArenaBuffers(const Plan &plan) {
  std::vector<uint32_t> list;
  for (uint32_t i = 0; i < plan.buffers.size(); ++i)
    if (plan.buffers[i].kind == BufferKind::arena)
      list.push_back(i);
  return list;
}

// Every vector gets its final size here, so that runs do not allocate.
Call::Call(std::shared_ptr<const Module> module)
    : loadedModule(std::move(module)), plan(loadedModule->plan()), evaluation(plan, loadedModule->driver().info()),
      steps(*loadedModule, plan.steps), inputs(plan.inputs.size()), outputs(plan.outputs.size()),
      symbols(plan.symbols.size()), inputStrides(inputs.size() * maxRank), outputStrides(outputs.size() * maxRank),
      resolvedInputStrides(inputStrides.size()), resolvedOutputStrides(outputStrides.size()),
      buffers(plan.buffers.size()), arenaBuffers(listArenaBuffers(plan)), arenaOffsets(arenaBuffers.size()),
      arenaPlanner(arenaBuffers.size()), ownedOutputs(outputs.size()) {
  for (uint32_t index : arenaBuffers)
    arenaRequests.push_back({0, plan.buffers[index].firstStep, plan.buffers[index].lastStep});
  relocated.reserve(outputs.size());
  retired.reserve(outputs.size());
}

void Call::evaluate() { evaluation.run({symbols, inputStrides, outputStrides}); }

Status Call::run(DriverQueue *queue) {
  hasRun = false;
  lastRun = {};
  HEED_TRY(loadedModule->driver().alive());
  HEED_TRY(resolveShapes());
  HEED_TRY(checkMemoryGiven());
  HEED_TRY(placeOutputs());
  if (bindingsChanged)
    HEED_TRY(checkNoOverlap());
  HEED_TRY(resolveStrides());
  placeBuffers();
  bindingsChanged = false;
  DriverQueue &target = queue ? *queue : *ownQueue;
  HEED_TRY(copyRelocatedStates(target));
  HEED_TRY(runSteps(target));
  // Memory of states that moved is still read by copies in flight.
  if (!queue || !retired.empty())
    HEED_TRY(target.synchronize());
  retired.clear();
  lastRun.keyBlocksVisited = context->takeCounters()[HEED_KERNEL_KEY_BLOCKS_VISITED];
  hasRun = true;
  return {};
}

Status Call::copyRelocatedStates(DriverQueue &queue) {
  for (uint32_t index : relocated) {
    const Slot &state = inputs[plan.outputs[index].alias];
    const Tensor &from = state.given;
    if (isEmpty(from.rank, from.sizes))
      continue;
    StridedCopy copy{from.memory, state.placed.memory, from.rank,           static_cast<uint32_t>(byteWidth(from.type)),
                     from.sizes,  from.strides,        state.placed.strides};
    HEED_TRY(context->copy(queue, copy));
  }
  return {};
}

void Call::profile(bool enabled) {
  profiling = enabled;
  if (!enabled)
    return;
  profileTable.clear();
  for (const Kernel &kernel : plan.kernels)
    profileTable.push_back({kernel.name});
  profileTable.push_back({"copy"});
}

Status Call::runSteps(DriverQueue &queue) {
  using Clock = std::chrono::steady_clock;
  auto before = profiling ? Clock::now() : Clock::time_point();
  return steps.run(*context, queue, buffers, [&](size_t index) -> Status {
    auto *launch = std::get_if<LaunchStep>(&plan.steps[index]);
    const Kernel *kernel = launch ? &plan.kernels[launch->kernel] : nullptr;
    lastRun.launches += kernel != nullptr;
    lastRun.fallbackLaunches += kernel && kernel->fallback;
    if (!profiling)
      return {};
    HEED_TRY(queue.synchronize());
    auto now = Clock::now();
    ProfileEntry &entry = profileTable[launch ? launch->kernel : plan.kernels.size()];
    ++entry.launches;
    entry.seconds += std::chrono::duration<double>(now - before).count();
    if (kernel) {
      entry.flops += static_cast<double>(evaluation.tryGet(kernel->flops).value_or(0));
      entry.bytes += static_cast<double>(evaluation.tryGet(kernel->bytes).value_or(0));
    }
    before = now;
    return {};
  });
}

Status Call::output(std::string_view name, Tensor &tensor) {
  uint32_t index;
  HEED_TRY(findOutput(name, index));
  if (!hasRun)
    return error(Code::invalidArgument, "output '", name, "' has no value before a successful run");
  tensor = outputs[index].placed;
  return {};
}

} // namespace heed::rt
