// Streams and events.
#ifndef HEED_BACKENDS_GPU_DRIVER_GPUQUEUE_H
#define HEED_BACKENDS_GPU_DRIVER_GPUQUEUE_H

#include "backends/gpu-driver/GpuDriver.h"

namespace heed::rt {

class GpuQueue : public DriverQueue {
public:
  /// An own stream is destroyed with the queue, a borrowed one is not.
  GpuQueue(GpuDriver &driver, GpuHandle stream, bool borrowed);
  ~GpuQueue() override;

  Status synchronize() override;

  GpuHandle stream() const { return handle; }
  const std::shared_ptr<GpuLaunchLog> &log() const { return launches; }
  /// Whether the last work it was given is a launch, with nothing behind it: not even an event.
  bool endsWithLaunch() const { return endsInLaunch; }
  /// Work that is no launch is about to be given to it.
  void noteOther() { endsInLaunch = false; }
  /// Notes a launch just enqueued; the device is current.
  Status noteLaunch(std::string_view name);
  /// Whether the owner of a borrowed stream is capturing it.
  bool isCaptured() const;

private:
  /// The same with the device current.
  Status finish();

  GpuDriver &driver;
  GpuHandle handle;
  bool borrowed;
  bool endsInLaunch = false;
  std::shared_ptr<GpuLaunchLog> launches;
};

class GpuEvent : public DriverEvent {
public:
  explicit GpuEvent(GpuDriver &driver) : driver(driver) {}
  ~GpuEvent() override;

  /// The device is current.
  Status record(const GpuQueue &queue, bool timed);
  /// Of the launches so far; put into the stream when first asked for.
  void note(const GpuQueue &queue);

  /// Also true when the device is lost; `wait` tells.
  bool reached() override;
  Status wait() override;
  Status secondsSince(const DriverEvent &start, double &seconds) override;

private:
  /// Puts a noted event into its stream, if there is need: `isPast` tells that its launches have ended. The device is
  /// current.
  Status placeNoted(bool &isPast);
  Status create(bool timed);

  GpuDriver &driver;
  GpuHandle handle = nullptr;
  bool timing = false;
  bool isNoted = false;
  std::shared_ptr<GpuLaunchLog> log; // of the queue it was recorded in
  uint64_t launch = 0;               // the last before it
};

} // namespace heed::rt

#endif // HEED_BACKENDS_GPU_DRIVER_GPUQUEUE_H
