#include "backends/cpu/CpuBackend.h"

#include "backends/Jobs.h"
#include "backends/ShareKernels.h"
#include "backends/cpu/LowerKernels.h"
#include "backends/cpu/ObjectCode.h"
#include "dialects/tile/Tile.h"

#include "mlir/IR/BuiltinTypes.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/raw_ostream.h"

#include <algorithm>
#include <map>

using namespace mlir;
using namespace heed;
using namespace heed::cpu;

namespace {

/// One ISA level's share of a compilation.
struct LevelResult {
  std::vector<LoweredKernel> kernels;
  std::string image;
};

void dump(StringRef directory, const IsaLevel &isa, StringRef suffix, llvm::function_ref<void(raw_ostream &)> print) {
  if (directory.empty())
    return;
  llvm::SmallString<128> path(directory);
  llvm::sys::path::append(path, "cpu-" + isa.name + suffix);
  std::error_code error;
  llvm::raw_fd_ostream stream(path, error);
  if (!error)
    print(stream);
}

/// Lowers tiles to the LLVM dialect in `lowered` and generates code from it.
FailureOr<MachineCode> generateLevel(ModuleOp prepared, const IsaLevel &isa, StringRef dumpDirectory,
                                     LoweredModule &lowered) {
  FailureOr<LoweredModule> rows = lowerTilesToRows(prepared, isa);
  if (failed(rows))
    return failure();
  lowered = std::move(*rows);
  dump(dumpDirectory, isa, ".mlir", [&](raw_ostream &stream) { stream << *lowered.module; });
  if (failed(lowerRowsToLlvm(*lowered.module, isa)))
    return failure();
  return generateCode(*lowered.module, isa);
}

FailureOr<LevelResult> compileLevel(ModuleOp prepared, const IsaLevel &isa, StringRef dumpDirectory) {
  LoweredModule lowered;
  FailureOr<MachineCode> code = generateLevel(prepared, isa, dumpDirectory, lowered);
  if (failed(code))
    return failure();
  dump(dumpDirectory, isa, ".ll", [&](raw_ostream &stream) { stream << code->printLlvm(); });
  dump(dumpDirectory, isa, ".s", [&](raw_ostream &stream) { stream << code->assembly().value_or(""); });
  FailureOr<std::string> image = linkSharedObject(*lowered.module, *code);
  if (failed(image))
    return failure();
  return LevelResult{std::move(lowered.kernels), std::move(*image)};
}

class CpuBackend : public Backend {
public:
  StringRef name() const override { return "cpu"; }
  AttendBlocks attendBlocks(int64_t rows, int64_t keyDepth, int64_t valueDepth, Type element) const override;
  std::optional<FewRowBlocks> fewRowBlocks(int64_t rows, int64_t keyDepth, int64_t valueDepth,
                                           Type element) const override;
  SmallVector<MatmulBlocks> matmulBlocks(const MatmulShape &shape) const override;
  RowBlocks rowBlocks(const RowShape &shape) const override;
  RowBlocks mapBlocks(int64_t columns, Type element) const override;
  FailureOr<CompiledKernels> compile(ModuleOp kernels, StringRef dumpDirectory) const override;
  ArrayRef<StringRef> codeLevels() const override;
  FailureOr<std::string> printCode(ModuleOp kernels, StringRef level) const override;
};

} // namespace

static bool isKnown(int64_t size) { return !ShapedType::isDynamic(size); }

/// Query rows lie along the lanes, so 64 of them fill a register tile; keys are chosen so that scores and a block of
/// keys or values stay near the first-level cache.
AttendBlocks CpuBackend::attendBlocks(int64_t rows, int64_t, int64_t, Type) const {
  int64_t block = 64;
  if (isKnown(rows))
    block = std::min<int64_t>(block, llvm::PowerOf2Ceil(std::max<int64_t>(rows, 1)));
  return {block, 64};
}

/// Rows that fill a vector; as many programs as large machines have threads, with a few blocks of keys each at least.
std::optional<FewRowBlocks> CpuBackend::fewRowBlocks(int64_t rows, int64_t, int64_t, Type) const {
  int64_t block = 16;
  if (isKnown(rows))
    block = std::min<int64_t>(block, llvm::PowerOf2Ceil(std::max<int64_t>(rows, 1)));
  return FewRowBlocks{{block, 64}, /*mostRows=*/32, /*programs=*/64, /*leastKeys=*/512};
}

