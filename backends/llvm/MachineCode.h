/// LLVM IR, optimised for one machine, and the files made from it.
#pragma once

#include "mlir/IR/BuiltinOps.h"
#include "mlir/Support/LLVM.h"
#include "llvm/ADT/STLFunctionalExtras.h"

#include <memory>
#include <string>

namespace llvm {
class Module;
}

namespace heed {

/// A machine as LLVM names it. None of it may come from a user: LLVM ends the process on names it does not know.
struct MachineName {
  std::string triple;
  std::string chip;
  std::string features;
};

class MachineCode {
public:
  /// Translates a module in the LLVM dialect, lets `annotate` add what the dialect cannot say, and optimises. Kernels
  /// may call nothing from outside. The context must have gone through prepareMachineTranslation.
  static mlir::FailureOr<MachineCode> generate(mlir::ModuleOp source, const MachineName &name,
                                               llvm::function_ref<void(llvm::Module &)> annotate);
  MachineCode(MachineCode &&);
  ~MachineCode();

  std::string printLlvm() const;
  mlir::FailureOr<std::string> assembly() const;
  mlir::FailureOr<std::string> object() const;

private:
  struct State;
  explicit MachineCode(std::unique_ptr<State> state);
  std::unique_ptr<State> state;
};

/// Registers the translations to LLVM IR that MachineCode needs.
void prepareMachineTranslation(mlir::MLIRContext &context);

} // namespace heed
