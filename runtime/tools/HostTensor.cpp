#include "runtime/tools/HostTensor.h"

#include "runtime/PlanModel.h"

#include <algorithm>
#include <bit>
#include <charconv>
#include <cmath>
#include <cstring>
#include <limits>

namespace heed::rt {

/// Splits a 16-bit float with the given number of mantissa bits.
static double decodeSmallFloat(uint16_t bits, int mantissaBits) {
  int exponentBits = 15 - mantissaBits;
  int exponent = (bits >> mantissaBits) & ((1 << exponentBits) - 1);
  int mantissa = bits & ((1 << mantissaBits) - 1);
  int bias = (1 << (exponentBits - 1)) - 1;
  double magnitude;
  if (exponent == (1 << exponentBits) - 1)
    magnitude = mantissa ? std::numeric_limits<double>::quiet_NaN() : std::numeric_limits<double>::infinity();
  else if (exponent == 0)
    magnitude = std::ldexp(mantissa, 1 - bias - mantissaBits);
  else
    magnitude = std::ldexp(mantissa + (1 << mantissaBits), exponent - bias - mantissaBits);
  return bits >> 15 ? -magnitude : magnitude;
}

static uint16_t encodeSmallFloat(double value, int mantissaBits) {
  int exponentBits = 15 - mantissaBits;
  int bias = (1 << (exponentBits - 1)) - 1;
  uint16_t sign = std::signbit(value) ? 0x8000 : 0;
  uint16_t infinity = static_cast<uint16_t>(((1 << exponentBits) - 1) << mantissaBits);
  if (std::isnan(value))
    return static_cast<uint16_t>(sign | infinity | (1 << (mantissaBits - 1)));
  double magnitude = std::fabs(value);
  if (std::isinf(magnitude))
    return sign | infinity;
  if (magnitude == 0)
    return sign;
  int exponent;
  std::frexp(magnitude, &exponent);
  // Spacing of the values around `magnitude`; below the smallest normal it no longer shrinks.
  int unit = std::max(exponent - 1, 1 - bias) - mantissaBits;
  double steps = std::nearbyint(std::ldexp(magnitude, -unit)); // ties to even
  // For normal values `steps` has its leading bit at mantissaBits; adding it carries into the exponent as it should.
  int64_t encoded = static_cast<int64_t>(steps);
  if (unit > 1 - bias - mantissaBits)
    encoded += static_cast<int64_t>(unit - (1 - bias - mantissaBits)) << mantissaBits;
  return static_cast<uint16_t>(sign | std::min<int64_t>(encoded, infinity));
}

template <typename Number> static Number loadAs(const std::byte *data) {
  Number value;
  std::memcpy(&value, data, sizeof(value));
  return value;
}

template <typename Number> static void storeAs(std::byte *data, Number value) {
  std::memcpy(data, &value, sizeof(value));
}

template <typename Integer> static Integer clampTo(double value) {
  using Limits = std::numeric_limits<Integer>;
  if (std::isnan(value))
    return 0;
  if (value <= static_cast<double>(Limits::min()))
    return Limits::min();
  if (value >= static_cast<double>(Limits::max()))
    return Limits::max();
  return static_cast<Integer>(value);
}

int64_t HostTensor::elementCount() const { return static_cast<int64_t>(data.size()) / byteWidth(type); }

double HostTensor::number(int64_t index) const {
  const std::byte *element = data.data() + index * byteWidth(type);
  switch (type) {
  case ElementType::f64:
    return loadAs<double>(element);
  case ElementType::f32:
    return loadAs<float>(element);
  case ElementType::f16:
    return decodeSmallFloat(loadAs<uint16_t>(element), 10);
  case ElementType::bf16:
    return decodeSmallFloat(loadAs<uint16_t>(element), 7);
  case ElementType::i64:
    return static_cast<double>(loadAs<int64_t>(element));
  case ElementType::i32:
    return loadAs<int32_t>(element);
  case ElementType::i16:
    return loadAs<int16_t>(element);
  case ElementType::i8:
    return loadAs<int8_t>(element);
  case ElementType::u64:
    return static_cast<double>(loadAs<uint64_t>(element));
  case ElementType::u32:
    return loadAs<uint32_t>(element);
  case ElementType::u16:
    return loadAs<uint16_t>(element);
  case ElementType::u8:
  case ElementType::boolean:
    return loadAs<uint8_t>(element);
  }
  return 0;
}

void HostTensor::setNumber(int64_t index, double value) {
  std::byte *element = data.data() + index * byteWidth(type);
  switch (type) {
  case ElementType::f64:
    return storeAs(element, value);
  case ElementType::f32:
    return storeAs(element, static_cast<float>(value));
  case ElementType::f16:
    return storeAs(element, encodeSmallFloat(value, 10));
  case ElementType::bf16:
    return storeAs(element, encodeSmallFloat(value, 7));
  case ElementType::i64:
    return storeAs(element, clampTo<int64_t>(value));
  case ElementType::i32:
    return storeAs(element, clampTo<int32_t>(value));
  case ElementType::i16:
    return storeAs(element, clampTo<int16_t>(value));
  case ElementType::i8:
    return storeAs(element, clampTo<int8_t>(value));
  case ElementType::u64:
    return storeAs(element, clampTo<uint64_t>(value));
  case ElementType::u32:
    return storeAs(element, clampTo<uint32_t>(value));
  case ElementType::u16:
    return storeAs(element, clampTo<uint16_t>(value));
  case ElementType::u8:
    return storeAs(element, clampTo<uint8_t>(value));
  case ElementType::boolean:
    return storeAs(element, static_cast<uint8_t>(value != 0));
  }
}

Status makeTensor(ElementType type, std::vector<int64_t> sizes, HostTensor &tensor) {
  if (sizes.size() > maxRank)
    return error(Code::invalidArgument, "rank ", sizes.size(), " is above ", maxRank);
  constexpr int64_t limit = int64_t(1) << 40;
  int64_t bytes = byteWidth(type);
  for (int64_t size : sizes)
    if (size < 0 || __builtin_mul_overflow(bytes, size, &bytes) || bytes > limit)
      return error(Code::invalidArgument, "a tensor of shape ", printShape(type, sizes), " is too large");
  tensor.type = type;
  tensor.sizes = std::move(sizes);
  tensor.data.assign(static_cast<size_t>(bytes), std::byte{0});
  return {};
}

std::optional<ElementType> parseElementType(std::string_view name) {
  for (uint8_t i = firstElementType; i <= lastElementType; ++i)
    if (elementTypeName(static_cast<ElementType>(i)) == name)
      return static_cast<ElementType>(i);
  return std::nullopt;
}

std::string printShape(ElementType type, std::span<const int64_t> sizes) {
  std::string text;
  for (int64_t size : sizes)
    text += concat(size, "x");
  return text + std::string(elementTypeName(type));
}

Status parseShape(std::string_view text, ElementType &type, std::vector<int64_t> &sizes) {
  std::string_view rest = text;
  sizes.clear();
  while (!rest.empty() && rest.front() >= '0' && rest.front() <= '9') {
    int64_t size;
    auto [end, code] = std::from_chars(rest.data(), rest.data() + rest.size(), size);
    if (code != std::errc() || end == rest.data() + rest.size() || *end != 'x')
      return error(Code::invalidArgument, "'", text, "' is no shape like 2x3xf32");
    sizes.push_back(size);
    rest.remove_prefix(static_cast<size_t>(end - rest.data()) + 1);
  }
  auto parsed = parseElementType(rest);
  if (!parsed)
    return error(Code::invalidArgument, "'", rest, "' in '", text, "' is no element type like f32, bf16, i64 or bool");
  type = *parsed;
  return {};
}

void fillAtRandom(HostTensor &tensor, std::mt19937_64 &random) {
  constexpr int64_t differentElements = 1 << 16;
  bool discrete = isInteger(tensor.type) || tensor.type == ElementType::boolean;
  std::uniform_real_distribution<double> real(-1, 1);
  int64_t count = tensor.elementCount(), different = std::min(count, differentElements);
  for (int64_t i = 0; i < different; ++i)
    tensor.setNumber(i, discrete ? static_cast<double>(random() & 1) : real(random));
  if (different == count)
    return;
  size_t period = tensor.data.size() / static_cast<size_t>(count) * static_cast<size_t>(different);
  for (size_t at = period; at < tensor.data.size(); at += period)
    std::copy_n(tensor.data.begin(), std::min(period, tensor.data.size() - at), tensor.data.begin() + at);
}

} // namespace heed::rt
