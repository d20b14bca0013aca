#include "runtime/tools/Peak.h"

#include <algorithm>
#include <atomic>
#include <barrier>
#include <chrono>
#include <cstring>
#include <thread>
#include <vector>

namespace heed::rt {
namespace {

using Clock = std::chrono::steady_clock;

// Enough independent chains to fill two pipelines of latency four at every vector width.
constexpr int chains = 12;
constexpr int64_t rounds = 200'000;

/// Returns the floating-point operations done. Inlined into a function of each instruction set.
template <int width, bool fused> [[gnu::always_inline]] inline double multiplyAddLoop(float *result) {
  typedef float Vector __attribute__((vector_size(width)));
  Vector sums[chains];
  for (int i = 0; i < chains; ++i)
    sums[i] = Vector{} + static_cast<float>(i);
  Vector factor = Vector{} + 0.999f, addend = Vector{} + 1e-3f;
  for (int64_t round = 0; round < rounds; ++round) {
    _Pragma("clang loop unroll(full)") for (int i = 0; i < chains; ++i) sums[i] =
        fused ? __builtin_elementwise_fma(sums[i], factor, addend) : sums[i] * factor + addend;
  }
  Vector total = sums[0];
  for (int i = 1; i < chains; ++i)
    total += sums[i];
  std::memcpy(result, &total, sizeof(float));
  return 2.0 * chains * (width / sizeof(float)) * rounds;
}

#if defined(__x86_64__)
[[gnu::target("avx512f"), gnu::noinline]] double loop512(float *result) { return multiplyAddLoop<64, true>(result); }
[[gnu::target("avx2,fma"), gnu::noinline]] double loop256(float *result) { return multiplyAddLoop<32, true>(result); }
#endif
// Plain x86-64 has no fused multiply-add; the C library's would be a hundred times slower.
#if defined(__x86_64__)
constexpr bool baselineFuses = false;
#else
constexpr bool baselineFuses = true;
#endif
[[gnu::noinline]] double loop128(float *result) { return multiplyAddLoop<16, baselineFuses>(result); }

using Loop = double (*)(float *);

Loop bestLoop() {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx512f"))
    return loop512;
  if (__builtin_cpu_supports("fma"))
    return loop256;
#endif
  return loop128;
}

/// All threads start each stretch together; `stretch(thread)` returns the work it did. Returns the work a second that
/// one stretch in ten exceeds: the very best may be a moment of another clock or another placement of virtual cores.
template <typename Stretch> double bestRate(uint32_t threads, double seconds, Stretch stretch) {
  std::vector<double> rates;
  rates.reserve(1 << 16);
  std::atomic<double> work = 0;
  std::atomic<bool> more = true;
  auto end = Clock::now() + std::chrono::duration<double>(seconds);
  auto begin = Clock::now();
  auto onEdge = [&]() noexcept {
    auto now = Clock::now();
    double done = work.exchange(0);
    if (done > 0 && rates.size() < rates.capacity())
      rates.push_back(done / std::chrono::duration<double>(now - begin).count());
    more = now < end;
    begin = Clock::now();
  };
  std::barrier edge(static_cast<std::ptrdiff_t>(threads), onEdge);
  auto run = [&](uint32_t thread) {
    for (edge.arrive_and_wait(); more; edge.arrive_and_wait())
      work.fetch_add(stretch(thread));
  };
  std::vector<std::thread> helpers;
  for (uint32_t i = 1; i < threads; ++i)
    helpers.emplace_back(run, i);
  run(0);
  for (std::thread &helper : helpers)
    helper.join();
  std::sort(rates.begin(), rates.end());
  return rates.empty() ? 0 : rates[rates.size() * 9 / 10];
}

} // namespace

Ceilings measureCeilings(uint32_t threads, double seconds) {
  Ceilings ceilings;
  Loop loop = bestLoop();
  std::vector<float> sinks(threads);
  ceilings.flops = bestRate(threads, seconds, [&](uint32_t thread) { return loop(&sinks[thread]); });
  constexpr size_t block = size_t(32) << 20;
  std::vector<std::vector<char>> from(threads), to(threads);
  for (uint32_t i = 0; i < threads; ++i) {
    from[i].assign(block, 1);
    to[i].assign(block, 0);
  }
  ceilings.bytes = bestRate(threads, seconds, [&](uint32_t thread) {
    std::memcpy(to[thread].data(), from[thread].data(), block);
    asm volatile("" ::"r"(to[thread].data()) : "memory");
    return 2.0 * block;
  });
  return ceilings;
}

} // namespace heed::rt
