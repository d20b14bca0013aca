#include "compiler/host/PackageCache.h"

#include "compiler/import/ExternalData.h"
#include "runtime/AtomicFile.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/SHA256.h"
#include "llvm/Support/raw_ostream.h"

#include <dlfcn.h>
#include <sys/stat.h>
#include <unistd.h>

using llvm::StringRef;

namespace heed {

/// Size and time of a file as text; empty when there is none.
static std::string fingerprint(const std::string &path) {
  struct stat info;
  if (stat(path.c_str(), &info) != 0)
    return {};
  return rt::concat(path, " ", info.st_size, " ", info.st_mtim.tv_sec, ".", info.st_mtim.tv_nsec);
}

/// The library or program that holds this code: another build may compile differently under the same version.
static std::string compilerFingerprint() {
  Dl_info info;
  if (!dladdr(reinterpret_cast<void *>(&compilerFingerprint), &info) || !info.dli_fname)
    return {};
  return compilerVersion().str() + " " + fingerprint(info.dli_fname);
}

static std::string describe(const CompileOptions &options) {
  std::string text = "targets " + llvm::join(options.targets, ",");
  for (const FixedSymbol &dim : options.dims)
    text += rt::concat("\ndim ", dim.name, "=", dim.value);
  return text + (options.requireFused ? "\nrequire-fused" : "");
}

std::string PackageCache::key(const CompileSource &source, const CompileOptions &options) const {
  if (directory.empty())
    return {};
  std::unique_ptr<llvm::MemoryBuffer> file;
  StringRef content = source.content.value_or("");
  if (!source.content) {
    auto opened = llvm::MemoryBuffer::getFile(source.name, /*IsText=*/false, /*RequiresNullTerminator=*/false);
    if (!opened)
      return {};
    file = std::move(*opened);
    content = file->getBuffer();
  }
  std::string compiler = compilerFingerprint();
  if (compiler.empty())
    return {};
  llvm::SHA256 hash;
  // Lengths keep one part from passing for the end of another.
  auto add = [&](StringRef part) {
    hash.update(rt::concat(part.size(), ":"));
    hash.update(part);
  };
  add(compiler);
  add(describe(options));
  add(llvm::sys::path::filename(source.name));
  add(content);
  // A model in memory has no files.
  if (!source.content && isOnnx(source.name, content))
    for (const std::string &location : externalDataFiles(content)) {
      llvm::SmallString<128> path(llvm::sys::path::parent_path(source.name));
      llvm::sys::path::append(path, location);
      add(fingerprint(path.str().str()));
    }
  return llvm::toHex(hash.final(), /*LowerCase=*/true);
}

bool PackageCache::isTrusted() const {
  struct stat info;
  return stat(directory.c_str(), &info) == 0 && S_ISDIR(info.st_mode) && info.st_uid == geteuid() &&
         (info.st_mode & (S_IWGRP | S_IWOTH)) == 0;
}

std::string PackageCache::pathOf(const std::string &key) const {
  llvm::SmallString<128> path(directory);
  llvm::sys::path::append(path, key + ".heed");
  return path.str().str();
}

bool PackageCache::load(const std::string &key, rt::PackageBytes &bytes) const {
  if (key.empty() || !isTrusted())
    return false;
  rt::PackageBytes mapped;
  rt::PackageContents contents;
  if (!rt::PackageBytes::mapFile(pathOf(key), mapped).ok() ||
      !rt::readPackage(mapped.get(), /*verifyConstants=*/true, contents).ok())
    return false;
  bytes = std::move(mapped);
  return true;
}

void PackageCache::store(const std::string &key, std::span<const std::byte> bytes) const {
  if (key.empty() || llvm::sys::fs::create_directories(directory, /*IgnoreExisting=*/true, llvm::sys::fs::owner_all) ||
      !isTrusted())
    return;
  rt::AtomicFile file;
  if (file.open(pathOf(key)).ok() && file.write(bytes).ok())
    (void)file.commit(); // without the entry the next compilation does the work again
}

} // namespace heed
