/// From the LLVM dialect to an ELF shared object, all in memory but for the linker's files.
#pragma once

#include "backends/cpu/IsaLevel.h"

#include "mlir/IR/BuiltinOps.h"

#include <memory>
#include <string>

namespace heed::cpu {

/// Registers what translation needs with the context, and LLVM's x86 target with the process.
void prepareTranslation(mlir::MLIRContext &context);

/// Machine code for one ISA level of a module of LLVM functions, which must outlive it. Errors are reported on that
/// module.
class NativeCode {
public:
  /// Translates and optimises.
  static mlir::FailureOr<NativeCode> generate(mlir::ModuleOp source, const IsaLevel &isa);
  NativeCode(NativeCode &&);
  ~NativeCode();

  std::string printLlvm() const;
  mlir::FailureOr<std::string> printAssembly() const;
  /// A shared object that needs nothing but memcpy and memset. Equal modules give equal bytes.
  mlir::FailureOr<std::string> linkSharedObject() const;

private:
  struct State;
  explicit NativeCode(std::unique_ptr<State> state);
  std::unique_ptr<State> state;
};

} // namespace heed::cpu
