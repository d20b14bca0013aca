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
  int64_t stateCopies = 0;   // states that had to be copied because the caller's memory could not hold them in place
  int64_t uploadedBytes = 0; // tensors of the host copied to a device with memory of its own, and back
  int64_t downloadedBytes = 0;
};

/// Used by one thread at a time. Runs of one call may be enqueued one behind the other; only a run on another queue
/// than the one before waits for it.
class Call {
public:
  static Status create(std::shared_ptr<const Module> module, std::unique_ptr<Call> &call);
  /// Waits for a run that is still going on.
  ~Call();

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
  /// Runs the model on `queue`, or on the call's own queue and to its end when it is null. On a device with memory of
  /// its own, host tensors are copied in the queue's order; one bound to an output with gaps between its elements makes
  /// the run wait for its end.
  Status run(DriverQueue *queue);
  /// After run: where an output is. Memory provided by the call is valid until the next run or the end of the call.
  /// With `hostCopy`, an output that lies in the call's memory on a device of its own gets a copy in `tensor.host`,
  /// after waiting for the run.
  Status output(std::string_view name, bool hostCopy, Tensor &tensor);

  void profile(bool enabled);
  /// Waits for the last run when it was profiled.
  Status collectProfile();
  const std::vector<ProfileEntry> &profileEntries() const { return profileTable; }
  void countInKernels(bool enabled) {
    counting = enabled;
    context->countInKernels(enabled);
  }
  const RunCounters &counters() const { return lastRun; }
  int64_t arenaBytes() const { return arenaSize; }

  const Module &module() const { return *loadedModule; }

private:
  /// Memory for moving a tensor between host and device; each part is there when it was needed once.
  struct Staging {
    DriverMemory mirror;                // inputs: where kernels see the host's tensor
    DriverMemory dense;                 // the tensor without gaps, on the device
    std::unique_ptr<std::byte[]> image; // the same on the host
    uint64_t imageBytes = 0;
    bool scatter = false; // the image holds an output that must be spread over the caller's tensor
  };

  /// A tensor of the model in this call.
  struct Slot {
    bool bound = false;
    Tensor given;             // as the caller bound it
    Tensor placed;            // as kernels see it: differs for relocated state and for outputs the call provides
    Tensor result;            // outputs: as the caller sees it
    bool inOwnMemory = false; // outputs: the call provides the memory
    Extents checked;          // inputs: sizes that passed resolveShapes
    Extents room;             // state: sizes its memory holds under the placed strides
    Staging staging;
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
  Status placeInputs();
  Status placeOutputs();
  Status placeGivenOutput(uint32_t output);
  Status placeOwnedOutput(uint32_t output);
  Status roomForState(uint32_t output, Extents &needed) const;
  Status placeState(uint32_t output);
  Status placeStateInOwnMemory(uint32_t output);
  Status checkNoOverlap() const;
  Status resolveStrides();
  Status layOutArena();
  Status layOutZeroed();
  Status bufferRange(uint32_t buffer, ByteRange &range) const;
  void placeBuffers();
  Status reserve(DriverMemory &memory, int64_t bytes);

  // Between host and device (CallStaging.cpp).
  Status moveInputs(DriverQueue &queue);
  Status moveOutputs(DriverQueue &queue);
  Status toDevice(DriverQueue &queue, Staging &staging, const Tensor &host, const Tensor &device);
  Status toHost(DriverQueue &queue, Staging &staging, const Tensor &device, const Tensor &host);
  Status reserveImage(Staging &staging, int64_t bytes);
  void scatterOutputs();
  Status copyToHost(uint32_t output);

  // The run itself (Call.cpp).
  Status enqueue(DriverQueue &queue);
  Status finish(DriverQueue &queue, bool wait);
  Status awaitLastRun();
  bool addressesChanged();
  Status record(DriverQueue &queue);
  Status runSteps(DriverQueue &queue);
  void countLaunches();

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
  std::vector<uint32_t> zeroedBuffers;
  std::vector<int64_t> zeroedSizes, zeroedOffsets; // of these
  DriverMemory zeroed;
  std::vector<DriverMemory> ownedOutputs;
  std::vector<DriverMemory> retired; // outgrown state memory that this run still copies from
  std::vector<uint32_t> relocated;   // outputs whose state is copied before the steps

  // A run that was enqueued and not waited for.
  bool pending = false;
  DriverQueue *lastQueue = nullptr;
  std::unique_ptr<DriverEvent> done;

  // The steps as the device repeats them, for the addresses of the last run.
  std::vector<DevicePointer> lastAddresses;
  std::unique_ptr<DriverRecording> recording;
  bool recordable = false; // this run is like the one before
  bool recordingRefused = false;

  bool profiling = false;
  bool counting = false;
  std::vector<std::unique_ptr<DriverEvent>> stepEvents; // the start, and the end of every step that ran
  std::vector<uint32_t> profiledSteps;
  std::vector<ProfileEntry> profileTable; // kernels of the plan, then copies
  RunCounters lastRun;
};

} // namespace heed::rt

#endif // HEED_RUNTIME_CALL_H
