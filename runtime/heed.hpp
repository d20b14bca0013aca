// C++ over heed.h: objects that release themselves and a Result where C has a status. Header only, no exceptions.
//
//   auto module = heed::Module::loadFile("model.heed");
//   if (!module)
//     return fail(module.message());
//   heed::Call call = module->createCall().value();
//   call.bindInput("x", heed::view(data, {2, 3}));
//   call.run();
//
// Thread safety is that of the C functions. Every failure must be looked at: the types are [[nodiscard]].
#ifndef HEED_RUNTIME_HEED_HPP
#define HEED_RUNTIME_HEED_HPP

#include "runtime/heed.h"

#include <array>
#include <cstdio>
#include <cstdlib>
#include <initializer_list>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace heed {

/// Success, or a code and one line of text.
class [[nodiscard]] Status {
public:
  Status() = default;
  /// Takes over a status of the C functions.
  explicit Status(heed_status status) : held(status) {}

  bool ok() const { return !held; }
  explicit operator bool() const { return ok(); }
  heed_code code() const { return heed_status_code(held.get()); }
  std::string_view message() const { return heed_status_message(held.get()); }
  heed_status raw() const { return held.get(); }

private:
  struct Free {
    void operator()(heed_status status) const { heed_status_free(status); }
  };
  std::unique_ptr<heed_status_data, Free> held;
};

/// A value, or why there is none.
template <typename Value> class [[nodiscard]] Result {
public:
  Result(Value value) : held(std::move(value)) {}
  Result(Status status) : failure(std::move(status)) {}

  bool ok() const { return held.has_value(); }
  explicit operator bool() const { return ok(); }
  heed_code code() const { return failure.code(); }
  std::string_view message() const { return failure.message(); }

  /// Only after ok(); otherwise prints the failure and ends the process.
  Value &value() & { return checked(); }
  Value &&value() && { return std::move(checked()); }
  Value *operator->() { return &checked(); }
  Value &operator*() { return checked(); }

private:
  Value &checked() {
    if (!held) {
      std::fprintf(stderr, "heed: the value of a failure was asked for: %s\n", heed_status_message(failure.raw()));
      std::abort();
    }
    return *held;
  }

  std::optional<Value> held;
  Status failure;
};

template <typename Type> struct ElementOf;
template <> struct ElementOf<double> {
  static constexpr heed_element_type value = HEED_F64;
};
template <> struct ElementOf<float> {
  static constexpr heed_element_type value = HEED_F32;
};
template <> struct ElementOf<int64_t> {
  static constexpr heed_element_type value = HEED_I64;
};
template <> struct ElementOf<int32_t> {
  static constexpr heed_element_type value = HEED_I32;
};
template <> struct ElementOf<int16_t> {
  static constexpr heed_element_type value = HEED_I16;
};
template <> struct ElementOf<int8_t> {
  static constexpr heed_element_type value = HEED_I8;
};
template <> struct ElementOf<uint64_t> {
  static constexpr heed_element_type value = HEED_U64;
};
template <> struct ElementOf<uint32_t> {
  static constexpr heed_element_type value = HEED_U32;
};
template <> struct ElementOf<uint16_t> {
  static constexpr heed_element_type value = HEED_U16;
};
template <> struct ElementOf<uint8_t> {
  static constexpr heed_element_type value = HEED_U8;
};
template <> struct ElementOf<bool> {
  static constexpr heed_element_type value = HEED_BOOL;
};

/// A tensor in the caller's memory that carries its sizes and strides along.
class TensorView {
public:
  TensorView(void *data, heed_element_type type, std::span<const int64_t> sizes, std::span<const int64_t> strides = {})
      : data(data), type(type), rank(sizes.size()), hasStrides(!strides.empty()) {
    for (size_t i = 0; i < sizes.size() && i < HEED_MAX_RANK; ++i)
      sizeList[i] = sizes[i];
    for (size_t i = 0; i < strides.size() && i < HEED_MAX_RANK; ++i)
      strideList[i] = strides[i];
  }

