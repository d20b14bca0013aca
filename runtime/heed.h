/* Heed's runtime: loads compiled models (.heed packages) and runs them.
 *
 *   heed_module *module;  heed_call *call;
 *   heed_module_load_file(NULL, "model.heed", NULL, &module);
 *   heed_call_create(module, &call);
 *   heed_call_bind_input(call, "x", &x);       // once for every input; x is a heed_tensor_view
 *   heed_call_bind_output(call, "y", &y);      // or let the call provide the memory
 *   heed_call_run(call, NULL, NULL);
 *
 * Every function that can fail returns a heed_status: NULL is success, anything else holds a code and a message and is
 * freed by the caller with heed_status_free. Output parameters are set only on success. Passing NULL where an object is
 * required gives HEED_INVALID_ARGUMENT; all heed_*_release and heed_status_free functions accept NULL.
 *
 * Objects may be released in any order: what an object needs stays alive until the object is gone. There is no global
 * state. Thread safety is stated with every function; "thread-safe" means callable at any time from any thread on the
 * same object. Forward inference only; no random numbers.
 *
 * A package contains machine code. Load only packages that you trust as you trust a shared library. */
#ifndef HEED_RUNTIME_HEED_H
#define HEED_RUNTIME_HEED_H

#include <stddef.h>
#include <stdint.h>

#if defined(__GNUC__)
#define HEED_API __attribute__((visibility("default")))
#else
#define HEED_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* C names: NOLINTBEGIN(readability-identifier-naming) */

#define HEED_VERSION_MAJOR 0
#define HEED_VERSION_MINOR 1
#define HEED_VERSION_PATCH 0

/* Most dimensions a tensor may have. */
#define HEED_MAX_RANK 8

typedef struct heed_device heed_device; /* an opened device and its worker threads */
typedef struct heed_queue heed_queue;   /* an ordered stream of work on a device */
typedef struct heed_event heed_event;   /* a point in a queue's work */
typedef struct heed_buffer heed_buffer; /* memory a device can use */
typedef struct heed_module heed_module; /* a package loaded for one device */
typedef struct heed_call heed_call;     /* bound tensors and working memory for runs of a module */

/* ---- Status ------------------------------------------------------------------------------------------------------ */

typedef enum heed_code {
  HEED_OK = 0,
  HEED_INVALID_ARGUMENT = 1, /* something the function or the model does not accept: names, types, shapes */
  HEED_NOT_FOUND = 2,        /* a file, device or name does not exist */
  HEED_BAD_PACKAGE = 3,      /* the package is damaged or breaks a rule of the format */
  HEED_VERSION = 4,          /* the package has another format version */
  HEED_UNSUPPORTED = 5,      /* a valid request, outside of what this device or build offers */
  HEED_OUT_OF_MEMORY = 6,
  HEED_ARITHMETIC = 7,          /* a size overflowed 64 bits or was divided by zero */
  HEED_IO = 8,                  /* the operating system refused a file operation */
  HEED_INTERNAL = 9,            /* a defect of Heed */
  HEED_NO_DRIVER = 10,          /* the device's driver library is missing or unusable */
  HEED_NO_DEVICE = 11,          /* the driver works, but there is no such device */
  HEED_WRONG_ARCHITECTURE = 12, /* the package holds no code for this device */
  HEED_DEVICE_LOST = 13, /* a kernel faulted or hung, or the device vanished: every call on this device fails from now
                            on, other devices go on */
  HEED_TIMEOUT = 14      /* a kernel did not end; the message names it, the device is lost */
} heed_code;

/* NULL is success. Owned by the caller. */
typedef struct heed_status_data *heed_status;

/* HEED_OK for NULL. Thread-safe. */
HEED_API heed_code heed_status_code(heed_status status);
/* One line of UTF-8 without a newline, "" for NULL; lives as long as the status. Thread-safe. */
HEED_API const char *heed_status_message(heed_status status);
HEED_API void heed_status_free(heed_status status);

/* Version of the library in use, which may differ from the header's HEED_VERSION_*. Any pointer may be NULL.
 * Thread-safe. */
HEED_API void heed_version(int *major, int *minor, int *patch);
/* Version of the package format the library reads. Thread-safe. */
HEED_API uint32_t heed_package_version(void);

/* ---- Tensors ----------------------------------------------------------------------------------------------------- */

