// libFuzzer target: any bytes as an npy file.
#include "runtime/tools/Npy.h"

#include <cstdlib>

using namespace heed::rt;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  HostTensor tensor, again;
  if (!parseNpy(std::as_bytes(std::span(data, size)), tensor).ok())
    return 0;
  // What can be read can be written and read back.
  if (!parseNpy(formatNpy(tensor), again).ok() || again.data != tensor.data || again.sizes != tensor.sizes)
    std::abort();
  return 0;
}
