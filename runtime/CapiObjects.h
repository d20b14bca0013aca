// The objects behind the handles of heed.h.
#ifndef HEED_RUNTIME_CAPIOBJECTS_H
#define HEED_RUNTIME_CAPIOBJECTS_H

#include "runtime/Call.h"
#include "runtime/Devices.h"
#include "runtime/heed.h"

#include <exception>
#include <memory>
#include <new>
#include <string>
#include <vector>

struct heed_status_data {
  heed_code code;
  std::string message;
};

struct heed_device {
  std::shared_ptr<heed::rt::Driver> driver;
  std::string features;
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
  std::shared_ptr<heed::rt::Driver> driver;
  heed::rt::DriverMemory owned; // empty when the caller's memory is wrapped
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

  std::shared_ptr<const heed::rt::Module> module;
  heed_device device;
  std::vector<TensorText> inputs, outputs;
  std::vector<std::string> variants; // of each kernel
};

struct heed_call {
  std::shared_ptr<heed::rt::Driver> driver;
  std::unique_ptr<heed::rt::Call> call;
  std::vector<heed::rt::Tensor> results; // what heed_call_output points to, one an output
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
