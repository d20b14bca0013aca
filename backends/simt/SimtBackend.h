/// What the backends of lockstep machines share: block sizes and the way from tiles to one lane's program.
#pragma once

#include "backends/Backend.h"
#include "backends/simt/SimtTarget.h"

#include "dialects/tile/Tile.h"

#include "mlir/IR/OwningOpRef.h"

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace heed::simt {

/// Lowers every tile.kernel of a module to a simt.kernel of the same name, in a new module. Errors are reported on the
/// kernels.
mlir::FailureOr<mlir::OwningOpRef<mlir::ModuleOp>> lowerTiles(mlir::ModuleOp kernels, const SimtTarget &target);

/// Registers lower-tiles, which runs the lowering for a made-up target.
void registerPasses();

/// What machine code says of one of its entry points.
struct CodeFacts {
  int64_t registers = 0;   ///< of a lane
  int64_t localBytes = 0;  ///< of a lane, in memory
  int64_t sharedBytes = 0; ///< of a workgroup, beside what is asked for at launch
};

/// An image with what it says of its entry points, by symbol; none where it says nothing.
struct GeneratedImage {
  CodeImage image;
  std::map<std::string, CodeFacts> facts = {};
  std::string warning = {};    ///< for whoever compiles; empty: none
  double assemblerSeconds = 0; ///< of processor time, by another program
};

/// How many workgroups of such a kernel a processor holds at once, if its registers are known.
std::optional<int64_t> workgroupsAtOnce(const Processor &processor, const KernelResources &resources,
                                        int64_t sharedBytes);

/// A backend that turns simt.kernels into code, side by side: large ones and those that were
/// chosen among several have images of their own.
class SimtBackend : public Backend {
public:
  /// The chips to compile for, from the most demanding to the generic one.
  virtual llvm::ArrayRef<SimtTarget> chips() const = 0;

  /// Machine code of all simt.kernels of the module, which may be changed. The entry points are called as the kernels
  /// are. With `dumpDirectory` not empty, intermediate forms are written there.
  virtual mlir::FailureOr<std::vector<GeneratedImage>> generate(mlir::ModuleOp kernels, const SimtTarget &chip,
                                                                llvm::StringRef dumpDirectory) const = 0;

  /// The same for kernels of which there are images already, but for their names and the registers that warps hand
  /// over.
  virtual mlir::FailureOr<std::vector<GeneratedImage>> redivide(mlir::ModuleOp kernels,
                                                                [[maybe_unused]] llvm::ArrayRef<GeneratedImage> others,
                                                                const SimtTarget &chip,
                                                                llvm::StringRef dumpDirectory) const {
    return generate(kernels, chip, dumpDirectory);
  }

  /// The code of all simt.kernels of the module, which may be changed, in one of codeLevels(), for reading. Begins with
  /// a comment line that names the chip.
  virtual mlir::FailureOr<std::string> print(mlir::ModuleOp kernels, const SimtTarget &chip,
                                             llvm::StringRef level) const = 0;

  /// Loads into the context all that generate() and print() need, which may then be called by several threads.
  virtual void prepareGeneration(mlir::MLIRContext &context) const = 0;

  /// Whether devices look at an image as a whole, so that each kernel had better have its own.
  virtual bool wantsImagePerKernel() const { return false; }

  MachineTraits traits() const override;
  AttendBlocks attendBlocks(int64_t rows, int64_t keyDepth, int64_t valueDepth, mlir::Type element) const override;
  std::optional<FewRowBlocks> fewRowBlocks(int64_t rows, int64_t keyDepth, int64_t valueDepth,
                                           mlir::Type element) const override;
  llvm::SmallVector<AttendBlocks> largerAttendBlocks(int64_t rows, int64_t keyDepth, int64_t valueDepth,
                                                     mlir::Type element) const override;
  llvm::SmallVector<MatmulBlocks> matmulBlocks(const MatmulShape &shape) const override;
  RowBlocks rowBlocks(const RowShape &shape) const override;
  RowBlocks mapBlocks(int64_t columns, mlir::Type element) const override;
  mlir::FailureOr<CompiledKernels> compile(mlir::ModuleOp kernels, llvm::StringRef dumpDirectory) const override;
  mlir::FailureOr<std::string> printCode(mlir::ModuleOp kernels, llvm::StringRef level) const override;
};

/// Writes a file into the folder of a dump; nothing where that is empty.
void dumpText(llvm::StringRef directory, const llvm::Twine &name, llvm::StringRef text);

} // namespace heed::simt