typedef enum heed_element_type {
  HEED_F64 = 1,
  HEED_F32 = 2,
  HEED_F16 = 3,
  HEED_BF16 = 4,
  HEED_I64 = 5,
  HEED_I32 = 6,
  HEED_I16 = 7,
  HEED_I8 = 8,
  HEED_U64 = 9,
  HEED_U32 = 10,
  HEED_U16 = 11,
  HEED_U8 = 12,
  HEED_BOOL = 13 /* one byte, 0 or 1 */
} heed_element_type;

/* Bytes of one element, 0 for an unknown type. Thread-safe. */
HEED_API size_t heed_element_bytes(heed_element_type type);
/* "f32" and so on, "?" for an unknown type. Thread-safe. */
HEED_API const char *heed_element_name(heed_element_type type);

/* A tensor in memory of the caller. Memory the device can use is used in place, never copied: buffers everywhere, host
 * memory on the CPU. Host memory bound on a device with memory of its own is copied to it and back by every run. Zero-
 * initialise, then set what is needed. */
typedef struct heed_tensor_view {
  /* Host memory of the element with all indices zero. May be unaligned. Ignored by bindings when `buffer` is set. */
  void *data;
  /* Device memory and where in it the tensor begins, in bytes; NULL for host memory. */
  heed_buffer *buffer;
  uint64_t byte_offset;
  heed_element_type type;
  int32_t rank;           /* 0 (a scalar) to HEED_MAX_RANK */
  const int64_t *sizes;   /* `rank` sizes; NULL only for rank 0 */
  const int64_t *strides; /* `rank` strides in elements, or NULL for dense row-major */
  /* Bytes that may be used from the tensor's start on, or 0 for just those that sizes and strides cover. State that
   * grows in place (KV caches) needs it. */
  uint64_t capacity_bytes;
} heed_tensor_view;

/* ---- Devices, queues, events, buffers ---------------------------------------------------------------------------- */

/* Calls body(context, index) once for every index in [0, count), in any order and at the same time where the host
 * likes, and returns when all calls have returned. */
typedef void (*heed_parallel_for)(void *host, int64_t count, void (*body)(void *context, int64_t index), void *context);

/* A Vulkan device that the application made, to be shared with Heed: its buffers can be wrapped
 * (HEED_MEMORY_VULKAN). It must come from the system's loader (libvulkan.so.1), have been created for Vulkan 1.3 with
 * every feature that backends/vulkan/README.md names and the device has, and outlive everything made from it here. Work
 * goes to `queue`; nobody else may use that queue while a function of Heed is called for this device. */
typedef struct heed_vulkan_device {
  void *instance;        /* VkInstance */
  void *physical_device; /* VkPhysicalDevice */
  void *device;          /* VkDevice */
  void *queue;           /* VkQueue of a family that computes */
  uint32_t queue_family;
} heed_vulkan_device;

typedef struct heed_device_options {
  size_t struct_bytes;            /* sizeof(heed_device_options) */
  uint32_t worker_count;          /* CPU: threads used by a kernel, with the calling one; 0: one a hardware thread */
  heed_parallel_for parallel_for; /* CPU: run kernels on the host's threads instead of own ones; NULL: own threads */
  void *parallel_for_host;        /* first argument of parallel_for */
  const char *isa_limit;          /* CPU: highest instruction set to use, e.g. "x86-64-v2"; NULL: all there is */
  double hang_seconds; /* GPU: a wait that sees no kernel end for so long gives HEED_TIMEOUT; 0: 60; negative: never */
  const heed_vulkan_device *vulkan; /* Vulkan: the application's device; NULL: one of Heed's own */
} heed_device_options;

/* What there is: one entry a device, and one entry for each kind that has none, with the reason. */
typedef struct heed_device_list heed_device_list;
typedef struct heed_device_entry {
  const char *kind;     /* "cpu", "cuda", "rocm", "vulkan" */
  const char *id;       /* what heed_device_open takes: "cuda:0"; NULL when the kind has no device */
  const char *name;     /* the product, NULL likewise */
  const char *features; /* separated by spaces, NULL likewise */
  const char *why_not;  /* why the kind has no device (driver library not found, ...); NULL when this is a device */
  int32_t is_software;  /* 1: a GPU interface computed by the host's processor */
} heed_device_entry;

