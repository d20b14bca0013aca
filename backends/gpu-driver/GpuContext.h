// Launches, copies and recordings of one call.
#ifndef HEED_BACKENDS_GPU_DRIVER_GPUCONTEXT_H
#define HEED_BACKENDS_GPU_DRIVER_GPUCONTEXT_H

#include "backends/gpu-driver/GpuDriver.h"

#include <string>
#include <vector>

namespace heed::rt {

class GpuKernel;
class GpuQueue;

class GpuRecording : public DriverRecording {
public:
  explicit GpuRecording(GpuDriver &driver) : driver(driver) {}
  ~GpuRecording() override;

  GpuDriver &driver;
  GpuHandle exec = nullptr;
  std::string names; // of its kernels, for errors
};

class GpuContext : public DriverContext {
public:
  explicit GpuContext(GpuDriver &driver) : driver(driver) {}
  ~GpuContext() override;

  Status launch(DriverQueue &queue, const Launch &launch) override;
  Status copy(DriverQueue &queue, const StridedCopy &copy) override;

  bool canRecord(DriverQueue &queue) override;
  Status beginRecording(DriverQueue &queue) override;
  Status endRecording(DriverQueue &queue, std::unique_ptr<DriverRecording> &recording) override;
  Status replay(DriverQueue &queue, const DriverRecording &recording) override;

private:
  /// Where work given to the queue goes: while recording, into the stream that is captured.
  GpuHandle streamFor(const GpuQueue &queue) const;
  bool followsLaunch(const GpuQueue &queue) const;
  int enqueue(const GpuKernel &kernel, const GpuLaunch &launch, bool follows);
  Status copyRows(GpuHandle stream, CopyBlock block);

  GpuDriver &driver;
  std::vector<uint64_t> words;
  std::vector<void *> parameters;    // the words, then tensor maps
  GpuHandle captureStream = nullptr; // made when first needed
  const DriverQueue *recorded = nullptr;
  bool recordingEndsInLaunch = false;
  int64_t launchesOfRun = 0;  // the last one, or so far
  bool overlapsCalls = false; // its first launch may start before what is before it has ended
  std::string recordedNames;
};

} // namespace heed::rt

#endif // HEED_BACKENDS_GPU_DRIVER_GPUCONTEXT_H
