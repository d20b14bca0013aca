/// The constants of a package, each content once.
#pragma once

#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/Location.h"
#include "runtime/PlanModel.h"

#include <deque>
#include <unordered_map>

namespace heed {

/// The element type of a package for elements of an MLIR type: signless and signed integers are iN, unsigned ones uN,
/// i1 is a boolean of one byte. None for types that no tensor of a package may have.
std::optional<rt::ElementType> packageElementType(mlir::Type type);

/// Collects constants of all plans of a package. Bytes of dense attributes are referred to, not copied: the context
/// that owns the attributes must live until the package is written.
class ConstantPool {
public:
  /// Index of the constant with this type, shape and content. Errors are reported at `where`.
  mlir::FailureOr<uint32_t> add(mlir::ElementsAttr value, mlir::Location where);

  const std::vector<rt::ConstantTensor> &tensors() const { return constants; }

private:
  mlir::FailureOr<std::span<const std::byte>> bytesOf(mlir::ElementsAttr value, rt::ElementType type,
                                                      mlir::Location where);

  std::vector<rt::ConstantTensor> constants;
  std::unordered_multimap<uint64_t, uint32_t> byHash;
  std::deque<std::vector<std::byte>> expanded; // splats and booleans, which attributes hold in another form
};

} // namespace heed
