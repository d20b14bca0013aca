//===- SelfTest.cpp - Tests of the evaluator and of the measure -----------===//
//
// The suite is only worth what its evaluator and its measure are worth: hand-checked results, a second correct
// algorithm that must pass, and slightly wrong kernels that must fail.
//
//===----------------------------------------------------------------------===//

#include "tests/numerics/HostTensor.h"
#include "tests/numerics/KernelText.h"
#include "tests/numerics/Measure.h"
#include "tests/numerics/VectorMath.h"
#include "tests/numerics/Visibility.h"

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <functional>
#include <set>

using namespace heed::numerics;

static int passed = 0, failed = 0;

static void check(bool condition, const std::string &what) {
  condition ? ++passed : ++failed;
  if (!condition)
    std::printf("FAIL %s\n", what.c_str());
}

static void checkNear(double got, double expected, double tolerance, const std::string &what) {
  char text[96];
  std::snprintf(text, sizeof text, ": got %.17g, expected %.17g", got, expected);
  check(std::fabs(got - expected) <= tolerance, what + text);
}

//===----------------------------------------------------------------------===//
// Scalars
//===----------------------------------------------------------------------===//

static void testStorageTypes() {
  bool roundTrips = true, tiesToEven = true;
  for (uint32_t bits = 0; bits < 0x10000; ++bits) {
    float half = decodeF16(static_cast<uint16_t>(bits)), brain = decodeBF16(static_cast<uint16_t>(bits));
    roundTrips &= std::isnan(half) || encodeF16(half) == bits;
    roundTrips &= std::isnan(brain) || encodeBF16(brain) == bits;
    bool finite = (bits & 0x7fff) < 0x7bff;
    if (!finite)
      continue;
    float next = decodeF16(static_cast<uint16_t>(bits + 1)), middle = (half + next) / 2;
    tiesToEven &= roundToF16(half) == half && roundToF16(middle) == ((bits & 1) ? next : half);
    tiesToEven &= roundToF16(std::nextafter(middle, half)) == half && roundToF16(std::nextafter(middle, next)) == next;
    float brainNext = decodeBF16(static_cast<uint16_t>(bits + 1));
    float brainMiddle = std::bit_cast<float>((bits << 16) | 0x8000u);
    tiesToEven &= roundToBF16(brainMiddle) == ((bits & 1) ? brainNext : brain);
    tiesToEven &= roundToBF16(std::nextafter(brainMiddle, brain)) == brain;
  }
  check(roundTrips, "every 16-bit pattern survives decoding and encoding");
  check(tiesToEven, "rounding to 16 bits is to nearest, ties to even");
  check(roundToF16(65519.0f) == 65504.0f && std::isinf(roundToF16(65520.0f)), "f16 overflows from 65520 on");
}

static void testVectorMath() {
  double worstExp = 0, worstTanh = 0;
  for (int i = -70000; i <= 70000; ++i) {
    double x = 0.01 * i + 1e-5;
    worstExp = std::max(worstExp, std::fabs(exponential(x) / std::exp(x) - 1.0));
    worstTanh = std::max(worstTanh, std::fabs(hyperbolicTangent(0.001 * x) - std::tanh(0.001 * x)));
  }
  checkNear(worstExp, 0, 5e-16, "largest relative error of exponential");
  checkNear(worstTanh, 0, 5e-16, "largest error of hyperbolicTangent");
  check(exponential(-1e9) == 0 && exponential(0) == 1, "exponential at its ends");
  check(hyperbolicTangent(1e6) == 1 && hyperbolicTangent(-1e6) == -1, "hyperbolicTangent saturates");
}

//===----------------------------------------------------------------------===//
// Hand-checked attention
//===----------------------------------------------------------------------===//

