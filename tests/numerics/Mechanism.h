//===- Mechanism.h - The kernels of the numerics suite -----------*- C++ -*-===//
//
// A mechanism is everything about an attention kernel that is fixed when it is compiled. Batch and sequence lengths,
// the window, the prefix, lengths, offsets and all tensors are given at run time (see Case.h).
//
//===----------------------------------------------------------------------===//
#ifndef TESTS_NUMERICS_MECHANISM_H
#define TESTS_NUMERICS_MECHANISM_H

#include "tests/numerics/Scalar.h"

#include <string>
#include <vector>

namespace heed::numerics {

enum class MaskKind { None, Bool, Float };

/// One attention kernel. With pos = row + offset[batch], a key is visible to a row when
///   key < length[batch] and (key < prefix or (causal: key <= pos) and (window: pos-left <= key <= pos+right))
///   and the document of the row is the document of the key and the mask tensor allows it,
/// every clause counting only where its flag below is set. A score is
///   softcap(scale * q.k) + slope[head] * (key - pos) + table[head, clamp(pos - key + distances / 2)] + mask,
/// and a row without a visible key is zero.
struct Mechanism {
  std::string name;
  StorageType storage = StorageType::F32;
  int64_t keyWidth = 64, valueWidth = 64;
  int64_t queryHeads = 1, keyHeads = 1;
  /// Exactly a float, so that text, kernel and evaluator share it.
  float scale = 0.125f;
  /// 0 for none.
  float softcap = 0.0f;
  bool causal = false;
  bool window = false;
  bool prefix = false;
  bool documents = false;
  bool lengths = false;
  bool offsets = false;
  bool alibi = false;
  /// Entries of a head in the table of distances, in the storage type; 0 for none.
  int64_t distances = 0;
  bool sink = false;
  MaskKind mask = MaskKind::None;
  /// Which of the dimensions batch, head and row the mask tensor really has; the others have extent 1.
  bool maskPerBatch = false, maskPerHead = false, maskPerRow = false;
  /// Elements of a row are neighbours in every operand, as almost always: only then may a kernel move several at once.
  /// Without it all strides are given at run time.
  bool contiguousRows = false;
  /// Keys of a page, where keys and values are found through a page table; then there are lengths. 0 for none.
  int64_t pageSize = 0;

  int64_t groupSize() const { return queryHeads / keyHeads; }
  /// A float mask has the storage type, as in a model whose activations have it.
  StorageType maskStorage() const { return storage; }
};

/// The kernels of a run: the same list on every machine.
std::vector<Mechanism> listMechanisms();

} // namespace heed::numerics

#endif // TESTS_NUMERICS_MECHANISM_H
