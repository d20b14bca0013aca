//===- Mechanism.cpp - The kernels of the numerics suite ------------------===//
//
// Every feature below is built in every storage type; widths and heads rotate through their own lists, so that each
// pairing turns up somewhere without the full product.
//
//===----------------------------------------------------------------------===//

#include "tests/numerics/Mechanism.h"

#include "tests/numerics/Random.h"

#include <algorithm>
#include <array>

using namespace heed::numerics;

namespace {
struct Widths {
  int64_t key, value;
};
struct Heads {
  int64_t query, key;
};
} // namespace

static constexpr Widths widthList[] = {{64, 64},   {8, 8},   {40, 40}, {16, 16},   {72, 72}, {80, 80}, {32, 32},
                                       {128, 128}, {96, 96}, {64, 32}, {256, 256}, {40, 72}, {33, 17}};
/// What latent attention uses, too slow on a CPU to take part in the rotation.
static constexpr Widths wideList[] = {{192, 192}, {192, 128}, {576, 512}, {576, 576}};
static constexpr Heads headList[] = {{4, 4}, {4, 2}, {3, 3}, {6, 2}, {1, 1}, {4, 1}, {8, 2}, {5, 5}};
static constexpr StorageType storageList[] = {StorageType::F32, StorageType::F16, StorageType::BF16};

/// Appends a word to the name for every feature the mechanism has.
static void nameMechanism(Mechanism &m) {
  std::string name = mlirName(m.storage);
  auto add = [&](bool has, const std::string &word) { name += has ? "-" + word : ""; };
  add(m.causal, "causal");
  add(m.window, "window");
  add(m.prefix, "prefix");
  add(m.documents, "documents");
  add(m.lengths, "lengths");
  add(m.offsets, "offsets");
  add(m.alibi, "alibi");
  add(m.distances != 0, "relative");
  add(m.softcap != 0, "softcap");
  add(m.sink, "sink");
  std::string extents =
      std::string(m.maskPerBatch ? "b" : "1") + (m.maskPerHead ? "h" : "1") + (m.maskPerRow ? "m" : "1");
  add(m.mask == MaskKind::Bool, "boolmask" + extents);
  add(m.mask == MaskKind::Float, "floatmask" + extents);
  add(m.pageSize != 0, "pages" + std::to_string(m.pageSize));
  name += "-d" + std::to_string(m.keyWidth);
  add(m.valueWidth != m.keyWidth, "v" + std::to_string(m.valueWidth));
  name += "-h" + std::to_string(m.queryHeads);
  add(m.keyHeads != m.queryHeads, "kv" + std::to_string(m.keyHeads));
  m.name = name;
}

/// The features, without type, widths and heads.
static std::vector<Mechanism> listFeatures() {
  std::vector<Mechanism> list;
  auto add = [&](auto... set) {
    Mechanism m;
    (set(m), ...);
    list.push_back(m);
  };
  auto causal = [](Mechanism &m) { m.causal = true; };
  auto window = [](Mechanism &m) { m.window = true; };
  auto prefix = [](Mechanism &m) { m.prefix = true; };
  auto documents = [](Mechanism &m) { m.documents = true; };
  auto lengths = [](Mechanism &m) { m.lengths = true; };
  auto offsets = [](Mechanism &m) { m.offsets = true; };
  auto alibi = [](Mechanism &m) { m.alibi = true; };
  auto softcap = [](Mechanism &m) { m.softcap = 30.0f; };
  auto sink = [](Mechanism &m) { m.sink = true; };
  auto mask = [](MaskKind kind, int64_t extents) {
    return [=](Mechanism &m) {
      m.mask = kind;
      m.maskPerBatch = extents & 1;
      m.maskPerHead = extents & 2;
      m.maskPerRow = extents & 4;
    };
  };

  add();
  add(causal);
  add(lengths);
  add(window);
  add(causal, window);
  add(causal, prefix);
  add(causal, window, prefix);
  add(causal, offsets);
  add(causal, lengths, offsets);
  add(window, lengths, offsets);
  add(causal, prefix, lengths, offsets);
  add(documents);
  add(causal, documents, lengths);
  add(alibi);
  add(causal, alibi);
  add(causal, lengths, offsets, alibi);
  add(softcap);
  add(causal, window, softcap);
  add(sink);
  add(causal, lengths, offsets, sink);
  add(causal, window, alibi, sink, softcap);
  for (int64_t extents = 0; extents < 8; ++extents) {
    add(mask(MaskKind::Bool, extents));
    add(mask(MaskKind::Float, extents));
  }
  add(causal, lengths, mask(MaskKind::Bool, 5));
  add(causal, lengths, offsets, softcap, alibi, sink, mask(MaskKind::Float, 7));
  return list;
}

