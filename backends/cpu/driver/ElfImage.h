// A shared object loaded from memory.
#ifndef HEED_BACKENDS_CPU_DRIVER_ELFIMAGE_H
#define HEED_BACKENDS_CPU_DRIVER_ELFIMAGE_H

#include "runtime/Status.h"

#include <cstddef>
#include <memory>
#include <span>
#include <string>

namespace heed::rt {

/// Loads the ELF shared object through the system's loader. Its symbols stay private to it.
class ElfImage {
public:
  /// `name` appears in errors and in debuggers. Code runs with the rights of the process: load only what you trust.
  static Status load(std::span<const std::byte> image, const std::string &name, std::shared_ptr<ElfImage> &loaded);

  ElfImage(void *handle, int file) : handle(handle), file(file) {}
  ElfImage(const ElfImage &) = delete;
  ElfImage &operator=(const ElfImage &) = delete;
  ~ElfImage();

  /// Null when there is no such symbol.
  void *find(const std::string &symbol) const;

private:
  void *handle;
  // Stays open: the loader knows the object by its path /proc/self/fd/N, and would hand out this object again for the
  // next one if the number were reused.
  int file;
};

} // namespace heed::rt

#endif // HEED_BACKENDS_CPU_DRIVER_ELFIMAGE_H
