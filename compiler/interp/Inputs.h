/// Arguments for a function under test: seeded random numbers, or what the command line says.
#pragma once

#include "compiler/interp/Values.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/StringMap.h"

namespace heed::interp {

struct InputOptions {
  uint64_t seed = 0;
  /// Values of symbols (--dim NAME=SIZE).
  llvm::StringMap<int64_t> dims;
  /// Shapes of arguments by index or plan.name (--shape ARGUMENT=2x3), for dynamic sizes without plan.shape.
  llvm::StringMap<std::string> shapes;
  /// Contents by index or plan.name (--input ARGUMENT=CONTENTS): `1,2,3` in row-major order, `splat:V`, `iota:FIRST`,
  /// `random:LOW:HIGH` (integers: HIGH included). Without one: random in [-1, 1), integers in [0, 3].
  llvm::StringMap<std::string> contents;
};

/// Arguments for `function`; the same function type, options and position give the same numbers on every machine.
/// Numbers are rounded to their element type. Emits an error on the function.
mlir::FailureOr<llvm::SmallVector<RuntimeValue>> makeInputs(mlir::func::FuncOp function, const InputOptions &options);

} // namespace heed::interp
