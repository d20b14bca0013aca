// Reads a package: its bytes come from a mapped file or from memory and are never trusted.
#ifndef HEED_RUNTIME_PACKAGEREADER_H
#define HEED_RUNTIME_PACKAGEREADER_H

#include "runtime/PackageFormat.h"
#include "runtime/PlanModel.h"
#include "runtime/Status.h"

#include <string>
#include <vector>

namespace heed::rt {

/// The bytes of a package: a read-only mapping of a file, memory the caller keeps, or an aligned copy.
class PackageBytes {
public:
  PackageBytes() = default;
  PackageBytes(PackageBytes &&other) noexcept;
  PackageBytes &operator=(PackageBytes &&other) noexcept;
  ~PackageBytes();

  /// The file must not be shortened while it is mapped: the system then ends the process on the next access.
  static Status mapFile(const std::string &path, PackageBytes &bytes);
  /// The memory must stay unchanged while the package is in use. Memory that is not aligned to 64 bytes is copied,
  /// because kernels rely on aligned constants.
  static Status borrow(std::span<const std::byte> memory, PackageBytes &bytes);
  static Status copy(std::span<const std::byte> memory, PackageBytes &bytes);

  std::span<const std::byte> get() const { return bytes; }

private:
  enum class Ownership { none, mapping, allocation };

  void release();

  std::span<const std::byte> bytes;
  Ownership ownership = Ownership::none;
};

struct PackageContents {
  PackageHeader header = {};
  std::vector<SectionEntry> sections;
  Package package; // spans point into the bytes that were read
};

/// Checks header, version, size, hashes of header, manifest and code, the FlatBuffers structure and every rule of the
/// plan verifier. Constants are hashed only when `verifyConstants` is set, since that reads them all. `bytes` must be
/// aligned to 8 and outlive the contents.
Status readPackage(std::span<const std::byte> bytes, bool verifyConstants, PackageContents &contents);

} // namespace heed::rt

#endif // HEED_RUNTIME_PACKAGEREADER_H
