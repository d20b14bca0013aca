#include "runtime/PackageReader.h"

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

namespace heed::rt {

PackageBytes::PackageBytes(PackageBytes &&other) noexcept
    : bytes(std::exchange(other.bytes, {})), ownership(std::exchange(other.ownership, Ownership::none)) {}

PackageBytes &PackageBytes::operator=(PackageBytes &&other) noexcept {
  if (this != &other) {
    release();
    bytes = std::exchange(other.bytes, {});
    ownership = std::exchange(other.ownership, Ownership::none);
  }
  return *this;
}

PackageBytes::~PackageBytes() { release(); }

void PackageBytes::release() {
  void *memory = const_cast<std::byte *>(bytes.data());
  if (ownership == Ownership::mapping)
    ::munmap(memory, bytes.size());
  else if (ownership == Ownership::allocation)
    std::free(memory);
}

namespace {
struct Descriptor {
  int value;
  ~Descriptor() {
    if (value >= 0)
      ::close(value);
  }
};
} // namespace

Status PackageBytes::mapFile(const std::string &path, PackageBytes &out) {
  auto refused = [&](Code code) { return error(code, "cannot read '", path, "': ", std::strerror(errno)); };
  Descriptor file{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
  if (file.value < 0)
    return refused(errno == ENOENT ? Code::notFound : Code::io);
  struct stat info;
  if (::fstat(file.value, &info) != 0)
    return refused(Code::io);
  if (!S_ISREG(info.st_mode))
    return error(Code::io, "cannot read '", path, "': not a regular file");
  size_t size = static_cast<size_t>(info.st_size);
  if (size < sizeof(PackageHeader))
    return error(Code::badPackage, "'", path, "' is no Heed package: it has ", size, " bytes");
  void *memory = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file.value, 0);
  if (memory == MAP_FAILED)
    return refused(Code::io);
  PackageBytes mapped;
  mapped.bytes = {static_cast<const std::byte *>(memory), size};
  mapped.ownership = Ownership::mapping;
  out = std::move(mapped);
  return {};
}

Status PackageBytes::borrow(std::span<const std::byte> memory, PackageBytes &out) {
  if (reinterpret_cast<uintptr_t>(memory.data()) % constantAlignment != 0)
    return copy(memory, out);
  PackageBytes borrowed;
  borrowed.bytes = memory;
  out = std::move(borrowed);
  return {};
}

Status PackageBytes::copy(std::span<const std::byte> memory, PackageBytes &out) {
  void *owned = nullptr;
  if (::posix_memalign(&owned, pageAlignment, memory.size() + 1) != 0)
    return error(Code::outOfMemory, "no memory for a package of ", memory.size(), " bytes");
  if (!memory.empty())
    std::memcpy(owned, memory.data(), memory.size());
  PackageBytes copied;
  copied.bytes = {static_cast<const std::byte *>(owned), memory.size()};
  copied.ownership = Ownership::allocation;
  out = std::move(copied);
  return {};
}

} // namespace heed::rt