/* Looks for devices now. Text of the entries lives as long as the list. Thread-safe. */
HEED_API heed_status heed_device_list_create(heed_device_list **list);
HEED_API int32_t heed_device_list_count(const heed_device_list *list);
HEED_API heed_status heed_device_list_entry(const heed_device_list *list, int32_t index, heed_device_entry *entry);
HEED_API void heed_device_list_release(heed_device_list *list);

/* Opens a device: "cpu", "cuda:0", "vulkan:1" and so on (":0" may be left out), or "auto": the first one found, GPUs
 * before the CPU. To open the first device that a package can run on, see heed_load_options. `options` may be NULL.
 * HEED_NO_DRIVER: the driver library of the kind is missing; HEED_NO_DEVICE: no such device. Thread-safe. */
HEED_API heed_status heed_device_open(const char *name, const heed_device_options *options, heed_device **device);
HEED_API void heed_device_release(heed_device *device);
/* Text that lives as long as the device: its kind ("cuda"), its id ("cuda:0"), its name, and its features separated by
 * spaces. Thread-safe. */
HEED_API const char *heed_device_kind(const heed_device *device);
HEED_API const char *heed_device_id(const heed_device *device);
HEED_API const char *heed_device_name(const heed_device *device);
HEED_API const char *heed_device_features(const heed_device *device);
/* Worker threads of a CPU. Thread-safe. */
HEED_API uint32_t heed_device_worker_count(const heed_device *device);

/* A queue of the device. Work of one queue runs in order. On the CPU work is done when the function that asked for it
 * returns. Creating is thread-safe; a queue is used by one thread at a time. */
HEED_API heed_status heed_queue_create(heed_device *device, heed_queue **queue);
/* The caller's own queue: a CUstream on a cuda device, a hipStream_t on a rocm device; NULL is their default stream. It
 * must outlive the result. Kernels that others put into it and that start before those in front have ended must wait
 * for them (griddepcontrol.wait), since kernels behind rely on that. HEED_UNSUPPORTED on other devices. */
HEED_API heed_status heed_queue_wrap(heed_device *device, void *handle, heed_queue **queue);
HEED_API heed_status heed_queue_synchronize(heed_queue *queue);
/* Waits for the queue's work. */
HEED_API void heed_queue_release(heed_queue *queue);

/* Waits until the event's point is reached. Thread-safe. */
HEED_API heed_status heed_event_wait(heed_event *event);
/* 1 when the event's point has been reached, else 0. Thread-safe. */
HEED_API int heed_event_reached(heed_event *event);
HEED_API void heed_event_release(heed_event *event);

/* Memory of the device, uninitialised, aligned to at least 256 bytes. No work may use it any more when it is released.
 * Thread-safe. */
HEED_API heed_status heed_buffer_allocate(heed_device *device, uint64_t bytes, heed_buffer **buffer);
typedef enum heed_memory_kind {
  HEED_MEMORY_HOST = 0,  /* handle: a host pointer; on the CPU */
  HEED_MEMORY_CUDA = 1,  /* handle: a CUdeviceptr (or what cudaMalloc returns); on cuda devices */
  HEED_MEMORY_HIP = 2,   /* handle: what hipMalloc returns; on rocm devices */
  HEED_MEMORY_VULKAN = 3 /* handle: a VkBuffer of the VkDevice in heed_device_options::vulkan */
} heed_memory_kind;
/* Memory of the caller as a buffer, without a copy. It must outlive the buffer. HEED_UNSUPPORTED where the device
 * cannot use such memory in place. Thread-safe. */
HEED_API heed_status heed_buffer_wrap(heed_device *device, heed_memory_kind kind, void *handle, uint64_t bytes,
                                      heed_buffer **buffer);
/* Where the host sees the memory, or NULL when it cannot. Thread-safe. */
HEED_API void *heed_buffer_data(heed_buffer *buffer);
/* Copies `bytes` from host memory into the buffer at `offset`, and back. With a queue the copy happens in the order of
 * its work, and the host memory is in use until the queue has passed it (heed_queue_synchronize, or an event of a later
 * run). With NULL it is done on return, but in no order with the work of any queue. Thread-safe with NULL. */
HEED_API heed_status heed_buffer_write(heed_buffer *buffer, uint64_t offset, const void *data, uint64_t bytes,
                                       heed_queue *queue);
HEED_API heed_status heed_buffer_read(heed_buffer *buffer, uint64_t offset, void *data, uint64_t bytes,
                                      heed_queue *queue);
