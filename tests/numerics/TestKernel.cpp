//===- TestKernel.cpp - A hand-written kernel for the runner's test -------===//
//
// Attention over any strides in double precision, one row a program, for packages made by RunnerTest.cpp. Built as a
// shared object without any library, as compiled kernels are.
//
//===----------------------------------------------------------------------===//

#include "tests/numerics/TestKernel.h"
#include "runtime/KernelAbi.h"
#include "tests/numerics/VectorMath.h"

using namespace heed::numerics;

namespace {
/// Element [b, head, row, 0] of a tensor.
const float *rowOf(const float *base, const int64_t *strides, int64_t b, int64_t head, int64_t row) {
  return base + b * strides[0] + head * strides[1] + row * strides[2];
}

void attendRow(const heed_cpu_kernel_args *args, int64_t program, double *weights) {
  const int64_t *p = args->params, *queryStrides = p + FirstStride, *keyStrides = p + FirstStride + 4,
                *valueStrides = p + FirstStride + 8;
  int64_t row = program % p[Rows], head = program / p[Rows] % p[QueryHeads], b = program / p[Rows] / p[QueryHeads];
  int64_t keyHead = head * p[KeyHeads] / p[QueryHeads];
  int64_t last = p[Causal] ? row + (p[Mistake] == CausalOffByOne) : p[Keys] - 1;
  int64_t count = last + 1 < p[Keys] ? last + 1 : p[Keys];
  const auto *query = static_cast<const float *>(args->operands[0]);
  const auto *key = static_cast<const float *>(args->operands[1]);
  const auto *value = static_cast<const float *>(args->operands[2]);
  float *out = static_cast<float *>(args->operands[3]) + program * p[ValueWidth];
  const float *q = rowOf(query, queryStrides, b, head, row);
  double scale = std::bit_cast<double>(p[ScaleBits]), highest = -1e300, sum = 0;
  for (int64_t j = 0; j < count; ++j) {
    const float *k = rowOf(key, keyStrides, b, keyHead, j);
    weights[j] = 0;
    for (int64_t d = 0; d < p[KeyWidth]; ++d)
      weights[j] += static_cast<double>(q[d * queryStrides[3]]) * k[d * keyStrides[3]];
    weights[j] *= scale;
    highest = weights[j] > highest ? weights[j] : highest;
  }
  for (int64_t j = 0; j < count; ++j)
    sum += weights[j] = exponential(weights[j] - highest);
  for (int64_t d = 0; d < p[ValueWidth]; ++d) {
    double total = 0;
    for (int64_t j = 0; j < count; ++j)
      total += weights[j] * rowOf(value, valueStrides, b, keyHead, j)[d * valueStrides[3]];
    out[d] = static_cast<float>(total / sum);
  }
  if (args->counters)
    args->counters[HEED_KERNEL_KEY_BLOCKS_VISITED] +=
        (count + testBlockN - 1) / testBlockN + (p[Mistake] == CountOffByOne);
}
} // namespace

extern "C" [[gnu::visibility("default")]] void attendRows(const heed_cpu_kernel_args *args, int64_t begin, int64_t end,
                                                          void *scratch) {
  if (args->params[Mistake] == Crash)
    __builtin_trap();
  for (int64_t program = begin; program < end; ++program)
    attendRow(args, program, static_cast<double *>(scratch));
}
