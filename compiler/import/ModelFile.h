/// An ONNX file in memory and the files of external data beside it.
#pragma once

#include "compiler/import/GraphBuilder.h"
#include "compiler/import/OnnxProto.h"
#include "mlir/IR/Diagnostics.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/Support/MemoryBuffer.h"

#include <memory>

namespace heed::importer {

class ModelFile {
public:
  /// `location` stands for the file.
  ModelFile(mlir::Location location, llvm::StringRef baseDirectory)
      : location(location), baseDirectory(baseDirectory) {}

  mlir::LogicalResult parse(llvm::StringRef bytes);
  const onnx::ModelProto &getModel() const { return *model; }
  /// An error about the file. Only the first of an import is reported: what follows from it would not help.
  mlir::InFlightDiagnostic error();

  /// The tensor a message describes: a literal when it is small, else a constant over memory that the model or a mapped
  /// file keeps alive. `what` names the tensor in messages: "graph 'g': initialiser 'w'".
  mlir::FailureOr<Tensor> readTensor(const onnx::TensorProto &proto, llvm::StringRef what, GraphBuilder &builder);

private:
  /// Bytes of a tensor and what keeps them alive.
  struct Bytes {
    llvm::ArrayRef<char> data;
    std::shared_ptr<const void> owner;
  };
  mlir::FailureOr<Bytes> readBytes(const onnx::TensorProto &proto, ElementKind kind, int64_t count,
                                   llvm::StringRef what);
  mlir::FailureOr<Bytes> readExternal(const onnx::TensorProto &proto, int64_t expected, llvm::StringRef what);
  mlir::FailureOr<std::shared_ptr<llvm::MemoryBuffer>> openExternal(llvm::StringRef path, llvm::StringRef what);
  mlir::FailureOr<Bytes> readTyped(const onnx::TensorProto &proto, ElementKind kind, int64_t count,
                                   llvm::StringRef what);

  mlir::Location location;
  std::string baseDirectory;
  std::shared_ptr<onnx::ModelProto> model;
  llvm::StringMap<std::shared_ptr<llvm::MemoryBuffer>> externalFiles;
  unsigned numResources = 0;
  bool hasReported = false;
};

} // namespace heed::importer
