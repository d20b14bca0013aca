//===- Inputs.cpp - The input values of a case ----------------------------===//

#include "tests/numerics/Inputs.h"

#include "tests/numerics/Random.h"

#include <algorithm>

using namespace heed::numerics;

namespace {
/// One stream per input, so that adding an input leaves the others as they are.
enum Stream : uint64_t { Query, Key, Value, Lengths, Offsets, Documents, Slopes, Sinks, Mask, MaskRows, Table };
} // namespace

static std::vector<float> normals(const RandomStream &stream, int64_t count, float deviation, StorageType type) {
  std::vector<float> values(count);
  for (int64_t i = 0; i < count; ++i)
    values[i] = roundTo(type, deviation * stream.normal(i));
  return values;
}

/// Multiples of 4 within +-512: exact in every storage type, and so are sums of products of them in f32 up to a width
/// of 1024, in any order. With the usual scale the logits have a deviation of about 1e5.
static std::vector<float> coarseIntegers(const RandomStream &stream, int64_t count) {
  std::vector<float> values(count);
  for (int64_t i = 0; i < count; ++i)
    values[i] = 4.0f * static_cast<float>(std::clamp(static_cast<int>(74.0f * stream.normal(i)), -128, 127));
  return values;
}

/// Channel 0 gives every logit the same large part. The other channels hold halves within +-3, so that dot products
/// near 2^20 are exact in f32 and differ by multiples of 1/4.
static std::vector<float> offsetHalves(const RandomStream &stream, int64_t count, int64_t width, float first) {
  std::vector<float> values(count);
  for (int64_t i = 0; i < count; ++i) {
    int halves = std::clamp(static_cast<int>(2.5f * stream.normal(i)), -6, 6);
    values[i] = i % width == 0 ? first : 0.5f * static_cast<float>(halves);
  }
  return values;
}

/// Channel 0 adds to each logit a height of the key, which changes every 48 keys, times a factor of the row, so that
/// rows of one block see other heights, some none: kernels whose reference stays behind the maximum while that grows by
/// less than 8 binary logarithms, 5.5 natural ones, do both.
static void addHeights(Inputs &inputs) {
  constexpr float steps[] = {0.0f, 3.0f, 5.6f, 5.4f, 20.0f, -12.0f, 7.0f},
                  factors[] = {1.0f, 0.0f, 1.0f, 0.5f, -1.0f, 2.0f};
  const Mechanism &m = inputs.mechanism;
  float unit = std::exp2(std::round(-0.5f * std::log2(m.scale))), height = 0.0f;
  auto forChannels = [&](std::vector<float> &values, int64_t heads, int64_t rows, auto channel) {
    for (int64_t row = 0; row < inputs.batch * heads * rows; ++row)
      values[row * m.keyWidth] = roundTo(m.storage, channel(row % rows));
  };
  std::vector<float> heights;
  for (int64_t key = 0; key < inputs.keys; ++key) {
    if (key % 48 == 0)
      height += steps[key / 48 % std::size(steps)];
    heights.push_back(height * unit);
  }
  forChannels(inputs.key, m.keyHeads, inputs.keys, [&](int64_t key) { return heights[key]; });
  // Of every second 16 rows all have the same factor.
  forChannels(inputs.query, m.queryHeads, inputs.rows, [&](int64_t row) {
    return factors[(row / 16 % 2 == 0 ? row : row / 16) % std::size(factors)] / (unit * m.scale);
  });
}

static void makeQueriesAndKeys(Inputs &inputs, const Case &test) {
  const Mechanism &m = inputs.mechanism;
  RandomStream queries(test.seed, Query), keys(test.seed, Key);
  int64_t queryCount = inputs.batch * m.queryHeads * inputs.rows * m.keyWidth;
  int64_t keyCount = inputs.batch * m.keyHeads * inputs.keys * m.keyWidth;
  // A power of two whose square, times the scale, is near 1e5.
  float large = std::exp2(std::round(0.5f * std::log2(1e5f / m.scale)));
  switch (test.profile) {
  case Profile::Normal:
  case Profile::Growing:
  case Profile::Peaked: {
    // q.k has the variance deviation^4 * width; times the scale it shall have the standard deviation 1 or 6.
    float target = test.profile == Profile::Peaked ? 6.0f : 1.0f;
    float deviation = std::sqrt(target / (m.scale * std::sqrt(static_cast<float>(m.keyWidth))));
    inputs.query = normals(queries, queryCount, deviation, m.storage);
    inputs.key = normals(keys, keyCount, deviation, m.storage);
    if (test.profile == Profile::Growing)
      addHeights(inputs);
    return;
  }
  case Profile::HugeLogits:
    inputs.query = coarseIntegers(queries, queryCount);
    inputs.key = coarseIntegers(keys, keyCount);
    return;
  case Profile::HugeOffset:
    inputs.query = offsetHalves(queries, queryCount, m.keyWidth, large);
    inputs.key = offsetHalves(keys, keyCount, m.keyWidth, large);
    return;
  }
}

