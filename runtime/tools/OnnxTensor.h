// Tensors in ONNX's wire format, as the data sets of ONNX node tests hold them.
#ifndef HEED_RUNTIME_TOOLS_ONNXTENSOR_H
#define HEED_RUNTIME_TOOLS_ONNXTENSOR_H

#include "runtime/tools/HostTensor.h"

namespace heed::rt {

struct NamedTensor {
  std::string name;
  HostTensor tensor;
};

/// Reads a serialised TensorProto from untrusted bytes.
Status parseOnnxTensor(std::span<const std::byte> bytes, NamedTensor &tensor);

/// All files <prefix>_<number>.pb of a folder, in order of their numbers.
Status readOnnxTensors(const std::string &folder, const std::string &prefix, std::vector<NamedTensor> &tensors);

} // namespace heed::rt

#endif // HEED_RUNTIME_TOOLS_ONNXTENSOR_H
