// Element types of tensors that cross the package and the C ABI.
#ifndef HEED_RUNTIME_ELEMENTTYPE_H
#define HEED_RUNTIME_ELEMENTTYPE_H

#include <cstdint>
#include <string_view>

namespace heed::rt {

/// Values are part of the package format and equal heed_element_type of heed.h: append only.
enum class ElementType : uint8_t {
  f64 = 1,
  f32 = 2,
  f16 = 3,
  bf16 = 4,
  i64 = 5,
  i32 = 6,
  i16 = 7,
  i8 = 8,
  u64 = 9,
  u32 = 10,
  u16 = 11,
  u8 = 12,
  boolean = 13, // one byte, 0 or 1
};

inline constexpr uint8_t firstElementType = 1;
inline constexpr uint8_t lastElementType = 13;

/// Whether a number read from a file names an element type.
constexpr bool isElementType(uint64_t value) { return value >= firstElementType && value <= lastElementType; }

/// Bytes one element takes.
constexpr int64_t byteWidth(ElementType type) {
  switch (type) {
  case ElementType::f64:
  case ElementType::i64:
  case ElementType::u64:
    return 8;
  case ElementType::f32:
  case ElementType::i32:
  case ElementType::u32:
    return 4;
  case ElementType::f16:
  case ElementType::bf16:
  case ElementType::i16:
  case ElementType::u16:
    return 2;
  case ElementType::i8:
  case ElementType::u8:
  case ElementType::boolean:
    return 1;
  }
  return 0;
}

constexpr bool isInteger(ElementType type) { return type >= ElementType::i64 && type <= ElementType::u8; }

constexpr bool isFloat(ElementType type) { return type >= ElementType::f64 && type <= ElementType::bf16; }

/// Integers without a sign, and truth values.
constexpr bool isUnsigned(ElementType type) { return type >= ElementType::u64; }

/// "f32", "bf16", "bool" ...
constexpr std::string_view elementTypeName(ElementType type) {
  constexpr std::string_view names[] = {"",    "f64", "f32", "f16", "bf16", "i64", "i32",
                                        "i16", "i8",  "u64", "u32", "u16",  "u8",  "bool"};
  return names[static_cast<uint8_t>(type)];
}

} // namespace heed::rt

#endif // HEED_RUNTIME_ELEMENTTYPE_H