SmallVector<MatmulBlocks> CpuBackend::matmulBlocks(const MatmulShape &shape) const {
  MatmulBlocks blocks{96, 64, 128};
  if (isKnown(shape.rows))
    blocks.rows = std::min<int64_t>(blocks.rows, std::max<int64_t>(shape.rows, 1));
  if (isKnown(shape.columns))
    blocks.columns = std::min<int64_t>(blocks.columns, llvm::PowerOf2Ceil(std::max<int64_t>(shape.columns, 1)));
  return {blocks};
}

RowBlocks CpuBackend::rowBlocks(const RowShape &shape) const {
  if (isKnown(shape.columns) && shape.columns <= 1024)
    return {8, std::max<int64_t>(shape.columns, 1)};
  return {8, 256};
}

RowBlocks CpuBackend::mapBlocks(int64_t columns, Type) const {
  if (isKnown(columns) && columns <= 1024)
    return {std::max<int64_t>(1, 4096 / std::max<int64_t>(columns, 1)), std::max<int64_t>(columns, 1)};
  return {16, 256};
}

/// A copy of the kernels after everything that is the same for every ISA level; null on failure.
static OwningOpRef<ModuleOp> prepare(ModuleOp kernels) {
  loadLoweringDialects(*kernels.getContext());
  prepareTranslation(*kernels.getContext());
  OwningOpRef<ModuleOp> prepared = kernels.clone();
  if (failed(prepareTiles(*prepared)))
    return nullptr;
  return prepared;
}

FailureOr<CompiledKernels> CpuBackend::compile(ModuleOp kernels, StringRef dumpDirectory) const {
  OwningOpRef<ModuleOp> prepared = prepare(kernels);
  if (!prepared)
    return failure();
  std::map<std::string, std::string> compiledAs = shareEqualKernels(*prepared);

  llvm::ArrayRef<IsaLevel> levels = isaLevels();
  std::vector<LevelResult> results(levels.size());
  auto run = [&](size_t index) -> LogicalResult {
    FailureOr<LevelResult> result = compileLevel(*prepared, levels[index], dumpDirectory);
    if (failed(result))
      return failure();
    results[index] = std::move(*result);
    return success();
  };
  // Levels share nothing but the MLIR context, which locks when it may be used by several threads.
  if (failed(runJobs(*kernels.getContext(), levels.size(), run)))
    return failure();

  CompiledKernels compiled;
  for (auto [index, result] : llvm::enumerate(results))
    compiled.images.push_back({{levels[index].name.str()}, rt::CodeFormat::cpuElf, std::move(result.image)});
  for (auto kernel : kernels.getOps<tile::KernelOp>()) {
    std::string name = kernel.getSymName().str();
    for (auto [index, result] : llvm::enumerate(results))
      for (const LoweredKernel &lowered : result.kernels)
        if (lowered.kernel == compiledAs.at(name))
          compiled.entries.push_back({.kernel = name,
                                      .image = static_cast<unsigned>(index),
                                      .symbol = lowered.symbol,
                                      .scratchBytes = lowered.scratchBytes});
  }
  return compiled;
}

ArrayRef<StringRef> CpuBackend::codeLevels() const {
  static constexpr StringRef levels[] = {"llvm", "asm"};
  return levels;
}

FailureOr<std::string> CpuBackend::printCode(ModuleOp kernels, StringRef level) const {
  OwningOpRef<ModuleOp> prepared = prepare(kernels);
  if (!prepared)
    return failure();
  bool isLlvm = level == "llvm";
  shareEqualKernels(*prepared);
  std::string text;
  for (const IsaLevel &isa : isaLevels()) {
    LoweredModule lowered;
    FailureOr<MachineCode> code = generateLevel(*prepared, isa, "", lowered);
    if (failed(code))
      return failure();
    FailureOr<std::string> printed = isLlvm ? code->printLlvm() : code->assembly();
    if (failed(printed))
      return failure();
    text += ((isLlvm ? "; " : "# ") + name() + " " + isa.name + "\n").str() + *printed;
  }
  return text;
}

std::unique_ptr<Backend> heed::createCpuBackend() { return std::make_unique<CpuBackend>(); }
