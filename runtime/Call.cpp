#include "runtime/Call.h"

#include <algorithm>
#include <utility>

namespace heed::rt {

Status Call::create(std::shared_ptr<const Module> module, std::unique_ptr<Call> &out) {
  std::unique_ptr<Call> call(new Call(std::move(module)));
  Driver &driver = call->loadedModule->driver();
  HEED_TRY(driver.createContext(call->loadedModule->workerScratchBytes(), call->context));
  HEED_TRY(driver.createQueue(call->ownQueue));
  out = std::move(call);
  return {};
}

static std::vector<uint32_t> listBuffers(const Plan &plan, BufferKind kind) {
  std::vector<uint32_t> list;
  for (uint32_t i = 0; i < plan.buffers.size(); ++i)
    if (plan.buffers[i].kind == kind)
      list.push_back(i);
  return list;
}

// Every vector gets its final size here, so that runs do not allocate.
Call::Call(std::shared_ptr<const Module> module)
    : loadedModule(std::move(module)), plan(loadedModule->plan()), evaluation(plan, loadedModule->driver().info()),
      steps(*loadedModule, plan.steps), inputs(plan.inputs.size()), outputs(plan.outputs.size()),
      symbols(plan.symbols.size()), inputStrides(inputs.size() * maxRank), outputStrides(outputs.size() * maxRank),
      resolvedInputStrides(inputStrides.size()), resolvedOutputStrides(outputStrides.size()),
      buffers(plan.buffers.size()), arenaBuffers(listBuffers(plan, BufferKind::arena)),
      arenaOffsets(arenaBuffers.size()), arenaPlanner(arenaBuffers.size()),
      zeroedBuffers(listBuffers(plan, BufferKind::zeroed)), zeroedSizes(zeroedBuffers.size()),
      zeroedOffsets(zeroedBuffers.size()), ownedOutputs(outputs.size()), lastAddresses(buffers.size()) {
  for (uint32_t index : arenaBuffers)
    arenaRequests.push_back({0, plan.buffers[index].firstStep, plan.buffers[index].lastStep});
  relocated.reserve(outputs.size());
  retired.reserve(outputs.size());
  profiledSteps.reserve(plan.steps.size());
}

Call::~Call() { (void)awaitLastRun(); }

void Call::evaluate() { evaluation.run({symbols, inputStrides, outputStrides}); }

Status Call::run(DriverQueue *queue) {
  hasRun = false;
  lastRun = {};
  HEED_TRY(loadedModule->driver().alive());
  HEED_TRY(collectProfile());
  DriverQueue &target = queue ? *queue : *ownQueue;
  if (&target != lastQueue)
    HEED_TRY(awaitLastRun());
  HEED_TRY(resolveShapes());
  HEED_TRY(checkMemoryGiven());
  HEED_TRY(placeInputs());
  HEED_TRY(placeOutputs());
  if (bindingsChanged)
    HEED_TRY(checkNoOverlap());
  HEED_TRY(resolveStrides());
  placeBuffers();
  bindingsChanged = false;
  Status status = enqueue(target);
  if (status.ok())
    status = finish(target, !queue);
  if (!status.ok()) {
    profiledSteps.clear();
    (void)target.synchronize(); // what was enqueued may use memory that the caller takes back
    retired.clear();
    return status;
  }
  lastRun.keyBlocksVisited = context->takeCounters()[HEED_KERNEL_KEY_BLOCKS_VISITED];
  hasRun = true;
  return {};
}

Status Call::enqueue(DriverQueue &queue) {
  HEED_TRY(moveInputs(queue));
  // Equal addresses mean an equal list of launches: a device that can repeats it in one go.
  recordable = !addressesChanged() && recordable;
  if (!recordable) {
    if (recording)
      HEED_TRY(awaitLastRun());
    recording.reset();
    recordingRefused = false;
  }
  if (recordable && !profiling && !counting && !recording && !recordingRefused && context->canRecord(queue))
    HEED_TRY(record(queue));
  if (recording && !profiling && !counting) {
    countLaunches();
    HEED_TRY(context->replay(queue, *recording));
  } else {
    HEED_TRY(runSteps(queue));
  }
  return moveOutputs(queue);
}

Status Call::finish(DriverQueue &queue, bool wait) {
  // Memory of states that moved is still read by copies in flight; images of outputs are spread by the host.
  wait |= !retired.empty() ||
          std::any_of(outputs.begin(), outputs.end(), [](const Slot &slot) { return slot.staging.scatter; });
  lastQueue = &queue;
  if (!wait) {
    HEED_TRY(loadedModule->driver().noteEvent(queue, done));
    pending = true;
    return {};
  }
  pending = false;
  HEED_TRY(queue.synchronize());
  scatterOutputs();
  retired.clear();
  return {};
}

Status Call::awaitLastRun() {
  if (!std::exchange(pending, false))
    return {};
  return done->wait();
}

/// Compares with the last run and keeps the new addresses.
bool Call::addressesChanged() {
  bool changed = false;
  for (size_t i = 0; i < buffers.size(); ++i) {
    changed |= lastAddresses[i] != buffers[i].memory;
    lastAddresses[i] = buffers[i].memory;
  }
  return changed;
}

/// A device that fails to record runs the steps one by one, as if it could not.
Status Call::record(DriverQueue &queue) {
  HEED_TRY(context->beginRecording(queue));
  Status recorded = steps.run(*context, queue, buffers, [](size_t) { return Status(); });
  Status ended = context->endRecording(queue, recording);
  HEED_TRY(loadedModule->driver().alive());
  if (!recorded.ok() || !ended.ok()) {
    recording.reset();
    recordingRefused = true;
  }
  return {};
}

void Call::countLaunches() {
  steps.forEachStep([&](size_t index) {
    auto *launch = std::get_if<LaunchStep>(&plan.steps[index]);
    lastRun.launches += launch != nullptr;
    lastRun.fallbackLaunches += launch && plan.kernels[launch->kernel].fallback;
  });
}

Status Call::runSteps(DriverQueue &queue) {
  countLaunches();
  if (!profiling)
    return steps.run(*context, queue, buffers, [](size_t) { return Status(); });
  Driver &driver = loadedModule->driver();
  stepEvents.resize(plan.steps.size() + 1);
  HEED_TRY(driver.recordEvent(queue, true, stepEvents[0]));
  profiledSteps.clear();
  return steps.run(*context, queue, buffers, [&](size_t index) {
    profiledSteps.push_back(static_cast<uint32_t>(index));
    return driver.recordEvent(queue, true, stepEvents[profiledSteps.size()]);
  });
}

void Call::profile(bool enabled) {
  profiling = enabled;
  profiledSteps.clear();
  if (!enabled)
    return;
  profileTable.clear();
  for (const Kernel &kernel : plan.kernels)
    profileTable.push_back({kernel.name});
  profileTable.push_back({"copy"});
}

Status Call::collectProfile() {
  if (profiledSteps.empty())
    return {};
  HEED_TRY(stepEvents[profiledSteps.size()]->wait());
  for (size_t i = 0; i < profiledSteps.size(); ++i) {
    auto *launch = std::get_if<LaunchStep>(&plan.steps[profiledSteps[i]]);
    ProfileEntry &entry = profileTable[launch ? launch->kernel : plan.kernels.size()];
    double seconds;
    HEED_TRY(stepEvents[i + 1]->secondsSince(*stepEvents[i], seconds));
    ++entry.launches;
    entry.seconds += seconds;
    if (!launch)
      continue;
    const Kernel &kernel = plan.kernels[launch->kernel];
    entry.flops += static_cast<double>(evaluation.tryGet(kernel.flops).value_or(0));
    entry.bytes += static_cast<double>(evaluation.tryGet(kernel.bytes).value_or(0));
  }
  profiledSteps.clear();
  return {};
}

Status Call::output(std::string_view name, bool hostCopy, Tensor &tensor) {
  uint32_t index;
  HEED_TRY(findOutput(name, index));
  if (!hasRun)
    return error(Code::invalidArgument, "output '", name, "' has no value before a successful run");
  if (hostCopy && !loadedModule->driver().info().memoryIsHost)
    HEED_TRY(copyToHost(index).within("output '", name, "'"));
  tensor = outputs[index].result;
  return {};
}

} // namespace heed::rt