/// One head of width 1 with scale 1: row i has the query 1 and key j the logit log(weights[j]), so that out is the
/// weighted mean of the values 1, 10, 100, ...
static Inputs makeTiny(int64_t rows, const std::vector<double> &weights) {
  Inputs inputs;
  inputs.mechanism.keyWidth = inputs.mechanism.valueWidth = 1;
  inputs.mechanism.scale = 1.0f;
  inputs.batch = 1;
  inputs.rows = rows;
  inputs.keys = static_cast<int64_t>(weights.size());
  inputs.windowLeft = inputs.windowRight = inputs.prefix = 0;
  inputs.query.assign(rows, 1.0f);
  float value = 1.0f;
  for (double weight : weights) {
    inputs.key.push_back(static_cast<float>(std::log(weight)));
    inputs.value.push_back(value);
    value *= 10.0f;
  }
  inputs.lengths = {inputs.keys};
  inputs.offsets = {0};
  return inputs;
}

static void checkTiny(const std::string &what, const Inputs &inputs, const std::vector<double> &expected) {
  Reference reference = evaluate(inputs);
  check(reference.out.size() == expected.size(), what + ": number of outputs");
  for (size_t i = 0; i < std::min(expected.size(), reference.out.size()); ++i) {
    std::string at = what + " [" + std::to_string(i) + "]";
    checkNear(reference.out[i], expected[i], 1e-6 * (1.0 + std::fabs(expected[i])), at);
    checkNear(reference.plain[i], expected[i], 1e-5 * (1.0 + std::fabs(expected[i])), at + " plain");
  }
}

static void testHandCheckedMasks() {
  checkTiny("one key", makeTiny(2, {5}), {1, 1});
  checkTiny("weights 1 and 3", makeTiny(1, {1, 3}), {(1 + 30) / 4.0});

  Inputs causal = makeTiny(3, {1, 1, 2});
  causal.mechanism.causal = true;
  checkTiny("causal", causal, {1, 5.5, 211 / 4.0});
  causal.offsets = {1};
  checkTiny("causal, offset 1", causal, {5.5, 211 / 4.0, 211 / 4.0});
  causal.offsets = {-2};
  checkTiny("causal, offset -2", causal, {0, 0, 1});
  causal.mechanism.prefix = true;
  causal.prefix = 2;
  checkTiny("causal, offset -2, prefix 2", causal, {5.5, 5.5, 5.5});

  Inputs window = makeTiny(3, {1, 1, 1});
  window.mechanism.window = true;
  window.windowRight = 1;
  checkTiny("window of this key and the next", window, {5.5, 55, 100});
  window.windowLeft = 1;
  window.windowRight = 0;
  checkTiny("window of this key and the last", window, {1, 5.5, 55});

  Inputs lengths = makeTiny(2, {1, 1, 1});
  lengths.lengths = {2};
  checkTiny("length 2", lengths, {5.5, 5.5});
  lengths.lengths = {0};
  checkTiny("length 0", lengths, {0, 0});
  check(!evaluate(lengths).hasKey[1], "length 0: rows without a key are known");

  Inputs documents = makeTiny(2, {1, 1, 1});
  documents.mechanism.documents = true;
  documents.queryDocs = {0, 1};
  documents.keyDocs = {0, 1, 1};
  checkTiny("documents", documents, {1, 55});

  Inputs mask = makeTiny(2, {1, 1, 1});
  mask.mechanism.mask = MaskKind::Bool;
  mask.mechanism.maskPerRow = true;
  mask.mask = {1, 0, 1, 0, 0, 0};
  checkTiny("bool mask", mask, {50.5, 0});
  mask.mechanism.mask = MaskKind::Float;
  float hidden = -std::numeric_limits<float>::infinity(), three = static_cast<float>(std::log(3.0));
  mask.mask = {three, 0, hidden, hidden, hidden, hidden};
  checkTiny("float mask", mask, {13 / 4.0, 0});
}

static void testHandCheckedScores() {
  Inputs sink = makeTiny(1, {1, 1});
  sink.mechanism.sink = true;
  sink.sinks = {static_cast<float>(std::log(2.0))};
  checkTiny("sink as heavy as both keys", sink, {2.75});
  sink.lengths = {0};
  checkTiny("sink alone", sink, {0});

  Inputs alibi = makeTiny(2, {1, 1});
  alibi.mechanism.alibi = true;
  alibi.slopes = {static_cast<float>(std::log(3.0))};
  checkTiny("alibi", alibi, {31 / 4.0, 31 / 4.0});

  Inputs softcap = makeTiny(1, {1, 1});
  softcap.mechanism.softcap = 2.0f;
  softcap.key = {0, 2};
  double heavy = std::exp(2 * std::tanh(1.0));
  checkTiny("softcap", softcap, {(1 + 10 * heavy) / (1 + heavy)});

  Inputs groups = makeTiny(1, {1, 1});
  groups.mechanism.queryHeads = 4;
  groups.mechanism.keyHeads = 2;
  groups.query.assign(4, 0.0f);
  groups.key = {0, 0, 0, 0};
  groups.value = {1, 2, 3, 4};
  checkTiny("two query heads a key head", groups, {1.5, 1.5, 3.5, 3.5});
}

