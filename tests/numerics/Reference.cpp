//===- Reference.cpp - Attention in float64, and the plain f32 error ------===//
//
// The loops run over blocks of four rows, so that one pass over the keys serves four of them, and over strips of
// columns, which vectorise. Every sum still runs in its natural order: over the width for a score, over the keys for
// the normaliser and the output.
//
//===----------------------------------------------------------------------===//

#include "tests/numerics/Reference.h"

#include "tests/numerics/VectorMath.h"
#include "tests/numerics/Visibility.h"

#include <algorithm>

using namespace heed::numerics;

// The hot functions are compiled for several vector lengths and picked when the program starts.
#if defined(__x86_64__)
#define HEED_VECTOR_CLONES [[gnu::target_clones("avx512f", "avx2", "default")]]
#else
#define HEED_VECTOR_CLONES
#endif

static constexpr int64_t blockRows = 4;
static constexpr int64_t strip = 32;

static int64_t roundUp(int64_t value, int64_t multiple) { return (value + multiple - 1) / multiple * multiple; }

//===----------------------------------------------------------------------===//
// Loops
//===----------------------------------------------------------------------===//

/// result[4][columns] = left[4][depth] * right[depth][columns], columns a multiple of the strip.
template <typename T>
[[gnu::always_inline]] static inline void multiplyBlock(const T *left, int64_t leftPitch, const T *right,
                                                        int64_t rightPitch, T *result, int64_t resultPitch,
                                                        int64_t depth, int64_t columns) {
  constexpr int64_t width = strip * sizeof(float) / sizeof(T);
  for (int64_t first = 0; first < columns; first += width) {
    T sums[blockRows][width] = {};
    for (int64_t d = 0; d < depth; ++d) {
      const T *from = right + d * rightPitch + first;
      for (int64_t r = 0; r < blockRows; ++r) {
        T factor = left[r * leftPitch + d];
#pragma clang loop vectorize(enable) unroll(full)
        for (int64_t c = 0; c < width; ++c)
          sums[r][c] += factor * from[c];
      }
    }
    for (int64_t r = 0; r < blockRows; ++r)
      std::copy_n(sums[r], width, result + r * resultPitch + first);
  }
}

/// Scores become logits in place: scale, cap, bias. `bias` may be null.
template <typename T>
[[gnu::always_inline]] static inline void finishScores(T *scores, int64_t count, T scale, T cap, const T *bias) {
  for (int64_t j = 0; j < count; ++j)
    scores[j] *= scale;
  if (cap != 0)
    for (int64_t j = 0; j < count; ++j)
      scores[j] = cap * static_cast<T>(hyperbolicTangent(static_cast<double>(scores[j] / cap)));
  if (bias)
    for (int64_t j = 0; j < count; ++j)
      scores[j] += bias[j];
}

/// Logits become weights exp(s - reference) in place, 0 where the row does not see the key.
template <typename T>
[[gnu::always_inline]] static inline void weigh(T *scores, const uint8_t *visible, int64_t count, T reference) {
  for (int64_t j = 0; j < count; ++j) {
    T weight = static_cast<T>(exponential(static_cast<double>(scores[j] - reference)));
    scores[j] = visible[j] ? weight : T(0);
  }
}

HEED_VECTOR_CLONES static void multiply(const double *left, int64_t leftPitch, const double *right, int64_t rightPitch,
                                        double *result, int64_t resultPitch, int64_t depth, int64_t columns) {
  multiplyBlock(left, leftPitch, right, rightPitch, result, resultPitch, depth, columns);
}
HEED_VECTOR_CLONES static void multiply(const float *left, int64_t leftPitch, const float *right, int64_t rightPitch,
                                        float *result, int64_t resultPitch, int64_t depth, int64_t columns) {
  multiplyBlock(left, leftPitch, right, rightPitch, result, resultPitch, depth, columns);
}
HEED_VECTOR_CLONES static void score(double *scores, int64_t count, double scale, double cap, const double *bias) {
  finishScores(scores, count, scale, cap, bias);
}
HEED_VECTOR_CLONES static void score(float *scores, int64_t count, float scale, float cap, const float *bias) {
  finishScores(scores, count, scale, cap, bias);
}
HEED_VECTOR_CLONES static void weighRow(double *scores, const uint8_t *visible, int64_t count, double reference) {
  weigh(scores, visible, count, reference);
}
HEED_VECTOR_CLONES static void weighRow(float *scores, const uint8_t *visible, int64_t count, float reference) {
  weigh(scores, visible, count, reference);
}

