// Checks steps against the memory they get, and runs them.
#ifndef HEED_RUNTIME_STEPRUNNER_H
#define HEED_RUNTIME_STEPRUNNER_H

#include "runtime/Evaluation.h"
#include "runtime/Module.h"
#include "runtime/Tensor.h"

#include <span>
#include <vector>

namespace heed::rt {

/// A buffer as it is for one call: its address and the bytes around it that may be touched.
struct PlacedBuffer {
  DevicePointer memory;
  ByteRange range;
};

/// Runs one list of steps. `resolve` does everything that depends on shapes, once for a set of shapes; `run` does what
/// depends on addresses, and allocates nothing.
class StepRunner {
public:
  StepRunner(const Module &module, const std::vector<Step> &steps);

  /// Checks grids, parameters, slices and conditions, with the values of `evaluation` and the ranges of `buffers`.
  Status resolve(const Evaluation &evaluation, std::span<const PlacedBuffer> buffers);

  /// Runs every step in order. `afterStep(index)` is called after each that did something.
  template <typename AfterStep>
  Status run(DriverContext &context, DriverQueue &queue, std::span<const PlacedBuffer> buffers, AfterStep afterStep) {
    hasLaunched = false;
    for (size_t i = 0; i < resolved.size(); ++i) {
      if (resolved[i].skipped)
        continue;
      HEED_TRY(runStep(i, context, queue, buffers));
      HEED_TRY(afterStep(i));
    }
    return {};
  }

  /// Calls body(index) for each step that does something.
  template <typename Body> void forEachStep(Body body) const {
    for (size_t i = 0; i < resolved.size(); ++i)
      if (!resolved[i].skipped)
        body(i);
  }

private:
  /// The tensor maps of a variant. They are made again when shapes or addresses change.
  struct ResolvedMaps {
    std::vector<TensorMapShape> shapes;
    std::vector<int64_t> offsets;    // in bytes from the operand
    std::vector<uint64_t> addresses; // that `encoded` was made for; 0: for none
    std::vector<EncodedTensorMap> encoded;
  };

  /// What resolve finds out about a step. Vectors have their final size from the start.
  struct ResolvedStep {
    bool skipped = false; // nothing to do: an empty grid or copy
    int64_t work = 0;
    std::vector<int64_t> offsets; // of operands, in bytes
    std::vector<int64_t> params;
    std::vector<uint8_t> applicable;           // per variant: its conditions hold
    std::vector<std::array<int64_t, 3>> grids; // per variant
    std::vector<ResolvedMaps> maps;            // per variant
    StridedCopy copy = {};                     // addresses are filled in by run
  };

  Status resolveLaunch(const LaunchStep &launch, const Evaluation &evaluation, std::span<const PlacedBuffer> buffers,
                       ResolvedStep &out) const;
  Status resolveGrid(const Variant &variant, const Evaluation &evaluation, std::array<int64_t, 3> &grid) const;
  Status resolveTensorMap(const TensorMap &map, const Evaluation &evaluation, TensorMapShape &shape,
                          int64_t &offset) const;
  Status resolveOperand(const Operand &operand, const Evaluation &evaluation, const PlacedBuffer &buffer,
                        int64_t &offset) const;
  Status resolveCopy(const CopyStep &copy, const Evaluation &evaluation, std::span<const PlacedBuffer> buffers,
                     ResolvedStep &out) const;
  Status runStep(size_t index, DriverContext &context, DriverQueue &queue, std::span<const PlacedBuffer> buffers);
  Status runLaunch(const LaunchStep &launch, ResolvedStep &step, DriverContext &context, DriverQueue &queue,
                   std::span<const PlacedBuffer> buffers);

  /// Makes the maps of which the addresses are not those of the last launch.
  Status encodeTensorMaps(const Variant &variant, ResolvedMaps &maps) const;

  const Module &module;
  const std::vector<Step> &steps;
  std::vector<ResolvedStep> resolved;
  std::vector<DevicePointer> operands; // of the launch at hand
  bool hasLaunched = false;            // in this run
};

} // namespace heed::rt

#endif // HEED_RUNTIME_STEPRUNNER_H