//===----------------------------------------------------------------------===//
// Visited blocks
//===----------------------------------------------------------------------===//

static void testVisitedBlocks() {
  Inputs inputs = makeTiny(100, std::vector<double>(130, 1.0));
  auto expect = [&](const std::string &what, int64_t count, Tiling tiling = {}) {
    checkNear(countVisitedBlocks(inputs, tiling), count, 0, "blocks visited: " + what);
  };
  expect("all", 2 * 3);
  inputs.mechanism.causal = true;
  expect("causal", 1 + 2);
  inputs.offsets = {28};
  expect("causal, last row on key 127", 2 + 2);
  inputs.offsets = {29};
  expect("causal, last row on key 128", 2 + 3);
  inputs.offsets = {-64};
  expect("causal, first tile sees nothing", 0 + 1);
  inputs.offsets = {0};
  inputs.lengths = {64};
  expect("causal, length 64", 1 + 1);
  inputs.lengths = {130};
  inputs.mechanism.window = true;
  expect("own key only", 1 + 1);
  inputs.windowLeft = 1;
  expect("own key and the one before", 1 + 2);
  expect("the same, from key 56 on", 1 + 1, {64, 64, 1, 8});
  inputs.mechanism.prefix = true;
  inputs.prefix = 65;
  expect("prefix 65", 2 + 2);

  inputs = makeTiny(10, std::vector<double>(40, 1.0));
  inputs.mechanism.queryHeads = 4;
  inputs.mechanism.causal = true;
  expect("heads apart", 4 * (1 + 2), {8, 8, 1, 8});
  // Rows 0..1, 2..3, .. of four heads share a tile of eight.
  expect("heads folded", 1 + 1 + 1 + 1 + 2, {8, 8, 4, 8});
}

//===----------------------------------------------------------------------===//
// The measure
//===----------------------------------------------------------------------===//

static float logit(const Inputs &inputs, int64_t b, int64_t head, int64_t row, int64_t key) {
  const Mechanism &m = inputs.mechanism;
  const float *q = inputs.query.data() + ((b * m.queryHeads + head) * inputs.rows + row) * m.keyWidth;
  int64_t keyHead = head / m.groupSize();
  const float *k = inputs.key.data() + ((b * m.keyHeads + keyHead) * inputs.keys + key) * m.keyWidth;
  // Four partial sums, as a vectorised kernel has them.
  float sums[4] = {};
  for (int64_t d = 0; d < m.keyWidth; ++d)
    sums[d % 4] += q[d] * k[d];
  float s = ((sums[0] + sums[1]) + (sums[2] + sums[3])) * m.scale;
  if (m.softcap != 0)
    s = m.softcap * std::tanh(s / m.softcap);
  if (m.alibi)
    s += inputs.slopes[head] * static_cast<float>(key - row - inputs.offsets[b]);
  if (m.distances != 0)
    s += inputs.ofDistance(head, row + inputs.offsets[b], key);
  return m.mask == MaskKind::Float ? s + inputs.maskRow(b, head, row)[key] : s;
}

