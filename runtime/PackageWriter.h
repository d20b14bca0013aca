// Writes a package. The same Package always gives the same bytes.
#ifndef HEED_RUNTIME_PACKAGEWRITER_H
#define HEED_RUNTIME_PACKAGEWRITER_H

#include "runtime/PlanModel.h"
#include "runtime/Status.h"

#include <string>
#include <vector>

namespace heed::rt {

/// The package as bytes in memory, for a caller that loads it at once (JIT). Fails with the plan verifier's message
/// when the package breaks a rule, so that a compiler's defect is found where it happens. Constants with equal bytes
/// are stored once.
Status writePackage(const Package &package, std::vector<std::byte> &bytes);

/// The package as a file. It is written beside `path` and renamed, so that no partial file is ever left under that
/// name. Constants are streamed, not copied.
Status writePackageFile(const Package &package, const std::string &path);

} // namespace heed::rt

#endif // HEED_RUNTIME_PACKAGEWRITER_H
