/// What a code object says of its kernels.
#pragma once

#include "backends/simt/SimtBackend.h"

namespace heed::rocm {

using KernelFacts = std::map<std::string, simt::CodeFacts>;

/// Reads the metadata of a linked code object: facts by kernel. Fails on bytes that hold none.
mlir::FailureOr<KernelFacts> readKernelFacts(llvm::StringRef codeObject);

} // namespace heed::rocm
