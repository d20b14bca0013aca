// Opens a vendor's driver library at run time and looks its functions up.
#ifndef HEED_BACKENDS_GPU_DRIVER_GPULIBRARY_H
#define HEED_BACKENDS_GPU_DRIVER_GPULIBRARY_H

#include "runtime/Status.h"

#include <span>
#include <string>

namespace heed::rt {

/// One function: where its address goes and what the library calls it.
struct GpuSymbol {
  template <typename Function>
  GpuSymbol(Function *&slot, const char *name, bool required = true)
      : slot(reinterpret_cast<void **>(&slot)), name(name), required(required) {}

  void **slot;
  const char *name;
  bool required;
};
inline constexpr bool optionalSymbol = false;

/// A library is never closed again: drivers keep threads and exit handlers.
class GpuLibrary {
public:
  /// Opens the library named by the environment variable, or if that is unset or empty the first of `candidates` that
  /// can be opened; one that the process has loaded already is preferred, so that the caller's streams are understood.
  Status open(const char *variable, std::span<const char *const> candidates);
  /// Fails with Code::noDriver when a required symbol is missing, naming it and the library.
  Status resolve(std::span<const GpuSymbol> symbols) const;

  /// What was opened, for messages.
  const std::string &name() const { return opened; }

private:
  void *handle = nullptr;
  std::string opened;
};

} // namespace heed::rt

#endif // HEED_BACKENDS_GPU_DRIVER_GPULIBRARY_H
