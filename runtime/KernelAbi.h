/* The calling convention between the runtime and compiled CPU kernels. Plain C: code generators mirror it field by
 * field.
 *
 * A kernel works on a grid of independent programs. The runtime splits the linear range [0, grid x * y * z) into chunks
 * and calls the kernel once a chunk, from any of its workers, at the same time for different chunks. */
#ifndef HEED_RUNTIME_KERNELABI_H
#define HEED_RUNTIME_KERNELABI_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* C names: NOLINTBEGIN(readability-identifier-naming) */

/* Test counters. A kernel adds to counters[i] only when `counters` is not null. */
enum heed_kernel_counter {
  HEED_KERNEL_KEY_BLOCKS_VISITED = 0, /* KV blocks whose scores were computed */
  HEED_KERNEL_COUNTER_COUNT = 8       /* length of the counters array; unused entries stay zero */
};

typedef struct heed_cpu_kernel_args {
  void *const *operands; /* base pointers, byte offsets already applied; order of the kernel's signature */
  const int64_t *params; /* packed parameter block, order of the launch step */
  int64_t grid[3];       /* grid sizes x, y, z; program index is linear, x fastest */
  int64_t *counters;     /* this worker's own HEED_KERNEL_COUNTER_COUNT counters, or null: no atomics needed */
} heed_cpu_kernel_args;

/* Runs programs begin .. end - 1. `worker_scratch` is this worker's private memory, aligned to 4096 bytes and as large
 * as the variant asked for (null when it asked for none); its contents are undefined on entry. */
typedef void (*heed_cpu_kernel)(const heed_cpu_kernel_args *args, int64_t begin, int64_t end, void *worker_scratch);

/* NOLINTEND(readability-identifier-naming) */

#ifdef __cplusplus
}
#endif

#endif /* HEED_RUNTIME_KERNELABI_H */
