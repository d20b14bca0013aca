/// The simt ops in LLVM IR for NVIDIA chips.
#pragma once

#include "backends/llvm/SimtToLlvm.h"
#include "backends/simt/SimtTarget.h"

namespace llvm {
class Module;
} // namespace llvm

namespace heed::cuda {

class CudaLowering : public simt::LaneLowering {
public:
  explicit CudaLowering(const simt::SimtTarget &target) : target(target) {}
  mlir::LLVM::CConv callingConvention() const override { return mlir::LLVM::CConv::PTX_Kernel; }
  llvm::SmallVector<std::pair<std::string, std::string>> attributes(simt::KernelOp kernel) const override;
  /// Swizzles are of addresses: what is swizzled repeats after 1024 bytes.
  int64_t sharedAlignment() const override { return target.abilities.tensorCopies ? 1024 : 16; }
  void populate(const mlir::LLVMTypeConverter &types, mlir::RewritePatternSet &patterns) const override;

private:
  const simt::SimtTarget &target;
};

/// Patterns for floats: what this machine does in fewer instructions than the ops say.
void populateArithmetic(const mlir::LLVMTypeConverter &types, mlir::RewritePatternSet &patterns);

/// Patterns for loads and stores with a predicate.
void populatePredicatedAccesses(const mlir::LLVMTypeConverter &types, mlir::RewritePatternSet &patterns);

/// Adds to a module in LLVM IR what its dialect cannot say: tensor maps stay where the launch put them.
void annotateKernels(llvm::Module &module);

/// Patterns for copies of tensors, barriers in shared memory, named barriers, and registers that warps hand over.
void populateBarriers(const mlir::LLVMTypeConverter &types, mlir::RewritePatternSet &patterns);

/// Patterns for matrix instructions that groups of four warps start.
void populateWarpgroupProducts(const mlir::LLVMTypeConverter &types, mlir::RewritePatternSet &patterns,
                               llvm::ArrayRef<tile::Atom> atoms);

} // namespace heed::cuda
