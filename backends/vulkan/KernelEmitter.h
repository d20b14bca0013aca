/// Emits one simt.kernel as an entry point of a SPIR-V module.
#pragma once

#include "backends/vulkan/SpirvModule.h"
#include "dialects/simt/Simt.h"

#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/SPIRV/IR/SPIRVOps.h"
#include "mlir/IR/Builders.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/SetVector.h"

namespace heed::vulkan {

/// Every value of the kernel becomes scalars, one per element: bf16 as its 16 bits, index as i64.
using Scalars = llvm::SmallVector<mlir::Value, 1>;

class KernelEmitter {
public:
  KernelEmitter(SpirvModule &module, simt::KernelOp kernel);

  /// Errors are reported on the ops.
  mlir::LogicalResult emit();

private:
  // EmitKernel.cpp: the frame of the entry point and control flow.
  void emitInterface(mlir::spirv::FuncOp function);
  mlir::LogicalResult emitBlock(mlir::Block &block);
  mlir::LogicalResult emitOp(mlir::Operation *op);
  mlir::LogicalResult emitConstant(mlir::arith::ConstantOp op);
  mlir::LogicalResult emitVectorOp(mlir::Operation *op);
  mlir::LogicalResult emitShuffle(simt::ShuffleOp op);
  mlir::LogicalResult emitIf(mlir::scf::IfOp op);
  mlir::LogicalResult emitFor(mlir::scf::ForOp op);
  mlir::LogicalResult emitWhile(mlir::scf::WhileOp op);
  struct LoopBlocks;
  LoopBlocks createLoop(mlir::TypeRange results);
  mlir::Value emitCount(mlir::Value limit);
  Scalars carriedBack(Scalars next);
  /// Arguments of `block` for all that `stands` are, and what each of those is there.
  void addArguments(mlir::Block *block, mlir::ValueRange stands);
  mlir::SmallVector<mlir::Type> scalarTypes(mlir::TypeRange types);
  /// Runs `then` where the condition is true, else `otherwise`; both give values of `types`.
  using Branch = llvm::function_ref<mlir::FailureOr<Scalars>()>;
  mlir::FailureOr<Scalars> emitSelection(mlir::Value condition, mlir::TypeRange types, Branch then, Branch otherwise);
  /// Gives `otherwise` where the condition is false.
  Scalars emitWhere(mlir::Value condition, const Scalars &otherwise, llvm::function_ref<Scalars()> then);
  void emitArguments();
  unsigned pushedArguments();
  mlir::Value loadPushed(llvm::ArrayRef<int32_t> path);
  void emitLoopWatch();
  mlir::Value programIndex();
  mlir::Value loadBuiltin(mlir::spirv::BuiltIn which);
  mlir::Value addressOf(mlir::spirv::GlobalVariableOp variable);

  // EmitMemory.cpp
  mlir::LogicalResult emitLoad(simt::LoadOp op);
  mlir::LogicalResult emitStore(simt::StoreOp op);
  Scalars loadGlobal(mlir::Value address, mlir::Type element, unsigned count, int64_t alignment);
  void storeGlobal(mlir::Value address, mlir::Type element, const Scalars &values, int64_t alignment);
  Scalars loadShared(mlir::Value offset, mlir::Type element, unsigned count);
  void storeShared(mlir::Value offset, const Scalars &values);
  mlir::LogicalResult checkShared(mlir::Operation *op, mlir::Type accessed, int64_t alignment);
  mlir::Value wordIndex(mlir::Value offset);
  mlir::Value sharedWord(mlir::Value firstWord, unsigned position);
  mlir::Value globalPointer(mlir::Value address, int64_t offset, mlir::Type type);

  // EmitElementwise.cpp and EmitConversions.cpp: arith and math, one element at a time. Null: not supported.
  mlir::LogicalResult emitElementwise(mlir::Operation *op);
  mlir::Value emitScalar(mlir::Operation *op, llvm::ArrayRef<mlir::Value> x);
  mlir::Value emitInteger(mlir::Operation *op, llvm::ArrayRef<mlir::Value> x);
  mlir::Value divide(mlir::Operation *op, mlir::Value left, mlir::Value right);
  mlir::Value emitFloat(mlir::Operation *op, llvm::ArrayRef<mlir::Value> x);
  mlir::Value emitMath(mlir::Operation *op, llvm::ArrayRef<mlir::Value> x);
  mlir::Value emitCompare(mlir::arith::CmpIPredicate predicate, mlir::Value left, mlir::Value right);
  mlir::Value emitCompare(mlir::arith::CmpFPredicate predicate, mlir::Value left, mlir::Value right);
  mlir::Value emitConversion(mlir::Operation *op, mlir::Value x);
  mlir::Value extendFloat(mlir::Value x, mlir::Type from, mlir::Type to);
  mlir::Value truncateFloat(mlir::Value x, mlir::Type to);
  mlir::Value resizeInteger(mlir::Value x, mlir::Type to, bool isSigned);
  mlir::Value remainder(mlir::Value left, mlir::Value right);
  /// The larger (smaller) one; where one is NaN, NaN if it `propagates`, else the other.
  mlir::Value emitExtremum(mlir::Value left, mlir::Value right, bool larger, bool propagates);
  mlir::Value roundAwayFromZero(mlir::Value x);
  mlir::Value truncateTowardsZero(mlir::Value x);
  mlir::Value copySign(mlir::Value magnitude, mlir::Value sign);

  // Small things.
  template <typename Op, typename... Arguments> Op create(Arguments &&...arguments) {
    return Op::create(builder, location, std::forward<Arguments>(arguments)...);
  }
  mlir::Type scalarType(mlir::Type type);
  mlir::Value bitcast(mlir::Value value, mlir::Type type);
  /// The same bits, of little-endian memory order, as scalars of another type.
  Scalars regroup(const Scalars &values, mlir::Type to);
  mlir::Value constant(mlir::TypedAttr value);
  mlir::Value constant(mlir::Type type, int64_t value);
  mlir::Value floatConstant(mlir::Type type, double value);
  const Scalars &scalars(mlir::Value value) { return values.find(value)->second; }
  Scalars scalars(mlir::ValueRange range);
  mlir::Value scalar(mlir::Value value) { return scalars(value).front(); }
  void set(mlir::Value value, Scalars emitted) { values[value] = std::move(emitted); }
  /// Hands out `emitted` to `range`, in order.
  void set(mlir::ValueRange range, mlir::ValueRange emitted);

  SpirvModule &module;
  simt::KernelOp kernel;
  mlir::OpBuilder builder;
  mlir::OpBuilder prologue; ///< constants, arguments and what the device says, once, before everything else
  mlir::Location location;
  llvm::DenseMap<mlir::Value, Scalars> values;
  llvm::DenseMap<mlir::Attribute, mlir::Value> constants;
  llvm::SmallSetVector<mlir::Operation *, 8> interface; ///< variables that are used
  mlir::Value program;                                  ///< its index, once somebody asked
  mlir::Value shared;                                   ///< the words of shared memory, once somebody asked
};

/// Elements of a scalar or vector, and their type.
unsigned elementCount(mlir::Type type);

} // namespace heed::vulkan
