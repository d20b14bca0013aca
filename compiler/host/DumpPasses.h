/// The module after every pass, as files.
#pragma once

#include "mlir/Pass/PassInstrumentation.h"

#include <string>

namespace heed {

/// Writes `op` to `path` with long constants left out. Reports an error at the op when the file cannot be written.
mlir::LogicalResult dumpOp(mlir::Operation *op, llvm::StringRef path);

/// Prints an op with long constants left out.
std::string printElided(mlir::Operation *op);

/// Writes DIRECTORY/NN-PREFIXpass.mlir after each pass. For pass managers that run on one thread.
class DumpPasses : public mlir::PassInstrumentation {
public:
  /// `counter` numbers the files of several pipelines in one row.
  DumpPasses(std::string directory, std::string prefix, unsigned &counter)
      : directory(std::move(directory)), prefix(std::move(prefix)), counter(counter) {}

  void runAfterPass(mlir::Pass *pass, mlir::Operation *op) override;
  void runAfterPassFailed(mlir::Pass *pass, mlir::Operation *op) override { runAfterPass(pass, op); }

private:
  std::string directory, prefix;
  unsigned &counter;
};

} // namespace heed
