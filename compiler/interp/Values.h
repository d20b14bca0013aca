/// What a value of the program is while it is interpreted.
#pragma once

#include "compiler/interp/Scalar.h"

#include "mlir/Support/LLVM.h"
#include "llvm/Support/raw_ostream.h"

#include <memory>
#include <variant>
#include <vector>

namespace heed::interp {

using Shape = llvm::SmallVector<int64_t, 4>;
using Storage = std::vector<Scalar>;

/// Elements of a shape without overflow checks; shapes of values have passed Interpreter::makeTensor.
int64_t elementCount(llvm::ArrayRef<int64_t> shape);
/// Row-major strides in elements.
Shape contiguousStrides(llvm::ArrayRef<int64_t> shape);
/// Steps `position` to the next element in row-major order; false after the last one.
bool nextPosition(llvm::MutableArrayRef<int64_t> position, llvm::ArrayRef<int64_t> shape);

/// A tensor or tile: a value. Copies share elements until one of them is written.
struct Tensor {
  mlir::Type elementType;
  Shape shape;
  std::shared_ptr<Storage> elements; ///< row-major
  /// For an input with strides of its own: where element (i, j, ..) lies in its storage. Empty: contiguous.
  Shape storageStrides;

  static Tensor filled(mlir::Type elementType, llvm::ArrayRef<int64_t> shape, Scalar value);

  int64_t rank() const { return static_cast<int64_t>(shape.size()); }
  int64_t size() const { return static_cast<int64_t>(elements->size()); }
  bool isFloat() const { return mlir::isa<mlir::FloatType>(elementType); }
  llvm::ArrayRef<Scalar> data() const { return *elements; }
  /// The elements for writing; not shared with any other tensor afterwards.
  llvm::MutableArrayRef<Scalar> mutableData();
  /// The same elements in another shape of equal size.
  Tensor reshaped(llvm::ArrayRef<int64_t> newShape) const;
};

/// A memref: strided access to storage that it shares.
struct View {
  std::shared_ptr<Storage> storage;
  mlir::Type elementType;
  int64_t offset = 0;
  Shape shape, strides;
};

/// A tile.ring: its slots are written by copies and read by reads.
struct Ring {
  std::vector<Tensor> slots;
};

struct Token {};

/// An attn.row_state: reference and weight sum [B,H,M], accumulator [B,H,M,Dv]. The sum is 0 for a row without a
/// visible key; its reference is then attn::maskedScore.
struct RowState {
  Tensor reference, sum, accumulator;
};

using RuntimeValue =
    std::variant<std::monostate, Scalar, Tensor, View, std::shared_ptr<Ring>, Token, std::shared_ptr<RowState>>;

/// Prints "2x3xf32 = [[1, 2, 3], [4, 5, 6]]" with `digits` significant digits; a scalar needs its type.
void printValue(llvm::raw_ostream &stream, const RuntimeValue &value, mlir::Type type, unsigned digits);

} // namespace heed::interp
