#include "backends/gpu-driver/GpuContext.h"

#include "backends/gpu-driver/GpuCode.h"
#include "backends/gpu-driver/GpuQueue.h"
#include "runtime/CopyBlocks.h"
#include "runtime/KernelWords.h"

#include <algorithm>
#include <limits>
#include <utility>

namespace heed::rt {
namespace {

/// Programs are numbered in 32 bits.
constexpr int64_t maxPrograms = std::numeric_limits<int32_t>::max();
constexpr int64_t maxGridY = 65535;
/// A copy that needs more pieces than this would keep the host busy for seconds.
constexpr uint64_t maxCopyPieces = uint64_t(1) << 20;

struct FlatGrid {
  uint32_t x, y;
};

/// Whether workgroups had better go through the programs than be one each. It saves the start of most programs, but if
/// the last round has few, nearly all workgroups wait for them, while a device that starts programs as others end lets
/// quick processors take those of slow ones.
bool isWorthStaying(const GpuKernel &kernel, int64_t total) {
  int64_t last = kernel.mostWorkgroups == 0 ? 0 : total % kernel.mostWorkgroups;
  return kernel.mostWorkgroups > 0 && total > kernel.mostWorkgroups &&
         (kernel.hasUnevenPrograms || last == 0 || 4 * last > kernel.mostWorkgroups);
}

/// At least as many workgroups as programs, in one row if the device permits; kernels skip those beyond. Fewer where
/// they go through the programs.
Status flattenGrid(const Launch &launch, const GpuKernel &kernel, int64_t maxX, FlatGrid &grid) {
  int64_t total = launch.grid[0] * launch.grid[1] * launch.grid[2];
  int64_t rows = (total + maxX - 1) / maxX;
  if (total > maxPrograms || rows > maxGridY)
    return error(Code::unsupported, "kernel '", launch.name, "' has a grid of ", total,
                 " programs, more than the device can number; split the call");
  if (isWorthStaying(kernel, total)) {
    grid = {static_cast<uint32_t>(kernel.mostWorkgroups), 1};
    return {};
  }
  grid = {static_cast<uint32_t>((total + rows - 1) / rows), static_cast<uint32_t>(rows)};
  return {};
}

} // namespace

GpuRecording::~GpuRecording() {
  GpuScope scope;
  if (exec && driver.enter(scope).ok())
    (void)driver.api().destroyExec(exec);
}

GpuContext::~GpuContext() {
  GpuScope scope;
  if (captureStream && driver.enter(scope).ok())
    (void)driver.api().destroyStream(captureStream);
}

GpuHandle GpuContext::streamFor(const GpuQueue &queue) const {
  return recorded == &queue ? captureStream : queue.stream();
}

Status GpuContext::launch(DriverQueue &driverQueue, const Launch &launch) {
  auto &queue = static_cast<GpuQueue &>(driverQueue);
  const auto &kernel = static_cast<const GpuKernel &>(*launch.kernel);
  FlatGrid grid;
  HEED_TRY(flattenGrid(launch, kernel, driver.platform().maxGridX(kernel.threads()), grid));
  words.resize(kernelWordCount(launch));
  packKernelWords(driver, launch, words);
  parameters.resize(words.size() + launch.tensorMaps.size());
  for (size_t i = 0; i < words.size(); ++i)
    parameters[i] = &words[i];
  for (size_t i = 0; i < launch.tensorMaps.size(); ++i)
    parameters[words.size() + i] = const_cast<EncodedTensorMap *>(&launch.tensorMaps[i]); // which is only read

  launchesOfRun = launch.opensCall ? 1 : launchesOfRun + 1;
  overlapsCalls = kernel.opensCalls || (overlapsCalls && !launch.opensCall);
  GpuScope scope;
  HEED_TRY(driver.enter(scope));
  int result = enqueue(
      kernel,
      {kernel.function, {grid.x, grid.y}, kernel.workgroup, kernel.sharedBytes, streamFor(queue), parameters.data()},
      followsLaunch(queue) && (kernel.opensCalls || !launch.opensCall));
  if (isFault(result)) { // this kernel's, if launches wait; an earlier one's, if not
    (void)queue.log()->note(launch.name, false);
    return driver.check(result, "launch");
  }
  HEED_TRY(driver.check(result, "launch").within("kernel '", launch.name, "'"));
  if (recorded != &queue)
    return queue.noteLaunch(launch.name);
  recordingEndsInLaunch = true;
  constexpr size_t enough = 100; // the log keeps no more
  if (recordedNames.size() < enough)
    recordedNames += concat(recordedNames.empty() ? "" : "', '", launch.name);
  return {};
}

/// Whether nothing stands between the next launch and the one before it.
bool GpuContext::followsLaunch(const GpuQueue &queue) const {
  return recorded == &queue ? recordingEndsInLaunch : queue.endsWithLaunch();
}

/// A kernel that waits by itself starts before the one it follows has ended, where the library can do that.
int GpuContext::enqueue(const GpuKernel &kernel, const GpuLaunch &launch, bool follows) {
  if (follows && kernel.awaitsPrevious && driver.overlapsLaunches()) {
    int result = driver.platform().launchEarly(launch);
    if (result != gpuNotSupported && result != gpuInvalidValue)
      return result;
    driver.giveUpOverlap();
  }
  const auto &[x, y, z] = launch.workgroup;
  return driver.api().launch(launch.function, launch.grid[0], launch.grid[1], 1, x, y, z, launch.sharedBytes,
                             launch.stream, launch.parameters, nullptr);
}

Status GpuContext::copy(DriverQueue &driverQueue, const StridedCopy &copy) {
  auto &queue = static_cast<GpuQueue &>(driverQueue);
  queue.noteOther();
  recordingEndsInLaunch = false;
  GpuScope scope;
  HEED_TRY(driver.enter(scope));
  GpuHandle stream = streamFor(queue);
  uint64_t pieces = 0;
  auto copyBlock = [&](const CopyBlock &block) -> Status {
    if (++pieces > maxCopyPieces)
      return error(Code::unsupported, "a copy falls into more than ", maxCopyPieces,
                   " pieces; pass the tensor with dense inner dimensions");
    return copyRows(stream, block);
  };
  return forEachCopyBlock(copy, copyBlock, GpuPlatform::maxPitch);
}

Status GpuContext::copyRows(GpuHandle stream, CopyBlock block) {
  uint64_t source = GpuDriver::address(block.source), destination = GpuDriver::address(block.destination);
  bool dense = block.sourcePitch == block.width && block.destinationPitch == block.width;
  if (dense)
    block.width *= std::exchange(block.height, 1);
  if (block.height == 1)
    return driver.check(driver.api().copyOnDevice(destination, source, block.width, stream), "copy");
  return driver.check(driver.platform().copyRows(block, destination, source, stream), "copy");
}

/// Recordings do not overlap with what is before and behind them. That costs more than a launch or two, one by one.
bool GpuContext::canRecord(DriverQueue &queue) {
  constexpr int64_t few = 2;
  if (overlapsCalls && launchesOfRun <= few && driver.overlapsLaunches())
    return false;
  return driver.canRecord() && !static_cast<GpuQueue &>(queue).isCaptured();
}

/// A stream of its own is captured, so that the queue stays as it is whatever happens.
Status GpuContext::beginRecording(DriverQueue &queue) {
  GpuScope scope;
  HEED_TRY(driver.enter(scope));
  if (!captureStream)
    HEED_TRY(driver.check(driver.api().createStream(&captureStream, gpuStreamNonBlocking), "stream"));
  HEED_TRY(driver.check(driver.api().beginCapture(captureStream, gpuCaptureThreadLocal), "recording"));
  recorded = &queue;
  recordingEndsInLaunch = false;
  recordedNames.clear();
  return {};
}

Status GpuContext::endRecording(DriverQueue &, std::unique_ptr<DriverRecording> &recording) {
  recorded = nullptr;
  GpuScope scope;
  HEED_TRY(driver.enter(scope));
  const GpuApi &api = driver.api();
  GpuHandle graph = nullptr;
  int result = api.endCapture(captureStream, &graph);
  auto made = std::make_unique<GpuRecording>(driver);
  if (result == gpuSuccess) {
    result = api.instantiateGraph(&made->exec, graph, 0);
    (void)api.destroyGraph(graph);
  }
  if (result != gpuSuccess) {
    made->exec = nullptr;
    HEED_TRY(driver.check(result, "recording"));
  }
  made->names = std::move(recordedNames);
  recordedNames = {};
  recording = std::move(made);
  return {};
}

Status GpuContext::replay(DriverQueue &driverQueue, const DriverRecording &recording) {
  auto &queue = static_cast<GpuQueue &>(driverQueue);
  const auto &graph = static_cast<const GpuRecording &>(recording);
  GpuScope scope;
  HEED_TRY(driver.enter(scope));
  queue.noteOther();
  int result = driver.api().launchGraph(graph.exec, queue.stream());
  if (isFault(result))
    (void)queue.log()->note(graph.names, false);
  HEED_TRY(driver.check(result, "replay of a recorded call"));
  Status noted = queue.noteLaunch(graph.names);
  queue.noteOther(); // its last launch is not the stream's
  return noted;
}

} // namespace heed::rt