/// What a good kernel does: online softmax over blocks of keys in base 2, unnormalised probabilities in the storage
/// type, one division at the end.
static std::vector<float> runBlockedKernel(const Inputs &inputs) {
  constexpr int64_t blockN = 48;
  constexpr float log2e = 1.44269504f;
  const Mechanism &m = inputs.mechanism;
  std::vector<float> out(inputs.outputCount()), sums(m.valueWidth);
  for (int64_t b = 0; b < inputs.batch; ++b)
    for (int64_t head = 0; head < m.queryHeads; ++head)
      for (int64_t row = 0; row < inputs.rows; ++row) {
        float reference = m.sink ? inputs.sinks[head] : -1e30f, total = m.sink ? 1.0f : 0.0f;
        std::fill(sums.begin(), sums.end(), 0.0f);
        for (int64_t first = 0; first < inputs.keys; first += blockN) {
          int64_t count = std::min(blockN, inputs.keys - first);
          float logits[blockN], highest = reference;
          for (int64_t j = 0; j < count; ++j) {
            bool visible = isVisible(inputs, b, head, row, first + j);
            logits[j] = visible ? logit(inputs, b, head, row, first + j) : -1e30f;
            highest = std::max(highest, logits[j]);
          }
          float rescale = std::exp2((reference - highest) * log2e);
          reference = highest;
          total *= rescale;
          for (float &sum : sums)
            sum *= rescale;
          for (int64_t j = 0; j < count; ++j) {
            float p = logits[j] == -1e30f ? 0.0f : std::exp2((logits[j] - reference) * log2e);
            total += p;
            p = roundTo(m.storage, p);
            const float *v = inputs.value.data() +
                             ((b * m.keyHeads + head / m.groupSize()) * inputs.keys + first + j) * m.valueWidth;
            for (int64_t d = 0; p != 0.0f && d < m.valueWidth; ++d)
              sums[d] += p * v[d];
          }
        }
        float *to = out.data() + ((b * m.queryHeads + head) * inputs.rows + row) * m.valueWidth;
        for (int64_t d = 0; d < m.valueWidth; ++d)
          to[d] = total == 0.0f ? 0.0f : roundTo(m.storage, sums[d] / total);
      }
  return out;
}

/// The plain computation and an online softmax over blocks must pass; `step` thins out the list.
static void testRightKernelsPass(size_t step) {
  std::vector<Mechanism> mechanisms = listMechanisms();
  std::vector<Case> cases = listCases(mechanisms);
  for (size_t i = 0; i < cases.size(); i += step) {
    Inputs inputs = makeInputs(mechanisms[cases[i].mechanism], cases[i]);
    Reference reference = evaluate(inputs);
    check(judge(inputs, reference, reference.plain).passed, "the plain computation passes " + cases[i].name);
    Verdict verdict = judge(inputs, reference, runBlockedKernel(inputs));
    check(verdict.passed, "online softmax passes " + cases[i].name + ": " + verdict.reason);
  }
}

namespace {
/// A wrong kernel, made by giving a right one the wrong inputs.
struct Mistake {
  const char *name;
  std::function<void(Mechanism &)> mechanism;
  std::function<void(Inputs &)> mistake;
};
} // namespace

static void testWrongKernelsFail() {
  auto none = [](Mechanism &) {};
  const Mistake mistakes[] = {
      {"the last key is dropped", none, [](Inputs &in) { in.lengths.assign(in.batch, in.keys - 1); }},
      {"causal is off by one", [](Mechanism &m) { m.causal = true; },
       [](Inputs &in) { in.offsets.assign(in.batch, 1); }},
      {"causal is ignored", [](Mechanism &m) { m.causal = true; }, [](Inputs &in) { in.mechanism.causal = false; }},
      {"the window is one key too wide", [](Mechanism &m) { m.window = true; }, [](Inputs &in) { ++in.windowLeft; }},
      {"the prefix is one key short", [](Mechanism &m) { m.causal = m.prefix = true; },
       [](Inputs &in) { --in.prefix; }},
      {"the sink is ignored", [](Mechanism &m) { m.sink = true; }, [](Inputs &in) { in.mechanism.sink = false; }},
      {"the softcap is ignored", [](Mechanism &m) { m.softcap = 5; }, [](Inputs &in) { in.mechanism.softcap = 0; }},
      {"ALiBi takes the slope of another head", [](Mechanism &m) { m.alibi = true; },
       [](Inputs &in) { std::rotate(in.slopes.begin(), in.slopes.begin() + 1, in.slopes.end()); }},
      {"distances are off by one", [](Mechanism &m) { m.distances = 40; },
       [](Inputs &in) { std::rotate(in.table.begin(), in.table.begin() + 1, in.table.end()); }},
      {"the mask of another head is used",
       [](Mechanism &m) {
         m.mask = MaskKind::Bool;
         m.maskPerHead = true;
       },
       [](Inputs &in) { std::rotate(in.mask.begin(), in.mask.begin() + in.keys, in.mask.end()); }},
      {"the scale is off by a percent", none, [](Inputs &in) { in.mechanism.scale *= 1.01f; }},
      {"key heads are taken in turn", [](Mechanism &m) { m.keyHeads = 2; },
       [](Inputs &in) { std::rotate(in.value.begin(), in.value.begin() + in.value.size() / 4, in.value.end()); }},
  };
  for (const Mistake &mistake : mistakes)
    for (StorageType storage : {StorageType::F32, StorageType::F16, StorageType::BF16}) {
      Mechanism mechanism;
      mechanism.storage = storage;
      mechanism.queryHeads = mechanism.keyHeads = 4;
      mistake.mechanism(mechanism);
      Case test;
      test.seed = 7;
      test.batch = 2;
      test.rows = 70;
      test.keys = 90;
      test.windowLeft = 20;
      test.windowRight = 5;
      test.prefix = 30;
      Inputs inputs = makeInputs(mechanism, test);
      Reference reference = evaluate(inputs);
      Inputs wrong = inputs;
      mistake.mistake(wrong);
      check(!judge(inputs, reference, evaluate(wrong).plain).passed,
            std::string("must be noticed in ") + mlirName(storage) + ": " + mistake.name);
    }
}

