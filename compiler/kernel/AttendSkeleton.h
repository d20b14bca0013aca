/// The skeleton of attend kernels while it builds one.
#pragma once

#include "compiler/kernel/AttendBounds.h"
#include "compiler/kernel/AttendParts.h"
#include "compiler/kernel/MaskAnalysis.h"
#include "compiler/kernel/Skeletons.h"
#include "compiler/kernel/TileEmitter.h"
#include "dialects/attn/Attn.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"

#include <numbers>

namespace heed {

/// Which kernel of an attend: the only one, the one that works on parts of the keys, the one that merges these.
enum class AttendStep { Whole, Part, Merge };

class AttendSkeleton {
public:
  /// `parts` is null where the attend is not cut. The whole of one that may be has programs only where rows are many.
  /// With `bounds` the kernel reads them as its scratch.
  AttendSkeleton(KernelBuilder &kernel, attn::AttendOp attend, AttendBlocks blocks, MachineTraits machine,
                 AttendStep step, const AttendParts *parts, const AttendBounds *bounds)
      : kernel(kernel), at(kernel.at()), attend(attend), blocks(blocks), machine(machine), step(step), parts(parts),
        labelBounds(bounds), emitter(kernel, TileDomain()),
        mask(kernel, attend.getKeep(),
             [this](unsigned capture, mlir::ValueRange indices) { return readCapture(capture, indices); }) {
    double scale = attend.getScale().convertToDouble();
    sumStart = startOfSums(scale);
    // Scaled, a masked score must stay far below the start of the running maximum.
    scaleIsLate = isSoftmax() && (!attend.hasScore() || sumStart != Start::Zero) && scale > 1e-30;
    unit = scaleIsLate ? scale * log2e : log2e;
  }

  mlir::LogicalResult build();

private:
  /// Domain dimensions.
  enum Dimension : int64_t { Rows = 0, Depth = 1, Keys = 2, ValueDepth = 3, Parts = 4 };
  static constexpr double log2e = std::numbers::log2e;
  /// What a masked score is set to: far below the start of the running maximum, finite with a score added.
  static constexpr double maskedLogit = -2.0e38;
  /// The row state, as loop-carried tiles: the reference (see referenceOf), l, then one accumulator per chunk of the
  /// value width. In the loop l is in parts where the reference follows late: then nothing else needs lanes to exchange
  /// what they have of a row.
  using RowState = llvm::SmallVector<mlir::Value>;
  /// Keys that may be visible to the rows of the program; whether every block between has some that are.
  struct KeyBounds {
    mlir::Value low, high;
    bool exact;
  };

  /// What sums of products begin with: with what the score region adds, divided by the scale, where that is not
  /// nothing.
  enum class Start {
    Zero,
    Ramp, ///< a number of the program times something made of places
    Term  ///< what follows from the distance of the key from the row
  };

