#include "backends/cpu/driver/ElfImage.h"

#include <cerrno>
#include <cstring>
#include <dlfcn.h>
#include <elf.h>
#include <sys/mman.h>
#include <unistd.h>

namespace heed::rt {

/// The system's loader trusts its input: it maps what the program headers say, and a process that touches a page beyond
/// the end of the file is ended. Refuse what is no shared object for this machine and what is cut off.
static Status checkElf(std::span<const std::byte> image) {
#if defined(__x86_64__)
  constexpr uint16_t machine = EM_X86_64;
#elif defined(__aarch64__)
  constexpr uint16_t machine = EM_AARCH64;
#endif
  Elf64_Ehdr header;
  if (image.size() < sizeof(header))
    return error(Code::badPackage, "no ELF file");
  std::memcpy(&header, image.data(), sizeof(header));
  if (std::memcmp(header.e_ident, ELFMAG, SELFMAG) != 0 || header.e_ident[EI_CLASS] != ELFCLASS64 ||
      header.e_type != ET_DYN)
    return error(Code::badPackage, "no 64-bit ELF shared object");
  if (header.e_machine != machine)
    return error(Code::unsupported, "ELF code for machine ", header.e_machine, ", this one is ", machine);
  auto inside = [&](uint64_t offset, uint64_t size) { return offset <= image.size() && size <= image.size() - offset; };
  if (header.e_phentsize != sizeof(Elf64_Phdr) ||
      !inside(header.e_phoff, uint64_t(header.e_phnum) * sizeof(Elf64_Phdr)))
    return error(Code::badPackage, "ELF file without its program headers");
  for (uint16_t i = 0; i < header.e_phnum; ++i) {
    Elf64_Phdr segment;
    std::memcpy(&segment, image.data() + header.e_phoff + i * sizeof(segment), sizeof(segment));
    if (!inside(segment.p_offset, segment.p_filesz))
      return error(Code::badPackage, "ELF file is cut off in segment ", i);
  }
  return {};
}

static Status writeAll(int file, std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    ssize_t written = ::write(file, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR)
      continue;
    if (written < 0)
      return error(Code::io, "cannot write the code to memory: ", std::strerror(errno));
    bytes = bytes.subspan(static_cast<size_t>(written));
  }
  return {};
}

Status ElfImage::load(std::span<const std::byte> image, const std::string &name, std::shared_ptr<ElfImage> &loaded) {
  std::string where = concat("code '", name, "'");
  HEED_TRY(checkElf(image).within(where));
  int file = ::memfd_create(concat("heed-", name.substr(0, 200)).c_str(), MFD_CLOEXEC);
  if (file < 0)
    return error(Code::io, where, ": cannot create memory for it: ", std::strerror(errno));
  Status status = writeAll(file, image).within(where);
  void *handle = nullptr;
  if (status.ok()) {
    handle = ::dlopen(concat("/proc/self/fd/", file).c_str(), RTLD_NOW | RTLD_LOCAL);
    if (!handle)
      status = error(Code::badPackage, where, ": the system cannot load it: ", ::dlerror());
  }
  if (status.ok())
    loaded = std::make_shared<ElfImage>(handle, file);
  else
    ::close(file);
  return status;
}

ElfImage::~ElfImage() {
  ::dlclose(handle);
  ::close(file);
}

void *ElfImage::find(const std::string &symbol) const { return ::dlsym(handle, symbol.c_str()); }

} // namespace heed::rt
