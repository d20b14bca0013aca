#include "dialects/tile/SharedLayout.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/MathExtras.h"
#include "llvm/Support/raw_ostream.h"

using namespace heed::tile;

// Far beyond any row of a tile in shared memory.
static constexpr int64_t maxBytes = int64_t(1) << 16;

std::string SharedLayout::findError(llvm::ArrayRef<int64_t> shape, int64_t elementBytes) const {
  llvm::SmallVector<bool> seen(shape.size(), false);
  for (unsigned dim : order) {
    if (dim >= shape.size() || seen[dim])
      return "order must name every dimension once";
    seen[dim] = true;
  }
  if (order.size() != shape.size())
    return "order must name every dimension once";
  for (int64_t value : {chunkBytes, rowsPerPhase, phases})
    if (value < 1 || value > maxBytes || !llvm::isPowerOf2_64(value))
      return llvm::formatv("chunk, rows_per_phase and phases must be powers of two up to {0}", maxBytes);
  if (padBytes < 0 || padBytes > maxBytes || padBytes % elementBytes != 0 || chunkBytes % elementBytes != 0)
    return llvm::formatv("chunk and pad must hold whole elements of {0} bytes", elementBytes);
  int64_t fastestBytes = (order.empty() ? 1 : shape[order.front()]) * elementBytes;
  if (panelBytes < 0 || panelBytes % elementBytes != 0 || (panelBytes != 0 && fastestBytes % panelBytes != 0))
    return llvm::formatv("a row of {0} bytes must be a whole number of panels of {1}", fastestBytes, panelBytes);
  if (phases > 1 && (order.empty() || (panelBytes != 0 ? panelBytes : fastestBytes) % (chunkBytes * phases) != 0))
    return llvm::formatv("a row must be a multiple of {0} phases of {1} bytes, else the swizzle leaves it", phases,
                         chunkBytes);
  return {};
}

int64_t SharedLayout::rowBytes(llvm::ArrayRef<int64_t> shape, int64_t elementBytes) const {
  if (panelBytes != 0)
    return panelBytes + padBytes;
  return (order.empty() ? 1 : shape[order.front()]) * elementBytes + padBytes;
}

int64_t SharedLayout::sizeInBytes(llvm::ArrayRef<int64_t> shape, int64_t elementBytes) const {
  int64_t bytes = rowBytes(shape, elementBytes);
  for (unsigned dim : llvm::drop_begin(order, !order.empty()))
    bytes *= shape[dim];
  if (panelBytes != 0)
    bytes *= shape[order.front()] * elementBytes / panelBytes;
  return bytes;
}

int64_t SharedLayout::elementOffset(llvm::ArrayRef<int64_t> coordinates, llvm::ArrayRef<int64_t> shape,
                                    int64_t elementBytes) const {
  if (order.empty())
    return 0;
  int64_t row = 0, rows = 1;
  for (unsigned dim : llvm::reverse(llvm::drop_begin(order))) {
    row = row * shape[dim] + coordinates[dim];
    rows *= shape[dim];
  }
  int64_t column = coordinates[order.front()] * elementBytes;
  if (panelBytes != 0) {
    row += column / panelBytes * rows;
    column %= panelBytes;
  }
  column ^= row / rowsPerPhase % phases * chunkBytes;
  return (row * rowBytes(shape, elementBytes) + column) / elementBytes;
}

bool SharedLayout::operator==(const SharedLayout &other) const {
  return order == other.order && chunkBytes == other.chunkBytes && rowsPerPhase == other.rowsPerPhase &&
         phases == other.phases && padBytes == other.padBytes && panelBytes == other.panelBytes;
}

llvm::hash_code heed::tile::hash_value(const SharedLayout &layout) {
  return llvm::hash_combine(llvm::hash_combine_range(layout.order), layout.chunkBytes, layout.rowsPerPhase,
                            layout.phases, layout.padBytes, layout.panelBytes);
}

void SharedLayout::print(llvm::raw_ostream &stream) const {
  stream << "order = [";
  llvm::interleaveComma(order, stream);
  stream << ']';
  SharedLayout defaults;
  for (auto [name, value, byDefault] : {std::tuple{"chunk", chunkBytes, defaults.chunkBytes},
                                        {"rows_per_phase", rowsPerPhase, defaults.rowsPerPhase},
                                        {"phases", phases, defaults.phases},
                                        {"pad", padBytes, defaults.padBytes},
                                        {"panel", panelBytes, defaults.panelBytes}})
    if (value != byDefault)
      stream << ", " << name << " = " << value;
}
