// What heed-bench found out, and how it is written.
#ifndef HEED_RUNTIME_TOOLS_BENCHREPORT_H
#define HEED_RUNTIME_TOOLS_BENCHREPORT_H

#include <cstdint>
#include <string>
#include <vector>

namespace heed::tools {

/// A kernel's share of one call.
struct KernelReport {
  std::string name;
  double launches;
  double seconds;
  double flops;
  double bytes;
};

struct BenchReport {
  std::string package;
  std::string device;
  uint32_t threads = 0;        // of a CPU
  std::vector<double> samples; // seconds of each call, ascending
  double flops = 0;            // of one call
  double bytes = 0;
  int64_t arenaBytes = 0;
  int64_t allocations = 0; // of the last timed call
  int32_t fallbackKernels = 0;
  double loadSeconds = 0;                     // of the package, with the start of the device
  double firstSeconds = 0, secondSeconds = 0; // of the first two calls
  double peakFlops = 0;                       // of the machine, a second; 0 when it was not measured
  double peakBytes = 0;
  std::vector<KernelReport> ceilings; // what the peaks were measured with, where those were kernels
  std::vector<KernelReport> kernels;

  /// Seconds below which the given share of the calls stayed.
  double percentile(double share) const;
};

std::string formatText(const BenchReport &report);
std::string formatJson(const BenchReport &report);

} // namespace heed::tools

#endif // HEED_RUNTIME_TOOLS_BENCHREPORT_H
