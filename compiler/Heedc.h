/* Heed's compiler as a library: compiles a model inside the process, for a runtime of heed.h to load.
 *
 *   heed_compilation *compiled;
 *   if (heed_compile_file("model.onnx", NULL, &compiled) != HEED_COMPILE_OK)
 *     fprintf(stderr, "%s\n", heed_compilation_diagnostics(compiled));
 *   else
 *     heed_module_load_memory(NULL, heed_compilation_data(compiled), heed_compilation_bytes(compiled), NULL, &module);
 *
 * All functions are thread-safe and keep no global state; a heed_compilation is immutable. Code is generated on as many
 * threads as the process may use processors, which end before the call does. */
#ifndef HEED_COMPILER_HEEDC_H
#define HEED_COMPILER_HEEDC_H

#include <stddef.h>
#include <stdint.h>

#if defined(__GNUC__)
#define HEED_COMPILE_API __attribute__((visibility("default")))
#else
#define HEED_COMPILE_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* C names: NOLINTBEGIN(readability-identifier-naming) */

typedef enum heed_compile_code {
  HEED_COMPILE_OK = 0,
  HEED_COMPILE_INVALID_ARGUMENT = 1, /* a null pointer, or options that contradict each other */
  HEED_COMPILE_FAILED = 2,           /* the model cannot be compiled; the diagnostics say why */
  HEED_COMPILE_OUT_OF_MEMORY = 3,
  HEED_COMPILE_INTERNAL = 4 /* a defect of Heed */
} heed_compile_code;

typedef struct heed_dim {
  const char *name; /* of a symbolic dimension of the model */
  int64_t value;    /* at least 0 */
} heed_dim;

/* Zero-initialise, set struct_bytes, then what is needed. */
typedef struct heed_compile_options {
  size_t struct_bytes;  /* sizeof(heed_compile_options) */
  const char *targets;  /* separated by commas; NULL: "cpu" */
  const heed_dim *dims; /* dimensions to fix; may be NULL */
  size_t dim_count;
  int32_t require_fused; /* 1: fail when an attention would be materialised */
  int32_t explain;       /* 1: provide heed_compilation_explanation; such a compilation does not use the cache */
  /* Folder of packages compiled before. NULL: the environment variable HEED_CACHE_DIR, no cache when that is unset; "":
   * no cache. The folder is made when it does not exist; it must belong to the user and be writable by nobody else,
   * since packages hold machine code. A cached package is used when the model, the files of its external data (by size
   * and time), the options and this library are the same, after all its hashes have been checked. */
  const char *cache_directory;
} heed_compile_options;

/* What a compilation gave: a package or diagnostics. */
typedef struct heed_compilation heed_compilation;

/* Compiles a .onnx or .mlir file. `options` may be NULL. *compilation is set in every case, to NULL only for
 * HEED_COMPILE_INVALID_ARGUMENT with a null `path` or when memory has run out. */
HEED_COMPILE_API heed_compile_code heed_compile_file(const char *path, const heed_compile_options *options,
                                                     heed_compilation **compilation);
/* The same for an ONNX model or MLIR text or bytecode in memory, which is not needed after the call. External data of
 * an ONNX model are refused. `name` stands for the model in messages and names the package; NULL: "model". */
HEED_COMPILE_API heed_compile_code heed_compile_memory(const void *data, size_t bytes, const char *name,
                                                       const heed_compile_options *options,
                                                       heed_compilation **compilation);
HEED_COMPILE_API void heed_compilation_release(heed_compilation *compilation);

/* The package, aligned for heed_module_load_memory, which may use it in place as long as the compilation lives. NULL
 * and 0 after a failure. */
HEED_COMPILE_API const void *heed_compilation_data(const heed_compilation *compilation);
HEED_COMPILE_API size_t heed_compilation_bytes(const heed_compilation *compilation);
/* Errors, or warnings of a success: lines such as "model.mlir:3:5: error: ..", "" when there are none. Lives as long as
 * the compilation, as the explanation does. */
HEED_COMPILE_API const char *heed_compilation_diagnostics(const heed_compilation *compilation);
/* What heedc --explain prints; "" unless it was asked for. */
HEED_COMPILE_API const char *heed_compilation_explanation(const heed_compilation *compilation);
/* 1 when the package came from the cache. */
HEED_COMPILE_API int32_t heed_compilation_from_cache(const heed_compilation *compilation);

/* "heed 0.1.0". */
HEED_COMPILE_API const char *heed_compiler_version(void);

/* NOLINTEND(readability-identifier-naming) */

#ifdef __cplusplus
}
#endif

#endif /* HEED_COMPILER_HEEDC_H */