  /// A tensor in a buffer, which must outlive its use; it begins at a byte offset.
  TensorView(heed_buffer *buffer, uint64_t byteOffset, heed_element_type type, std::span<const int64_t> sizes,
             std::span<const int64_t> strides = {})
      : TensorView(nullptr, type, sizes, strides) {
    memory = buffer;
    offset = byteOffset;
  }

  /// Bytes that may be used from the start on, for state that grows in place.
  TensorView &capacityBytes(uint64_t bytes) {
    capacity = bytes;
    return *this;
  }

  /// Points into this object.
  heed_tensor_view raw() const {
    heed_tensor_view view = {};
    view.data = data;
    view.buffer = memory;
    view.byte_offset = offset;
    view.type = type;
    view.rank = static_cast<int32_t>(rank);
    view.sizes = sizeList.data();
    view.strides = hasStrides ? strideList.data() : nullptr;
    view.capacity_bytes = capacity;
    return view;
  }

private:
  void *data;
  heed_buffer *memory = nullptr;
  uint64_t offset = 0;
  heed_element_type type;
  size_t rank;
  bool hasStrides;
  uint64_t capacity = 0;
  std::array<int64_t, HEED_MAX_RANK> sizeList = {};
  std::array<int64_t, HEED_MAX_RANK> strideList = {};
};

/// A view of host memory; without strides it is dense row-major. Inputs that are not state are never written, so memory
/// of constants may be passed for them.
template <typename Type>
TensorView view(Type *data, std::initializer_list<int64_t> sizes, std::initializer_list<int64_t> strides = {}) {
  using Element = std::remove_const_t<Type>;
  return TensorView(const_cast<Element *>(data), ElementOf<Element>::value, {sizes.begin(), sizes.size()},
                    {strides.begin(), strides.size()});
}

class Device {
public:
  static Result<Device> open(const char *name = "cpu", const heed_device_options *options = nullptr) {
    heed_device *device = nullptr;
    if (Status status(heed_device_open(name, options, &device)); !status)
      return status;
    return Device(device);
  }

  /// Takes over a device of the C functions.
  explicit Device(heed_device *device) : held(device) {}

  std::string_view kind() const { return heed_device_kind(held.get()); }
  std::string_view id() const { return heed_device_id(held.get()); }
  std::string_view name() const { return heed_device_name(held.get()); }
  std::string_view features() const { return heed_device_features(held.get()); }
  uint32_t workerCount() const { return heed_device_worker_count(held.get()); }
  heed_device *raw() const { return held.get(); }

private:
  struct Release {
    void operator()(heed_device *device) const { heed_device_release(device); }
  };
  std::unique_ptr<heed_device, Release> held;
};

/// The devices there are, and for each kind without one the reason.
class DeviceList {
public:
  static Result<DeviceList> create() {
    heed_device_list *list = nullptr;
    if (Status status(heed_device_list_create(&list)); !status)
      return status;
    return DeviceList(list);
  }

  /// Texts live as long as the list.
  std::vector<heed_device_entry> entries() const {
    std::vector<heed_device_entry> entries(heed_device_list_count(held.get()));
    for (size_t i = 0; i < entries.size(); ++i)
      heed_status_free(heed_device_list_entry(held.get(), static_cast<int32_t>(i), &entries[i]));
    return entries;
  }

private:
  explicit DeviceList(heed_device_list *list) : held(list) {}
  struct Release {
    void operator()(heed_device_list *list) const { heed_device_list_release(list); }
  };
  std::unique_ptr<heed_device_list, Release> held;
};

class Event {
public:
  explicit Event(heed_event *event) : held(event) {}
  Status wait() { return Status(heed_event_wait(held.get())); }
  bool reached() { return heed_event_reached(held.get()) != 0; }

private:
  struct Release {
    void operator()(heed_event *event) const { heed_event_release(event); }
  };
  std::unique_ptr<heed_event, Release> held;
};

class Queue {
public:
  static Result<Queue> create(const Device &device) {
    heed_queue *queue = nullptr;
    if (Status status(heed_queue_create(device.raw(), &queue)); !status)
      return status;
    return Queue(queue);
  }
  /// The caller's CUstream or hipStream_t, which must outlive the result.
  static Result<Queue> wrap(const Device &device, void *handle) {
    heed_queue *queue = nullptr;
    if (Status status(heed_queue_wrap(device.raw(), handle, &queue)); !status)
      return status;
    return Queue(queue);
  }