  void openProgram();
  void enterChunk(Dimension dim, int64_t size, int64_t start);
  bool hasBatchesTogether();
  bool isOrdered() { return step == AttendStep::Whole && machine.sharedCacheBytes != 0 && mask.dependsOnRows(); }
  llvm::SmallVector<mlir::AffineExpr> grid();
  llvm::SmallVector<mlir::AffineExpr> gridOfParts();
  void locateProgram();
  void locatePart();
  mlir::Value partsWithKeys();
  void locateMerge();
  void orderPrograms();
  mlir::Value headsOfTurn(mlir::Value heads, mlir::Value numBlocks);
  mlir::LogicalResult loadQuery();
  double firstReference();
  RowState firstState();
  mlir::FailureOr<RowState> visitKeys();
  int64_t granuleOfKeys();
  KeyBounds boundKeys(mlir::Value first, mlir::Value last);
  bool goesByShares(const KeyBounds &bounds);
  KeyBounds boundShare(const KeyBounds &whole);
  mlir::FailureOr<RowState> visitShare(const KeyBounds &whole);
  KeyBounds boundPart(KeyBounds bounds);
  mlir::Value roundsOf(const KeyBounds &bounds);
  mlir::Value lastRow();
  void readLabelBounds(Interval rowRange);
  mlir::FailureOr<RowState> visitRange(KeyBounds bounds, mlir::ValueRange state);
  mlir::Value readListed(mlir::Value entry);
  mlir::Value listEnd();
  mlir::FailureOr<RowState> loop(mlir::Value low, mlir::Value high, mlir::Value step, mlir::ValueRange state,
                                 llvm::function_ref<mlir::FailureOr<RowState>(mlir::Value, mlir::ValueRange)> body);
  mlir::FailureOr<RowState> visitBlock(mlir::Value firstKey, mlir::ValueRange state);
  Start startOfSums(double scale);
  mlir::LogicalResult readRampFactor();
  mlir::FailureOr<mlir::Value> firstLogits();
  mlir::FailureOr<mlir::Value> multiplyKeys();
  mlir::FailureOr<mlir::Value> scores(mlir::Value logits);
  Piece keysWhere(mlir::arith::CmpIPredicate predicate, mlir::Value bound);
  mlir::FailureOr<Piece> holdAll(llvm::ArrayRef<mlir::Value> conditions);
  mlir::FailureOr<mlir::Value> maskWhere(mlir::Value needed, mlir::Value logits,
                                         llvm::function_ref<mlir::FailureOr<Piece>()> visible);
  mlir::Value isCut(Truth block);
  /// Conditions that some blocks of keys need, and bounds of keys by numbers beside them (null: none).
  struct MaskPass {
    mlir::Value needed;
    llvm::SmallVector<mlir::Value> conditions;
    mlir::Value first = {}, end = {};
  };
  llvm::SmallVector<MaskPass> maskPasses(mlir::Value firstKey);
  mlir::FailureOr<Piece> passes(const MaskPass &pass);
  mlir::FailureOr<mlir::Value> maskInPasses(llvm::ArrayRef<MaskPass> passes, mlir::Value logits);
  mlir::FailureOr<mlir::Value> applyMask(mlir::Value logits, mlir::Value firstKey);
  mlir::FailureOr<mlir::Value> finishWeights(mlir::Value weights);
  /// Whether the reference lags behind the maximum, so that most blocks leave what was summed before as it is. That
  /// pays where lanes hold the sums: a warp goes around what none of its rows needs.
  bool followsLate() { return blocks.groups > 1 && isSoftmax() && step == AttendStep::Whole; }
  /// As many as the lanes that hold a row's scores, in the usual matrix instructions.
  static constexpr int64_t partsOfSum = 4;
  mlir::Value sumOf(mlir::Value weights);
  llvm::SmallVector<mlir::Value> follow(mlir::Value logits, mlir::ValueRange state, mlir::Value limits);
  llvm::SmallVector<mlir::Value> followLate(mlir::Value logits, mlir::ValueRange state);
  mlir::Value shrinkSum(mlir::Value sum, mlir::Value factor);
  llvm::SmallVector<mlir::Value> rescale(mlir::Value some, mlir::Value shrink, mlir::ValueRange accumulators);
  mlir::FailureOr<llvm::SmallVector<mlir::Value>> normalise(mlir::Value logits, mlir::ValueRange state);
  mlir::FailureOr<mlir::Value> product(mlir::Value weights, mlir::Value decay, mlir::Value accumulator);
  mlir::FailureOr<RowState> accumulate(mlir::Value logits, mlir::ValueRange state);
  mlir::FailureOr<mlir::Value> joinSink(mlir::Value &reference, mlir::Value &sum);
  mlir::LogicalResult storeRank(int64_t rank);
  mlir::LogicalResult storeResults(RowState state);
  mlir::LogicalResult storePart(RowState state);
  mlir::Value readParts(AttendParts::State which);
  RowState mergeBlock(mlir::Value firstPart, mlir::ValueRange state);
  mlir::FailureOr<RowState> mergeParts();
  mlir::Value partsThatStore();
  mlir::LogicalResult storeAndMerge(const RowState &state);
  mlir::LogicalResult mergeBlockOfRows();
  mlir::LogicalResult mergeRows(mlir::Value first);
  mlir::Value readStates(TileEmitter &reader, mlir::Value first, AttendParts::State which);
  mlir::Value readReferences(TileEmitter &reader, mlir::Value first);
  mlir::Value weightsOfParts(TileEmitter &reader, mlir::Value references, mlir::Value reference);
  RowState readWeights(TileEmitter &reader, mlir::Value first);
  RowState weighParts(TileEmitter &reader, const RowState &read, mlir::ValueRange state);
  mlir::Value enterValues(TileEmitter &reader, int64_t depth, int64_t start);
  mlir::Value addParts(TileEmitter &reader, mlir::Value values, mlir::Value references, mlir::Value reference,
                       mlir::Value sum);
  mlir::AffineExpr flops();
  llvm::SmallVector<mlir::NamedAttribute> schedule();

