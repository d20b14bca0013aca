#include "backends/llvm/LinkElf.h"

#include "backends/llvm/GlobalOptions.h"

#include "lld/Common/Driver.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/raw_ostream.h"

#include <mutex>

LLD_HAS_DRIVER(elf)

using namespace mlir;
using namespace heed;

TemporaryFolder::TemporaryFolder() {
  llvm::SmallString<128> made;
  error = llvm::sys::fs::createUniqueDirectory("heed", made);
  path = made.str().str();
}

TemporaryFolder::~TemporaryFolder() {
  if (!error)
    llvm::sys::fs::remove_directories(path);
}

std::string TemporaryFolder::file(StringRef name) const {
  llvm::SmallString<128> joined(path);
  llvm::sys::path::append(joined, name);
  return joined.str().str();
}

LogicalResult heed::writeFile(ModuleOp module, StringRef path, StringRef bytes) {
  std::error_code error;
  llvm::raw_fd_ostream stream(path, error);
  stream << bytes;
  stream.close();
  if (!error)
    error = stream.error();
  stream.clear_error();
  if (!error)
    return success();
  return module.emitError("cannot write ") << path << ": " << error.message() << "; TMPDIR may name another folder";
}

FailureOr<std::string> heed::readFile(ModuleOp module, StringRef path) {
  auto buffer = llvm::MemoryBuffer::getFile(path, /*IsText=*/false, /*RequiresNullTerminator=*/false);
  if (!buffer)
    return module.emitError("cannot read ") << path << ": " << buffer.getError().message();
  return (*buffer)->getBuffer().str();
}

FailureOr<std::string> heed::linkElf(ModuleOp module, StringRef object, ArrayRef<const char *> extra) {
  TemporaryFolder folder;
  if (folder.error)
    return module.emitError("cannot make a temporary folder for the linker: ") << folder.error.message();
  std::string input = folder.file("kernels.o"), output = folder.file("kernels.so");
  if (failed(writeFile(module, input, object)))
    return failure();
  SmallVector<const char *> arguments = {"ld.lld",      "-shared", "--build-id=none", "--threads=1",
                                         input.c_str(), "-o",      output.c_str()};
  arguments.append(extra.begin(), extra.end());
  std::string messages;
  llvm::raw_string_ostream report(messages);
  std::lock_guard lock(globalOptions());
  lld::Result result = lld::lldMain(arguments, report, report, {{lld::Gnu, &lld::elf::link}});
  if (result.retCode != 0)
    return module.emitError("linking the compiled kernels failed: ") << messages;
  return readFile(module, output);
}
