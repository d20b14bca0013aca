// libFuzzer target: any bytes as a serialised ONNX tensor.
#include "runtime/tools/OnnxTensor.h"

#include <cstdlib>

using namespace heed::rt;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  NamedTensor named;
  if (!parseOnnxTensor(std::as_bytes(std::span(data, size)), named).ok())
    return 0;
  int64_t elements = 1;
  for (int64_t dim : named.tensor.sizes)
    elements *= dim;
  if (named.tensor.elementCount() != elements)
    std::abort();
  return 0;
}
