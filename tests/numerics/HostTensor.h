//===- HostTensor.h - Inputs as a caller's memory ----------------*- C++ -*-===//
#ifndef TESTS_NUMERICS_HOSTTENSOR_H
#define TESTS_NUMERICS_HOSTTENSOR_H

#include "tests/numerics/Inputs.h"

#include <memory>

namespace heed::numerics {

enum class Element { F32, F16, BF16, I32, I64, Bool };

int64_t byteWidth(Element element);
Element elementOf(StorageType storage);

/// Memory that ends right before a page that nobody may touch (or as close to it as the alignment of the first byte
/// allows): a kernel that reads or writes past its operand is caught at once. Another such page lies before it.
class GuardedMemory {
public:
  GuardedMemory(size_t bytes, size_t alignment);
  ~GuardedMemory();
  GuardedMemory(const GuardedMemory &) = delete;
  GuardedMemory &operator=(const GuardedMemory &) = delete;
  uint8_t *data() const { return first; }
  size_t size() const { return bytes; }

private:
  uint8_t *mapping = nullptr, *first = nullptr;
  size_t mappedBytes = 0, bytes = 0;
};

/// A tensor in host memory. Sizes, strides and the offset of the first element count elements.
struct HostTensor {
  std::string name;
  Element element;
  std::vector<int64_t> sizes, strides;
  int64_t offset = 0;
  std::shared_ptr<GuardedMemory> memory;

  uint8_t *address(int64_t at) const { return memory->data() + (offset + at) * byteWidth(element); }
};

/// The inputs of the graph that writeKernelText() writes. If the case says so, query, key, value and mask get permuted
/// dimensions, gaps filled with NaN and an offset. Key and value rows at and beyond a batch's length hold NaN, infinity
/// and huge numbers, as stale cache rows may. Odd seeds align every tensor to 64 bytes, even seeds to its elements
/// only.
std::vector<HostTensor> layOutInputs(const Inputs &inputs, const Case &test);

/// A dense tensor of NaN for the output.
HostTensor makeOutput(const Inputs &inputs, const Case &test);

/// The numbers of a dense tensor.
std::vector<float> readNumbers(const HostTensor &tensor);

} // namespace heed::numerics

#endif // TESTS_NUMERICS_HOSTTENSOR_H
