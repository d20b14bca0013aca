// What the machine's processor can do, in the words that packages use.
#ifndef HEED_BACKENDS_CPU_DRIVER_CPUFEATURES_H
#define HEED_BACKENDS_CPU_DRIVER_CPUFEATURES_H

#include "runtime/Driver.h"

namespace heed::rt {

/// Fills kind, name, features and properties but for the number of workers. Features are the x86-64 psABI levels
/// ("x86-64", "x86-64-v2", "x86-64-v3", "x86-64-v4") and single extensions beyond them ("avx512bf16", ...), counted
/// only when the operating system saves their registers; elsewhere the architecture's name. `isaLimit` drops all levels
/// above it, and then all single extensions.
Status describeCpu(const std::string &isaLimit, DeviceInfo &info);

} // namespace heed::rt

#endif // HEED_BACKENDS_CPU_DRIVER_CPUFEATURES_H
