/// The simt ops in LLVM IR for NVIDIA chips.
#pragma once

#include "backends/llvm/SimtToLlvm.h"

namespace heed::cuda {

class CudaLowering : public simt::LaneLowering {
public:
  mlir::LLVM::CConv callingConvention() const override { return mlir::LLVM::CConv::PTX_Kernel; }
  llvm::SmallVector<std::pair<std::string, std::string>> attributes(simt::KernelOp kernel) const override;
  void populate(const mlir::LLVMTypeConverter &types, mlir::RewritePatternSet &patterns) const override;
};

/// Patterns for loads and stores with a predicate.
void populatePredicatedAccesses(const mlir::LLVMTypeConverter &types, mlir::RewritePatternSet &patterns);

} // namespace heed::cuda
