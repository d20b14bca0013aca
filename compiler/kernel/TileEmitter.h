/// Turns scalar code over tensors (bodies of generics, regions of attend) into code over tiles.
///
/// This is where operands are pulled through a kernel: a tensor that is an operand of the kernel is loaded, one that
/// the kernel computes is computed for just the block asked for.
#pragma once

#include "compiler/kernel/KernelBuilder.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"

namespace heed {

/// The block of an iteration space that tiles cover: per dimension its size, the coordinate of its first element and
/// how many of its elements are in bounds (null: all).
struct TileDomain {
  llvm::SmallVector<int64_t> sizes;
  llvm::SmallVector<mlir::Value> origins;
  llvm::SmallVector<mlir::Value> extents;

  unsigned addDimension(int64_t size, mlir::Value origin, mlir::Value extent) {
    sizes.push_back(size);
    origins.push_back(origin);
    extents.push_back(extent);
    return sizes.size() - 1;
  }
};

/// A scalar of the original code, as it is for a whole block: one value when it is the same everywhere (`dims` empty),
/// else a tile over the domain dimensions it varies along, in ascending order.
struct Piece {
  mlir::Value value;
  llvm::SmallVector<int64_t> dims;
  /// Set when the piece is exactly the coordinate along this domain dimension; `value` may then be null until needed.
  std::optional<int64_t> coordinate;

  static Piece uniform(mlir::Value value) { return {value, {}, std::nullopt}; }
};

class TileEmitter {
public:
  TileEmitter(KernelBuilder &kernel, TileDomain domain) : kernel(kernel), domain(std::move(domain)) {}

  TileDomain &getDomain() { return domain; }

  /// The coordinate along a domain dimension.
  Piece coordinate(int64_t dim);
  /// A tile given from outside, over these domain dimensions.
  static Piece tile(mlir::Value value, llvm::ArrayRef<int64_t> dims) { return {value, llvm::to_vector(dims), {}}; }

  /// Makes `tensor`, a value of the source kernel, stand for `piece` when read at the indices of its own dimensions.
  void define(mlir::Value tensor, Piece piece) { defined[tensor] = std::move(piece); }
  /// Sources computed inside the kernel may also be given as functions of the indices.
  using Reader = std::function<mlir::FailureOr<Piece>(llvm::ArrayRef<Piece>)>;
  void define(mlir::Value tensor, Reader reader) { readers[tensor] = std::move(reader); }

  /// Element `indices` of a tensor of the source kernel.
  mlir::FailureOr<Piece> read(mlir::Value tensor, llvm::ArrayRef<Piece> indices);
  /// The same of memory that holds values of type `element`.
  Piece readMemory(mlir::Value memory, mlir::Type element, llvm::ArrayRef<Piece> indices);
  /// Writes a piece as element `indices` of result `result`.
  mlir::LogicalResult write(unsigned result, const Piece &piece, llvm::ArrayRef<Piece> indices);

  /// Emits a block of scalar code. `arguments` stand for its arguments, `iteration` for linalg.index; returns the
  /// operands of its terminator. `captures` maps tensor arguments of the block to tensors of the source kernel.
  mlir::FailureOr<llvm::SmallVector<Piece>>
  inlineBlock(mlir::Block &block, llvm::ArrayRef<Piece> arguments, llvm::ArrayRef<Piece> iteration,
              const llvm::DenseMap<mlir::Value, mlir::Value> &captures = llvm::DenseMap<mlir::Value, mlir::Value>());
  /// The pieces an affine expression over `iteration` evaluates to.
  Piece apply(mlir::AffineExpr expression, llvm::ArrayRef<Piece> iteration);
  /// One op of elementwise scalar code.
  mlir::FailureOr<Piece> emit(mlir::Operation *op, llvm::ArrayRef<Piece> operands);
  template <typename Op> Piece binary(const Piece &a, const Piece &b) {
    llvm::SmallVector<int64_t> dims = unite({a, b});
    mlir::Value left = spread(a, dims), right = spread(b, dims);
    return {Op::create(kernel.at(), left, right).getResult(), dims, std::nullopt};
  }

  /// The piece as a tile (or scalar) over exactly `dims`.
  mlir::Value spread(const Piece &piece, llvm::ArrayRef<int64_t> dims);
  llvm::SmallVector<int64_t> unite(llvm::ArrayRef<Piece> pieces);
  mlir::RankedTensorType tileType(mlir::Type element, llvm::ArrayRef<int64_t> dims);

private:
  mlir::FailureOr<Piece> readGeneric(mlir::linalg::GenericOp generic, unsigned result, llvm::ArrayRef<Piece> indices);
  mlir::LogicalResult writeElement(unsigned result, const Piece &piece, llvm::SmallVector<mlir::Value> indices);
  mlir::Value loadScalar(mlir::Value memory, llvm::ArrayRef<Piece> indices);
  Piece fromStorage(Piece stored, mlir::Type element);
  mlir::Value materialise(const Piece &piece);

  KernelBuilder &kernel;
  TileDomain domain;
  llvm::DenseMap<mlir::Value, Piece> defined;
  llvm::DenseMap<mlir::Value, Reader> readers;
};

} // namespace heed
