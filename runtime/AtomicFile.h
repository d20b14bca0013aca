// A file that appears under its name complete or not at all.
#ifndef HEED_RUNTIME_ATOMICFILE_H
#define HEED_RUNTIME_ATOMICFILE_H

#include "runtime/Status.h"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace heed::rt {

/// Writes beside the target and renames on commit; without a commit nothing is left behind. A target that exists and is
/// not a regular file (a pipe, /dev/null) is written directly.
class AtomicFile {
public:
  AtomicFile() = default;
  AtomicFile(const AtomicFile &) = delete;
  AtomicFile &operator=(const AtomicFile &) = delete;
  ~AtomicFile();

  Status open(const std::string &path);
  Status write(std::span<const std::byte> bytes);
  Status commit();

private:
  std::string target;
  std::string temporary; // empty when writing directly
  int descriptor = -1;
};

} // namespace heed::rt

#endif // HEED_RUNTIME_ATOMICFILE_H
