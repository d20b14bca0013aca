/// A value of the graph while it is imported: its element type, its symbolic shape, and what is known of its elements.
#pragma once

#include "compiler/import/Sizes.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/Value.h"
#include "runtime/OnnxElementType.h"
#include "llvm/ADT/APFloat.h"
#include "llvm/ADT/SmallVector.h"

#include <memory>
#include <string>

namespace heed::importer {

using ElementKind = rt::ElementType;

/// "f32", "bool" ..; for numbers of TensorProto that Heed does not compute with, ONNX's own name.
std::string onnxTypeName(int32_t onnxType);
/// The signless type that holds the elements.
mlir::Type storageType(ElementKind kind, mlir::MLIRContext *context);
/// The type arithmetic is done in: f32 for the 16-bit floats, else the storage type.
mlir::Type computeType(ElementKind kind, mlir::MLIRContext *context);

/// Elements known while importing, in row-major order; one element stands for all of a splat. Integers and booleans
/// are sizes (so they may depend on symbols), floats are values of the storage format.
struct Literal {
  llvm::SmallVector<Size> integers;
  llvm::SmallVector<llvm::APFloat> floats;

  size_t size() const { return integers.size() + floats.size(); }
  bool isSplat() const { return size() == 1; }
  /// Whether no element depends on a symbol.
  bool isConstant() const;
};

/// No tensor has more dimensions.
constexpr int64_t maxRank = 32;
/// Tensors with more elements are never held as literals.
constexpr int64_t maxLiteralElements = 4096;

struct Tensor {
  ElementKind kind = ElementKind::f32;
  llvm::SmallVector<Size> shape;
  /// The value in the function; null until a literal or a constant is materialised.
  mlir::Value value;
  /// Set when the elements are known.
  std::shared_ptr<const Literal> literal;
  /// Set for initialisers too large for a literal.
  mlir::ElementsAttr constant;

  int64_t rank() const { return shape.size(); }
  /// The number of elements when it is a known constant.
  std::optional<int64_t> count() const;
  /// Element i of an integer literal.
  Size integer(size_t i) const { return literal->isSplat() ? literal->integers[0] : literal->integers[i]; }
  const llvm::APFloat &floating(size_t i) const { return literal->isSplat() ? literal->floats[0] : literal->floats[i]; }
  bool isIntegerLiteral() const { return literal && !isFloat(kind); }
  /// A literal of one value that does not depend on symbols, whatever the shape.
  bool isScalarConstant() const { return literal && literal->isSplat() && literal->isConstant(); }
};

/// "f32[batch, 4, seq]" for messages.
std::string describe(const Tensor &tensor, const Sizes &sizes);
std::string describe(Size size, const Sizes &sizes);
std::string describe(llvm::ArrayRef<Size> shape, const Sizes &sizes);

} // namespace heed::importer
