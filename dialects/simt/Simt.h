/// The simt dialect: what one lane does. See SPEC.md for constraints.
#pragma once

#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/IR/SymbolTable.h"
#include "mlir/Interfaces/ControlFlowInterfaces.h"
#include "mlir/Interfaces/FunctionInterfaces.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

#include "dialects/simt/SimtDialect.h.inc"
#include "dialects/simt/SimtEnums.h.inc"
#define GET_ATTRDEF_CLASSES
#include "dialects/simt/SimtAttrs.h.inc"
namespace heed::simt {
/// On a select between the operands of a comparison: the greater or the smaller of two, either of them if one is NaN.
constexpr llvm::StringLiteral extremeAttrName = "heed.extreme";
/// On a loop whose body holds as many rounds as the registers can: nobody below may unroll it further.
constexpr llvm::StringLiteral unrolledAttrName = "heed.unrolled";
/// On a loop whose rounds had better make again what does not change: in front of it, registers are short.
constexpr llvm::StringLiteral wholeAttrName = "heed.whole";
/// On a kernel: so many of its workgroups share the registers of a processor, even if a lane then has few.
constexpr llvm::StringLiteral workgroupsAttrName = "heed.workgroups";
} // namespace heed::simt

#define GET_OP_CLASSES
#include "dialects/simt/SimtOps.h.inc"
