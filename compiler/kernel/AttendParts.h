/// Attention of few rows, cut into parts of the keys: what its kernels agree on. AttendParts.cpp says how.
#pragma once

#include "backends/Backend.h"
#include "compiler/kernel/KernelBuilder.h"
#include "dialects/attn/Attn.h"

namespace heed {

struct AttendParts {
  /// Query heads that share a key head. Row r of a block is row r / group of the head r % group among them.
  int64_t group;
  int64_t mostRows;
  /// 1 where a call has so few rows that it is cut, else 0.
  mlir::AffineExpr isFew;
  /// Of a key head: rows of all its query heads, blocks of them, and parts of the keys; keys of a part.
  mlir::AffineExpr rows, rowBlocks, count, keysOfPart;

  /// Whether the last part of a block of rows merges them all, reading so many values at a time; else another kernel
  /// does.
  bool lastMerges() const { return valuesTogether != 0; }
  int64_t valuesTogether;

  /// Of what each part knows of a row: the reference and the sum of its weights, and values times weights. And how many
  /// parts have stored that, of a block of rows.
  enum State : unsigned { Reference, Sum, Accumulator, Counter };
  llvm::SmallVector<Scratch> scratch;
};

/// The cut of a kernel's attention for these blocks.
AttendParts cutIntoParts(plan::KernelOp source, attn::AttendOp attend, const FewRowBlocks &blocks);

} // namespace heed
