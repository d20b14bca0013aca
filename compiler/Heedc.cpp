#include "compiler/Heedc.h"

#include "compiler/Target.h"
#include "compiler/host/Compile.h"
#include "compiler/host/PackageCache.h"
#include "runtime/PackageWriter.h"
#include "llvm/ADT/StringExtras.h"

#include <cstdlib>
#include <cstring>
#include <new>

struct heed_compilation {
  heed::rt::PackageBytes package;
  std::string diagnostics;
  std::string explanation;
  bool fromCache = false;
};

namespace {

/// The caller's options, of whatever version of the header it was compiled with: fields it does not know are zero.
heed_compile_options copyOptions(const heed_compile_options *given) {
  heed_compile_options options = {};
  if (given)
    std::memcpy(&options, given, std::min(given->struct_bytes, sizeof(options)));
  return options;
}

/// Empty when all is well.
std::string readOptions(const heed_compile_options &given, heed::CompileOptions &options) {
  if (given.targets) {
    llvm::SmallVector<llvm::StringRef> names;
    llvm::StringRef(given.targets).split(names, ',', /*MaxSplit=*/-1, /*KeepEmpty=*/false);
    options.targets.assign(names.begin(), names.end());
  }
  if (options.targets.empty())
    return "no target; this build knows: " + heed::targetNames();
  if (given.dim_count != 0 && !given.dims)
    return "dim_count is not 0 but dims is NULL";
  for (size_t i = 0; i < given.dim_count; ++i) {
    const heed_dim &dim = given.dims[i];
    if (!dim.name || dim.value < 0)
      return "dims[" + std::to_string(i) + "] needs a name and a value of at least 0";
    options.dims.push_back({dim.name, dim.value});
  }
  options.requireFused = given.require_fused != 0;
  options.explain = given.explain != 0;
  return {};
}

std::string cacheDirectory(const heed_compile_options &options) {
  if (options.cache_directory)
    return options.cache_directory;
  const char *directory = std::getenv("HEED_CACHE_DIR");
  return directory ? directory : "";
}

heed_compile_code compileInto(const heed::CompileSource &source, const heed_compile_options *given,
                              heed_compilation &result) {
  heed_compile_options copied = copyOptions(given);
  heed::CompileOptions options;
  if (std::string wrong = readOptions(copied, options); !wrong.empty()) {
    result.diagnostics = source.name + ": error: " + wrong + "\n";
    return HEED_COMPILE_INVALID_ARGUMENT;
  }
  heed::PackageCache cache(options.explain ? "" : cacheDirectory(copied));
  std::string key = cache.key(source, options);
  if (cache.load(key, result.package)) {
    result.fromCache = true;
    return HEED_COMPILE_OK;
  }
  auto model = heed::compile(source, options, result.diagnostics);
  if (!model)
    return HEED_COMPILE_FAILED;
  std::vector<std::byte> bytes;
  auto status = heed::rt::writePackage(model->package(), bytes);
  if (status.ok())
    status = heed::rt::PackageBytes::copy(bytes, result.package);
  if (!status.ok()) {
    result.diagnostics += source.name + ": error: " + std::string(status.message()) + "\n";
    return status.code() == heed::rt::Code::outOfMemory ? HEED_COMPILE_OUT_OF_MEMORY : HEED_COMPILE_INTERNAL;
  }
  result.explanation = std::move(model->explanation);
  cache.store(key, bytes);
  return HEED_COMPILE_OK;
}

/// No exception leaves the library.
heed_compile_code compileGuarded(const heed::CompileSource &source, const heed_compile_options *options,
                                 heed_compilation **compilation) {
  *compilation = nullptr;
  std::unique_ptr<heed_compilation> result;
  heed_compile_code code = HEED_COMPILE_INTERNAL;
  try {
    result = std::make_unique<heed_compilation>();
    code = compileInto(source, options, *result);
  } catch (const std::bad_alloc &) {
    return HEED_COMPILE_OUT_OF_MEMORY;
  } catch (const std::exception &error) {
    result->diagnostics += source.name + ": error: internal: " + error.what() + "\n";
    code = HEED_COMPILE_INTERNAL;
  }
  if (code != HEED_COMPILE_OK)
    result->package = {};
  *compilation = result.release();
  return code;
}

} // namespace

heed_compile_code heed_compile_file(const char *path, const heed_compile_options *options,
                                    heed_compilation **compilation) {
  if (!compilation)
    return HEED_COMPILE_INVALID_ARGUMENT;
  *compilation = nullptr;
  if (!path)
    return HEED_COMPILE_INVALID_ARGUMENT;
  return compileGuarded({path, std::nullopt}, options, compilation);
}

heed_compile_code heed_compile_memory(const void *data, size_t bytes, const char *name,
                                      const heed_compile_options *options, heed_compilation **compilation) {
  if (!compilation)
    return HEED_COMPILE_INVALID_ARGUMENT;
  *compilation = nullptr;
  if (!data && bytes != 0)
    return HEED_COMPILE_INVALID_ARGUMENT;
  llvm::StringRef content(static_cast<const char *>(data), bytes);
  return compileGuarded({name ? name : "model", content}, options, compilation);
}

void heed_compilation_release(heed_compilation *compilation) { delete compilation; }

const void *heed_compilation_data(const heed_compilation *compilation) {
  return compilation ? compilation->package.get().data() : nullptr;
}

size_t heed_compilation_bytes(const heed_compilation *compilation) {
  return compilation ? compilation->package.get().size() : 0;
}

const char *heed_compilation_diagnostics(const heed_compilation *compilation) {
  return compilation ? compilation->diagnostics.c_str() : "";
}

const char *heed_compilation_explanation(const heed_compilation *compilation) {
  return compilation ? compilation->explanation.c_str() : "";
}

int32_t heed_compilation_from_cache(const heed_compilation *compilation) {
  return compilation && compilation->fromCache;
}

const char *heed_compiler_version(void) { return heed::compilerVersion().data(); }