static void testDamagedOutputsFail() {
  Mechanism mechanism;
  mechanism.storage = StorageType::F16;
  mechanism.lengths = true;
  Case test;
  test.batch = 2;
  test.rows = test.keys = 64;
  test.lengthRule = LengthRule::WithZero;
  Inputs inputs = makeInputs(mechanism, test);
  Reference reference = evaluate(inputs);
  auto mustFail = [&](const std::string &what, const std::function<void(std::vector<float> &)> &damage) {
    std::vector<float> out = reference.plain;
    damage(out);
    check(!judge(inputs, reference, out).passed, "must be noticed: " + what);
  };
  size_t last = reference.plain.size() - 1;
  mustFail("a NaN", [&](std::vector<float> &out) { out[last] = std::numeric_limits<float>::quiet_NaN(); });
  mustFail("a wrong number among many", [&](std::vector<float> &out) { out[last] += 0.05f; });
  mustFail("a tiny number in a row without keys", [&](std::vector<float> &out) { out[0] = 1e-30f; });
  mustFail("outputs rounded to fewer bits", [&](std::vector<float> &out) {
    for (float &value : out)
      value = roundToBF16(value);
  });
  mustFail("a missing element", [&](std::vector<float> &out) { out.pop_back(); });
}

//===----------------------------------------------------------------------===//
// Layouts
//===----------------------------------------------------------------------===//

/// The numbers of a rank-4 tensor in natural order, read one by one through its strides.
static std::vector<float> gather(const HostTensor &tensor) {
  std::vector<float> numbers;
  const std::vector<int64_t> &s = tensor.sizes, &p = tensor.strides;
  for (int64_t i = 0; i < s[0] * s[1] * s[2] * s[3]; ++i) {
    int64_t d = i % s[3], c = i / s[3] % s[2], b = i / s[3] / s[2] % s[1], a = i / s[3] / s[2] / s[1];
    uint16_t bits;
    std::memcpy(&bits, tensor.address(a * p[0] + b * p[1] + c * p[2] + d * p[3]), sizeof bits);
    numbers.push_back(decodeF16(bits));
  }
  return numbers;
}

