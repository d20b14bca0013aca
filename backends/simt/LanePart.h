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
};

/// How parts are made of kernels for a chip. With a folder not empty, lane programs are written there.
struct PartMaker {
  const SimtBackend &backend;
  const SimtTarget &chip;
  llvm::StringRef dumpDirectory;

  /// The lane programs of a kernel; null where there are none.
  mlir::FailureOr<mlir::OwningOpRef<mlir::ModuleOp>> lower(tile::KernelOp kernel) const;
  /// A part without images.
  Part partOf(mlir::OwningOpRef<mlir::ModuleOp> lanes) const;
  /// Makes images of a part, whose programs stay as they are.
  mlir::LogicalResult makeImages(Part &part) const;
};

} // namespace heed::simt
