// How ONNX numbers the element types that Heed has. For the importer and the tools; the runtime knows nothing of ONNX.
#ifndef HEED_RUNTIME_ONNXELEMENTTYPE_H
#define HEED_RUNTIME_ONNXELEMENTTYPE_H

#include "runtime/ElementType.h"

#include <iterator>
#include <optional>

namespace heed::rt {

/// The element type with this number in TensorProto.DataType; none for strings, complex numbers and the narrow floats.
constexpr std::optional<ElementType> fromOnnxElementType(int32_t number) {
  using enum ElementType;
  constexpr auto none = ElementType(0);
  constexpr ElementType types[] = {none,    f32, u8,  i8,  u16, i16,  i32,  i64, none,
                                   boolean, f16, f64, u32, u64, none, none, bf16};
  if (number < 0 || number >= static_cast<int32_t>(std::size(types)) || types[number] == none)
    return std::nullopt;
  return types[number];
}

} // namespace heed::rt

#endif // HEED_RUNTIME_ONNXELEMENTTYPE_H
