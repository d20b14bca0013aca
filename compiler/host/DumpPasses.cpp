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

void DumpPasses::runAfterPass(Pass *pass, Operation *op) {
  if (!isa<ModuleOp>(op))
    return;
  std::string name;
  StringRef flag = pass->getArgument().empty() ? pass->getName() : pass->getArgument();
  llvm::raw_string_ostream(name) << llvm::format("%02u-", counter++) << prefix << flag << ".mlir";
  SmallString<128> path(directory);
  llvm::sys::path::append(path, name);
  (void)dumpOp(op, path); // the error is reported
}

} // namespace heed
