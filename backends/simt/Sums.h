/// Sums of numbers that do not wrap, taken apart.
#pragma once

#include "mlir/IR/Value.h"
#include "llvm/ADT/DenseSet.h"
#include "llvm/ADT/SmallVector.h"

#include <utility>

namespace heed::simt {

/// The numbers of a sum in an order of no meaning, so that equal sums look alike: what is added, what is subtracted.
using Numbers = std::pair<llvm::SmallVector<mlir::Value>, llvm::SmallVector<mlir::Value>>;

/// A sum of numbers, those with a minus apart, and a constant.
struct Sum {
  llvm::SmallVector<mlir::Value> added, subtracted;
  int64_t constant = 0;

  /// With the numbers that the value is made of; those of `whole` are not taken apart.
  void add(mlir::Value value, bool isSubtracted, const llvm::DenseSet<mlir::Value> &whole = {});
  /// Takes out what is both added and subtracted.
  void cancel();
  Numbers numbers() const;
};

} // namespace heed::simt
