/// The float64 interpreter: runs functions on attn, linalg, tensor, arith, math, scf and plan, and the tile kernels
/// that plan.launch starts. It is the oracle of the tests: written from the op descriptions alone, in the plainest way,
/// and strict: reading memory nobody wrote gives NaN, access outside a view is an error.
#pragma once

#include "compiler/interp/Values.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Operation.h"
#include "mlir/IR/SymbolTable.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/StringMap.h"

#include <array>

namespace heed::interp {

/// What tile kernels did.
struct Counters {
  int64_t keyBlocks = 0;   ///< tile.count key_blocks
  int64_t bytesLoaded = 0; ///< by tile.load, tile.gather and tile.copy, of elements in bounds
  int64_t bytesStored = 0; ///< by tile.store, of elements in bounds
  int64_t launches = 0;    ///< plan.launch ops run
  int64_t programs = 0;    ///< programs of all grids
};

/// The values of one function or kernel that is running. Values of inner regions live here too and are overwritten
/// by each iteration.
class Frame {
public:
  /// Values of the graph's symbols, in the order of plan.symbols.
  Shape symbols;
  /// The names of plan.symbols.
  llvm::SmallVector<llvm::StringRef> symbolNames;
  std::array<int64_t, 3> programId = {0, 0, 0};

  void set(mlir::Value value, RuntimeValue runtime) { values[value] = std::move(runtime); }
  bool has(mlir::Value value) const { return values.contains(value); }
  const RuntimeValue &get(mlir::Value value) const { return values.find(value)->second; }
  /// The value of a type that verified IR guarantees.
  Scalar scalar(mlir::Value value) const { return std::get<Scalar>(get(value)); }
  int64_t index(mlir::Value value) const { return scalar(value).integer; }
  Shape indices(mlir::ValueRange range) const;
  const Tensor &tensor(mlir::Value value) const { return std::get<Tensor>(get(value)); }
  const View &view(mlir::Value value) const { return std::get<View>(get(value)); }

private:
  llvm::DenseMap<mlir::Value, RuntimeValue> values;
};

class Interpreter;
/// Runs one op: reads its operands from the frame, sets its results. Errors are emitted on the op.
using Handler = mlir::LogicalResult (*)(Interpreter &interpreter, mlir::Operation *op, Frame &frame);
using HandlerTable = llvm::StringMap<Handler>;

class Interpreter {
public:
  explicit Interpreter(Precision precision = Precision::exact);

  /// Runs `function` on `arguments`. Symbols of the graph take their value from `given` by name, else from the shapes
  /// and strides of the arguments; a contradiction is an error.
  mlir::FailureOr<llvm::SmallVector<RuntimeValue>>
  call(mlir::func::FuncOp function, llvm::ArrayRef<RuntimeValue> arguments, const llvm::StringMap<int64_t> &given = {});

  /// Runs the ops of a block whose arguments are set; `yielded` gets the operands of its terminator.
  mlir::LogicalResult runBlock(mlir::Block &block, Frame &frame, llvm::SmallVectorImpl<RuntimeValue> &yielded);
  mlir::LogicalResult run(mlir::Operation &op, Frame &frame);

  /// The shape of `type` with its dynamic sizes taken in order; fails on negative sizes, contradictions and tensors
  /// beyond 2^27 elements.
  mlir::FailureOr<Shape> shapeOf(mlir::Operation *op, mlir::ShapedType type, llvm::ArrayRef<int64_t> dynamicSizes);
  /// `tensor` is of type `type`: fails when a static size differs.
  mlir::LogicalResult checkShape(mlir::Operation *op, mlir::ShapedType type, const Tensor &tensor);

  /// A float rounded to `type` when results are rounded.
  Scalar settle(double value, mlir::Type type) const {
    return Scalar::ofReal(precision == Precision::rounded ? roundToType(value, type) : value);
  }

  const Precision precision;
  Counters counters;
  mlir::SymbolTableCollection symbolTables;

private:
  llvm::DenseMap<mlir::OperationName, Handler> resolved;
  unsigned depth = 0;
};

/// The value of a constant attribute of `type`; emits an error on `op` for an attribute of another kind.
mlir::FailureOr<RuntimeValue> constantValue(mlir::Operation *op, mlir::Attribute attribute, mlir::Type type);

/// Binds the symbols of `graph` (see Interpreter::call) into `frame`.
mlir::LogicalResult bindSymbols(mlir::func::FuncOp graph, llvm::ArrayRef<RuntimeValue> arguments,
                                const llvm::StringMap<int64_t> &given, Frame &frame);

} // namespace heed::interp
