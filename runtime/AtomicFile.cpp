#include "runtime/AtomicFile.h"

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace heed::rt {

static Status ioError(std::string_view action, const std::string &path) {
  return error(Code::io, "cannot ", action, " '", path, "': ", std::strerror(errno));
}

AtomicFile::~AtomicFile() {
  if (descriptor >= 0)
    ::close(descriptor);
  if (!temporary.empty())
    ::unlink(temporary.c_str());
}

Status AtomicFile::open(const std::string &path) {
  target = path;
  // A link keeps pointing at the file that is replaced.
  if (char *resolved = ::realpath(path.c_str(), nullptr)) {
    target = resolved;
    std::free(resolved);
  }
  struct stat existing;
  if (::stat(target.c_str(), &existing) == 0 && !S_ISREG(existing.st_mode)) {
    descriptor = ::open(target.c_str(), O_WRONLY | O_CLOEXEC);
    return descriptor >= 0 ? Status() : ioError("write", path);
  }
  for (int attempt = 0; attempt < 1000; ++attempt) {
    std::string candidate = concat(target, ".tmp", static_cast<int64_t>(::getpid()), ".", attempt);
    descriptor = ::open(candidate.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (descriptor >= 0) {
      temporary = candidate;
      return {};
    }
    if (errno != EEXIST)
      break;
  }
  return ioError("create", path);
}

Status AtomicFile::write(std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    ssize_t written = ::write(descriptor, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR)
      continue;
    if (written < 0)
      return ioError("write", target);
    bytes = bytes.subspan(static_cast<size_t>(written));
  }
  return {};
}

Status AtomicFile::commit() {
  int closed = ::close(descriptor);
  descriptor = -1;
  if (closed != 0)
    return ioError("write", target);
  if (temporary.empty())
    return {};
  if (::rename(temporary.c_str(), target.c_str()) != 0)
    return ioError("replace", target);
  temporary.clear();
  return {};
}

} // namespace heed::rt
