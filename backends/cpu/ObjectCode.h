/// From the LLVM dialect to an ELF shared object, all in memory but for the linker's files.
#pragma once

#include "backends/cpu/IsaLevel.h"

#include "mlir/IR/BuiltinOps.h"

#include <string>

namespace heed::cpu {

/// Registers what translation needs with the context, and LLVM's x86 target with the process.
void prepareTranslation(mlir::MLIRContext &context);

/// Optimises and compiles a module of LLVM functions and links them into a shared object that needs nothing but memcpy
/// and memset. Equal modules give equal bytes. Errors are reported on the module.
mlir::FailureOr<std::string> compileToSharedObject(mlir::ModuleOp module, const IsaLevel &isa,
                                                   llvm::StringRef dumpDirectory);

} // namespace heed::cpu
