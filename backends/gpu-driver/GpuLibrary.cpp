#include "backends/gpu-driver/GpuLibrary.h"

#include <cstdlib>
#include <dlfcn.h>

namespace heed::rt {

Status GpuLibrary::open(const char *variable, std::span<const char *const> candidates) {
  const char *chosen = std::getenv(variable);
  if (chosen && *chosen) {
    opened = chosen;
    handle = ::dlopen(chosen, RTLD_NOW | RTLD_LOCAL);
    if (handle)
      return {};
    const char *reason = ::dlerror();
    return error(Code::noDriver, "the library that ", variable,
                 " names cannot be opened: ", reason ? reason : "unknown reason");
  }
  std::string tried;
  for (int mode : {RTLD_NOW | RTLD_LOCAL | RTLD_NOLOAD, RTLD_NOW | RTLD_LOCAL})
    for (const char *candidate : candidates) {
      opened = candidate;
      handle = ::dlopen(candidate, mode);
      if (handle)
        return {};
      if (mode & RTLD_NOLOAD)
        continue;
      const char *reason = ::dlerror();
      // The loader's own words matter when a library is there but broken.
      tried += concat(tried.empty() ? "" : "; ", reason ? reason : candidate);
    }
  return error(Code::noDriver, "no driver library: ", tried, " (", variable, " may name one)");
}

Status GpuLibrary::resolve(std::span<const GpuSymbol> symbols) const {
  for (const GpuSymbol &symbol : symbols) {
    *symbol.slot = ::dlsym(handle, symbol.name);
    if (!*symbol.slot && symbol.required)
      return error(Code::noDriver, opened, " has no function '", symbol.name, "': it is too old, or another library");
  }
  return {};
}

} // namespace heed::rt
