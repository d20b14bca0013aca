#include "compiler/host/DumpPasses.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/Pass.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;

namespace heed {

std::string printElided(Operation *op) {
  std::string text;
  llvm::raw_string_ostream os(text);
  op->print(os, OpPrintingFlags().elideLargeElementsAttrs().elideLargeResourceString().assumeVerified());
  os << '\n';
  return text;
}

LogicalResult dumpOp(Operation *op, StringRef path) {
  std::error_code failed;
  llvm::raw_fd_ostream file(path, failed);
  if (!failed) {
    file << printElided(op);
    file.flush();
    failed = file.error();
    file.clear_error();
  }
  return failed ? op->emitError("cannot write '") << path << "': " << failed.message() : success();
}

/// Passes over functions show the whole module too. What has no flag only holds other passes.
void DumpPasses::runAfterPass(Pass *pass, Operation *op) {
  if (pass->getArgument().empty())
    return;
  auto module = isa<ModuleOp>(op) ? cast<ModuleOp>(op) : op->getParentOfType<ModuleOp>();
  std::string name;
  llvm::raw_string_ostream(name) << llvm::format("%02u-", counter++) << prefix << pass->getArgument() << ".mlir";
  SmallString<128> path(directory);
  llvm::sys::path::append(path, name);
  (void)dumpOp(module, path); // the error is reported
}

} // namespace heed
