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
  if (panelBytes < 0 || panelBytes % elementBytes != 0 ||
      (panelBytes != 0 && lastPanelBytes == 0 && fastestBytes % panelBytes != 0))
    return llvm::formatv("a row of {0} bytes must be a whole number of panels of {1}", fastestBytes, panelBytes);
  if (phases > 1 && (order.empty() || (panelBytes != 0 ? panelBytes : fastestBytes) % (chunkBytes * phases) != 0))
    return llvm::formatv("a row must be a multiple of {0} phases of {1} bytes, else the swizzle leaves it", phases,
                         chunkBytes);
  if (lastPanelBytes == 0)
    return {};
  int64_t narrower = lastPanelBytes > 0 ? panelBytes / lastPanelBytes : 0;
  if (narrower < 1 || narrower * lastPanelBytes != panelBytes || !llvm::isPowerOf2_64(narrower) || narrower > phases ||
      padBytes != 0)
    return llvm::formatv("a last panel of {0} bytes must be a power of two part of one of {1}, with a phase at least "
                         "and no padding",
                         lastPanelBytes, panelBytes);
  if (fastestBytes - lastPanelFirst(fastestBytes) > lastPanelBytes)
    return llvm::formatv("a row of {0} bytes leaves more than a last panel of {1}", fastestBytes, lastPanelBytes);
  return {};
}

int64_t SharedLayout::lastPanelFirst(int64_t fastestBytes) const {
  return (fastestBytes - 1) / panelBytes * panelBytes;
}

static int64_t rowsOf(llvm::ArrayRef<int64_t> shape, llvm::ArrayRef<unsigned> order) {
  int64_t rows = 1;
  for (unsigned dim : llvm::drop_begin(order, !order.empty()))
    rows *= shape[dim];
  return rows;
}

SharedLayout::Panel SharedLayout::panelAt(int64_t rowByte, llvm::ArrayRef<int64_t> shape, int64_t elementBytes) const {
  int64_t fastestBytes = (order.empty() ? 1 : shape[order.front()]) * elementBytes, rows = rowsOf(shape, order);
  if (panelBytes == 0)
    return {0, fastestBytes, 0, rowsPerPhase, phases};
  if (lastPanelBytes != 0 && rowByte >= lastPanelFirst(fastestBytes)) {
    int64_t first = lastPanelFirst(fastestBytes), narrower = panelBytes / lastPanelBytes;
    return {first, lastPanelBytes, first / lastPanelBytes * rows, rowsPerPhase * narrower, phases / narrower};
  }
  int64_t number = rowByte / panelBytes;
  return {number * panelBytes, panelBytes, number * rows, rowsPerPhase, phases};
}

int64_t SharedLayout::rowBytes(llvm::ArrayRef<int64_t> shape, int64_t elementBytes) const {
  if (panelBytes != 0)
    return panelBytes + padBytes;
  return (order.empty() ? 1 : shape[order.front()]) * elementBytes + padBytes;
}

int64_t SharedLayout::sizeInBytes(llvm::ArrayRef<int64_t> shape, int64_t elementBytes) const {
  int64_t rows = rowsOf(shape, order), bytes = rows * rowBytes(shape, elementBytes);
  if (panelBytes == 0)
    return bytes;
  int64_t fastestBytes = shape[order.front()] * elementBytes;
  if (lastPanelBytes != 0)
    return rows * (lastPanelFirst(fastestBytes) + lastPanelBytes);
  return bytes * (fastestBytes / panelBytes);
}

int64_t SharedLayout::elementOffset(llvm::ArrayRef<int64_t> coordinates, llvm::ArrayRef<int64_t> shape,
                                    int64_t elementBytes) const {
  if (order.empty())
    return 0;
  int64_t row = 0;
  for (unsigned dim : llvm::reverse(llvm::drop_begin(order)))
    row = row * shape[dim] + coordinates[dim];
  int64_t column = coordinates[order.front()] * elementBytes;
  Panel panel = panelAt(column, shape, elementBytes);
  row += panel.firstRow;
  column = (column - panel.first) ^ (row / panel.rowsPerPhase % panel.phases * chunkBytes);
  return (row * (panel.bytes + padBytes) + column) / elementBytes;
}

bool SharedLayout::operator==(const SharedLayout &other) const {
  return order == other.order && chunkBytes == other.chunkBytes && rowsPerPhase == other.rowsPerPhase &&
         phases == other.phases && padBytes == other.padBytes && panelBytes == other.panelBytes &&
         lastPanelBytes == other.lastPanelBytes;
}

llvm::hash_code heed::tile::hash_value(const SharedLayout &layout) {
  return llvm::hash_combine(llvm::hash_combine_range(layout.order), layout.chunkBytes, layout.rowsPerPhase,
                            layout.phases, layout.padBytes, layout.panelBytes, layout.lastPanelBytes);
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
                                        {"panel", panelBytes, defaults.panelBytes},
                                        {"last_panel", lastPanelBytes, defaults.lastPanelBytes}})
    if (value != byDefault)
      stream << ", " << name << " = " << value;
}
