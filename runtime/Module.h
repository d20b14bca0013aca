// A package made ready for one device: the plan is chosen, code is loaded, constants are mapped, prepare steps have
// run.
#ifndef HEED_RUNTIME_MODULE_H
#define HEED_RUNTIME_MODULE_H

#include "runtime/Driver.h"
#include "runtime/PackageReader.h"

#include <memory>
#include <vector>

namespace heed::rt {

/// A variant this device can run.
struct LoadedVariant {
  const Variant *variant = nullptr;
  std::unique_ptr<DriverKernel> code;
};

/// Where a symbol gets its value: a dimension of an input, or the input's value itself.
struct SymbolSource {
  static constexpr uint32_t value = UINT32_MAX;
  uint32_t input = 0;
  uint32_t dim = value;
};

/// Memory of a driver, freed with its owner.
class DriverMemory {
public:
  DriverMemory() = default;
  DriverMemory(const DriverMemory &) = delete;
  DriverMemory &operator=(const DriverMemory &) = delete;
  DriverMemory(DriverMemory &&other) noexcept;
  DriverMemory &operator=(DriverMemory &&other) noexcept;
  ~DriverMemory() { reset(); }

  Status allocate(Driver &driver, uint64_t bytes);
  void reset();
  DevicePointer pointer() const { return memory; }
  uint64_t size() const { return bytes; }

private:
  Driver *driver = nullptr;
  DevicePointer memory;
  uint64_t bytes = 0;
};

/// Immutable once loaded, so any number of calls may share it.
class Module {
public:
  /// `contents` are what readPackage found in `bytes`.
  static Status load(std::shared_ptr<Driver> driver, PackageBytes bytes, PackageContents contents,
                     std::shared_ptr<const Module> &module);

  Driver &driver() const { return *device; }
  const Package &package() const { return contents.package; }
  const Plan &plan() const { return *selected; }
  /// Variants of a kernel that fit the device, best first; never empty for a kernel that a step launches.
  const std::vector<LoadedVariant> &variants(uint32_t kernel) const { return loaded[kernel]; }
  /// Whether an output lives in the memory of the input.
  bool isState(uint32_t input) const { return stateInputs[input]; }
  const SymbolSource &symbolSource(uint32_t symbol) const { return symbolSources[symbol]; }
  /// Address of a constant or persistent buffer of the plan.
  DevicePointer residentBuffer(uint32_t buffer) const { return resident[buffer]; }
  int64_t residentBytes(uint32_t buffer) const { return residentSizes[buffer]; }
  uint64_t workerScratchBytes() const { return scratchBytes; }

private:
  Status selectPlan();
  Status loadKernels();
  Status loadKernel(uint32_t kernel, std::vector<std::shared_ptr<DriverCode>> &code);
  void describeInputs();
  Status placeResidentBuffers();
  Status mapConstants();
  Status uploadConstants();
  Status runPrepare();

  std::shared_ptr<Driver> device; // first member: outlives all that it made
  PackageBytes bytes;
  PackageContents contents;
  const Plan *selected = nullptr;
  std::vector<std::vector<LoadedVariant>> loaded;
  std::vector<SymbolSource> symbolSources;
  std::vector<bool> stateInputs;
  std::vector<DevicePointer> resident;
  std::vector<int64_t> residentSizes;
  std::vector<DriverMemory> owned;
  uint64_t scratchBytes = 0;
};

} // namespace heed::rt

#endif // HEED_RUNTIME_MODULE_H
