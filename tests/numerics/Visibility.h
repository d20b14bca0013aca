//===- Visibility.h - Which keys a row sees ----------------------*- C++ -*-===//
//
// The mask rules, stated key by key, and the brute-force count of key blocks that a kernel has to visit.
//
//===----------------------------------------------------------------------===//
#ifndef TESTS_NUMERICS_VISIBILITY_H
#define TESTS_NUMERICS_VISIBILITY_H

#include "tests/numerics/Inputs.h"

namespace heed::numerics {

/// Whether the rules alone (length, prefix, causal, window) show the key to the row.
inline bool isVisibleByRule(const Inputs &inputs, int64_t b, int64_t row, int64_t key) {
  const Mechanism &m = inputs.mechanism;
  int64_t position = row + inputs.offsets[b];
  bool inside = (!m.causal || key <= position) &&
                (!m.window || (position - inputs.windowLeft <= key && key <= position + inputs.windowRight));
  return key < inputs.lengths[b] && (inside || (m.prefix && key < inputs.prefix));
}

/// Whether the row really sees the key: rules, documents and mask tensor together.
inline bool isVisible(const Inputs &inputs, int64_t b, int64_t head, int64_t row, int64_t key) {
  const Mechanism &m = inputs.mechanism;
  if (!isVisibleByRule(inputs, b, row, key))
    return false;
  if (m.documents && inputs.queryDocs[b * inputs.rows + row] != inputs.keyDocs[b * inputs.keys + key])
    return false;
  if (m.mask == MaskKind::None)
    return true;
  float value = inputs.maskRow(b, head, row)[key];
  return m.mask == MaskKind::Bool ? value != 0.0f : value != -std::numeric_limits<float>::infinity();
}

/// How a kernel cuts its work: tiles of `blockM` rows by `blockN` keys. With `foldedHeads` > 1 that many query heads
/// share a program, and its rows are numbered row * foldedHeads + head. The first tile of keys starts at a multiple of
/// `firstKeyGranule`.
struct Tiling {
  int64_t blockM = 64, blockN = 64, foldedHeads = 1, firstKeyGranule = 64;
};

/// The number of key blocks with at least one visible (row, key) pair, summed over all programs. The kernel knows the
/// rules; what only tensors say (documents, masks) it cannot know, so those count as all visible.
int64_t countVisitedBlocks(const Inputs &inputs, const Tiling &tiling);

} // namespace heed::numerics

#endif // TESTS_NUMERICS_VISIBILITY_H
