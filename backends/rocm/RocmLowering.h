/// The simt ops in LLVM IR for AMD chips.
#pragma once

#include "backends/llvm/SimtToLlvm.h"
#include "backends/rocm/RocmChips.h"

namespace heed::rocm {

class RocmLowering : public simt::LaneLowering {
public:
  RocmLowering(const RocmChip &chip, llvm::ArrayRef<tile::Atom> atoms) : chip(chip), atoms(atoms) {}
  mlir::LLVM::CConv callingConvention() const override { return mlir::LLVM::CConv::AMDGPU_KERNEL; }
  llvm::SmallVector<std::pair<std::string, std::string>> attributes(simt::KernelOp kernel) const override;
  mlir::LogicalResult prepare(mlir::ModuleOp module) const override;
  void populate(const mlir::LLVMTypeConverter &types, mlir::RewritePatternSet &patterns) const override;

private:
  const RocmChip &chip;
  llvm::ArrayRef<tile::Atom> atoms;
};

/// The value lane (own xor mask) has, of a 32-bit integer.
mlir::Value exchangeLanes(mlir::OpBuilder &builder, mlir::Location location, const RocmChip &chip, mlir::Value value,
                          int64_t mask);

} // namespace heed::rocm
