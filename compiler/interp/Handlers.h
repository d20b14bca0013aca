/// The handlers of each dialect; one source file a dialect, or a group of its ops.
#pragma once

#include "compiler/interp/Interpreter.h"

namespace heed::interp {

void addControlHandlers(HandlerTable &table);   ///< func, scf, affine
void addTensorHandlers(HandlerTable &table);    ///< tensor
void addLinalgHandlers(HandlerTable &table);    ///< linalg ops without a body; the others go through runLinalg
void addMemRefHandlers(HandlerTable &table);    ///< memref
void addAttnHandlers(HandlerTable &table);      ///< attn but attend
void addPlanHandlers(HandlerTable &table);      ///< plan
void addTileHandlers(HandlerTable &table);      ///< tile: memory, staging, schedules
void addTileValueHandlers(HandlerTable &table); ///< tile: ops on values

mlir::LogicalResult runAttend(Interpreter &interpreter, mlir::Operation *op, Frame &frame);
/// Any op of the LinalgOp interface, by its indexing maps and its body.
mlir::LogicalResult runLinalg(Interpreter &interpreter, mlir::Operation *op, Frame &frame);
/// arith and math on scalars or elementwise on tensors, and arith.constant.
mlir::LogicalResult runElementwise(Interpreter &interpreter, mlir::Operation *op, Frame &frame);
mlir::LogicalResult runConstant(Interpreter &interpreter, mlir::Operation *op, Frame &frame);

} // namespace heed::interp
