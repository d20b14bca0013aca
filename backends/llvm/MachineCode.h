/// LLVM IR, optimised for one machine, and the files made from it.
#pragma once

#include "mlir/IR/BuiltinOps.h"
#include "mlir/Support/LLVM.h"
#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/IR/PassManager.h"
#include "llvm/Support/CodeGen.h"

#include <memory>
#include <string>

namespace heed {

/// A machine, and how code for it is made.
struct Machine {
  // As LLVM names it. None of it may come from a user: LLVM ends the process on names it does not know.
  std::string triple;
  std::string chip;
  std::string features;

  /// A product and a sum may be rounded once. By default only where the program says so, so that results do not depend
  /// on the chip.
  bool fusesProducts = false;
  llvm::CodeGenOptLevel effort = llvm::CodeGenOptLevel::Aggressive;
  /// Code generation may move instructions into later blocks, nearer to their uses, and so away from what loads their
  /// operands.
  bool sinks = true;
  /// Whoever reads the code optimises it again, so that code generation leaves out what takes long.
  bool isThrifty = false;
  /// The optimisations; null for LLVM's usual ones, but without unrolling loops.
  void (*optimise)(llvm::Module &module, llvm::ModuleAnalysisManager &analyses) = nullptr;
};

class MachineCode {
public:
  /// Translates a module in the LLVM dialect, which must outlive the result, lets `annotate` add what the dialect
  /// cannot say, and optimises. Kernels may call nothing from outside. The context must have gone through
  /// prepareMachineTranslation. Errors are reported on the module.
  static mlir::FailureOr<MachineCode> generate(mlir::ModuleOp source, const Machine &machine,
                                               llvm::function_ref<void(llvm::Module &)> annotate);
  MachineCode(MachineCode &&);
  ~MachineCode();

  /// Changes how the functions are compiled from now on, by attributes.
  void annotate(llvm::function_ref<void(llvm::Function &)> change);

  std::string printLlvm() const;
  mlir::FailureOr<std::string> assembly() const;
  /// Equal modules give equal bytes.
  mlir::FailureOr<std::string> object() const;

private:
  struct State;
  explicit MachineCode(std::unique_ptr<State> state);
  std::unique_ptr<State> state;
};

/// Registers the translations to LLVM IR that MachineCode needs.
void prepareMachineTranslation(mlir::MLIRContext &context);

} // namespace heed
