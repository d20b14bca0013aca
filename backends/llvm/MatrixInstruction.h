/// Matrix instructions as LLVM intrinsics.
#pragma once

#include "backends/llvm/SimtToLlvm.h"
#include "dialects/tile/Atom.h"

namespace heed::simt {

/// The pattern for simt.mma of these atoms, whose instructions are intrinsics: the elements of the three fragments are
/// packed as its parameters want them, in order; parameters that remain are zero.
void populateMatrixInstructions(const mlir::LLVMTypeConverter &types, mlir::RewritePatternSet &patterns,
                                llvm::ArrayRef<tile::Atom> atoms);

} // namespace heed::simt
