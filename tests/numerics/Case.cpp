//===- Case.cpp - The cases of the numerics suite -------------------------===//
//
// Each mechanism gets one case of every kind below; sizes are drawn from the kind's own lists.
//
//===----------------------------------------------------------------------===//

#include "tests/numerics/Case.h"

#include "tests/numerics/Random.h"

#include <algorithm>
#include <set>
#include <sstream>

using namespace heed::numerics;

namespace {
enum class Kind {
  Square,
  Tall,
  OneKey,
  OneRow,
  Strided,
  TileEdges,
  Extreme,
  Hidden,
  Tiny,
  Long,
  LongCache,
  FewRows,
  Growing
};
} // namespace

static constexpr struct {
  Kind kind;
  const char *name;
} kinds[] = {{Kind::Square, "square"},
             {Kind::Tall, "tall"},
             {Kind::OneKey, "one-key"},
             {Kind::OneRow, "one-row"},
             {Kind::Strided, "strided"},
             {Kind::TileEdges, "tile-edges"},
             {Kind::Extreme, "extreme"},
             {Kind::Hidden, "hidden"},
             {Kind::Tiny, "tiny"},
             {Kind::Long, "long"},
             {Kind::LongCache, "long-cache"},
             {Kind::FewRows, "few-rows"},
             {Kind::Growing, "growing"}};

/// Numbers of rows or keys around which tiles of powers of two end.
static constexpr int64_t edges[] = {31, 32, 33, 63, 64, 65, 127, 128, 129, 191, 193, 255, 256, 257};

static void drawSizes(Case &test, Kind kind, RandomSequence &random) {
  switch (kind) {
  case Kind::Square:
    test.rows = test.keys = random.between(40, 260);
    break;
  case Kind::Tall:
    test.keys = random.between(2, 70);
    test.rows = test.keys + random.between(1, 150);
    break;
  case Kind::OneKey:
    test.rows = random.between(1, 90);
    test.keys = 1;
    break;
  case Kind::OneRow:
    test.rows = 1;
    test.keys = random.between(2, 400);
    break;
  case Kind::Strided:
  case Kind::Hidden:
    test.rows = random.between(20, 150);
    test.keys = random.between(20, 250);
    break;
  case Kind::TileEdges:
    test.rows = random.pick(edges);
    test.keys = random.pick(edges);
    break;
  case Kind::Extreme:
    test.rows = random.between(30, 150);
    test.keys = random.between(30, 250);
    break;
  case Kind::Tiny:
    test.rows = random.between(1, 9);
    test.keys = random.between(1, 9);
    break;
  case Kind::Long:
    test.rows = random.between(513, 700);
    test.keys = random.between(513, 900);
    break;
  case Kind::LongCache:
    test.rows = random.between(2, 40);
    test.keys = random.between(513, 2100);
    break;
  case Kind::Growing:
    test.rows = random.between(40, 200);
    test.keys = random.between(150, 500);
    break;
  case Kind::FewRows:
    test.rows = random.between(1, 12);
    test.keys = random.between(100, 900);
    break;
  }
}

/// Enough outputs for the full measure, and work that a short run can afford.
static void drawBatch(Case &test, Kind kind, const Mechanism &m, RandomSequence &random) {
  test.batch = random.between(1, 3);
  bool counts = kind != Kind::Tiny && kind != Kind::OneKey && kind != Kind::OneRow && kind != Kind::FewRows;
  while (counts && test.batch < 6 && test.batch * test.rows * m.queryHeads * m.valueWidth < 4096)
    ++test.batch;
  int64_t work = m.queryHeads * (m.keyWidth + m.valueWidth) * test.rows * test.keys;
  if (test.batch * work > 100'000'000)
    test.batch = 1;
  if (kind == Kind::Long && work > 200'000'000)
    test.rows = random.between(1, 40) + 100'000'000 / (work / test.rows);
}

static void drawRunTimeScalars(Case &test, Kind kind, const Mechanism &m, RandomSequence &random) {
  const int64_t reaches[] = {0, 1, 3, 17, 63, 64, 100, test.keys};
  test.windowLeft = random.pick(reaches);
  test.windowRight = random.pick(reaches);
  const int64_t prefixes[] = {0, 1, 5, 63, 64, 70, test.keys / 2, test.keys + 3};
  test.prefix = random.pick(prefixes);
  const LengthRule lengthRules[] = {LengthRule::Full, LengthRule::Random, LengthRule::Random};
  const OffsetRule offsetRules[] = {OffsetRule::Zero, OffsetRule::BottomRight, OffsetRule::Random};
  test.lengthRule = random.pick(lengthRules);
  test.offsetRule = random.pick(offsetRules);
  if (kind == Kind::OneRow || kind == Kind::LongCache)
    test.offsetRule = OffsetRule::BottomRight;
  if (kind == Kind::Hidden) {
    test.maskedRows = true;
    test.lengthRule = LengthRule::WithZero;
    test.offsetRule = random.chance(1, 2) ? OffsetRule::BottomRight : OffsetRule::Random;
  }
  if (kind == Kind::Extreme) {
    // Exact dot products need a scale that is a power of two, and a bias would be lost beside logits of 1e5.
    int exponent;
    bool exact = std::frexp(m.scale, &exponent) == 0.5f && !m.alibi && m.distances == 0 && m.mask != MaskKind::Float;
    test.profile = !exact ? Profile::Peaked : random.chance(1, 2) ? Profile::HugeLogits : Profile::HugeOffset;
  }
  if (kind == Kind::Growing)
    test.profile = Profile::Growing;
  test.strided = kind == Kind::Strided || random.chance(1, 4);
}

