// One use of a module: tensors bound by name, shapes checked, memory laid out, steps run. A call keeps everything that
// depends on shapes, so running it again with the same shapes allocates and computes nothing but the model.
#ifndef HEED_RUNTIME_CALL_H
#define HEED_RUNTIME_CALL_H

#include "runtime/Arena.h"
#include "runtime/Evaluation.h"
#include "runtime/Module.h"
#include "runtime/StepRunner.h"
#include "runtime/Tensor.h"

#include <memory>
#include <vector>

namespace heed::rt {

/// What a kernel cost since profiling was switched on.
struct ProfileEntry {
  std::string name;
  int64_t launches = 0;
  double seconds = 0;
  double flops = 0; // 0 when unknown
  double bytes = 0;
};

/// Numbers of the last run.
struct RunCounters {
  int64_t keyBlocksVisited = 0;
  int64_t allocations = 0; // blocks of device memory taken
  int64_t launches = 0;
  int64_t fallbackLaunches = 0;
  int64_t stateCopies = 0; // states that had to be copied because the caller's memory could not hold them in place
};

/// Used by one thread at a time.
class Call {
public:
  static Status create(std::shared_ptr<const Module> module, std::unique_ptr<Call> &call);

  /// Checks name, type and rank at once; shapes are checked against each other by `resolveShapes`. The memory stays the
  /// caller's and is only used by `run`.
  Status bindInput(std::string_view name, const Tensor &tensor);
  /// Binds where an output is written. Without it the call provides the memory.
  Status bindOutput(std::string_view name, const Tensor &tensor);
  Status unbindOutput(std::string_view name);

  /// Binds symbols and checks all input shapes. Needs sizes only; memory may still be missing.
  Status resolveShapes();
  /// After resolveShapes: sizes of an output.
  Status outputShape(std::string_view name, ElementType &type, uint32_t &rank, Extents &sizes);
  /// Runs the model on `queue`, or on the call's own queue and to its end when it is null.
  Status run(DriverQueue *queue);
  /// After run: where an output is. Memory provided by the call is valid until the next run or the end of the call.
  Status output(std::string_view name, Tensor &tensor);

  void profile(bool enabled);
  const std::vector<ProfileEntry> &profileEntries() const { return profileTable; }
  void countInKernels(bool enabled) { context->countInKernels(enabled); }
  const RunCounters &counters() const { return lastRun; }
  int64_t arenaBytes() const { return arenaSize; }

  const Module &module() const { return *loadedModule; }

private:
  /// A tensor of the model in this call.
  struct Slot {
    bool bound = false;
    Tensor given;    // as the caller bound it
    Tensor placed;   // as kernels see it: differs for relocated state and for outputs the call provides
    Extents checked; // inputs: sizes that passed resolveShapes
    Extents room;    // state: sizes its memory holds under the placed strides
  };

  explicit Call(std::shared_ptr<const Module> module);

  Status findInput(std::string_view name, uint32_t &index) const;
  Status findOutput(std::string_view name, uint32_t &index) const;

  // Symbols and dims (CallShapes.cpp).
  Status bindSymbols(bool &changed);
  Status readHostScalar(uint32_t input, int64_t &value) const;
  Status checkInputShape(uint32_t input) const;
  Status checkConstraints() const;
  Status computeOutputShape(uint32_t output);

  // Where each tensor and buffer lies in this run (CallMemory.cpp).
  Status checkMemoryGiven() const;
  Status placeOutputs();
  Status placeGivenOutput(uint32_t output);
  Status placeOwnedOutput(uint32_t output);
  Status placeState(uint32_t output);
  Status checkNoOverlap() const;
  Status resolveStrides();
  Status layOutArena();
  Status bufferRange(uint32_t buffer, ByteRange &range) const;
  void placeBuffers();
  Status reserve(DriverMemory &memory, int64_t bytes);
  Status copyRelocatedStates(DriverQueue &queue);
  Status runSteps(DriverQueue &queue);

  void evaluate();

  std::shared_ptr<const Module> loadedModule;
  const Plan &plan;
  std::unique_ptr<DriverContext> context;
  std::unique_ptr<DriverQueue> ownQueue;
  Evaluation evaluation;
  StepRunner steps;

  std::vector<Slot> inputs;
  std::vector<Slot> outputs;
  std::vector<int64_t> symbols, inputStrides, outputStrides;
  std::vector<int64_t> resolvedInputStrides, resolvedOutputStrides; // for which the steps were resolved
  bool shapesValid = false;
  bool stepsValid = false;
  bool bindingsChanged = true;
  bool hasRun = false;

  std::vector<PlacedBuffer> buffers;
  std::vector<ArenaRequest> arenaRequests; // in the order of the plan's arena buffers
  std::vector<uint32_t> arenaBuffers;
  std::vector<int64_t> arenaOffsets;
  ArenaPlanner arenaPlanner;
  int64_t arenaSize = 0;
  DriverMemory arena;
  std::vector<DriverMemory> ownedOutputs;
  std::vector<DriverMemory> retired; // outgrown state memory that this run still copies from
  std::vector<uint32_t> relocated;   // outputs whose state is copied before the steps

  bool profiling = false;
  std::vector<ProfileEntry> profileTable; // kernels of the plan, then copies
  RunCounters lastRun;
};

} // namespace heed::rt

#endif // HEED_RUNTIME_CALL_H
