/// Lane programs on their way from tiles to images.
#pragma once

#include "backends/simt/SimtBackend.h"

#include "mlir/IR/OwningOpRef.h"

#include <map>
#include <string>
#include <vector>

namespace heed::simt {

using EntriesByKernel = std::map<std::string, std::vector<KernelEntry>>;

/// Lane programs that share images.
struct Part {
  mlir::OwningOpRef<mlir::ModuleOp> lanes;
  EntriesByKernel entries;
  std::vector<GeneratedImage> images; ///< empty: not made yet
  CompileCost cost = {};
};

/// How parts are made of kernels for a chip. With a folder not empty, lane programs are written there.
struct PartMaker {
  const SimtBackend &backend;
  const SimtTarget &chip;
  llvm::StringRef dumpDirectory;

  /// How a kernel divides registers between roles, if it has some.
  RoleRegisters registersOf(tile::KernelOp kernel) const;
  /// The lane programs of a kernel; null where there are none.
  mlir::FailureOr<mlir::OwningOpRef<mlir::ModuleOp>> lower(tile::KernelOp kernel) const;
  /// A part without images.
  Part partOf(mlir::OwningOpRef<mlir::ModuleOp> lanes) const;
  /// The same programs, but for how they divide registers, as those of another kernel.
  mlir::OwningOpRef<mlir::ModuleOp> redivide(mlir::ModuleOp lanes, tile::KernelOp kernel) const;
  /// Makes images of a part, whose programs stay as they are. Where there are `others`, they are images of the same
  /// programs but for how they divide registers.
  mlir::LogicalResult makeImages(Part &part, llvm::ArrayRef<GeneratedImage> others = {}) const;
};

} // namespace heed::simt
