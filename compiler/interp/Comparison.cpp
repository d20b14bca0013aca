#include "compiler/interp/Comparison.h"

#include "mlir/IR/TypeUtilities.h"
#include "llvm/ADT/Twine.h"

#include <cmath>

using namespace mlir;

namespace heed::interp {

static ArrayRef<Scalar> elementsOf(const RuntimeValue &value) {
  if (auto *tensor = std::get_if<Tensor>(&value))
    return tensor->data();
  return std::get<Scalar>(value);
}

static bool isComparable(const RuntimeValue &value) {
  return std::holds_alternative<Tensor>(value) || std::holds_alternative<Scalar>(value);
}

static void compareReals(double a, double b, size_t position, Difference &difference) {
  bool bothFinite = std::isfinite(a) && std::isfinite(b);
  if (!bothFinite && !(a == b)) {
    if (difference.mismatch.empty())
      difference.mismatch =
          ("element " + Twine(position) + " is " + std::to_string(a) + " and " + std::to_string(b)).str();
    return;
  }
  if (!bothFinite)
    return;
  difference.largestError = std::fmax(difference.largestError, std::fabs(a - b));
  difference.largestReference = std::fmax(difference.largestReference, std::fabs(a));
}

Difference compare(const RuntimeValue &reference, const RuntimeValue &other, Type type) {
  Difference difference;
  if (!isComparable(reference) || reference.index() != other.index()) {
    difference.mismatch = "values of this type cannot be compared";
    return difference;
  }
  auto *left = std::get_if<Tensor>(&reference), *right = std::get_if<Tensor>(&other);
  if (left && (left->shape != right->shape || left->isFloat() != right->isFloat())) {
    difference.mismatch = "shapes or element types differ";
    return difference;
  }
  bool real = isa<FloatType>(getElementTypeOrSelf(type));
  ArrayRef<Scalar> a = elementsOf(reference), b = elementsOf(other);
  difference.elements = static_cast<int64_t>(a.size());
  for (size_t position = 0; position < a.size(); ++position) {
    if (real)
      compareReals(a[position].real, b[position].real, position, difference);
    else if (a[position].integer != b[position].integer && difference.mismatch.empty())
      difference.mismatch =
          ("element " + Twine(position) + " is " + Twine(a[position].integer) + " and " + Twine(b[position].integer))
              .str();
  }
  return difference;
}

} // namespace heed::interp
