/// lld in this process.
#pragma once

#include "mlir/IR/BuiltinOps.h"
#include "mlir/Support/LLVM.h"

#include <string>

namespace heed {

/// One ELF object made a shared object with these further arguments. Errors are reported on the module. Several threads
/// may call it: lld keeps its state in globals, so they take turns.
mlir::FailureOr<std::string> linkElf(mlir::ModuleOp module, llvm::StringRef object,
                                     llvm::ArrayRef<const char *> arguments);

/// Removes its folder, with what is in it, at the end of a scope.
struct TemporaryFolder {
  TemporaryFolder();
  ~TemporaryFolder();
  TemporaryFolder(const TemporaryFolder &) = delete;
  /// The path of a file in it.
  std::string file(llvm::StringRef name) const;

  std::string path;
  std::error_code error;
};

/// Writes a whole file; errors are reported on the module.
mlir::LogicalResult writeFile(mlir::ModuleOp module, llvm::StringRef path, llvm::StringRef bytes);
mlir::FailureOr<std::string> readFile(mlir::ModuleOp module, llvm::StringRef path);

} // namespace heed
