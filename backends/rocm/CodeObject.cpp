#include "backends/rocm/CodeObject.h"

#include "llvm/BinaryFormat/ELF.h"
#include "llvm/BinaryFormat/MsgPackDocument.h"
#include "llvm/Object/ELF.h"

using namespace mlir;
using namespace heed::rocm;
using Elf = llvm::object::ELF64LEFile;

/// The msgpack of the note, empty if there is none. Points into the file.
static std::string findMetadata(const Elf &file) {
  auto segments = file.program_headers();
  if (!segments) {
    llvm::consumeError(segments.takeError());
    return {};
  }
  std::string found;
  for (const Elf::Elf_Phdr &segment : *segments) {
    if (segment.p_type != llvm::ELF::PT_NOTE)
      continue;
    llvm::Error error = llvm::Error::success();
    for (const Elf::Elf_Note note : file.notes(segment, error))
      if (note.getType() == llvm::ELF::NT_AMDGPU_METADATA)
        found = note.getDescAsStringRef(segment.p_align).str();
    llvm::consumeError(std::move(error));
  }
  return found;
}

static uint64_t readNumber(llvm::msgpack::MapDocNode &map, llvm::StringRef key) {
  auto entry = map.find(key);
  return entry != map.end() && entry->second.getKind() == llvm::msgpack::Type::UInt ? entry->second.getUInt() : 0;
}

FailureOr<KernelFacts> heed::rocm::readKernelFacts(StringRef codeObject) {
  llvm::Expected<Elf> file = Elf::create(codeObject);
  if (!file) {
    llvm::consumeError(file.takeError());
    return failure();
  }
  std::string metadata = findMetadata(*file);
  llvm::msgpack::Document document;
  if (metadata.empty() || !document.readFromBlob(metadata, /*Multi=*/false) || !document.getRoot().isMap())
    return failure();
  auto kernels = document.getRoot().getMap().find("amdhsa.kernels");
  if (kernels == document.getRoot().getMap().end() || !kernels->second.isArray())
    return failure();
  KernelFacts facts;
  for (llvm::msgpack::DocNode &kernel : kernels->second.getArray()) {
    if (!kernel.isMap())
      return failure();
    auto name = kernel.getMap().find(".name");
    if (name == kernel.getMap().end() || !name->second.isString())
      return failure();
    auto number = [&](llvm::StringRef key) { return static_cast<int64_t>(readNumber(kernel.getMap(), key)); };
    facts[name->second.getString().str()] = {.registers = number(".vgpr_count"),
                                             .localBytes = number(".private_segment_fixed_size"),
                                             .sharedBytes = number(".group_segment_fixed_size")};
  }
  return facts;
}
