/// Attention that visits listed blocks of keys, against its formula in double.
#include "tests/unit/cpu/Program.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>

using namespace heed::test;
using heed::view;

namespace {

constexpr int64_t heads = 4, keyHeads = 2, depth = 40, blockRows = 48, blockKeys = 96;

constexpr const char *text = R"(
func.func @main(
    %q: tensor<?x4x?x40xf32> {plan.name = "q", plan.shape = affine_map<()[b, m, n, qb, l] -> (b, 4, m, 40)>},
    %k: tensor<?x2x?x40xf32> {plan.name = "k", plan.shape = affine_map<()[b, m, n, qb, l] -> (b, 2, n, 40)>},
    %v: tensor<?x2x?x40xf32> {plan.name = "v", plan.shape = affine_map<()[b, m, n, qb, l] -> (b, 2, n, 40)>},
    %length: tensor<?xi64> {plan.name = "length", plan.shape = affine_map<()[b, m, n, qb, l] -> (b)>},
    %lists: tensor<?x4x?x?xi32> {plan.name = "lists", plan.shape = affine_map<()[b, m, n, qb, l] -> (b, 4, qb, l)>})
    -> (tensor<?x4x?x40xf32> {plan.name = "out"}) attributes {plan.symbols = ["b", "m", "n", "qb", "l"]} {
  %out = attn.attend query(%q : tensor<?x4x?x40xf32>) key(%k : tensor<?x2x?x40xf32>) value(%v : tensor<?x2x?x40xf32>)
      kv_length(%length : tensor<?xi64>) blocks(%lists : tensor<?x4x?x?xi32>) scale 0.2 block_size [48, 96] keep {
    ^bb0(%b: index, %h: index, %row: index, %key: index, %pos: index):
      %c150 = arith.constant 150 : index
      %last = arith.addi %pos, %c150 : index
      %c = arith.cmpi sle, %key, %last : index
      attn.yield %c : i1
    } -> tensor<?x4x?x40xf32>
  return %out : tensor<?x4x?x40xf32>
}
)";

struct Problem {
  int64_t batch, rows, keys, queryBlocks, entries;
  std::vector<float> q, k, v;
  std::vector<int64_t> lengths;
  std::vector<int32_t> lists;

  const int32_t *list(int64_t b, int64_t h, int64_t row) const {
    return &lists[((b * heads + h) * queryBlocks + row / blockRows) * entries];
  }
};

Problem makeProblem(int64_t batch, int64_t rows, int64_t keys) {
  std::mt19937 random(7);
  std::normal_distribution<float> normal;
  Problem p{batch, rows, keys, (rows + blockRows - 1) / blockRows, 4, {}, {}, {}, {}, {}};
  auto fill = [&](std::vector<float> &values, int64_t count) {
    values.resize(count);
    for (float &value : values)
      value = normal(random);
  };
  fill(p.q, batch * heads * rows * depth);
  fill(p.k, batch * keyHeads * keys * depth);
  fill(p.v, batch * keyHeads * keys * depth);
  for (int64_t b = 0; b < batch; ++b)
    p.lengths.push_back(std::max<int64_t>(0, keys - 100 * b));
  int32_t numBlocks = (keys + blockKeys - 1) / blockKeys;
  for (int64_t i = 0; i < batch * heads * p.queryBlocks; ++i) {
    // Different blocks in no order; some lists end early, one block lies behind all keys.
    std::vector<int32_t> ids;
    for (int32_t id = 0; id <= numBlocks; ++id)
      ids.push_back(id);
    std::shuffle(ids.begin(), ids.end(), random);
    ids.resize(p.entries, -1);
    if (i % 3 == 1)
      ids[i % p.entries] = -1;
    p.lists.insert(p.lists.end(), ids.begin(), ids.end());
  }
  return p;
}

std::vector<double> reference(const Problem &p, int64_t b, int64_t h, int64_t row) {
  std::vector<double> out(depth, 0.0);
  double sum = 0;
  int64_t group = h / (heads / keyHeads);
  const float *q = &p.q[((b * heads + h) * p.rows + row) * depth];
  const int32_t *list = p.list(b, h, row);
  for (int64_t entry = 0; entry < p.entries && list[entry] >= 0; ++entry)
    for (int64_t key = list[entry] * blockKeys; key < std::min((list[entry] + 1) * blockKeys, p.lengths[b]); ++key) {
      if (key > row + 150)
        continue;
      int64_t at = ((b * keyHeads + group) * p.keys + key) * depth;
      double score = 0;
      for (int64_t d = 0; d < depth; ++d)
        score += double(q[d]) * p.k[at + d];
      double weight = std::exp(0.2 * score);
      sum += weight;
      for (int64_t d = 0; d < depth; ++d)
        out[d] += weight * p.v[at + d];
    }
  for (double &value : out)
    value = sum > 0 ? value / sum : 0;
  return out;
}

class AttendLists : public testing::TestWithParam<std::string> {};

} // namespace

TEST_P(AttendLists, visitsTheListedBlocks) {
  Program program(text);
  for (auto [batch, rows, keys] : {std::tuple(2, 200, 333), {1, 1, 96}, {3, 49, 250}, {1, 96, 5}}) {
    Problem p = makeProblem(batch, rows, keys);
    std::vector<float> out(p.q.size(), std::numeric_limits<float>::quiet_NaN());
    program.run(GetParam(),
                {{"q", view(p.q.data(), {batch, heads, rows, depth})},
                 {"k", view(p.k.data(), {batch, keyHeads, keys, depth})},
                 {"v", view(p.v.data(), {batch, keyHeads, keys, depth})},
                 {"length", view(p.lengths.data(), {batch})},
                 {"lists", view(p.lists.data(), {batch, heads, p.queryBlocks, p.entries})}},
                {{"out", view(out.data(), {batch, heads, rows, depth})}});
    double worst = 0;
    for (int64_t b = 0; b < batch; ++b)
      for (int64_t h = 0; h < heads; ++h)
        for (int64_t row = 0; row < rows; ++row) {
          std::vector<double> expected = reference(p, b, h, row);
          for (int64_t d = 0; d < depth; ++d) {
            double error = std::abs(out[((b * heads + h) * rows + row) * depth + d] - expected[d]);
            worst = error <= worst ? worst : error; // keeps a NaN
          }
        }
    EXPECT_LT(worst, 2e-6) << rows << " rows, " << keys << " keys";
  }
}

INSTANTIATE_TEST_SUITE_P(Cpu, AttendLists, testing::ValuesIn(instructionSets()),
                         [](const auto &info) { return testName(info.param); });
