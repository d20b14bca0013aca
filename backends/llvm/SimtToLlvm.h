/// From simt.kernels to the LLVM dialect: what CUDA and ROCm have in common.
#pragma once

#include "dialects/simt/Simt.h"

#include "mlir/Conversion/LLVMCommon/Pattern.h"
#include "mlir/Conversion/LLVMCommon/TypeConverter.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/IR/BuiltinOps.h"

namespace heed::simt {

/// Address spaces that NVPTX and AMDGPU number alike.
enum AddressSpace : unsigned { globalSpace = 1, sharedSpace = 3 };

/// How a family of machines says in LLVM IR what the simt ops mean.
class LaneLowering {
public:
  virtual ~LaneLowering() = default;

  virtual mlir::LLVM::CConv callingConvention() const = 0;
  /// Attributes of the LLVM function of a kernel, each a name and a value.
  virtual llvm::SmallVector<std::pair<std::string, std::string>> attributes(KernelOp kernel) const = 0;
  /// Of shared memory, in bytes.
  virtual int64_t sharedAlignment() const { return 16; }
  /// Before anything is lowered: rewrites what this family has no patterns for.
  virtual mlir::LogicalResult prepare(mlir::ModuleOp) const { return mlir::success(); }
  /// Patterns for every simt op but kernel, return and accesses without a predicate, and for exp2, log2 and rsqrt.
  virtual void populate(const mlir::LLVMTypeConverter &types, mlir::RewritePatternSet &patterns) const = 0;
};

/// Dialects the lowering creates. Load them before lowering from several threads.
void loadLlvmDialects(mlir::MLIRContext &context);

/// Lowers all simt.kernels of the module to functions of the same names, in place.
mlir::LogicalResult lowerSimtToLlvm(mlir::ModuleOp module, const LaneLowering &lowering);

/// Puts predicated stores under scf.if, neighbours with the same predicate under one.
void guardStores(mlir::ModuleOp module);

//===-- For patterns ----------------------------------------------------------------------------------------------===//

/// Pointer to global memory from an i64 address, or into the workgroup's arena from an i32 offset.
mlir::Value pointerTo(mlir::OpBuilder &builder, mlir::Location location, Space space, mlir::Value address);

/// A tensor map of the kernel that `op` is in, by its number: tensor maps are parameters by value behind the words.
mlir::Value tensorMapOf(mlir::Operation *op, int64_t index);
constexpr int64_t tensorMapBytes = 128, tensorMapAlignment = 64;

/// Calls an LLVM intrinsic. The name is complete but for the types of overloaded ones. Null for no result.
mlir::Value callIntrinsic(mlir::OpBuilder &builder, mlir::Location location, llvm::StringRef name, mlir::Type result,
                          mlir::ValueRange operands);

mlir::Value constantInt(mlir::OpBuilder &builder, mlir::Location location, unsigned bits, int64_t value);

/// A function of f32 that is one intrinsic.
template <typename MathOp> struct LowerToIntrinsic : mlir::ConvertOpToLLVMPattern<MathOp> {
  LowerToIntrinsic(const mlir::LLVMTypeConverter &types, llvm::StringRef intrinsic)
      : mlir::ConvertOpToLLVMPattern<MathOp>(types, /*benefit=*/2), intrinsic(intrinsic) {}
  mlir::LogicalResult matchAndRewrite(MathOp op, typename MathOp::Adaptor adaptor,
                                      mlir::ConversionPatternRewriter &rewriter) const override {
    if (!op.getType().isF32())
      return mlir::failure();
    rewriter.replaceOp(op, callIntrinsic(rewriter, op.getLoc(), intrinsic, op.getType(), adaptor.getOperand()));
    return mlir::success();
  }
  llvm::StringRef intrinsic;
};

/// Bytes of a scalar or vector.
int64_t bytesOf(mlir::Type type);

/// Values of one type as one vector.
mlir::Value joinElements(mlir::OpBuilder &builder, mlir::Location location, mlir::ValueRange elements);
/// The elements of a vector.
llvm::SmallVector<mlir::Value> splitElements(mlir::OpBuilder &builder, mlir::Location location, mlir::Value vector);

} // namespace heed::simt