  Piece headPiece();
  Piece rowPiece();
  Interval headInterval();
  Piece headOfResult() { return mergedRow ? emitter.coordinate(Rows) : Piece::uniform(head); }
  Piece rowOfResult() { return mergedRow ? Piece::uniform(mergedRow) : emitter.coordinate(Rows); }

  llvm::SmallVector<Piece> keyIndices(mlir::Value tensor, Dimension depth);
  llvm::SmallVector<Piece> regionArguments(std::optional<Piece> scalar);
  mlir::FailureOr<Piece> runRegion(mlir::Region &region, std::optional<Piece> scalar);
  mlir::FailureOr<Piece> runPart(mlir::Region &region, std::optional<Piece> scalar,
                                 llvm::function_ref<void(mlir::Region &, mlir::IRMapping &)> change);
  llvm::DenseMap<mlir::Value, mlir::Value> regionCaptures(mlir::Region &region);
  mlir::Value readCapture(unsigned capture, mlir::ValueRange indices);
  mlir::Value readPerBatch(mlir::Value tensor);

  mlir::RankedTensorType floatTile(llvm::ArrayRef<int64_t> dims) { return emitter.tileType(at.getF32Type(), dims); }
  mlir::Value splat(double value, llvm::ArrayRef<int64_t> dims) {
    return mlir::arith::ConstantOp::create(
        at, mlir::DenseElementsAttr::get(floatTile(dims), at.getF32FloatAttr(static_cast<float>(value))));
  }
  mlir::Value overRows(mlir::Value rowTile, int64_t dim) {
    return emitter.spread(TileEmitter::tile(rowTile, {Rows}), {Rows, dim});
  }
  /// The greater of two tiles. Any NaN reaches the weights anyway, so the cheapest form will do.
  mlir::Value greater(mlir::Value a, mlir::Value b) {
    mlir::Value wins = mlir::arith::CmpFOp::create(at, mlir::arith::CmpFPredicate::OGT, a, b);
    return mlir::arith::SelectOp::create(at, wins, a, b);
  }
  /// What weights are relative to when the greatest score is `maximum`: itself, or its binary logarithm where that
  /// makes a weight's exponent one multiply-add. Weights, shrinking and sums see the same rounded number, so that its
  /// rounding cancels.
  mlir::Value referenceOf(mlir::Value maximum) {
    return machine.fusedMultiplyAdd ? mlir::arith::MulFOp::create(at, maximum, splat(unit, {Rows})) : maximum;
  }
  double referenceUnit() { return machine.fusedMultiplyAdd ? 1 : unit; }
  /// 2^(unit score - reference)
  mlir::Value weigh(mlir::Value scores, mlir::Value reference);
  /// What a weight relative to `from` is multiplied by to be one relative to `to`.
  mlir::Value rebase(mlir::Value from, mlir::Value to, llvm::ArrayRef<int64_t> dims);
  bool isSoftmax() { return attend.getNormaliser() == attn::Normaliser::Softmax; }

  KernelBuilder &kernel;
  mlir::ImplicitLocOpBuilder &at;
  attn::AttendOp attend;
  AttendBlocks blocks;
  MachineTraits machine;
  AttendStep step;
  const AttendParts *parts;
  const AttendBounds *labelBounds;
  TileEmitter emitter;
  MaskAnalysis mask;

  /// Of the program. The head is null where its rows are of several.
  mlir::Value rowBlock, head, batch, part;
  mlir::Value keyHead, firstRow, length, offset;
  mlir::Value mergedRow;       ///< of which the tile's rows are heads; null: they are rows of one head
  mlir::AffineExpr rows, keys; ///< rows: that blocks are made of
  bool scaleIsLate;            ///< logits are unscaled dot products; the scale is part of `unit`
  mlir::Value rampFactor;      ///< of those, of the program
  Start sumStart;              ///< of products
  double unit;                 ///< a difference of logits times this is a difference of binary logarithms of weights
  llvm::SmallVector<int64_t> depths, valueDepths;
  llvm::SmallVector<mlir::Value> query;
};

/// What attention in one kernel may be blocked in, the best first. Of all but the last the first is wanted that fits
/// the machine, for operands that lie aligned; the last is for all calls.
llvm::SmallVector<AttendBlocks> attendChoices(attn::AttendOp attend, const Backend &backend);

} // namespace heed