//===----------------------------------------------------------------------===//
// One head
//===----------------------------------------------------------------------===//

namespace {
/// What the rows of a block see: the flags, and the range of keys that holds all visible ones.
struct BlockView {
  std::vector<uint8_t> visible; // [blockRows][keys]
  int64_t low, high;

  BlockView(const Inputs &inputs, int64_t b, int64_t head, int64_t firstRow, int64_t rows)
      : visible(blockRows * inputs.keys), low(inputs.keys), high(0) {
    for (int64_t r = 0; r < rows; ++r)
      for (int64_t key = 0; key < inputs.keys; ++key)
        if (isVisible(inputs, b, head, firstRow + r, key)) {
          visible[r * inputs.keys + key] = 1;
          low = std::min(low, key);
          high = std::max(high, key + 1);
        }
    if (high == 0)
      low = 0;
  }
};

/// Evaluates the query heads of one key head in the number type T.
template <typename T> class HeadEvaluator {
public:
  HeadEvaluator(const Inputs &inputs, int64_t b, int64_t keyHead)
      : inputs(inputs), b(b), keyPitch(roundUp(inputs.keys, strip) + strip),
        valuePitch(roundUp(inputs.mechanism.valueWidth, strip)), keys(inputs.mechanism.keyWidth * keyPitch),
        values(inputs.keys * valuePitch), queries(blockRows * inputs.mechanism.keyWidth), scores(blockRows * keyPitch),
        outputs(blockRows * valuePitch), bias(inputs.keys) {
    const Mechanism &m = inputs.mechanism;
    const float *key = inputs.key.data() + (b * m.keyHeads + keyHead) * inputs.keys * m.keyWidth;
    const float *value = inputs.value.data() + (b * m.keyHeads + keyHead) * inputs.keys * m.valueWidth;
    for (int64_t j = 0; j < inputs.keys; ++j) {
      for (int64_t d = 0; d < m.keyWidth; ++d)
        keys[d * keyPitch + j] = key[j * m.keyWidth + d];
      for (int64_t d = 0; d < m.valueWidth; ++d)
        values[j * valuePitch + d] = value[j * m.valueWidth + d];
    }
  }

  /// Leaves the outputs of the rows in outputRow().
  void evaluateBlock(int64_t head, int64_t firstRow, int64_t rows, const BlockView &view) {
    const Mechanism &m = inputs.mechanism;
    const float *query = inputs.query.data() + ((b * m.queryHeads + head) * inputs.rows + firstRow) * m.keyWidth;
    std::fill(queries.begin(), queries.end(), T(0));
    std::copy_n(query, rows * m.keyWidth, queries.begin());
    std::fill(scores.begin(), scores.end(), T(0));
    int64_t count = view.high - view.low;
    multiply(queries.data(), m.keyWidth, keys.data() + view.low, keyPitch, scores.data(), keyPitch, m.keyWidth,
             roundUp(count, strip));
    for (int64_t r = 0; r < rows; ++r)
      normalise(scores.data() + r * keyPitch, head, firstRow + r, view.visible.data() + r * inputs.keys, view);
    multiply(scores.data(), keyPitch, values.data() + view.low * valuePitch, valuePitch, outputs.data(), valuePitch,
             count, valuePitch);
  }

  const T *outputRow(int64_t r) const { return outputs.data() + r * valuePitch; }

private:
  /// The bias of each key of the range for one row, or null if the mechanism has none.
  const T *makeBias(int64_t head, int64_t row, const BlockView &view) {
    const Mechanism &m = inputs.mechanism;
    if (!m.alibi && m.distances == 0 && m.mask != MaskKind::Float)
      return nullptr;
    int64_t position = row + inputs.offsets[b];
    const float *mask = m.mask == MaskKind::Float ? inputs.maskRow(b, head, row) : nullptr;
    for (int64_t key = view.low; key < view.high; ++key) {
      T sum = m.alibi ? static_cast<T>(inputs.slopes[head]) * static_cast<T>(key - position) : T(0);
      if (m.distances != 0)
        sum += static_cast<T>(inputs.ofDistance(head, position, key));
      bool adds = mask && mask[key] != -std::numeric_limits<float>::infinity();
      bias[key - view.low] = adds ? sum + static_cast<T>(mask[key]) : sum;
    }
    return bias.data();
  }

  /// Scores of one row become the probabilities that multiply the values.
  void normalise(T *row, int64_t head, int64_t rowIndex, const uint8_t *visible, const BlockView &view) {
    const Mechanism &m = inputs.mechanism;
    int64_t count = view.high - view.low;
    visible += view.low;
    score(row, count, static_cast<T>(m.scale), static_cast<T>(m.softcap), makeBias(head, rowIndex, view));
    bool any = false;
    T reference = m.sink ? static_cast<T>(inputs.sinks[head]) : -std::numeric_limits<T>::infinity();
    for (int64_t j = 0; j < count; ++j)
      if (visible[j]) {
        any = true;
        reference = std::max(reference, row[j]);
      }
    if (!any) {
      std::fill_n(row, count, T(0));
      return;
    }
    weighRow(row, visible, count, reference);
    T sum = 0;
    for (int64_t j = 0; j < count; ++j)
      sum += row[j];
    if (m.sink)
      sum += static_cast<T>(exponential(static_cast<double>(static_cast<T>(inputs.sinks[head]) - reference)));
    for (int64_t j = 0; j < count; ++j)
      row[j] = roundProbability(row[j] / sum);
  }

  T roundProbability(T p) const {
    if constexpr (std::is_same_v<T, float>)
      return roundTo(inputs.mechanism.storage, p);
    return p;
  }

  const Inputs &inputs;
  int64_t b, keyPitch, valuePitch;
  std::vector<T> keys;   // [keyWidth][keyPitch]
  std::vector<T> values; // [keys][valuePitch]
  std::vector<T> queries, scores, outputs, bias;
};
} // namespace

