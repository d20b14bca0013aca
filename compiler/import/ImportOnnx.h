/// Reads an ONNX model as a module of attn, linalg, tensor, arith and math operations.
#pragma once

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/StringRef.h"

namespace heed {

struct ImportOptions {
  /// Sizes of named dimensions, which otherwise become symbols: heedc --dim seq=128.
  llvm::StringMap<int64_t> fixedDims;
};

/// Imports the model at `path` as one function `@main`; see the plan dialect for the attributes it carries. Besides
/// them, `plan.constraints` on the function lists what must hold of the symbols of a call: an integer set over the
/// symbols in the order of plan.symbols, and a message that names the node; and `plan.unsigned` marks arguments and
/// results of unsigned integers, which are signless in the IR.
///
/// Large initialisers are resource attributes over the memory the model was read into, or over the mapped file of
/// external data, which live as long as the context. The dialects needed are loaded into the context.
///
/// Null after an error, reported as one diagnostic that names graph, node, operator and opset; the handler of
/// diagnostics knows the file.
mlir::OwningOpRef<mlir::ModuleOp> importOnnx(llvm::StringRef path, mlir::MLIRContext &context,
                                             const ImportOptions &options = {});

/// The same for a model in memory. External data are looked up in `baseDirectory` and refused when that is empty. The
/// bytes are not needed after the call.
mlir::OwningOpRef<mlir::ModuleOp> importOnnxBuffer(llvm::StringRef bytes, llvm::StringRef baseDirectory,
                                                   mlir::MLIRContext &context, const ImportOptions &options = {});

} // namespace heed
