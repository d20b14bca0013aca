// Compiles a model inside the program that uses it. The model is made at run time: attention over a window of keys
// whose scores are capped softly, with the window and the cap written into the score and keep rules. Set HEED_CACHE_DIR
// to keep compiled packages between runs.
#include "compiler/Heedc.h"
#include "runtime/heed.hpp"

#include <chrono>
#include <cmath>
#include <cstdio>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace {

constexpr int64_t heads = 4, sequence = 300, depth = 32;

/// The model with its numbers still to be filled in.
constexpr std::string_view modelText = R"(
!t = tensor<?x4x?x32xf32>
#shape = affine_map<()[batch, sequence] -> (batch, 4, sequence, 32)>
func.func @main(%q: !t {plan.name = "q", plan.shape = #shape}, %k: !t {plan.name = "k", plan.shape = #shape},
                %v: !t {plan.name = "v", plan.shape = #shape}) -> (!t {plan.name = "out"})
    attributes {plan.symbols = ["batch", "sequence"]} {
  %out = attn.attend query(%q : !t) key(%k : !t) value(%v : !t) scale 0.17677669529663687 score {
    ^bb0(%s: f32, %b: index, %h: index, %row: index, %key: index, %pos: index):
      %cap = arith.constant CAP : f32
      %part = arith.divf %s, %cap : f32
      %bent = math.tanh %part : f32
      %capped = arith.mulf %bent, %cap : f32
      attn.yield %capped : f32
    } keep {
    ^bb0(%b: index, %h: index, %row: index, %key: index, %pos: index):
      %window = arith.constant WINDOW : index
      %end = arith.addi %key, %window : index
      %past = arith.cmpi sle, %key, %pos : index
      %near = arith.cmpi sgt, %end, %pos : index
      %visible = arith.andi %past, %near : i1
      attn.yield %visible : i1
    } -> !t
  return %out : !t
}
)";

std::string makeModel(int64_t window, float cap) {
  std::string text(modelText);
  text.replace(text.find("CAP"), 3, std::to_string(cap));
  text.replace(text.find("WINDOW"), 6, std::to_string(window));
  return text;
}

struct Compilation {
  heed_compilation *held = nullptr;
  ~Compilation() { heed_compilation_release(held); }
};

/// The output row of the formula, in double precision.
std::vector<double> expectedRow(const float *q, const float *k, const float *v, int64_t row, int64_t window,
                                double cap) {
  std::vector<double> out(depth);
  double sum = 0;
  for (int64_t j = std::max<int64_t>(0, row - window + 1); j <= row; ++j) {
    double score = 0;
    for (int64_t d = 0; d < depth; ++d)
      score += double(q[row * depth + d]) * k[j * depth + d];
    double weight = std::exp(cap * std::tanh(score / std::sqrt(double(depth)) / cap));
    sum += weight;
    for (int64_t d = 0; d < depth; ++d)
      out[d] += weight * v[j * depth + d];
  }
  for (double &element : out)
    element /= sum;
  return out;
}

/// Runs one model; returns the largest difference from the formula, or nothing after an error.
std::optional<double> runWindow(int64_t window, float cap) {
  auto start = std::chrono::steady_clock::now();
  std::string model = makeModel(window, cap);
  Compilation compiled;
  if (heed_compile_memory(model.data(), model.size(), "window.mlir", nullptr, &compiled.held) != HEED_COMPILE_OK) {
    std::fprintf(stderr, "%s", heed_compilation_diagnostics(compiled.held));
    return std::nullopt;
  }
  std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;

  auto package = static_cast<const std::byte *>(heed_compilation_data(compiled.held));
  auto module = heed::Module::loadMemory({package, heed_compilation_bytes(compiled.held)});
  if (!module) {
    std::fprintf(stderr, "error: %s\n", std::string(module.message()).c_str());
    return std::nullopt;
  }
  heed::Call call = module->createCall().value();
  std::mt19937 random(7);
  std::normal_distribution<float> normal;
  std::vector<float> tensors[3];
  const char *names[] = {"q", "k", "v"};
  for (int i = 0; i < 3; ++i) {
    for (int64_t n = 0; n < heads * sequence * depth; ++n)
      tensors[i].push_back(normal(random));
    if (auto status = call.bindInput(names[i], heed::view(tensors[i].data(), {1, heads, sequence, depth})); !status) {
      std::fprintf(stderr, "error: %s\n", std::string(status.message()).c_str());
      return std::nullopt;
    }
  }
  if (auto status = call.run(); !status) {
    std::fprintf(stderr, "error: %s\n", std::string(status.message()).c_str());
    return std::nullopt;
  }
  auto out = static_cast<const float *>(call.output("out").value().data);
  double worst = 0;
  for (int64_t head = 0; head < heads; ++head)
    for (int64_t row = 0; row < sequence; row += 11) {
      int64_t at = head * sequence * depth;
      auto expected = expectedRow(&tensors[0][at], &tensors[1][at], &tensors[2][at], row, window, cap);
      for (int64_t d = 0; d < depth; ++d)
        worst = std::max(worst, std::abs(out[at + row * depth + d] - expected[d]));
    }
  std::printf("window %3ld: %s in %.2f s, the largest difference from the formula is %.1e\n", long(window),
              heed_compilation_from_cache(compiled.held) ? "taken from the cache" : "compiled", seconds.count(), worst);
  return worst;
}

} // namespace

int main() {
  for (int64_t window : {16, 100}) {
    auto error = runWindow(window, 20.0f);
    if (!error || *error > 1e-5)
      return 1;
  }
  return 0;
}
