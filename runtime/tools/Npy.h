// NumPy's .npy files, versions 1 to 3, little-endian. bf16, which NumPy lacks, is written as two-byte void ("|V2"), as
// the Python package ml_dtypes does; arrays of it and of uint16 are accepted where a model wants bf16.
#ifndef HEED_RUNTIME_TOOLS_NPY_H
#define HEED_RUNTIME_TOOLS_NPY_H

#include "runtime/tools/HostTensor.h"

namespace heed::rt {

/// Reads untrusted bytes. Arrays in Fortran order are brought into row-major order.
Status parseNpy(std::span<const std::byte> bytes, HostTensor &tensor);
Status readNpy(const std::string &path, HostTensor &tensor);

std::vector<std::byte> formatNpy(const HostTensor &tensor);
/// Complete or not at all.
Status writeNpy(const std::string &path, const HostTensor &tensor);

/// The whole file; fails above `limit` bytes.
Status readFile(const std::string &path, uint64_t limit, std::vector<std::byte> &bytes);

} // namespace heed::rt

#endif // HEED_RUNTIME_TOOLS_NPY_H
