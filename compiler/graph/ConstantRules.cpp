#include "compiler/graph/ConstantRules.h"

#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/DialectResourceBlobManager.h"

#include <functional>

using namespace mlir;
using namespace heed;

namespace {
/// Reads numbers of a constant by position, however it is stored.
struct NumberReader {
  std::function<double(int64_t)> at;
  ShapedType type;
};
} // namespace

static std::optional<NumberReader> readerOf(Attribute constant) {
  if (auto dense = dyn_cast_or_null<DenseElementsAttr>(constant)) {
    if (isa<FloatType>(dense.getElementType())) {
      auto values = dense.value_begin<APFloat>();
      return NumberReader{[values](int64_t position) {
                            APFloat value = *(values + position);
                            bool lossy;
                            value.convert(APFloat::IEEEdouble(), APFloat::rmNearestTiesToEven, &lossy);
                            return value.convertToDouble();
                          },
                          dense.getType()};
    }
    if (dense.getElementType().isInteger(1)) {
      auto values = dense.value_begin<bool>();
      return NumberReader{[values](int64_t position) { return *(values + position) ? 1.0 : 0.0; }, dense.getType()};
    }
    return std::nullopt;
  }
  if (auto floats = dyn_cast_or_null<DenseF32ResourceElementsAttr>(constant))
    if (std::optional<ArrayRef<float>> data = floats.tryGetAsArrayRef())
      return NumberReader{[data = *data](int64_t position) { return static_cast<double>(data[position]); },
                          floats.getType()};
  return std::nullopt;
}

/// The attribute of a number that was read from an element of this type.
static TypedAttr numberAttr(Type elementType, double value) {
  if (isa<FloatType>(elementType))
    return FloatAttr::get(elementType, value);
  return IntegerAttr::get(elementType, value != 0.0 ? 1 : 0);
}

std::optional<TriangleRule> heed::matchTriangle(Attribute constant, ArrayRef<int64_t> fixed, unsigned rowDim,
                                                unsigned columnDim) {
  std::optional<NumberReader> reader = readerOf(constant);
  if (!reader)
    return std::nullopt;
  ArrayRef<int64_t> shape = reader->type.getShape();
  int64_t rows = shape[rowDim], columns = shape[columnDim];
  auto at = [&](int64_t row, int64_t column) {
    int64_t position = 0;
    for (auto [dim, size] : llvm::enumerate(shape))
      position = position * size + (dim == rowDim ? row : dim == columnDim ? column : fixed[dim]);
    return reader->at(position);
  };
  // The first row with two values tells where the diagonal is.
  std::optional<int64_t> offset;
  double below = 0.0, above = 0.0;
  for (int64_t row = 0; row < rows && !offset; ++row)
    for (int64_t column = 0; column + 1 < columns && !offset; ++column)
      if (at(row, column) != at(row, column + 1)) {
        offset = column - row;
        below = at(row, column);
        above = at(row, column + 1);
      }
  if (!offset)
    return std::nullopt;
  for (int64_t row = 0; row < rows; ++row)
    for (int64_t column = 0; column < columns; ++column)
      if (at(row, column) != (column <= row + *offset ? below : above))
        return std::nullopt;
  Type elementType = reader->type.getElementType();
  return TriangleRule{*offset, numberAttr(elementType, below), numberAttr(elementType, above)};
}
