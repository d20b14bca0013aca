/* Runs a package that was compiled ahead of time, from plain C: causal attention with ALiBi, against the formula.
 *
 *   example-aot-c alibi.heed */
#include "runtime/heed.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { BATCH = 2, HEADS = 8, SEQUENCE = 200, DEPTH = 64, ELEMENTS = BATCH * HEADS * SEQUENCE * DEPTH };

static void check(heed_status status) {
  if (!status)
    return;
  fprintf(stderr, "error: %s\n", heed_status_message(status));
  heed_status_free(status);
  exit(1);
}

/* Numbers in [-1, 1) that are the same everywhere. */
static float *makeTensor(uint32_t seed) {
  float *data = malloc(sizeof(float) * ELEMENTS);
  for (int i = 0; data && i < ELEMENTS; ++i) {
    seed = seed * 1664525u + 1013904223u;
    data[i] = (float)(seed >> 8) / 8388608.0f - 1.0f;
  }
  if (!data)
    exit(1);
  return data;
}

/* The largest difference between the model's output and the formula, for one query row. */
static double rowError(const float *query, const float *key, const float *value, const float *out, int head, int row) {
  double weights[SEQUENCE], sum = 0, worst = 0;
  for (int j = 0; j <= row; ++j) {
    double score = 0;
    for (int d = 0; d < DEPTH; ++d)
      score += (double)query[row * DEPTH + d] * key[j * DEPTH + d];
    weights[j] = exp(score / sqrt(DEPTH) + exp2(-(head + 1)) * (j - row));
    sum += weights[j];
  }
  for (int d = 0; d < DEPTH; ++d) {
    double expected = 0;
    for (int j = 0; j <= row; ++j)
      expected += weights[j] / sum * value[j * DEPTH + d];
    worst = fmax(worst, fabs(out[row * DEPTH + d] - expected));
  }
  return worst;
}

int main(int argc, char **argv) {
  if (argc != 2) {
    fprintf(stderr, "usage: %s alibi.heed\n", argv[0]);
    return 2;
  }
  heed_module *module;
  heed_call *call;
  check(heed_module_load_file(NULL, argv[1], NULL, &module));
  check(heed_call_create(module, &call));

  const char *names[] = {"query", "key", "value"};
  const int64_t sizes[] = {BATCH, HEADS, SEQUENCE, DEPTH};
  float *inputs[3];
  for (int i = 0; i < 3; ++i) {
    inputs[i] = makeTensor((uint32_t)i + 1);
    heed_tensor_view view = {.data = inputs[i], .type = HEED_F32, .rank = 4, .sizes = sizes};
    check(heed_call_bind_input(call, names[i], &view));
  }
  check(heed_call_run(call, NULL, NULL));
  heed_tensor_view out;
  check(heed_call_output(call, "out", &out));

  double worst = 0;
  for (int matrix = 0; matrix < BATCH * HEADS; ++matrix) {
    size_t at = (size_t)matrix * SEQUENCE * DEPTH;
    for (int row = 0; row < SEQUENCE; row += 7)
      worst = fmax(worst, rowError(inputs[0] + at, inputs[1] + at, inputs[2] + at, (const float *)out.data + at,
                                   matrix % HEADS, row));
  }
  printf("out has shape");
  for (int i = 0; i < out.rank; ++i)
    printf(" %lld", (long long)out.sizes[i]);
  printf("; the largest difference from the formula is %.1e\n", worst);

  heed_call_release(call);
  heed_module_release(module);
  for (int i = 0; i < 3; ++i)
    free(inputs[i]);
  return worst < 1e-5 ? 0 : 1;
}