HEED_API uint64_t heed_buffer_bytes(const heed_buffer *buffer);
HEED_API void heed_buffer_release(heed_buffer *buffer);

/* ---- Modules ----------------------------------------------------------------------------------------------------- */

enum {
  HEED_LOAD_VERIFY_CONSTANTS = 1, /* hash the constants too, which reads them all */
  HEED_LOAD_COPY = 2              /* from memory: copy the package, so that the caller may drop it */
};

typedef struct heed_load_options {
  size_t struct_bytes; /* sizeof(heed_load_options) */
  uint32_t flags;      /* HEED_LOAD_* */
  /* For a NULL device: the name of the device to open, and its options. NULL is "auto": the first device the package
   * has a plan for, in the order cuda, rocm, vulkan, cpu, and GPUs that are software after all others. */
  const char *device;
  const heed_device_options *device_options;
} heed_load_options;

/* Maps a package and makes it ready for the device; with a NULL device, for one that it opens itself as the options
 * say. The package is checked completely before anything of it is used. The file must not be shortened while the module
 * lives. HEED_WRONG_ARCHITECTURE: the package holds nothing for the device; the message says what it holds. `options`
 * may be NULL. Thread-safe. */
HEED_API heed_status heed_module_load_file(heed_device *device, const char *path, const heed_load_options *options,
                                           heed_module **module);
/* The same from memory, which must stay unchanged until the module is released, unless HEED_LOAD_COPY is given. Memory
 * that is not aligned to 64 bytes is copied in any case. Thread-safe. */
HEED_API heed_status heed_module_load_memory(heed_device *device, const void *data, size_t bytes,
                                             const heed_load_options *options, heed_module **module);
/* Calls made from the module keep it alive. */
HEED_API void heed_module_release(heed_module *module);

/* All text below lives as long as the module; all functions are thread-safe. An index out of range gives NULL, 0 or
 * HEED_INVALID_ARGUMENT. */
HEED_API const char *heed_module_name(const heed_module *module);
/* The device the module was loaded for. It lives as long as the module; do not release it. */
HEED_API heed_device *heed_module_device(heed_module *module);

typedef struct heed_tensor_info {
  const char *name;
  heed_element_type type;
  int32_t rank;
  const int64_t *sizes;    /* per dimension: the size, or -1 when it depends on the call */
  const char *const *dims; /* per dimension: the size as text, e.g. "seq" or "past + seq" */
  int32_t accepts_strides; /* 1: any strides; 0: dense only */
  int32_t alias;           /* outputs: index of the input whose memory it lives in, or -1; inputs: -1 */
  int32_t is_host_scalar;  /* inputs: 1 when its value is a size, read by the host */
} heed_tensor_info;

HEED_API int32_t heed_module_input_count(const heed_module *module);
HEED_API int32_t heed_module_output_count(const heed_module *module);
HEED_API heed_status heed_module_input(const heed_module *module, int32_t index, heed_tensor_info *info);
HEED_API heed_status heed_module_output(const heed_module *module, int32_t index, heed_tensor_info *info);

/* Targets of the plans in the package, whichever was chosen. */
HEED_API int32_t heed_module_plan_count(const heed_module *module);
HEED_API const char *heed_module_plan_target(const heed_module *module, int32_t index);

typedef struct heed_kernel_info {
  const char *name;
  const char *root;     /* the operation it is built around */
  const char *schedule; /* how it is tiled */
  const char *variant;  /* features of the first variant this device uses, "generic" when it asks for none */
  int32_t fallback;     /* 1: not the fused form, for instance attention that was materialised */
} heed_kernel_info;

/* Kernels of the chosen plan. */
HEED_API int32_t heed_module_kernel_count(const heed_module *module);
HEED_API heed_status heed_module_kernel(const heed_module *module, int32_t index, heed_kernel_info *info);
/* How many of them are fallbacks. */
HEED_API int32_t heed_module_fallback_count(const heed_module *module);

/* ---- Calls ------------------------------------------------------------------------------------------------------- */

/* A call holds what one run needs; runs of different calls of one module may overlap in time. Creating is thread-safe;
 * one call is used by one thread at a time, in all functions below. */
HEED_API heed_status heed_call_create(heed_module *module, heed_call **call);
HEED_API void heed_call_release(heed_call *call);

