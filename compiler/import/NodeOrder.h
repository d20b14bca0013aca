/// The nodes a graph needs, in an order in which each follows what it reads.
#pragma once

#include "compiler/import/OnnxProto.h"
#include "mlir/IR/Diagnostics.h"
#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringRef.h"

namespace heed::importer {

/// Positions in `nodes` of those that the `wanted` values depend on; in the file's order where that is possible.
/// Reports, after the beginning that `error` makes: a value defined twice or not at all, and cycles.
mlir::FailureOr<llvm::SmallVector<int>> orderNodes(const google::protobuf::RepeatedPtrField<onnx::NodeProto> &nodes,
                                                   llvm::ArrayRef<llvm::StringRef> wanted,
                                                   llvm::function_ref<bool(llvm::StringRef)> isKnown,
                                                   llvm::function_ref<mlir::InFlightDiagnostic()> error);

} // namespace heed::importer
