#include "backends/simt/SimtBackend.h"

#include "dialects/simt/Simt.h"

#include "llvm/Support/MathExtras.h"

#include <algorithm>

using namespace mlir;
using namespace heed;
using namespace heed::simt;

/// `size` when it is known and smaller than `block`, rounded up to a power of two; else `block`.
static int64_t fit(int64_t block, int64_t size) {
  if (ShapedType::isDynamic(size))
    return block;
  return std::min<int64_t>(block, llvm::PowerOf2Ceil(std::max<int64_t>(size, 1)));
}

AttendBlocks SimtBackend::attendBlocks(int64_t rows, int64_t, int64_t) const { return {fit(64, rows), 64}; }

MatmulBlocks SimtBackend::matmulBlocks(int64_t rows, int64_t columns, int64_t) const {
  return {fit(64, rows), fit(64, columns), 32};
}

RowBlocks SimtBackend::rowBlocks(int64_t columns) const { return {4, fit(1024, columns)}; }

RowBlocks SimtBackend::mapBlocks(int64_t columns) const {
  int64_t block = fit(1024, columns);
  return {1024 / block, block};
}

FailureOr<CompiledKernels> SimtBackend::compile(ModuleOp kernels, StringRef dumpDirectory) const {
  CompiledKernels compiled;
  for (const SimtTarget &chip : chips()) {
    FailureOr<OwningOpRef<ModuleOp>> lanes = lowerTiles(kernels, chip);
    if (failed(lanes))
      return failure();
    std::vector<KernelEntry> entries;
    for (auto kernel : (*lanes)->getOps<KernelOp>()) {
      std::string name = kernel.getSymName().str();
      entries.push_back({.kernel = name,
                         .symbol = name,
                         .threads = static_cast<int64_t>(kernel.getThreads()),
                         .sharedBytes = static_cast<int64_t>(kernel.getSharedBytes())});
    }
    FailureOr<std::vector<CodeImage>> images = generate(**lanes, chip, dumpDirectory);
    if (failed(images))
      return failure();
    for (CodeImage &image : *images) {
      for (KernelEntry entry : entries) {
        entry.image = static_cast<unsigned>(compiled.images.size());
        compiled.entries.push_back(std::move(entry));
      }
      compiled.images.push_back(std::move(image));
    }
  }
  return compiled;
}

FailureOr<std::string> SimtBackend::printCode(ModuleOp kernels, StringRef level) const {
  std::string text;
  for (const SimtTarget &chip : chips()) {
    FailureOr<OwningOpRef<ModuleOp>> lanes = lowerTiles(kernels, chip);
    if (failed(lanes))
      return failure();
    FailureOr<std::string> printed = print(**lanes, chip, level);
    if (failed(printed))
      return failure();
    text += *printed;
  }
  return text;
}
