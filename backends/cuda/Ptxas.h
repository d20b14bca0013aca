/// NVIDIA's assembler, where the machine that compiles has one.
#pragma once

#include "backends/simt/SimtBackend.h"

#include "mlir/IR/BuiltinOps.h"

#include <map>
#include <string>

namespace heed::cuda {

/// Its path: $HEED_PTXAS if set (none if that is empty), else on PATH, in $CUDA_HOME/bin or in /usr/local/cuda/bin.
/// Empty when there is none.
std::string findPtxas();

struct Cubin {
  std::string bytes;
  std::string warnings; ///< a line for each kernel whose values did not fit the registers, and what else was said
  std::map<std::string, simt::CodeFacts> facts; ///< by kernel
  double seconds = 0;                           ///< of processor time

  /// The most that a lane of a kernel keeps in memory.
  int64_t localBytes() const;
};

/// How hard the assembler tries to need few registers: as it does by itself, or more, at some cost in speed.
enum class RegisterThrift { Usual, Greater };

/// Assembles PTX for a chip. Fails without a diagnostic where the assembler refuses; `message` says why.
mlir::FailureOr<Cubin> assemblePtx(mlir::ModuleOp module, llvm::StringRef assembler, llvm::StringRef ptx,
                                   llvm::StringRef chip, RegisterThrift thrift, std::string &message);

} // namespace heed::cuda