static void makeLengthsAndOffsets(Inputs &inputs, const Case &test) {
  const Mechanism &m = inputs.mechanism;
  RandomStream lengths(test.seed, Lengths), offsets(test.seed, Offsets);
  for (int64_t b = 0; b < inputs.batch; ++b) {
    int64_t length = inputs.keys;
    if (m.lengths && test.lengthRule != LengthRule::Full)
      length = lengths.between(b, 1, inputs.keys);
    if (m.lengths && test.lengthRule == LengthRule::WithZero && b % 2 == 0)
      length = 0;
    inputs.lengths.push_back(length);
    int64_t offset = 0;
    if (m.offsets && test.offsetRule == OffsetRule::BottomRight)
      offset = length - inputs.rows;
    if (m.offsets && test.offsetRule == OffsetRule::Random)
      offset = offsets.between(b, -inputs.rows / 2, inputs.keys);
    inputs.offsets.push_back(offset);
  }
}

/// Sorted document numbers, as in a packed batch; the documents of rows and keys have about the same share.
static void makeDocuments(Inputs &inputs, const Case &test) {
  RandomStream stream(test.seed, Documents);
  for (int64_t b = 0; b < inputs.batch; ++b) {
    int64_t count = stream.between(b, 1, 5);
    for (int64_t i = 0; i < inputs.rows; ++i)
      inputs.queryDocs.push_back(static_cast<int32_t>(i * count / inputs.rows));
    for (int64_t j = 0; j < inputs.keys; ++j)
      inputs.keyDocs.push_back(static_cast<int32_t>(j * (count + 1) / inputs.keys));
  }
}

static void makeMask(Inputs &inputs, const Case &test) {
  const Mechanism &m = inputs.mechanism;
  RandomStream values(test.seed, Mask), rows(test.seed, MaskRows);
  int64_t maskRows = inputs.maskBatches() * inputs.maskHeads() * inputs.maskRows();
  bool isBool = m.mask == MaskKind::Bool;
  float hidden = isBool ? 0.0f : -std::numeric_limits<float>::infinity();
  inputs.mask.resize(maskRows * inputs.keys);
  for (int64_t r = 0; r < maskRows; ++r) {
    bool hideAll = test.maskedRows && rows.chance(r, 1, 4);
    for (int64_t j = 0; j < inputs.keys; ++j) {
      int64_t at = r * inputs.keys + j;
      bool hide = hideAll || values.chance(2 * at, 1, 4);
      float shown = isBool ? 1.0f : roundTo(m.maskStorage(), values.normal(2 * at + 1));
      inputs.mask[at] = hide ? hidden : shown;
    }
  }
}

Inputs heed::numerics::makeInputs(const Mechanism &mechanism, const Case &test) {
  Inputs inputs;
  inputs.mechanism = mechanism;
  inputs.batch = test.batch;
  inputs.rows = test.rows;
  inputs.keys = test.keys;
  inputs.windowLeft = test.windowLeft;
  inputs.windowRight = test.windowRight;
  inputs.prefix = test.prefix;
  makeQueriesAndKeys(inputs, test);
  inputs.value = normals(RandomStream(test.seed, Value),
                         test.batch * mechanism.keyHeads * test.keys * mechanism.valueWidth, 1.0f, mechanism.storage);
  makeLengthsAndOffsets(inputs, test);
  if (mechanism.documents)
    makeDocuments(inputs, test);
  for (int64_t head = 0; mechanism.alibi && head < mechanism.queryHeads; ++head)
    inputs.slopes.push_back(0.4f / static_cast<float>(1 << (head % 8)));
  if (mechanism.distances != 0)
    inputs.table =
        normals(RandomStream(test.seed, Table), mechanism.queryHeads * mechanism.distances, 1.0f, mechanism.storage);
  if (mechanism.sink)
    inputs.sinks = normals(RandomStream(test.seed, Sinks), mechanism.queryHeads, 2.0f, StorageType::F32);
  if (mechanism.mask != MaskKind::None)
    makeMask(inputs, test);
  return inputs;
}
