// What a device can do at most, measured with a package of kernels that each do one kind of work only.
#ifndef HEED_RUNTIME_TOOLS_DEVICECEILINGS_H
#define HEED_RUNTIME_TOOLS_DEVICECEILINGS_H

#include "runtime/tools/BenchReport.h"
#include "runtime/tools/ToolSupport.h"

namespace heed::tools {

/// Runs the package on the device (such as tests/perf/ceilings.mlir) and adds the best run of each of its kernels. All
/// inputs have static shapes. The host scalar "programs", the size of the grid, then "rounds", the work of each
/// program, double until a run takes `seconds`.
rt::Status measureCeilings(const ModuleOptions &package, double seconds, std::vector<KernelReport> &kernels);

} // namespace heed::tools

#endif // HEED_RUNTIME_TOOLS_DEVICECEILINGS_H
