//===- Visibility.cpp - Which keys a row sees -----------------------------===//

#include "tests/numerics/Visibility.h"

#include <algorithm>

using namespace heed::numerics;

/// True if the rows [firstRow, lastRow] see a key of [firstKey, lastKey].
static bool anyVisible(const Inputs &inputs, int64_t b, int64_t firstRow, int64_t lastRow, int64_t firstKey,
                       int64_t lastKey) {
  for (int64_t row = firstRow; row <= lastRow; ++row)
    for (int64_t key = firstKey; key <= lastKey; ++key)
      if (isVisibleByRule(inputs, b, row, key))
        return true;
  return false;
}

/// Where the tiles of keys begin that the rows [firstRow, lastRow] see.
static int64_t firstTile(const Inputs &inputs, int64_t b, int64_t firstRow, int64_t lastRow, const Tiling &tiling) {
  int64_t key = 0;
  while (key < inputs.keys && !anyVisible(inputs, b, firstRow, lastRow, key, key))
    ++key;
  return key / tiling.firstKeyGranule * tiling.firstKeyGranule;
}

int64_t heed::numerics::countVisitedBlocks(const Inputs &inputs, const Tiling &tiling) {
  int64_t foldedRows = inputs.rows * tiling.foldedHeads;
  int64_t programsPerTile = inputs.mechanism.queryHeads / tiling.foldedHeads;
  int64_t count = 0;
  for (int64_t b = 0; b < inputs.batch; ++b)
    for (int64_t first = 0; first < foldedRows; first += tiling.blockM) {
      int64_t firstRow = first / tiling.foldedHeads;
      int64_t lastRow = (std::min(first + tiling.blockM, foldedRows) - 1) / tiling.foldedHeads;
      for (int64_t key = firstTile(inputs, b, firstRow, lastRow, tiling); key < inputs.keys; key += tiling.blockN) {
        int64_t lastKey = std::min(key + tiling.blockN, inputs.keys) - 1;
        // The rules do not depend on the head.
        if (anyVisible(inputs, b, firstRow, lastRow, key, lastKey))
          count += programsPerTile;
      }
    }
  return count;
}