  Status synchronize() { return Status(heed_queue_synchronize(held.get())); }
  heed_queue *raw() const { return held.get(); }

private:
  explicit Queue(heed_queue *queue) : held(queue) {}
  struct Release {
    void operator()(heed_queue *queue) const { heed_queue_release(queue); }
  };
  std::unique_ptr<heed_queue, Release> held;
};

/// Memory of a device.
class Buffer {
public:
  /// Takes over a buffer of the C functions.
  explicit Buffer(heed_buffer *buffer) : held(buffer) {}
  static Result<Buffer> allocate(const Device &device, uint64_t bytes) {
    heed_buffer *buffer = nullptr;
    if (Status status(heed_buffer_allocate(device.raw(), bytes, &buffer)); !status)
      return status;
    return Buffer(buffer);
  }
  /// Memory of the caller, which must outlive the result.
  static Result<Buffer> wrap(const Device &device, heed_memory_kind kind, void *handle, uint64_t bytes) {
    heed_buffer *buffer = nullptr;
    if (Status status(heed_buffer_wrap(device.raw(), kind, handle, bytes, &buffer)); !status)
      return status;
    return Buffer(buffer);
  }

  /// Done on return without a queue, in the queue's order with one.
  Status write(uint64_t offset, std::span<const std::byte> data, Queue *queue = nullptr) {
    return Status(heed_buffer_write(held.get(), offset, data.data(), data.size(), queue ? queue->raw() : nullptr));
  }
  Status read(uint64_t offset, std::span<std::byte> data, Queue *queue = nullptr) {
    return Status(heed_buffer_read(held.get(), offset, data.data(), data.size(), queue ? queue->raw() : nullptr));
  }

  uint64_t bytes() const { return heed_buffer_bytes(held.get()); }
  /// Null when the host cannot see the memory.
  void *data() const { return heed_buffer_data(held.get()); }
  heed_buffer *raw() const { return held.get(); }

private:
  struct Release {
    void operator()(heed_buffer *buffer) const { heed_buffer_release(buffer); }
  };
  std::unique_ptr<heed_buffer, Release> held;
};

class Call {
public:
  explicit Call(heed_call *call) : held(call) {}

  Status bindInput(const char *name, const TensorView &view) {
    heed_tensor_view raw = view.raw();
    return Status(heed_call_bind_input(held.get(), name, &raw));
  }
  Status bindOutput(const char *name, const TensorView &view) {
    heed_tensor_view raw = view.raw();
    return Status(heed_call_bind_output(held.get(), name, &raw));
  }
  /// Returns to memory provided by the call.
  Status unbindOutput(const char *name) { return Status(heed_call_bind_output(held.get(), name, nullptr)); }

  Result<std::vector<int64_t>> outputShape(const char *name) {
    int32_t rank = 0;
    int64_t sizes[HEED_MAX_RANK];
    if (Status status(heed_call_output_shape(held.get(), name, &rank, sizes)); !status)
      return status;
    return std::vector<int64_t>(sizes, sizes + rank);
  }

  Status run() { return Status(heed_call_run(held.get(), nullptr, nullptr)); }
  /// Enqueues a run.
  Status enqueue(Queue &queue) { return Status(heed_call_run(held.get(), queue.raw(), nullptr)); }
  /// The same with an event that tells when the run is over.
  Result<Event> enqueueWithEvent(Queue &queue) {
    heed_event *event = nullptr;
    if (Status status(heed_call_run(held.get(), queue.raw(), &event)); !status)
      return status;
    return Event(event);
  }
  /// Binds a view as the C functions describe it, for instance one that output() gave.
  Status bindInput(const char *name, const heed_tensor_view &view) {
    return Status(heed_call_bind_input(held.get(), name, &view));
  }
  Status bindOutput(const char *name, const heed_tensor_view &view) {
    return Status(heed_call_bind_output(held.get(), name, &view));
  }

