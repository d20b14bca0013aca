/// Boolean scalar code with the constants folded away.
#pragma once

#include "mlir/IR/Builders.h"
#include "mlir/IR/Value.h"

#include <optional>

namespace heed {

mlir::Value makeTruth(mlir::OpBuilder &builder, mlir::Location location, bool value);
std::optional<bool> truthOf(mlir::Value condition);
mlir::Value makeNot(mlir::OpBuilder &builder, mlir::Value condition);
mlir::Value makeAnd(mlir::OpBuilder &builder, mlir::Value left, mlir::Value right);
mlir::Value makeOr(mlir::OpBuilder &builder, mlir::Value left, mlir::Value right);
/// condition ? yes : no
mlir::Value makeChoice(mlir::OpBuilder &builder, mlir::Value condition, mlir::Value yes, mlir::Value no);

} // namespace heed
