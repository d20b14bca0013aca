#include "backends/vulkan/driver/SpirvModule.h"

#include <algorithm>
#include <cstring>

namespace heed::rt {

/// A literal string: bytes up to a zero, in whole words.
static std::string readString(std::span<const uint32_t> words) {
  auto *text = reinterpret_cast<const char *>(words.data());
  return std::string(text, strnlen(text, words.size_bytes()));
}

Status SpirvModule::read(std::span<const std::byte> bytes, SpirvModule &module) {
  constexpr uint32_t magic = 0x07230203;
  constexpr size_t headerWords = 5;
  constexpr uint32_t opEntryPoint = 15, opExecutionMode = 16, opFunctionEnd = 56, glCompute = 5, localSize = 17;
  if (bytes.size() % sizeof(uint32_t) != 0 || bytes.size() < headerWords * sizeof(uint32_t))
    return error(Code::badPackage, "SPIR-V of ", bytes.size(), " bytes: it is made of whole words, five at least");
  module.code.resize(bytes.size() / sizeof(uint32_t));
  std::memcpy(module.code.data(), bytes.data(), bytes.size());
  if (module.code[0] != magic)
    return error(Code::badPackage, "no SPIR-V: the first word is not the magic number");
  std::span<const uint32_t> rest = std::span<const uint32_t>(module.code).subspan(headerWords);
  uint32_t op = 0;
  while (!rest.empty()) {
    uint32_t length = rest[0] >> 16;
    op = rest[0] & 0xffff;
    if (length == 0 || length > rest.size())
      return error(Code::badPackage, "SPIR-V word ", module.code.size() - rest.size(), ": an instruction of ", length,
                   " words does not fit");
    std::span<const uint32_t> operands = rest.subspan(1, length - 1);
    if (op == opEntryPoint && operands.size() >= 3 && operands[0] == glCompute)
      module.entries.push_back({operands[1], readString(operands.subspan(2)), std::nullopt});
    if (op == opExecutionMode && operands.size() == 5 && operands[1] == localSize)
      for (EntryPoint &entry : module.entries)
        if (entry.function == operands[0])
          entry.workgroup = {operands[2], operands[3], operands[4]};
    rest = rest.subspan(length);
  }
  if (op != opFunctionEnd)
    return error(Code::badPackage, "SPIR-V does not end with the end of a function");
  return {};
}

const SpirvModule::EntryPoint *SpirvModule::find(std::string_view name) const {
  auto found =
      std::find_if(entries.begin(), entries.end(), [&](const EntryPoint &entry) { return entry.name == name; });
  return found == entries.end() ? nullptr : &*found;
}

} // namespace heed::rt
