/// How numbers of a matrix depend on where they are in it.
#pragma once

#include <cstdint>

namespace heed {

struct DistanceDependence {
  enum class Kind {
    Linear,   ///< rows times row + columns times column + what is the same everywhere
    Distance, ///< a function of row - column
    Other
  } kind = Kind::Other;
  int64_t rows = 0, columns = 0;

  static DistanceDependence linear(int64_t rows = 0, int64_t columns = 0) { return {Kind::Linear, rows, columns}; }
  bool isUniform() const { return kind == Kind::Linear && rows == 0 && columns == 0; }
  bool isOfDistance() const { return kind == Kind::Distance || (kind == Kind::Linear && rows == -columns); }

  /// Of a sum of linear numbers, or a difference. Sums wrap as the coordinates' multiples do, so differences are exact.
  DistanceDependence plus(DistanceDependence other, int64_t sign) const {
    return linear(rows + sign * other.rows, columns + sign * other.columns);
  }

  /// Of what is made of numbers that depend so, in any way.
  template <typename Range> static DistanceDependence join(Range &&dependences) {
    bool isUniform = true;
    for (DistanceDependence each : dependences) {
      if (!each.isOfDistance())
        return {};
      isUniform &= each.isUniform();
    }
    return isUniform ? linear() : DistanceDependence{Kind::Distance};
  }
};

} // namespace heed
