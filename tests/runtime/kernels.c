/* Kernels the runtime's tests put into packages. Built as a shared object without any library, as compiled kernels are.
 */
#include "runtime/KernelAbi.h"

/* Built a second time with another factor, to have two objects that differ. */
#ifndef TWICE
#define TWICE 2
#endif

#define KERNEL __attribute__((visibility("default"))) void

/* out[p] = a[p] + b[p] */
KERNEL test_add(const heed_cpu_kernel_args *args, int64_t begin, int64_t end, void *scratch) {
  (void)scratch;
  const float *a = args->operands[0], *b = args->operands[1];
  float *out = args->operands[2];
  for (int64_t p = begin; p < end; ++p)
    out[p] = a[p] + b[p];
}

/* out[row][column] = TWICE * x[row * stride0 + column * stride1]; a program is a row. params: columns, stride0, stride1
 */
KERNEL test_twice(const heed_cpu_kernel_args *args, int64_t begin, int64_t end, void *scratch) {
  (void)scratch;
  const float *x = args->operands[0];
  float *out = args->operands[1];
  int64_t columns = args->params[0];
  for (int64_t row = begin; row < end; ++row)
    for (int64_t column = 0; column < columns; ++column)
      out[row * columns + column] = TWICE * x[row * args->params[1] + column * args->params[2]];
}

/* Writes a row of x into the state at a position and returns the sum of the state so far; one program.
 * operands: state (read and written), x, out. params: position, width, stride of the state's rows */
KERNEL test_append(const heed_cpu_kernel_args *args, int64_t begin, int64_t end, void *scratch) {
  (void)begin, (void)end, (void)scratch;
  float *state = args->operands[0];
  const float *x = args->operands[1];
  float *out = args->operands[2];
  int64_t position = args->params[0], width = args->params[1], stride = args->params[2];
  for (int64_t column = 0; column < width; ++column) {
    state[position * stride + column] = x[column];
    float sum = 0;
    for (int64_t row = 0; row <= position; ++row)
      sum += state[row * stride + column];
    out[column] = sum;
  }
}

/* Counts its programs and checks that the scratch is its own: writes it, then reads it back. operands: out */
KERNEL test_count(const heed_cpu_kernel_args *args, int64_t begin, int64_t end, void *scratch) {
  float *out = args->operands[0];
  volatile int64_t *own = scratch;
  for (int64_t p = begin; p < end; ++p) {
    own[0] = p, own[511] = -p;
    /* Unequal work, as in causal attention. */
    for (volatile int64_t i = 0; i < p; ++i)
      ;
    out[p] = own[0] == p && own[511] == -p && (uintptr_t)scratch % 4096 == 0 ? (float)p : -1.0f;
    if (args->counters)
      args->counters[HEED_KERNEL_KEY_BLOCKS_VISITED] += 1;
  }
}

/* out[p] = number of the variant: each variant of a test has its own symbol. */
#define VARIANT(number)                                                                                                \
  KERNEL test_variant_##number(const heed_cpu_kernel_args *args, int64_t begin, int64_t end, void *scratch) {          \
    (void)scratch;                                                                                                     \
    for (int64_t p = begin; p < end; ++p)                                                                              \
      ((float *)args->operands[0])[p] = number;                                                                        \
  }
VARIANT(1)
VARIANT(2)
VARIANT(3)
VARIANT(4)

/* out[p] = sum of the three program indices, each times a power of 100. params: none */
KERNEL test_grid(const heed_cpu_kernel_args *args, int64_t begin, int64_t end, void *scratch) {
  (void)scratch;
  float *out = args->operands[0];
  for (int64_t p = begin; p < end; ++p) {
    int64_t x = p % args->grid[0], y = p / args->grid[0] % args->grid[1], z = p / args->grid[0] / args->grid[1];
    out[p] = (float)(x + 100 * y + 10000 * z);
  }
}

/* out[p] = sum of x[p * n .. p * n + n). params: n */
KERNEL test_sum(const heed_cpu_kernel_args *args, int64_t begin, int64_t end, void *scratch) {
  (void)scratch;
  const float *x = args->operands[0];
  float *out = args->operands[1];
  int64_t n = args->params[0];
  for (int64_t p = begin; p < end; ++p) {
    float sum = 0;
    for (int64_t i = 0; i < n; ++i)
      sum += x[p * n + i];
    out[p] = sum;
  }
}

/* out[i] = the i-th of 20 parameters; one program */
KERNEL test_many(const heed_cpu_kernel_args *args, int64_t begin, int64_t end, void *scratch) {
  (void)begin, (void)end, (void)scratch;
  for (int i = 0; i < 20; ++i)
    ((float *)args->operands[0])[i] = (float)args->params[i];
}
