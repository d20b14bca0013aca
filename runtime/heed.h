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
  HEED_UNSUPPORTED = 5,      /* this device or build lacks something that is needed */
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

/* A tensor in memory of the caller. The memory is used in place, never copied. Zero-initialise, then set what is
 * needed. */
typedef struct heed_tensor_view {
  /* Host memory of the element with all indices zero. May be unaligned. Ignored when `buffer` is set. */
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

typedef struct heed_device_options {
  size_t struct_bytes;            /* sizeof(heed_device_options) */
  uint32_t worker_count;          /* CPU: threads used by a kernel, with the calling one; 0: one a hardware thread */
  heed_parallel_for parallel_for; /* CPU: run kernels on the host's threads instead of own ones; NULL: own threads */
  void *parallel_for_host;        /* first argument of parallel_for */
  const char *isa_limit;          /* CPU: highest instruction set to use, e.g. "x86-64-v2"; NULL: all there is */
} heed_device_options;

/* Opens a device: "cpu". `options` may be NULL. Thread-safe. */
HEED_API heed_status heed_device_open(const char *name, const heed_device_options *options, heed_device **device);
HEED_API void heed_device_release(heed_device *device);
/* Text that lives as long as the device: its kind ("cpu"), its name, and its features separated by spaces. Thread-safe.
 */
HEED_API const char *heed_device_kind(const heed_device *device);
HEED_API const char *heed_device_name(const heed_device *device);
HEED_API const char *heed_device_features(const heed_device *device);
/* Worker threads of a CPU. Thread-safe. */
HEED_API uint32_t heed_device_worker_count(const heed_device *device);

/* A queue of the device. Work of one queue runs in order. On the CPU work is done when the function that asked for it
 * returns. Creating is thread-safe; a queue is used by one thread at a time. */
HEED_API heed_status heed_queue_create(heed_device *device, heed_queue **queue);
HEED_API heed_status heed_queue_synchronize(heed_queue *queue);
HEED_API void heed_queue_release(heed_queue *queue);

/* Waits until the event's point is reached. Thread-safe. */
HEED_API heed_status heed_event_wait(heed_event *event);
/* 1 when the event's point has been reached, else 0. Thread-safe. */
HEED_API int heed_event_reached(heed_event *event);
HEED_API void heed_event_release(heed_event *event);

/* Memory of the device, uninitialised, aligned to at least 256 bytes. Thread-safe. */
HEED_API heed_status heed_buffer_allocate(heed_device *device, uint64_t bytes, heed_buffer **buffer);
typedef enum heed_memory_kind {
  HEED_MEMORY_HOST = 0 /* handle: a host pointer */
} heed_memory_kind;
/* Memory of the caller as a buffer, without a copy. It must outlive the buffer. Thread-safe. */
HEED_API heed_status heed_buffer_wrap(heed_device *device, heed_memory_kind kind, void *handle, uint64_t bytes,
                                      heed_buffer **buffer);
/* Where the host sees the memory, or NULL when it cannot. Thread-safe. */
HEED_API void *heed_buffer_data(heed_buffer *buffer);
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
} heed_load_options;

/* Maps a package and makes it ready for the device; a NULL device opens the CPU with default options. The package is
 * checked completely before anything of it is used. The file must not be shortened while the module lives. `options`
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
 * `event` (may be NULL) tells when it is done. A run with the same shapes as the one before takes no memory. */
HEED_API heed_status heed_call_run(heed_call *call, heed_queue *queue, heed_event **event);

/* After a successful run: where an output is. sizes and strides live in the call. Memory provided by the call is valid
 * until its next run or release. */
HEED_API heed_status heed_call_output(heed_call *call, const char *name, heed_tensor_view *view);

typedef enum heed_counter {
  HEED_COUNTER_KEY_BLOCKS_VISITED = 0, /* KV blocks whose scores were computed; needs HEED_CALL_COUNT */
  HEED_COUNTER_ALLOCATIONS = 1,        /* blocks of memory taken by the run */
  HEED_COUNTER_LAUNCHES = 2,           /* kernels launched */
  HEED_COUNTER_FALLBACK_LAUNCHES = 3,  /* of them, fallbacks */
  HEED_COUNTER_STATE_COPIES = 4,       /* states copied because they could not be updated in place */
  HEED_COUNTER_ARENA_BYTES = 5         /* memory for values between kernels */
} heed_counter;

enum {
  HEED_CALL_PROFILE = 1, /* measure the time of each kernel */
  HEED_CALL_COUNT = 2    /* let kernels count what they visit */
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

/* One entry a kernel of the plan, in its order, and one for copies; 0 entries before profiling is switched on. */
HEED_API int32_t heed_call_profile_count(const heed_call *call);
HEED_API heed_status heed_call_profile(const heed_call *call, int32_t index, heed_profile_entry *entry);

/* NOLINTEND(readability-identifier-naming) */

#ifdef __cplusplus
}
#endif

#endif /* HEED_RUNTIME_HEED_H */
