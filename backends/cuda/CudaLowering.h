/// The simt ops in LLVM IR for NVIDIA chips.
#pragma once

#include "backends/llvm/SimtToLlvm.h"
#include "dialects/tile/Atom.h"

namespace heed::cuda {

class CudaLowering : public simt::LaneLowering {
public:
  explicit CudaLowering(llvm::ArrayRef<tile::Atom> atoms) : atoms(atoms) {}
  mlir::LLVM::CConv callingConvention() const override { return mlir::LLVM::CConv::PTX_Kernel; }
  llvm::SmallVector<std::pair<std::string, std::string>> attributes(simt::KernelOp kernel) const override;
  void populate(const mlir::LLVMTypeConverter &types, mlir::RewritePatternSet &patterns) const override;

private:
  llvm::ArrayRef<tile::Atom> atoms;
};

/// Patterns for loads and stores with a predicate.
void populatePredicatedAccesses(const mlir::LLVMTypeConverter &types, mlir::RewritePatternSet &patterns);

/// Patterns for barriers in shared memory, named barriers, and registers that warps hand over.
void populateBarriers(const mlir::LLVMTypeConverter &types, mlir::RewritePatternSet &patterns);

} // namespace heed::cuda
