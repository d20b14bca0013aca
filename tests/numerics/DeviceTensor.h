//===- DeviceTensor.h - Tensors as they are bound to a call ------*- C++ -*-===//
#ifndef TESTS_NUMERICS_DEVICETENSOR_H
#define TESTS_NUMERICS_DEVICETENSOR_H

#include "runtime/heed.hpp"
#include "tests/numerics/HostTensor.h"

#include <optional>

namespace heed::numerics {

/// A tensor in the host's memory, or copied with all its gaps into a buffer of a device, between guards.
class BoundTensor {
public:
  /// In the host's memory when `device` is null.
  BoundTensor(HostTensor tensor, const Device *device);

  /// Why there is no memory; empty if there is.
  const std::string &error() const { return failure; }
  bool onDevice() const { return buffer.has_value(); }
  const std::string &name() const { return host.name; }
  const HostTensor &tensor() const { return host; }
  TensorView view() const;
  /// Brings what a run wrote to the host. Returns what is wrong: no copy, or a guard that was written to.
  std::string fetch();

private:
  HostTensor host;
  std::optional<Buffer> buffer;
  uint64_t begin = 0; ///< of the tensor's memory in the buffer
  std::string failure;
};

} // namespace heed::numerics

#endif // TESTS_NUMERICS_DEVICETENSOR_H
