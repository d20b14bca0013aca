/// From the LLVM dialect to an ELF shared object, all in memory but for the linker's files.
#pragma once

#include "backends/cpu/IsaLevel.h"
#include "backends/llvm/MachineCode.h"

namespace heed::cpu {

/// Registers what translation needs with the context, and LLVM's x86 target with the process.
void prepareTranslation(mlir::MLIRContext &context);

/// Machine code for one ISA level of a module of LLVM functions.
mlir::FailureOr<MachineCode> generateCode(mlir::ModuleOp source, const IsaLevel &isa);

/// The code of `source` as a shared object that needs nothing but memcpy and memset. Equal modules give equal bytes.
mlir::FailureOr<std::string> linkSharedObject(mlir::ModuleOp source, const MachineCode &code);

} // namespace heed::cpu
