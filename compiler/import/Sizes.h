/// Sizes of tensors as expressions over the graph's symbols: arithmetic, comparison, and the constraints that calls are
/// checked against.
#pragma once

#include "mlir/IR/AffineExpr.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/MLIRContext.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/ADT/Twine.h"

#include <optional>
#include <string>
#include <vector>

namespace heed::importer {

/// A size in elements: an affine expression over symbols, products of symbols allowed, always in the normal form that
/// `Sizes` produces, so that equal pointers mean equal sizes. Null stands for a size that overflowed 64 bits or grew
/// beyond reason; every operation passes null on.
using Size = mlir::AffineExpr;

/// The constant a size is, if it is one.
std::optional<int64_t> constantOf(Size size);
/// Whether a size is the given constant.
bool isConstant(Size size, int64_t value);

class Sizes {
public:
  /// Symbols named in `fixedDims` are constants from the start.
  Sizes(mlir::MLIRContext *context, const llvm::StringMap<int64_t> &fixedDims);

  Size constant(int64_t value);
  /// The size of a named dimension; the first use of a name creates its symbol.
  Size symbol(llvm::StringRef name);
  /// `base`, or `base_1`, `base_2`, .. when that names a symbol already.
  std::string unusedName(llvm::StringRef base) const;
  llvm::ArrayRef<std::string> getSymbolNames() const { return names; }
  const llvm::StringSet<> &getUsedFixedDims() const { return usedFixedDims; }

  Size add(Size a, Size b);
  Size subtract(Size a, Size b);
  Size multiply(Size a, Size b);
  Size product(llvm::ArrayRef<Size> sizes);
  /// Rounded down; null when b is zero.
  Size floorDivide(Size a, Size b);
  /// The remainder, of b's sign; null when b is zero.
  Size modulo(Size a, Size b);
  /// The q with q * b == a, when there provably is one.
  std::optional<Size> divideExactly(Size a, Size b);

  /// Provable from the expressions, the constraints so far, and symbols being at least 0.
  bool areEqual(Size a, Size b);
  bool areDifferent(Size a, Size b);
  bool isAtLeast(Size a, Size b);

  /// Makes a call fail, for the given reason, unless a == b (a >= b). False when that can never hold.
  bool requireEqual(Size a, Size b, const llvm::Twine &reason);
  bool requireAtLeast(Size a, Size b, const llvm::Twine &reason);
  /// One `{set, message}` per requirement: an integer set over the symbols, and the reason.
  std::vector<mlir::DictionaryAttr> getConstraints() const;

private:
  friend class Polynomial;
  Size normalise(Size size);

  mlir::MLIRContext *context;
  llvm::StringMap<int64_t> fixedDims;
  llvm::StringSet<> usedFixedDims;
  std::vector<std::string> names;
  /// What a constraint says a symbol equals; null where nothing.
  std::vector<Size> substitutions;
  struct Constraint {
    Size expression;
    bool isEquality;
    std::string reason;
  };
  std::vector<Constraint> constraints;
};

} // namespace heed::importer
