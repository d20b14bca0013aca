/// Finds the rule behind a constant mask: a triangle that an exporter stored as a tensor.
#pragma once

#include "mlir/IR/BuiltinAttributes.h"
#include "llvm/ADT/ArrayRef.h"

#include <optional>

namespace heed {

/// The element at (row, column) of a matrix within a constant is `below` where column <= row + offset, else `above`.
struct TriangleRule {
  int64_t offset;
  mlir::TypedAttr below, above;
};

/// Looks at the matrix over dimensions `rowDim` and `columnDim`, all other indices being `fixed` (entries for those two
/// are not read). Nothing when the matrix is not a triangle of two values, or has one value only.
std::optional<TriangleRule> matchTriangle(mlir::Attribute constant, llvm::ArrayRef<int64_t> fixed, unsigned rowDim,
                                          unsigned columnDim);

} // namespace heed
