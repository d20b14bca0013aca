#include "runtime/tools/Compare.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

namespace heed::rt {

static double errorBetween(double got, double expected) {
  if (std::isnan(got) && std::isnan(expected))
    return 0;
  if (got == expected) // equal infinities too
    return 0;
  double difference = std::fabs(got - expected);
  return std::isfinite(difference) ? difference : std::numeric_limits<double>::infinity();
}

Status compare(const HostTensor &got, const HostTensor &expected, double rtol, double atol, Comparison &result) {
  if (got.type != expected.type || got.sizes != expected.sizes)
    return error(Code::invalidArgument, "is ", printShape(got.type, got.sizes), ", expected ",
                 printShape(expected.type, expected.sizes));
  result = {};
  bool exact = isInteger(got.type) || got.type == ElementType::boolean;
  double worstExcess = 0, largest = 0;
  for (int64_t i = 0, count = got.elementCount(); i < count; ++i) {
    double reference = expected.number(i);
    double difference = errorBetween(got.number(i), reference);
    double tolerance = exact ? 0 : atol + rtol * std::fabs(reference);
    if (std::isfinite(reference))
      largest = std::max(largest, std::fabs(reference));
    bool same = exact ? std::memcmp(got.data.data() + i * byteWidth(got.type),
                                    expected.data.data() + i * byteWidth(got.type), byteWidth(got.type)) == 0
                      : difference == 0 || (std::isfinite(difference) && difference <= tolerance);
    result.worstError = std::max(result.worstError, difference);
    // The element to show is the one furthest beyond its tolerance, or the worst of those within.
    double excess = same ? difference : std::max(difference, std::numeric_limits<double>::min());
    if ((!same && result.matches) || (same == result.matches && excess > worstExcess)) {
      result.worstIndex = i;
      worstExcess = excess;
    }
    result.matches &= same;
  }
  result.normWise = result.worstError / (largest > 0 ? largest : 1);
  return {};
}

std::string printIndex(const HostTensor &tensor, int64_t index) {
  std::string text;
  for (size_t i = tensor.sizes.size(); i-- > 0;) {
    text = concat(index % tensor.sizes[i], text.empty() ? "" : ", ", text);
    index /= tensor.sizes[i];
  }
  return "[" + text + "]";
}

} // namespace heed::rt
