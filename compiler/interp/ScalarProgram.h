/// The body of a linalg op or of a region of attn.attend, compiled once and run for many elements.
#pragma once

#include "compiler/interp/Interpreter.h"

#include "mlir/IR/AffineMap.h"

namespace heed::interp {

class ScalarProgram {
public:
  /// Compiles `block`. Its first `numArguments` arguments are scalars given to each run; every other value from
  /// outside of the block is read from `frame` now. Fails, with an error on the op, when the block holds anything but
  /// scalar arith and math, affine.apply, linalg.index, tensor.dim and tensor.extract.
  static mlir::FailureOr<ScalarProgram> compile(mlir::Block &block, unsigned numArguments, Interpreter &interpreter,
                                                const Frame &frame);

  /// Runs the body. `iteration` answers linalg.index. `results` has the terminator's operands. Emits an error and fails
  /// on an integer division by zero or an extract out of bounds.
  mlir::LogicalResult run(llvm::ArrayRef<Scalar> arguments, llvm::ArrayRef<int64_t> iteration,
                          llvm::MutableArrayRef<Scalar> results);

private:
  enum class StepKind { compute, extract, iterationIndex, affine };
  struct Step {
    StepKind kind;
    mlir::Operation *op;
    unsigned result = 0;
    llvm::SmallVector<unsigned, 4> operands = {}; ///< slots
    ScalarCall call = {};
    unsigned tensor = 0;      ///< of extract
    int64_t dim = 0;          ///< of iterationIndex
    mlir::AffineMap map = {}; ///< of affine
  };

  mlir::LogicalResult compileOp(mlir::Operation &op, Interpreter &interpreter, const Frame &frame);
  mlir::LogicalResult compileExtract(mlir::Operation &op, const Frame &frame);
  mlir::LogicalResult compileDim(mlir::Operation &op, const Frame &frame);
  mlir::FailureOr<unsigned> slotOf(mlir::Value value, const Frame &frame, mlir::Operation *user);
  mlir::LogicalResult addOperands(Step &step, mlir::ValueRange operands, const Frame &frame);
  mlir::LogicalResult runStep(const Step &step, llvm::ArrayRef<int64_t> iteration);
  mlir::LogicalResult runExtract(const Step &step);
  unsigned newSlot(mlir::Value value);

  llvm::SmallVector<Step> steps;
  llvm::SmallVector<Scalar> slots;
  llvm::SmallVector<Tensor, 2> tensors;
  llvm::DenseMap<mlir::Value, unsigned> slotOfValue;
  llvm::SmallVector<unsigned, 2> resultSlots;
};

} // namespace heed::interp
