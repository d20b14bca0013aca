/// Keys that rows may see where a mask asks for equal labels of rows and keys: documents that are packed one behind the
/// other, say. AttendBounds.cpp says how they are found.
#pragma once

#include "compiler/kernel/KernelBuilder.h"
#include "dialects/attn/Attn.h"

namespace heed {

struct AttendBounds {
  /// Rows that share bounds.
  static constexpr int64_t rowsOfEntry = 64;
  /// i32, a batch's entries of rows: the first key that has a label between the least and the greatest of the rows',
  /// the key behind the last one, and 1 where every key between has the one label that all these rows have.
  enum Field : unsigned { First, End, IsWhole };
  llvm::SmallVector<Scratch> scratch;
  mlir::AffineExpr rows, keys, entries;
};

/// The bounds of a kernel's attention, if its mask asks for equal labels that depend on batches, rows and keys alone.
std::optional<AttendBounds> boundLabels(plan::KernelOp source, attn::AttendOp attend);

/// The kernel that finds them; `isWanted` is 0 in calls that do without them.
mlir::LogicalResult buildBounds(KernelBuilder &kernel, attn::AttendOp attend, const AttendBounds &bounds,
                                mlir::AffineExpr isWanted);

} // namespace heed
