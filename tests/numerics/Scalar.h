//===- Scalar.h - Storage types of the numerics suite ------------*- C++ -*-===//
//
// The element types a kernel may read and write, their rounding and their bit patterns. Everything is integer and f32
// arithmetic spelled out here, so that every machine rounds alike and no compiler run-time library is involved.
//
//===----------------------------------------------------------------------===//
#ifndef TESTS_NUMERICS_SCALAR_H
#define TESTS_NUMERICS_SCALAR_H

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>

namespace heed::numerics {

enum class StorageType { F32, F16, BF16 };

inline int64_t byteWidth(StorageType type) { return type == StorageType::F32 ? 4 : 2; }

/// The name of the type in MLIR's syntax.
inline const char *mlirName(StorageType type) {
  return type == StorageType::F32 ? "f32" : type == StorageType::F16 ? "f16" : "bf16";
}

/// The largest relative spacing of neighbouring numbers of the type: 2^-23, 2^-10, 2^-7 (twice the unit roundoff).
inline double relativeSpacing(StorageType type) {
  return type == StorageType::F32 ? 0x1p-23 : type == StorageType::F16 ? 0x1p-10 : 0x1p-7;
}

/// Rounds to the nearest number of the type, ties to even; overflow gives infinity. The value must not be NaN.
/// Free of branches, so that loops over it vectorise.
[[gnu::always_inline]] inline float roundToBF16(float value) {
  uint32_t bits = std::bit_cast<uint32_t>(value);
  return std::bit_cast<float>((bits + 0x7fffu + ((bits >> 16) & 1u)) & 0xffff0000u);
}

[[gnu::always_inline]] inline float roundToF16(float value) {
  uint32_t bits = std::bit_cast<uint32_t>(value);
  float normal = std::bit_cast<float>((bits + 0xfffu + ((bits >> 13) & 1u)) & 0xffffe000u);
  // Around 0.75 the spacing of f32 is 2^-24, which is the spacing of the subnormal f16.
  float subnormal = (value + 0.75f) - 0.75f;
  float magnitude = std::fabs(value);
  float result = magnitude < 0x1p-14f ? subnormal : normal;
  return magnitude >= 65520.0f ? std::copysign(std::numeric_limits<float>::infinity(), value) : result;
}

[[gnu::always_inline]] inline float roundTo(StorageType type, float value) {
  return type == StorageType::F32 ? value : type == StorageType::F16 ? roundToF16(value) : roundToBF16(value);
}

/// Bit patterns of values that are already representable (NaN and infinities included).
inline uint16_t encodeBF16(float value) { return static_cast<uint16_t>(std::bit_cast<uint32_t>(value) >> 16); }
inline float decodeBF16(uint16_t bits) { return std::bit_cast<float>(static_cast<uint32_t>(bits) << 16); }

inline uint16_t encodeF16(float value) {
  uint32_t bits = std::bit_cast<uint32_t>(value);
  uint16_t sign = static_cast<uint16_t>((bits >> 16) & 0x8000u);
  if (std::isnan(value))
    return sign | 0x7e00u;
  if (std::isinf(value))
    return sign | 0x7c00u;
  float magnitude = std::fabs(value);
  if (magnitude < 0x1p-14f)
    return sign | static_cast<uint16_t>(magnitude * 0x1p24f);
  uint32_t exponent = ((bits >> 23) & 0xffu) - 112u;
  return sign | static_cast<uint16_t>((exponent << 10) | ((bits >> 13) & 0x3ffu));
}

inline float decodeF16(uint16_t bits) {
  float sign = (bits & 0x8000u) ? -1.0f : 1.0f;
  uint32_t exponent = (bits >> 10) & 0x1fu, fraction = bits & 0x3ffu;
  if (exponent == 0)
    return sign * static_cast<float>(fraction) * 0x1p-24f;
  if (exponent == 31)
    return fraction ? std::numeric_limits<float>::quiet_NaN() : sign * std::numeric_limits<float>::infinity();
  return sign * std::bit_cast<float>(((exponent + 112u) << 23) | (fraction << 13));
}

} // namespace heed::numerics

#endif // TESTS_NUMERICS_SCALAR_H