Reference heed::numerics::evaluate(const Inputs &inputs) {
  const Mechanism &m = inputs.mechanism;
  Reference reference;
  reference.out.resize(inputs.outputCount());
  reference.plain.resize(inputs.outputCount());
  reference.hasKey.resize(inputs.batch * m.queryHeads * inputs.rows);
  for (int64_t b = 0; b < inputs.batch; ++b)
    for (int64_t keyHead = 0; keyHead < m.keyHeads; ++keyHead) {
      HeadEvaluator<double> exact(inputs, b, keyHead);
      HeadEvaluator<float> plain(inputs, b, keyHead);
      for (int64_t head = keyHead * m.groupSize(); head < (keyHead + 1) * m.groupSize(); ++head)
        for (int64_t first = 0; first < inputs.rows; first += blockRows) {
          int64_t rows = std::min(blockRows, inputs.rows - first);
          BlockView view(inputs, b, head, first, rows);
          exact.evaluateBlock(head, first, rows, view);
          plain.evaluateBlock(head, first, rows, view);
          for (int64_t r = 0; r < rows; ++r) {
            int64_t at = (b * m.queryHeads + head) * inputs.rows + first + r;
            const uint8_t *visible = view.visible.data() + r * inputs.keys;
            reference.hasKey[at] = std::find(visible, visible + inputs.keys, 1) != visible + inputs.keys;
            std::copy_n(exact.outputRow(r), m.valueWidth, reference.out.data() + at * m.valueWidth);
            for (int64_t d = 0; d < m.valueWidth; ++d)
              reference.plain[at * m.valueWidth + d] = roundTo(m.storage, plain.outputRow(r)[d]);
          }
        }
    }
  return reference;
}