static void testLayouts() {
  Mechanism mechanism;
  mechanism.storage = StorageType::F16;
  mechanism.queryHeads = 4;
  mechanism.keyHeads = 2;
  mechanism.keyWidth = 24;
  mechanism.lengths = true;
  Case test;
  test.batch = 3;
  test.rows = 7;
  test.keys = 11;
  test.lengthRule = LengthRule::Random;
  bool permuted = false, rightQueries = true, rightKeys = true, poisoned = true;
  for (test.seed = 0; test.seed < 20; ++test.seed)
    for (bool strided : {false, true}) {
      test.strided = strided;
      Inputs inputs = makeInputs(mechanism, test);
      std::vector<HostTensor> tensors = layOutInputs(inputs, test);
      permuted |= tensors[0].strides[1] < tensors[0].strides[2];
      rightQueries &= gather(tensors[0]) == inputs.query;
      std::vector<float> keys = gather(tensors[1]);
      for (size_t i = 0; i < keys.size(); ++i) {
        size_t row = i / mechanism.keyWidth % inputs.keys, b = i / mechanism.keyWidth / inputs.keys / 2;
        if (row < static_cast<size_t>(inputs.lengths[b]))
          rightKeys &= keys[i] == inputs.key[i];
        else
          poisoned &= !(std::fabs(keys[i]) < 50000);
      }
    }
  check(permuted, "some layouts permute dimensions");
  check(rightQueries && rightKeys, "strided inputs hold the numbers of the case");
  check(poisoned, "rows beyond the length are poisoned");
  HostTensor out = makeOutput(makeInputs(mechanism, test), test);
  for (float number : readNumbers(out))
    poisoned &= std::isnan(number);
  check(poisoned, "outputs start as NaN");
}

//===----------------------------------------------------------------------===//
// The lists
//===----------------------------------------------------------------------===//

static void testLists() {
  std::vector<Mechanism> mechanisms = listMechanisms();
  std::vector<Case> cases = listCases(mechanisms);
  check(mechanisms.size() >= 100, "at least 100 kernels");
  check(cases.size() >= 1000, "at least 1,000 cases");
  size_t longCases = 0;
  std::set<std::string> names;
  for (const Case &test : cases) {
    longCases += std::max(test.rows, test.keys) > 512;
    names.insert(test.name);
  }
  check(10 * longCases >= cases.size(), "a tenth of the cases above a length of 512");
  check(names.size() == cases.size(), "case names are unique");
  std::set<std::string> texts;
  for (const Mechanism &mechanism : mechanisms)
    texts.insert(writeKernelText(mechanism));
  check(texts.size() == mechanisms.size(), "no two kernels are the same program");
  Inputs first = makeInputs(mechanisms[0], cases[0]), again = makeInputs(mechanisms[0], cases[0]);
  check(first.query == again.query && first.value == again.value, "inputs depend on the seed alone");
}

static void testSamples() {
  std::vector<Mechanism> mechanisms = listMechanisms();
  std::vector<Case> cases = listCases(mechanisms), sample = sampleCases(cases, 125);
  check(sample.size() >= 120 && sample.size() <= 130, "a sample has about as many cases as were asked for");
  std::set<int64_t> kernels;
  std::set<std::string> names;
  for (const Case &test : sample) {
    kernels.insert(test.mechanism);
    names.insert(test.name);
  }
  check(kernels.size() <= 20, "a sample takes few kernels");
  check(names.size() == sample.size(), "a sample takes no case twice");
  auto takes = [&](auto has) {
    return std::any_of(kernels.begin(), kernels.end(), [&](int64_t at) { return has(mechanisms[at]); });
  };
  check(takes([](const Mechanism &m) { return m.documents; }), "a sample has documents");
  check(takes([](const Mechanism &m) { return m.pageSize != 0; }), "a sample has keys in pages");
  check(takes([](const Mechanism &m) { return m.sink; }), "a sample has a sink");
  check(takes([](const Mechanism &m) { return m.softcap != 0; }), "a sample has a softcap");
  check(takes([](const Mechanism &m) { return m.prefix; }), "a sample has a prefix");
  check(sampleCases(cases, 0).size() == cases.size(), "a sample of nothing in particular is everything");
}

int main(int argc, char **argv) {
  testStorageTypes();
  testVectorMath();
  testHandCheckedMasks();
  testHandCheckedScores();
  testVisitedBlocks();
  testWrongKernelsFail();
  testDamagedOutputsFail();
  testLayouts();
  testLists();
  testSamples();
  // With an argument: every n-th case instead of every 13th.
  testRightKernelsPass(argc > 1 ? std::max(1, std::atoi(argv[1])) : 13);
  std::printf("%d passed, %d failed\n", passed, failed);
  return failed != 0;
}
