/// What a mask rule says about whole blocks: which keys a block of rows can see at all, and whether a block of keys is
/// empty, full or partial. Everything is computed when the kernel runs, so lengths, windows and offsets may be
/// operands.
#pragma once

#include "compiler/kernel/KernelBuilder.h"

#include "mlir/Dialect/Tensor/IR/Tensor.h"

namespace heed {

/// An inclusive interval of integers, as index values; null ends are unbounded.
struct Interval {
  mlir::Value low, high;
  bool isExact() const { return low && low == high; }
};

/// What is known of a condition over a block: `may` hold for some element, `must` hold for all. Null `may` is true,
/// null `must` is false: nothing is known.
struct Truth {
  mlir::Value may, must;
};

/// Keys [low, high) outside of which a condition holds nowhere. Null ends are unbounded. `exact` when every key block
/// that reaches into the range has an element for which the condition holds, or nothing tells those that have none.
struct KeyRange {
  mlir::Value low, high;
  bool exact = false;
};

/// A condition that a label of a row and a label of a key are equal, which read captured integers at batch and row, and
/// at batch and key.
struct LabelMatch {
  mlir::arith::CmpIOp condition;
  mlir::tensor::ExtractOp ofRow, ofKey;
};

/// Evaluates the keep region of an attend over a block of rows and keys.
class MaskAnalysis {
public:
  /// Reads element `indices` of captured tensor `capture` when the indices are single values; null otherwise.
  using CaptureReader = std::function<mlir::Value(unsigned capture, mlir::ValueRange indices)>;

  MaskAnalysis(KernelBuilder &kernel, mlir::Region &keep, CaptureReader readCapture)
      : kernel(kernel), keep(keep), readCapture(std::move(readCapture)) {}

  /// The block: one batch, heads, rows and their positions, keys.
  void setBatchAndHead(mlir::Value batch, Interval heads);
  void setRows(Interval rows, Interval positions);
  void setKeys(Interval keys);

  /// The first match of labels without which nothing is visible, if there is one.
  static std::optional<LabelMatch> findLabels(mlir::Region &keep);
  /// What is known of that match for the block's rows: keys outside of [first, end) have other labels; with isWhole,
  /// i1, all between have the rows' label.
  void setLabelKeys(mlir::Value first, mlir::Value end, mlir::Value isWhole);

  /// Whether rows, by number or position, see different keys as far as the region's text tells. Nothing need be set.
  bool dependsOnRows();
  /// The keys any of the rows may see. Keys need not be set.
  KeyRange visibleKeys();
  /// The class of the block. Keys must be set.
  Truth classify();

  /// Conditions that all have to hold, in lists that cut blocks of keys at different places. Any may be empty.
  struct Conjuncts {
    llvm::SmallVector<mlir::Value> above, below; ///< bound keys from there
    llvm::SmallVector<mlir::Value> others;
    llvm::SmallVector<mlir::Value> labels; ///< the match of which setLabelKeys told
  };
  /// Rows must be set.
  Conjuncts conjuncts();
  /// What setLabelKeys told: where that is null, nothing.
  KeyRange keysOfLabels() const { return labelKeys; }
  mlir::Value haveOneLabel() const { return labelsAreWhole; }
  /// The class of the block as far as one of those tells. Keys must be set.
  Truth classify(llvm::ArrayRef<mlir::Value> conditions);

private:
  /// coefficient * key + rest.
  struct Linear {
    int64_t coefficient = 0;
    Interval rest;
  };

  Interval interval(mlir::Value value);
  Interval intervalOf(mlir::Operation *op);
  Truth truth(mlir::Value value);
  Truth compare(mlir::arith::CmpIOp op);
  Truth compareLabels();
  std::optional<Linear> linear(mlir::Value value);
  KeyRange range(mlir::Value condition);
  KeyRange rangeOfComparison(mlir::arith::CmpIOp op);

  mlir::Value index(mlir::Value value);
  mlir::Value add(mlir::Value a, mlir::Value b) { return a && b ? kernel.add(a, b) : mlir::Value(); }
  mlir::Value sub(mlir::Value a, mlir::Value b) { return a && b ? kernel.sub(a, b) : mlir::Value(); }
  mlir::Value bit(bool value);
  mlir::Value both(mlir::Value a, mlir::Value b);
  Truth both(Truth a, Truth b);
  mlir::Value either(mlir::Value a, mlir::Value b);
  mlir::Value lessEqual(mlir::Value a, mlir::Value b);

  KernelBuilder &kernel;
  mlir::Region &keep;
  CaptureReader readCapture;
  llvm::DenseMap<mlir::Value, Interval> blockArguments;
  llvm::DenseMap<mlir::Value, Interval> known;
  mlir::Operation *labelCondition = nullptr;
  KeyRange labelKeys;
  mlir::Value labelsAreWhole;
};

} // namespace heed
