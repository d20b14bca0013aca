/// What a code object says of its kernels.
#pragma once

#include "mlir/Support/LLVM.h"

#include <cstdint>
#include <string>
#include <vector>

namespace heed::rocm {

struct KernelFacts {
  std::string name;
  uint64_t scratchBytes = 0; ///< of a lane, in memory: values that did not fit the registers
};

/// Reads the metadata of a linked code object. Fails on bytes that hold none.
mlir::FailureOr<std::vector<KernelFacts>> readKernelFacts(llvm::StringRef codeObject);

} // namespace heed::rocm
