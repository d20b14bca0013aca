#include "backends/cuda/driver/CudaDriver.h"

#include <algorithm>
#include <array>

namespace heed::rt {
namespace {

/// Ten times the compute capability. Only these are named in features.
constexpr std::array<int, 21> knownChips = {50, 52, 53, 60, 61,  62,  70,  72,  75,  80, 86,
                                            87, 88, 89, 90, 100, 101, 103, 110, 120, 121};

/// Integrated chips run binaries made for themselves only.
bool isIntegrated(int chip) {
  constexpr int integrated[] = {53, 62, 72, 87, 88, 101, 110};
  return std::find(std::begin(integrated), std::end(integrated), chip) != std::end(integrated);
}

bool runsBinaryOf(int device, int chip) {
  if (device == chip)
    return true;
  return device / 10 == chip / 10 && chip <= device && !isIntegrated(device) && !isIntegrated(chip);
}

} // namespace

std::set<std::string, std::less<>> cudaFeatures(int major, int minor) {
  int device = 10 * major + minor;
  std::set<std::string, std::less<>> features;
  auto add = [&](int chip) {
    std::string name = concat("sm_", chip);
    if (runsBinaryOf(device, chip))
      features.insert("cubin_" + name);
    if (chip >= 100 && runsBinaryOf(device, chip)) {
      features.insert(name + "f");
      features.insert("cubin_" + name + "f");
    }
    features.insert(name);
  };
  for (int chip : knownChips)
    if (chip <= device)
      add(chip);
  add(device);
  // Features of one architecture only exist from 9.0 on.
  if (device >= 90) {
    features.insert(concat("sm_", device, "a"));
    features.insert(concat("cubin_sm_", device, "a"));
  }
  return features;
}

} // namespace heed::rt
