/// The frame of one tile kernel while a skeleton fills it: bases, parameters, views, index arithmetic.
#pragma once

#include "compiler/graph/SymbolicShapes.h"
#include "dialects/plan/Plan.h"
#include "dialects/tile/Tile.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

namespace heed {

/// The type memory holds for values of `type`: a byte for i1, the type itself otherwise.
mlir::Type storageType(mlir::Type type);

/// Bytes of one stored element.
int64_t storageBytes(mlir::Type type);

/// How an operand or result of the kernel lies in memory, over the symbols of the graph.
struct StoredView {
  mlir::AffineExpr offset;
  llvm::SmallVector<mlir::AffineExpr> strides;
  llvm::SmallVector<mlir::AffineExpr> sizes;
};

/// Storage through which one of the kernels that a plan.kernel becomes hands values to another; dense.
struct Scratch {
  mlir::Type element;
  llvm::SmallVector<mlir::AffineExpr> sizes;
  mlir::Value tensor = {}; ///< once the kernel that writes it is finished
  bool isZeroed = false;   ///< zero when a kernel that uses it by itself starts, and when it ends
};

/// What a kernel does with its scratch.
enum class ScratchUse { None, Write, Read, Own };

/// How one of the kernels that a plan.kernel becomes is tied to the others. One that writes scratch stores that instead
/// of the source's results, and the source stays; one that reads it has it behind the source's operands; one that uses
/// it by itself has it behind the source's results. What `started` holds, one value a result or none, is what the
/// results are where the kernel stores nothing. The kernel's label is the source's with `suffix`. `scratch` outlives
/// the builder.
struct Handover {
  ScratchUse use = ScratchUse::None;
  llvm::MutableArrayRef<Scratch> scratch = {};
  llvm::StringRef suffix = "";
  mlir::ValueRange started = {};
};

/// Creates `tile.kernel @name` for a plan.kernel and hands out what its body needs. Sizes and strides over symbols are
/// evaluated by the plan and arrive as parameters; equal expressions share one.
class KernelBuilder {
public:
  static constexpr unsigned maxGridRank = 3;

  KernelBuilder(plan::KernelOp source, llvm::StringRef name, Handover handover = {});

  plan::KernelOp source() const { return sourceOp; }
  mlir::Block &sourceBlock() { return sourceOp.getBody().front(); }
  mlir::ImplicitLocOpBuilder &at() { return builder; }
  mlir::Location loc() const { return builder.getLoc(); }

  mlir::Value constant(int64_t value);
  /// The value of an expression over the graph's symbols, as an index.
  mlir::Value value(mlir::AffineExpr expression);
  mlir::AffineExpr expression(int64_t constant);

  const StoredView &resultView(unsigned result) const { return resultViews[result]; }
  /// The strided memref of an operand (a block argument of the source kernel) or of a result. A scalar is a memref of
  /// one element.
  mlir::Value operandMemory(unsigned operand);
  mlir::Value resultMemory(unsigned result);
  mlir::Value scratchMemory(unsigned position);
  /// What scratch is among the results of a kernel that writes it.
  unsigned scratchResult(unsigned position) {
    return handover.use == ScratchUse::Own ? sourceOp.getNumResults() + position : position;
  }
  /// What the source kernel yields as result i.
  mlir::Value yielded(unsigned result);

  /// The scalar that `scalar`, defined directly in the body of the source kernel, has in the tile kernel; null when it
  /// is not built from symbols and constants.
  mlir::Value scalar(mlir::Value scalar);

  /// Sizes of a tensor of the source kernel: an operand's, or those of an op in the kernel.
  llvm::SmallVector<mlir::AffineExpr> sizesOf(mlir::Value tensor);

  /// Sizes of the loops of a generic in the kernel.
  llvm::SmallVector<mlir::AffineExpr> loopSizes(mlir::linalg::GenericOp generic);

  /// Wraps what `body` builds into a tile.part.
  mlir::FailureOr<llvm::SmallVector<mlir::Value>>
  part(llvm::StringRef name, llvm::function_ref<mlir::FailureOr<llvm::SmallVector<mlir::Value>>()> body);

  mlir::Value add(mlir::Value a, mlir::Value b);
  mlir::Value sub(mlir::Value a, mlir::Value b);
  mlir::Value mul(mlir::Value a, mlir::Value b);
  mlir::Value min(mlir::Value a, mlir::Value b);
  mlir::Value max(mlir::Value a, mlir::Value b);
  mlir::Value floorDiv(mlir::Value a, int64_t divisor);
  /// a / b of sizes and numbers of programs: 32 bits hold them, and divide with less work.
  mlir::Value divideCounts(mlir::Value a, mlir::Value b);
  /// The same and what is left over.
  std::pair<mlir::Value, mlir::Value> divideWithRest(mlir::Value a, mlir::Value b);
  /// What is left of a loop from `origin` on; null where blocks are always whole.
  mlir::Value extent(mlir::AffineExpr size, int64_t block, mlir::Value origin);
  /// Splits a linear index over sizes, the last fastest.
  llvm::SmallVector<mlir::Value> delinearise(mlir::Value linear, llvm::ArrayRef<mlir::AffineExpr> sizes);

  /// Programs take different times.
  void markUneven();
  /// The storage of result 0 starts as that of an operand, which programs do not read; they write so many elements.
  void tie(unsigned operand, mlir::AffineExpr elements) { tied = {operand, elements}; }
  /// Ends the kernel, whose grid has up to three sizes, x first, and replaces the plan.kernel with its launch; a kernel
  /// that writes scratch is launched before it.
  void finish(llvm::ArrayRef<mlir::AffineExpr> grid, mlir::AffineExpr flops,
              llvm::ArrayRef<mlir::NamedAttribute> schedule);
  /// The kernel, and after finish() its launch.
  tile::KernelOp finished() const { return kernel; }
  plan::LaunchOp launch() const { return launchOp; }

private:
  mlir::Value memory(mlir::Value base, StoredView view, mlir::Type elementType);
  StoredView readView(mlir::AffineMap strides, mlir::AffineMap sizes);
  StoredView denseView(llvm::ArrayRef<mlir::AffineExpr> sizes);
  mlir::Type storedElement(unsigned base);
  mlir::AffineExpr usefulBytes();
  void markZeroed();
  plan::LaunchOp createLaunch(llvm::ArrayRef<mlir::AffineExpr> grid, mlir::AffineExpr flops);

  plan::KernelOp sourceOp;
  Handover handover;
  tile::KernelOp kernel;
  plan::LaunchOp launchOp;
  mlir::ImplicitLocOpBuilder builder;
  mlir::Block *entry;
  SymbolicShapes shapes;
  unsigned numSymbols;
  struct Tie {
    unsigned operand;
    mlir::AffineExpr elements; ///< that are written
  };
  std::optional<Tie> tied;
  llvm::SmallVector<StoredView> operandViews, resultViews;
  llvm::SmallVector<mlir::AffineExpr> parameters;
  llvm::DenseMap<mlir::AffineExpr, mlir::Value> parameterValues;
  llvm::DenseMap<std::pair<unsigned, unsigned>, mlir::Value> memories;
  llvm::DenseMap<mlir::Value, mlir::Value> scalars;
};

/// The sizes of the tensors inside a kernel as well as of those outside.
SymbolicShapes shapesInside(plan::KernelOp kernel);

} // namespace heed