static Mechanism place(Mechanism m, StorageType storage, Widths widths, Heads heads) {
  m.storage = storage;
  m.keyWidth = widths.key;
  m.valueWidth = widths.value;
  m.queryHeads = heads.query;
  m.keyHeads = heads.key;
  m.scale = static_cast<float>(1.0 / std::sqrt(static_cast<double>(widths.key)));
  nameMechanism(m);
  return m;
}

/// Keys in pages, without anything else and with most that goes together.
static void addPaged(std::vector<Mechanism> &list) {
  size_t turn = 0;
  for (StorageType storage : storageList)
    for (int64_t pageSize : {16, 64, 7}) {
      Mechanism paged;
      paged.pageSize = pageSize;
      paged.lengths = true;
      paged.contiguousRows = pageSize != 7;
      paged.causal = paged.offsets = paged.alibi = paged.sink = turn % 2 == 1;
      Widths widths = std::array<Widths, 4>{{{128, 128}, {64, 64}, {40, 72}, {96, 32}}}[turn % 4];
      list.push_back(place(paged, storage, widths, std::array<Heads, 3>{{{8, 2}, {4, 4}, {6, 2}}}[turn % 3]));
      ++turn;
    }
}

/// Tables of distances: beside masks and biases, in widths that machines work on differently.
static void addRelative(std::vector<Mechanism> &list) {
  size_t turn = 0;
  for (StorageType storage : storageList)
    for (int64_t width : {64, 128, 40}) {
      Mechanism relative;
      relative.distances = turn % 2 == 0 ? 96 : 33;
      relative.causal = turn % 3 != 0;
      relative.offsets = relative.lengths = turn % 3 == 1;
      relative.window = relative.alibi = turn % 3 == 2;
      relative.softcap = turn == 5 ? 30.0f : 0.0f;
      relative.contiguousRows = turn != 3;
      list.push_back(place(relative, storage, {width, width}, std::array<Heads, 2>{{{4, 4}, {6, 2}}}[turn % 2]));
      ++turn;
    }
}

std::vector<Mechanism> heed::numerics::listMechanisms() {
  std::vector<Mechanism> list;
  size_t turn = 0;
  for (StorageType storage : storageList) {
    for (const Mechanism &feature : listFeatures()) {
      list.push_back(
          place(feature, storage, widthList[turn % std::size(widthList)], headList[turn / 3 % std::size(headList)]));
      list.back().contiguousRows = list.size() % 3 != 0;
      ++turn;
    }
    ++turn;
  }
  // Causal attention at every width that the rotation has not given it, and at widths that only it has.
  Mechanism causal;
  causal.causal = true;
  auto addCausal = [&](StorageType storage, Widths widths) {
    auto has = [&](const Mechanism &m) {
      return m.name.starts_with(std::string(mlirName(storage)) + "-causal-d") && m.keyWidth == widths.key &&
             m.valueWidth == widths.value;
    };
    Heads heads = headList[turn++ % std::size(headList)];
    if (std::none_of(list.begin(), list.end(), has))
      list.push_back(place(causal, storage, widths, heads));
  };
  for (StorageType storage : storageList)
    for (Widths widths : widthList)
      addCausal(storage, widths);
  for (StorageType storage : storageList)
    for (Widths widths : wideList)
      addCausal(storage, widths);
  addPaged(list);
  addRelative(list);
  return list;
}
