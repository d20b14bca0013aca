#include "runtime/tools/BenchReport.h"

#include "runtime/Status.h"

#include <algorithm>
#include <cmath>
#include <cstdarg>
#include <cstdio>

namespace heed::tools {

double BenchReport::percentile(double share) const {
  // Between two samples, as the median of an even number is.
  double position = share * static_cast<double>(samples.size() - 1);
  auto below = static_cast<size_t>(position);
  size_t above = std::min(below + 1, samples.size() - 1);
  double weight = position - static_cast<double>(below);
  return samples[below] * (1 - weight) + samples[above] * weight;
}

[[gnu::format(printf, 2, 3)]] static void add(std::string &text, const char *format, ...) {
  char line[1024];
  va_list arguments;
  va_start(arguments, format);
  std::vsnprintf(line, sizeof(line), format, arguments);
  va_end(arguments);
  text += line;
}

static double rate(double work, double seconds) { return seconds > 0 ? work / seconds : 0; }

std::string formatText(const BenchReport &report) {
  std::string text;
  double median = report.percentile(0.5);
  add(text, "%s on %s", report.package.c_str(), report.device.c_str());
  text += report.threads ? rt::concat(", ", report.threads, " threads\n") : "\n";
  add(text, "%zu calls: median %.1f us, 10 %% %.1f us, 90 %% %.1f us, 99 %% %.1f us, best %.1f us\n",
      report.samples.size(), 1e6 * median, 1e6 * report.percentile(0.1), 1e6 * report.percentile(0.9),
      1e6 * report.percentile(0.99), 1e6 * report.samples.front());
  add(text, "load %.1f ms, first call %.1f ms, second call %.3f ms\n", 1e3 * report.loadSeconds,
      1e3 * report.firstSeconds, 1e3 * report.secondSeconds);
  for (const KernelReport &ceiling : report.ceilings)
    add(text, "ceiling '%s': %.2f GFLOP/s, %.2f GB/s\n", ceiling.name.c_str(),
        1e-9 * rate(ceiling.flops, ceiling.seconds), 1e-9 * rate(ceiling.bytes, ceiling.seconds));
  add(text, "%.2f GFLOP/s", 1e-9 * rate(report.flops, median));
  if (report.peakFlops > 0)
    add(text, ", %.1f %% of the peak of %.2f measured here", 100 * rate(report.flops, median) / report.peakFlops,
        1e-9 * report.peakFlops);
  add(text, "\n%.2f GB/s", 1e-9 * rate(report.bytes, median));
  if (report.peakBytes > 0)
    add(text, ", %.1f %% of a copy's %.2f measured here", 100 * rate(report.bytes, median) / report.peakBytes,
        1e-9 * report.peakBytes);
  text += "\n";
  add(text, "%lld bytes between kernels, %lld allocations in a call, %d fallback kernels\n",
      static_cast<long long>(report.arenaBytes), static_cast<long long>(report.allocations), report.fallbackKernels);
  double total = 0;
  for (const KernelReport &kernel : report.kernels)
    total += kernel.seconds;
  add(text, "%-48s %8s %10s %6s %9s %6s %8s %6s\n", "kernel", "launches", "us", "%", "GFLOP/s", "peak", "GB/s", "copy");
  for (const KernelReport &kernel : report.kernels)
    add(text, "%-48s %8.0f %10.1f %6.1f %9.2f %5.1f%% %8.2f %5.1f%%\n", kernel.name.c_str(), kernel.launches,
        1e6 * kernel.seconds, 100 * rate(kernel.seconds, total), 1e-9 * rate(kernel.flops, kernel.seconds),
        100 * rate(rate(kernel.flops, kernel.seconds), report.peakFlops), 1e-9 * rate(kernel.bytes, kernel.seconds),
        100 * rate(rate(kernel.bytes, kernel.seconds), report.peakBytes));
  return text;
}

static std::string quoted(const std::string &value) {
  std::string text = "\"";
  for (char c : value) {
    if (c == '"' || c == '\\')
      text += '\\';
    if (static_cast<unsigned char>(c) < 0x20)
      add(text, "\\u%04x", static_cast<unsigned>(c));
    else
      text += c;
  }
  return text + "\"";
}

static std::string listed(const std::vector<KernelReport> &kernels) {
  std::string text = "[";
  for (size_t i = 0; i < kernels.size(); ++i) {
    const KernelReport &kernel = kernels[i];
    text += (i == 0 ? "\n  {\"name\": " : ",\n  {\"name\": ") + quoted(kernel.name);
    add(text, ", \"launches\": %.9g, \"seconds\": %.9g, \"flops\": %.9g, \"bytes\": %.9g}", kernel.launches,
        kernel.seconds, kernel.flops, kernel.bytes);
  }
  return text + (kernels.empty() ? "]" : "\n ]");
}

std::string formatJson(const BenchReport &report) {
  std::string text = "{\n";
  double median = report.percentile(0.5);
  add(text, " \"package\": %s,\n \"device\": %s,\n", quoted(report.package).c_str(), quoted(report.device).c_str());
  add(text, " \"threads\": %u,\n \"calls\": %zu,\n", report.threads, report.samples.size());
  add(text, " \"median_seconds\": %.9g,\n \"best_seconds\": %.9g,\n", median, report.samples.front());
  add(text, " \"p10_seconds\": %.9g,\n \"p90_seconds\": %.9g,\n \"p99_seconds\": %.9g,\n", report.percentile(0.1),
      report.percentile(0.9), report.percentile(0.99));
  add(text, " \"flops\": %.9g,\n \"bytes\": %.9g,\n", report.flops, report.bytes);
  add(text, " \"flops_per_second\": %.9g,\n \"bytes_per_second\": %.9g,\n", rate(report.flops, median),
      rate(report.bytes, median));
  add(text, " \"peak_flops\": %.9g,\n \"peak_bytes\": %.9g,\n", report.peakFlops, report.peakBytes);
  add(text, " \"arena_bytes\": %lld,\n \"allocations\": %lld,\n \"fallback_kernels\": %d,\n",
      static_cast<long long>(report.arenaBytes), static_cast<long long>(report.allocations), report.fallbackKernels);
  add(text, " \"load_seconds\": %.9g,\n \"first_seconds\": %.9g,\n \"second_seconds\": %.9g,\n", report.loadSeconds,
      report.firstSeconds, report.secondSeconds);
  text += " \"ceilings\": " + listed(report.ceilings) + ",\n \"kernels\": " + listed(report.kernels) + "\n}\n";
  return text;
}

} // namespace heed::tools
