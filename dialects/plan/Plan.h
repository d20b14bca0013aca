/// The plan dialect: symbols of a graph, kernels as regions, launches. See SPEC.md for constraints.
#pragma once

#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/IR/AffineMap.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/IR/SymbolTable.h"
#include "mlir/Interfaces/ControlFlowInterfaces.h"
#include "mlir/Interfaces/InferTypeOpInterface.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

#include "dialects/plan/PlanDialect.h.inc"
#include "dialects/plan/PlanEnums.h.inc"
#define GET_OP_CLASSES
#include "dialects/plan/PlanOps.h.inc"

namespace heed::plan {
/// Names of the attributes the dialect puts on functions, arguments and results; see the dialect's description.
constexpr llvm::StringLiteral symbolsAttrName = "plan.symbols";
constexpr llvm::StringLiteral nameAttrName = "plan.name";
constexpr llvm::StringLiteral shapeAttrName = "plan.shape";
constexpr llvm::StringLiteral stridesAttrName = "plan.strides";
constexpr llvm::StringLiteral hostScalarAttrName = "plan.host_scalar";
constexpr llvm::StringLiteral aliasAttrName = "plan.alias";
/// What the labels of kernels end with that find the keys which an attention's rows may see, that work on parts of it,
/// and that merge these.
constexpr llvm::StringLiteral boundsSuffix = ".bounds";
constexpr llvm::StringLiteral partsSuffix = ".parts";
constexpr llvm::StringLiteral mergeSuffix = ".merge";
/// On a launch: per result the number of the operand whose content it starts from, or -1.
constexpr llvm::StringLiteral tiedAttrName = "plan.tied";
/// On a launch: numbers of the results that are zero when it starts, and that it leaves zero.
constexpr llvm::StringLiteral zeroedAttrName = "plan.zeroed";
constexpr llvm::StringLiteral constraintsAttrName = "plan.constraints";
} // namespace heed::plan