  /// Valid until the next run when the call provides the memory.
  Result<heed_tensor_view> output(const char *name) {
    heed_tensor_view view = {};
    if (Status status(heed_call_output(held.get(), name, &view)); !status)
      return status;
    return view;
  }

  /// HEED_CALL_* flags.
  Status setFlags(uint32_t flags) { return Status(heed_call_set_flags(held.get(), flags)); }

  Result<int64_t> counter(heed_counter counter) {
    int64_t value = 0;
    if (Status status(heed_call_counter(held.get(), counter, &value)); !status)
      return status;
    return value;
  }

  std::vector<heed_profile_entry> profile() const {
    std::vector<heed_profile_entry> entries(heed_call_profile_count(held.get()));
    for (size_t i = 0; i < entries.size(); ++i)
      heed_status_free(heed_call_profile(held.get(), static_cast<int32_t>(i), &entries[i]));
    return entries;
  }

  heed_call *raw() const { return held.get(); }

private:
  struct Release {
    void operator()(heed_call *call) const { heed_call_release(call); }
  };
  std::unique_ptr<heed_call, Release> held;
};

class Module {
public:
  /// Without a device the module opens the first that the package has a plan for.
  static Result<Module> loadFile(const char *path, const Device *device = nullptr, uint32_t flags = 0) {
    heed_load_options options = {sizeof(options), flags, nullptr, nullptr};
    heed_module *module = nullptr;
    if (Status status(heed_module_load_file(device ? device->raw() : nullptr, path, &options, &module)); !status)
      return status;
    return Module(module);
  }

  /// The memory must stay unchanged while the module lives, unless HEED_LOAD_COPY is among the flags.
  static Result<Module> loadMemory(std::span<const std::byte> package, const Device *device = nullptr,
                                   uint32_t flags = 0) {
    heed_load_options options = {sizeof(options), flags, nullptr, nullptr};
    heed_module *module = nullptr;
    if (Status status(heed_module_load_memory(device ? device->raw() : nullptr, package.data(), package.size(),
                                              &options, &module));
        !status)
      return status;
    return Module(module);
  }

  /// Opens a device of this name ("auto": the first that the package has a plan for) and loads the file for it.
  static Result<Module> loadFileFor(const char *path, const char *deviceName,
                                    const heed_device_options *deviceOptions = nullptr, uint32_t flags = 0) {
    heed_load_options options = {sizeof(options), flags, deviceName, deviceOptions};
    heed_module *module = nullptr;
    if (Status status(heed_module_load_file(nullptr, path, &options, &module)); !status)
      return status;
    return Module(module);
  }

  Result<Call> createCall() {
    heed_call *call = nullptr;
    if (Status status(heed_call_create(held.get(), &call)); !status)
      return status;
    return Call(call);
  }

  std::string_view name() const { return heed_module_name(held.get()); }

  /// Texts live as long as the module.
  std::vector<heed_tensor_info> inputs() const {
    std::vector<heed_tensor_info> list(heed_module_input_count(held.get()));
    for (size_t i = 0; i < list.size(); ++i)
      heed_status_free(heed_module_input(held.get(), static_cast<int32_t>(i), &list[i]));
    return list;
  }
  std::vector<heed_tensor_info> outputs() const {
    std::vector<heed_tensor_info> list(heed_module_output_count(held.get()));
    for (size_t i = 0; i < list.size(); ++i)
      heed_status_free(heed_module_output(held.get(), static_cast<int32_t>(i), &list[i]));
    return list;
  }
  std::vector<heed_kernel_info> kernels() const {
    std::vector<heed_kernel_info> list(heed_module_kernel_count(held.get()));
    for (size_t i = 0; i < list.size(); ++i)
      heed_status_free(heed_module_kernel(held.get(), static_cast<int32_t>(i), &list[i]));
    return list;
  }
  int32_t fallbackCount() const { return heed_module_fallback_count(held.get()); }

  heed_module *raw() const { return held.get(); }

private:
  explicit Module(heed_module *module) : held(module) {}
  struct Release {
    void operator()(heed_module *module) const { heed_module_release(module); }
  };
  std::unique_ptr<heed_module, Release> held;
};

} // namespace heed

#endif // HEED_RUNTIME_HEED_HPP
