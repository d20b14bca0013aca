/// Packages compiled before, in a folder.
#pragma once

#include "compiler/host/Compile.h"
#include "runtime/PackageReader.h"

namespace heed {

/// A cache is a convenience: whatever goes wrong with it means compiling, never failing. Entries appear atomically, so
/// processes may share a folder.
class PackageCache {
public:
  /// An empty directory means no cache.
  explicit PackageCache(std::string directory) : directory(std::move(directory)) {}

  /// Names the package that `source` with `options` gives, from everything it depends on: the bytes of the model, path,
  /// size and time of the files it refers to, the options, and this build of the compiler. Empty when there is no
  /// cache or something cannot be read.
  std::string key(const CompileSource &source, const CompileOptions &options) const;

  /// True when a package of this name was found and all its hashes are right.
  bool load(const std::string &key, rt::PackageBytes &bytes) const;
  void store(const std::string &key, std::span<const std::byte> bytes) const;

private:
  /// The folder belongs to this user and nobody else may write to it: its packages are code.
  bool isTrusted() const;
  std::string pathOf(const std::string &key) const;

  std::string directory;
};

} // namespace heed
