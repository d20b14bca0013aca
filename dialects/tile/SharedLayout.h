/// Where the elements of a tile lie in shared memory.
#pragma once

#include "dialects/tile/Layout.h"

namespace heed::tile {

/// Dimensions are stored in `order`, fastest first. A row (all elements along the fastest dimension) is divided into
/// chunks of `chunkBytes`; the rows are divided into groups of `rowsPerPhase`, and in group g chunk c of a row lies
/// where chunk c XOR (g mod phases) would, so that a column of chunks falls into different banks. Rows are `padBytes`
/// longer than their elements. With `panelBytes`, rows are cut into panels of that many bytes: a panel of all rows,
/// then the next; swizzle and padding are those of the rows of a panel. With `lastPanelBytes` the last panel has that
/// many bytes a row, which the rest of a row need not fill; its rows are swizzled as densely: in groups as many times
/// larger as it is narrower, of as many phases fewer.
class SharedLayout {
public:
  SharedLayout() = default;
  /// Without swizzle and padding.
  explicit SharedLayout(llvm::ArrayRef<unsigned> order) : order(order) {}
  SharedLayout(llvm::ArrayRef<unsigned> order, int64_t chunkBytes, int64_t rowsPerPhase, int64_t phases,
               int64_t padBytes = 0, int64_t panelBytes = 0, int64_t lastPanelBytes = 0)
      : order(order), chunkBytes(chunkBytes), rowsPerPhase(rowsPerPhase), phases(phases), padBytes(padBytes),
        panelBytes(panelBytes), lastPanelBytes(lastPanelBytes) {}

  /// Why a tile cannot be stored so, or empty when it can: order is a permutation; chunk, rowsPerPhase and phases are
  /// powers of two; a row (of a panel) is a multiple of phases * chunkBytes (when there is more than one phase); chunks
  /// and padding hold whole elements; a row is a whole number of panels, but for a last one of its own width: a part of
  /// a panel by a power of two that holds a phase at least, without padding.
  std::string findError(llvm::ArrayRef<int64_t> shape, int64_t elementBytes) const;

  /// The position of an element, in elements from the tile's start.
  int64_t elementOffset(llvm::ArrayRef<int64_t> coordinates, llvm::ArrayRef<int64_t> shape, int64_t elementBytes) const;
  /// Bytes from the start of a row (of a panel) to the next.
  int64_t rowBytes(llvm::ArrayRef<int64_t> shape, int64_t elementBytes) const;
  /// Bytes the whole tile takes.
  int64_t sizeInBytes(llvm::ArrayRef<int64_t> shape, int64_t elementBytes) const;
  bool isSwizzled() const { return phases > 1; }
  /// Some bytes of all rows, and how they lie.
  struct Panel {
    int64_t first;    ///< byte of a row
    int64_t bytes;    ///< of a row
    int64_t firstRow; ///< rows of this width from the start of the tile to the panel
    int64_t rowsPerPhase, phases;
  };
  /// The panel that holds a byte of a row; all of a row where there are no panels.
  Panel panelAt(int64_t rowByte, llvm::ArrayRef<int64_t> shape, int64_t elementBytes) const;

  llvm::ArrayRef<unsigned> getOrder() const { return order; }
  int64_t getChunkBytes() const { return chunkBytes; }
  int64_t getRowsPerPhase() const { return rowsPerPhase; }
  int64_t getPhases() const { return phases; }
  int64_t getPadBytes() const { return padBytes; }
  int64_t getPanelBytes() const { return panelBytes; }
  int64_t getLastPanelBytes() const { return lastPanelBytes; }

  bool operator==(const SharedLayout &other) const;
  bool operator!=(const SharedLayout &other) const { return !(*this == other); }
  friend llvm::hash_code hash_value(const SharedLayout &layout);
  /// `order = [1, 0], chunk = 16, rows_per_phase = 1, phases = 8, pad = 0, panel = 0, last_panel = 0`; defaults are
  /// left out.
  void print(llvm::raw_ostream &stream) const;

private:
  /// Where the last panel begins in a row.
  int64_t lastPanelFirst(int64_t fastestBytes) const;

  llvm::SmallVector<unsigned, 3> order;
  int64_t chunkBytes = 16, rowsPerPhase = 1, phases = 1, padBytes = 0, panelBytes = 0, lastPanelBytes = 0;
};

inline llvm::raw_ostream &operator<<(llvm::raw_ostream &stream, const SharedLayout &layout) {
  layout.print(stream);
  return stream;
}

} // namespace heed::tile