static Case drawCase(const Mechanism &m, int64_t index, Kind kind, const char *kindName, int64_t round) {
  Case test;
  test.mechanism = index;
  test.seed = mixBits(static_cast<uint64_t>(index) * 64 + static_cast<uint64_t>(kind));
  if (round > 0)
    test.seed = mixBits(test.seed + static_cast<uint64_t>(round));
  RandomSequence random(test.seed, 1000);
  drawSizes(test, kind, random);
  drawBatch(test, kind, m, random);
  drawRunTimeScalars(test, kind, m, random);
  test.name = m.name + "/" + kindName + "-b" + std::to_string(test.batch) + "-m" + std::to_string(test.rows) + "-n" +
              std::to_string(test.keys);
  if (round > 0)
    test.name += "-r" + std::to_string(round);
  return test;
}

std::vector<Case> heed::numerics::listCases(const std::vector<Mechanism> &mechanisms, int64_t rounds) {
  std::vector<Case> list;
  for (int64_t index = 0; index < static_cast<int64_t>(mechanisms.size()); ++index)
    for (int64_t round = 0; round < rounds; ++round)
      for (auto [kind, kindName] : kinds) {
        // One of the two long kinds each.
        if ((kind == Kind::Long && index % 4 == 3) || (kind == Kind::LongCache && index % 4 != 3))
          continue;
        list.push_back(drawCase(mechanisms[index], index, kind, kindName, round));
      }
  return list;
}

namespace {
/// The cases of one kernel, as a range of a list.
struct KernelCases {
  size_t begin, size;
  /// Of its name: each without numbers, as 'boolmask', alone and together with the type.
  std::vector<std::string> features;
};
} // namespace

static std::vector<KernelCases> findKernels(const std::vector<Case> &cases) {
  std::vector<KernelCases> kernels;
  for (size_t i = 0; i < cases.size(); ++i) {
    if (i == 0 || cases[i].mechanism != cases[i - 1].mechanism) {
      kernels.push_back({i, 0, {}});
      std::istringstream name(cases[i].name.substr(0, cases[i].name.find('/')));
      std::string type, word;
      for (std::getline(name, type, '-'); std::getline(name, word, '-');) {
        std::string feature = word.substr(0, word.find_first_of("0123456789"));
        kernels.back().features.insert(kernels.back().features.end(), {feature, type + feature});
      }
    }
    ++kernels.back().size;
  }
  return kernels;
}

/// Half of the kernels evenly spread over the list; then, one at a time, that with the most features which none has
/// yet, so that rare ones take part too. In the order of the list.
static std::vector<KernelCases> chooseKernels(const std::vector<KernelCases> &kernels, size_t count) {
  std::set<size_t> chosen;
  std::set<std::string> features;
  auto choose = [&](size_t at) {
    chosen.insert(at);
    features.insert(kernels[at].features.begin(), kernels[at].features.end());
  };
  size_t spread = (count + 1) / 2;
  for (size_t i = 0; i < spread; ++i)
    choose(i * kernels.size() / spread);
  auto newFeatures = [&](size_t at) {
    const std::vector<std::string> &all = kernels[at].features;
    return std::count_if(all.begin(), all.end(), [&](const std::string &each) { return !features.contains(each); });
  };
  while (chosen.size() < count) {
    size_t best = kernels.size(), start = chosen.size() * kernels.size() / count;
    for (size_t i = 0; i < kernels.size(); ++i)
      if (size_t at = (start + i) % kernels.size();
          !chosen.contains(at) && (best == kernels.size() || newFeatures(at) > newFeatures(best)))
        best = at;
    choose(best);
  }
  std::vector<KernelCases> list;
  for (size_t at : chosen)
    list.push_back(kernels[at]);
  return list;
}

std::vector<Case> heed::numerics::sampleCases(std::vector<Case> cases, size_t count) {
  if (count == 0 || count >= cases.size())
    return cases;
  std::vector<KernelCases> kernels = findKernels(cases);
  constexpr size_t perKernel = 8;
  size_t used = std::clamp<size_t>((count + perKernel - 1) / perKernel, 1, kernels.size());
  kernels = chooseKernels(kernels, used);
  std::vector<Case> sample;
  for (size_t at = 0; at < used; ++at) {
    size_t wanted = std::min(kernels[at].size, count * (at + 1) / used - count * at / used);
    // Another kind is left out at every kernel.
    for (size_t i = 0; i < wanted; ++i)
      sample.push_back(cases[kernels[at].begin + (at + i) % kernels[at].size]);
  }
  return sample;
}