/* Binds a tensor to an input. Name, type and rank are checked now, shapes when they are all known (output query or
 * run). The view itself is copied; its memory must live until the run is over and stays bound for further runs. For a
 * shape query `data` may be NULL. An input that an output lives in (state) is overwritten by the run. */
HEED_API heed_status heed_call_bind_input(heed_call *call, const char *name, const heed_tensor_view *view);
/* Binds memory that an output is written to; sizes must be those heed_call_output_shape gives. NULL as view returns to
 * memory provided by the call. State that is bound elsewhere than its input is copied there first. */
HEED_API heed_status heed_call_bind_output(heed_call *call, const char *name, const heed_tensor_view *view);

/* Sizes of an output for the inputs bound so far, which must be all. `sizes` has room for HEED_MAX_RANK entries. */
HEED_API heed_status heed_call_output_shape(heed_call *call, const char *name, int32_t *rank, int64_t *sizes);

/* Runs the model. With a NULL queue, returns when the outputs are complete; with a queue, the work is enqueued and
 * `event` (may be NULL) tells when it is done: until then no bound memory may change or be read. Runs of one call may
 * be enqueued one behind the other; a run on another queue waits for the one before. A run with the same shapes as the
 * one before takes no memory. On a device with memory of its own, host tensors are copied to it and back in the queue's
 * order. Then a run waits for its end, queue or not, when an output on the host has gaps between its elements. State
 * (KV caches) that should stay on the device is bound as a buffer, or fed back from heed_call_output. */
HEED_API heed_status heed_call_run(heed_call *call, heed_queue *queue, heed_event **event);

/* After a successful run: where an output is. sizes, strides and buffer live in the call. Memory provided by the call
 * is valid until its next run or release. On a device with memory of its own: an output bound to host memory has `data`
 * set; any other has `buffer` and byte_offset set and can be bound as it is, to this or another call of the device. An
 * output in the call's memory also gets a copy on the host in `data`, for which this function waits for the run, unless
 * HEED_CALL_DEVICE_OUTPUTS is set. */
HEED_API heed_status heed_call_output(heed_call *call, const char *name, heed_tensor_view *view);

typedef enum heed_counter {
  HEED_COUNTER_KEY_BLOCKS_VISITED = 0, /* KV blocks whose scores were computed; needs HEED_CALL_COUNT */
  HEED_COUNTER_ALLOCATIONS = 1,        /* blocks of memory taken by the run */
  HEED_COUNTER_LAUNCHES = 2,           /* kernels launched */
  HEED_COUNTER_FALLBACK_LAUNCHES = 3,  /* of them, fallbacks */
  HEED_COUNTER_STATE_COPIES = 4,       /* states copied because they could not be updated in place */
  HEED_COUNTER_ARENA_BYTES = 5,        /* memory for values between kernels */
  HEED_COUNTER_UPLOADED_BYTES = 6,     /* of host tensors, copied to a device with memory of its own */
  HEED_COUNTER_DOWNLOADED_BYTES = 7    /* and back */
} heed_counter;

enum {
  HEED_CALL_PROFILE = 1,       /* measure the time of each kernel */
  HEED_CALL_COUNT = 2,         /* let kernels count what they visit (CPU) */
  HEED_CALL_DEVICE_OUTPUTS = 4 /* heed_call_output makes no host copies of outputs that lie on the device */
};

/* Sets the flags of the following runs and clears the profile. */
HEED_API heed_status heed_call_set_flags(heed_call *call, uint32_t flags);
/* A number of the last run. */
HEED_API heed_status heed_call_counter(heed_call *call, heed_counter counter, int64_t *value);

typedef struct heed_profile_entry {
  const char *name; /* of the kernel, or "copy"; lives as long as the call */
  int64_t launches; /* since profiling was switched on, as all numbers here */
  double seconds;
  double flops; /* 0 when unknown */
  double bytes; /* read and written; 0 when unknown */
} heed_profile_entry;

/* One entry a kernel of the plan, in its order, and one for copies; 0 entries before profiling is switched on. Times
 * are the device's own where it has a clock. heed_call_profile waits for the last run. */
HEED_API int32_t heed_call_profile_count(const heed_call *call);
HEED_API heed_status heed_call_profile(const heed_call *call, int32_t index, heed_profile_entry *entry);

/* NOLINTEND(readability-identifier-naming) */

#ifdef __cplusplus
}
#endif

#endif /* HEED_RUNTIME_HEED_H */
