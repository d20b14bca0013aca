// The objects behind the handles of heed.h.
#ifndef HEED_RUNTIME_CAPIOBJECTS_H
#define HEED_RUNTIME_CAPIOBJECTS_H

#include "runtime/Call.h"
#include "runtime/Devices.h"
#include "runtime/heed.h"

#include <exception>
#include <memory>
#include <mutex>
#include <new>
#include <string>
#include <vector>

struct heed_status_data {
  heed_code code;
  std::string message;
};

namespace heed::rt {

inline std::string joinFeatures(const DeviceInfo &device) {
  std::string text;
  for (const std::string &feature : device.features)
    text += (text.empty() ? "" : " ") + feature;
  return text;
}

/// A queue for copies that the caller asks for without naming one.
class TransferQueue {
public:
  /// Runs body(queue) and waits for what it enqueued. Thread-safe.
  template <typename Body> Status run(Driver &driver, Body body) {
    std::scoped_lock guard(lock);
    if (!queue)
      HEED_TRY(driver.createQueue(queue));
    Status status = body(*queue);
    Status waited = queue->synchronize();
    return status.ok() ? std::move(waited) : std::move(status);
  }

private:
  std::mutex lock;
  std::unique_ptr<DriverQueue> queue;
};

} // namespace heed::rt

struct heed_device {
  explicit heed_device(std::shared_ptr<heed::rt::Driver> opened)
      : driver(std::move(opened)), transfers(std::make_shared<heed::rt::TransferQueue>()), id(driver->info().id()),
        features(heed::rt::joinFeatures(driver->info())) {}

  std::shared_ptr<heed::rt::Driver> driver;
  std::shared_ptr<heed::rt::TransferQueue> transfers;
  std::string id, features;
};

struct heed_device_list {
  std::vector<heed::rt::DeviceListing> listings;
  struct Entry {
    const heed::rt::DeviceListing *listing;
    const heed::rt::DeviceInfo *device; // null: the kind has none
    std::string id, features;
  };
  std::vector<Entry> entries;
};

struct heed_queue {
  std::shared_ptr<heed::rt::Driver> driver;
  std::unique_ptr<heed::rt::DriverQueue> queue;
};

struct heed_event {
  std::shared_ptr<heed::rt::Driver> driver;
  std::unique_ptr<heed::rt::DriverEvent> event;
};

struct heed_buffer {
  heed_buffer() = default;
  heed_buffer(const heed_buffer &) = delete;
  heed_buffer &operator=(const heed_buffer &) = delete;
  ~heed_buffer() {
    if (wrapped)
      driver->unwrap(memory);
  }

  std::shared_ptr<heed::rt::Driver> driver;
  std::shared_ptr<heed::rt::TransferQueue> transfers;
  heed::rt::DriverMemory owned; // empty when the memory is not the buffer's own
  bool wrapped = false;
  heed::rt::DevicePointer memory;
  uint64_t bytes = 0;
};

/// What heed_tensor_info and heed_kernel_info point to.
struct heed_module {
  struct TensorText {
    std::vector<int64_t> sizes;
    std::vector<std::string> dims;
    std::vector<const char *> dimPointers;
  };

  explicit heed_module(heed_device device) : device(std::move(device)) {}

  std::shared_ptr<const heed::rt::Module> module;
  heed_device device;
  std::vector<TensorText> inputs, outputs;
  std::vector<std::string> variants; // of each kernel
};

struct heed_call {
  std::shared_ptr<heed::rt::Driver> driver;
  std::unique_ptr<heed::rt::Call> call;
  std::vector<heed::rt::Tensor> results; // what heed_call_output points to, one an output
  std::vector<heed_buffer> buffers;      // the same as device memory
  bool deviceOutputs = false;            // HEED_CALL_DEVICE_OUTPUTS
};

namespace heed::rt {

/// A status that is too poor for memory of its own.
inline heed_status_data &outOfMemoryStatus() {
  static heed_status_data status{HEED_OUT_OF_MEMORY, "out of memory"};
  return status;
}

inline heed_status toC(Status status) {
  if (status.ok())
    return nullptr;
  return new heed_status_data{static_cast<heed_code>(status.code()), std::string(status.message())};
}

inline heed_status internalFailure(const std::exception &failure) {
  try {
    return new heed_status_data{HEED_INTERNAL, failure.what()};
  } catch (const std::bad_alloc &) {
    return &outOfMemoryStatus();
  }
}

Status readDeviceOptions(const heed_device_options *options, DriverOptions &result);

/// Runs the body of a C function: exceptions become statuses.
template <typename Body> heed_status guarded(Body body) {
  try {
    return toC(body());
  } catch (const std::bad_alloc &) {
    return &outOfMemoryStatus();
  } catch (const std::exception &failure) {
    return internalFailure(failure);
  }
}

inline Status requireArguments(bool given) {
  return given ? Status() : error(Code::invalidArgument, "an argument that must be set is NULL");
}

} // namespace heed::rt

#endif // HEED_RUNTIME_CAPIOBJECTS_H
