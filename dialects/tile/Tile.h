/// The tile dialect: programs over tiles. See SPEC.md for constraints.
#pragma once

#include "dialects/tile/Layout.h"
#include "dialects/tile/SharedLayout.h"
#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/IR/SymbolTable.h"
#include "mlir/IR/TensorEncoding.h"
#include "mlir/Interfaces/ControlFlowInterfaces.h"
#include "mlir/Interfaces/FunctionInterfaces.h"
#include "mlir/Interfaces/InferTypeOpInterface.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

#include "dialects/tile/TileDialect.h.inc"
#include "dialects/tile/TileEnums.h.inc"
#define GET_ATTRDEF_CLASSES
#include "dialects/tile/TileAttrs.h.inc"
#define GET_TYPEDEF_CLASSES
#include "dialects/tile/TileTypes.h.inc"
#define GET_OP_CLASSES
#include "dialects/tile/TileOps.h.inc"

namespace heed::tile {

/// On kernels that stand before one which does the same for all calls: how many conditions calls of theirs meet.
constexpr llvm::StringLiteral alternativeAttrName = "heed.alternative";
/// On alternatives: only wanted where the values of the one before do not fit the registers.
constexpr llvm::StringLiteral standsInAttrName = "heed.stands_in";
/// On a tile.kernel: its programs take different times, which depend on where they stand in the grid.
constexpr llvm::StringLiteral unevenAttrName = "heed.uneven";
/// On a tile.kernel: other launches may stand before and behind its own; those of the plan before it write none of
/// these bases (an array of their numbers). It may be the first of a plan, so that launches before it are of other
/// calls.
constexpr llvm::StringLiteral followsAttrName = "heed.follows", opensAttrName = "heed.opens";
/// Marks a kernel so, also for another launch of it: bases are unwritten that are so for all.
void addNeighbourMark(mlir::Operation *kernel, mlir::NamedAttribute mark);

/// In a kernel's schedule: warps of a workgroup, where they are not as many as the target's usually have.
constexpr llvm::StringLiteral warpsScheduleName = "warps";
/// The same, of how many registers a lane of warps has that only copy.
constexpr llvm::StringLiteral copyingRegistersScheduleName = "copying_registers";
/// The same, of how many workgroups a processor shall have room for; they share its registers.
constexpr llvm::StringLiteral workgroupsScheduleName = "workgroups";

} // namespace heed::tile
