// As much of a SPIR-V module as the driver must know before it hands the module to Vulkan, which checks nothing.
#ifndef HEED_BACKENDS_VULKAN_DRIVER_SPIRVMODULE_H
#define HEED_BACKENDS_VULKAN_DRIVER_SPIRVMODULE_H

#include "runtime/Status.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace heed::rt {

class SpirvModule {
public:
  struct EntryPoint {
    uint32_t function = 0;
    std::string name;
    /// The workgroup's size, where the module gives it as literals.
    std::optional<std::array<uint32_t, 3>> workgroup;
  };

  /// Copies and checks `bytes`. Fails with Code::badPackage when they are no SPIR-V in this machine's byte order.
  static Status read(std::span<const std::byte> bytes, SpirvModule &module);

  std::span<const uint32_t> words() const { return code; }
  /// The compute entry point of that name; null when there is none.
  const EntryPoint *find(std::string_view name) const;

private:
  std::vector<uint32_t> code;
  std::vector<EntryPoint> entries;
};

} // namespace heed::rt

#endif // HEED_BACKENDS_VULKAN_DRIVER_SPIRVMODULE_H
