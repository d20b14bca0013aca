/// Matrix instructions as LLVM intrinsics.
#pragma once

#include "backends/llvm/SimtToLlvm.h"

namespace heed::simt {

/// Calls the intrinsic with the elements of three fragments packed as its parameters want them, in order; parameters
/// that remain are zero. Returns the elements of the result, or none if the fragments do not fill the parameters.
mlir::FailureOr<llvm::SmallVector<mlir::Value>> callMatrixInstruction(mlir::OpBuilder &builder, mlir::Location location,
                                                                      llvm::StringRef intrinsic,
                                                                      MmaOp::Adaptor fragments,
                                                                      mlir::Type resultElement);

/// The pattern for simt.mma; `instructionOf` gives the intrinsic of an atom, empty when unknown.
void populateMatrixInstructions(const mlir::LLVMTypeConverter &types, mlir::RewritePatternSet &patterns,
                                std::function<llvm::StringRef(llvm::StringRef)> instructionOf);

} // namespace heed::simt
