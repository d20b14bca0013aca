// A dense tensor in host memory, as the tools read, make, compare and write them.
#ifndef HEED_RUNTIME_TOOLS_HOSTTENSOR_H
#define HEED_RUNTIME_TOOLS_HOSTTENSOR_H

#include "runtime/ElementType.h"
#include "runtime/Status.h"

#include <cstddef>
#include <optional>
#include <random>
#include <span>
#include <string>
#include <vector>

namespace heed::rt {

struct HostTensor {
  ElementType type = ElementType::f32;
  std::vector<int64_t> sizes;
  std::vector<std::byte> data; // row major

  int64_t elementCount() const;
  /// An element as a number; 64-bit integers beyond 2^53 are rounded.
  double number(int64_t index) const;
  /// Stores a number, rounded to the nearest value of the type (ties to even), integers truncated and clamped.
  void setNumber(int64_t index, double value);
};

/// A tensor of zeros; fails when it would not fit into memory's address space.
Status makeTensor(ElementType type, std::vector<int64_t> sizes, HostTensor &tensor);

std::optional<ElementType> parseElementType(std::string_view name);

/// "2x3xf32", or "f32" for a scalar.
std::string printShape(ElementType type, std::span<const int64_t> sizes);
/// Reads what printShape prints.
Status parseShape(std::string_view text, ElementType &type, std::vector<int64_t> &sizes);

/// Floats between -1 and 1; integers and bool 0 or 1, which are valid indices and masks everywhere. Large tensors
/// repeat themselves: making all their numbers takes longer than most things that are done with them.
void fillAtRandom(HostTensor &tensor, std::mt19937_64 &random);

} // namespace heed::rt

#endif // HEED_RUNTIME_TOOLS_HOSTTENSOR_H
