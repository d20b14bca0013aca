// The argument words of GPU kernels, in the order every GPU target's code expects them. Tensor maps follow them.
#ifndef HEED_RUNTIME_KERNELWORDS_H
#define HEED_RUNTIME_KERNELWORDS_H

#include "runtime/Driver.h"

#include <cstddef>
#include <cstdint>
#include <span>

namespace heed::rt {

/// Words of a launch: a device address an operand, the parameters, the grid's x, y and z.
inline size_t kernelWordCount(const Launch &launch) { return launch.operands.size() + launch.params.size() + 3; }

/// Fills `words`, which has room for kernelWordCount.
inline void packKernelWords(const Driver &driver, const Launch &launch, std::span<uint64_t> words) {
  size_t next = 0;
  for (const DevicePointer &operand : launch.operands)
    words[next++] = driver.deviceAddress(operand);
  for (int64_t param : launch.params)
    words[next++] = static_cast<uint64_t>(param);
  for (int64_t size : launch.grid)
    words[next++] = static_cast<uint64_t>(size);
}

} // namespace heed::rt

#endif // HEED_RUNTIME_KERNELWORDS_H
