/// What a target offers the compiler: block sizes for the skeletons, and machine code for tile kernels.
///
/// Everything above this interface is the same for every target.
#pragma once

#include "runtime/PlanModel.h"

#include "mlir/IR/AffineMap.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Support/LLVM.h"
#include "llvm/Support/MathExtras.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace heed {

/// One blob of machine code: an ELF shared object per ISA level, a cubin, a code object, a SPIR-V module.
struct CodeImage {
  /// Features a device must have, all of them, for example {"x86-64-v4"}. Empty: runs on every device of the target.
  std::vector<std::string> features = {};
  rt::CodeFormat format;
  std::string bytes;
};

/// A promise that a kernel's code relies on: argument `parameter` is a multiple of `divisor`.
struct Divisibility {
  unsigned parameter; ///< index among the parameters of the kernel
  int64_t divisor;
};

/// An operand as a tensor whose boxes a kernel copies at once: rt::TensorMap, by maps of the kernel's parameters.
struct TensorMap {
  unsigned base; ///< number of the operand or result
  int64_t elementBytes;
  mlir::AffineMap offset, sizes, strides; ///< ()[parameters] -> (..), in elements, outermost first
  llvm::SmallVector<int64_t> box;
  int64_t swizzleBytes;
};

/// What a kernel takes of its machine, as far as its backend knows. For reports: nothing relies on it.
struct KernelResources {
  int64_t warps = 0;                                ///< of a workgroup; 0: not known
  int64_t copyingWarps = 0;                         ///< those of them that only copy
  int64_t copyingRegisters = 0, usualRegisters = 0; ///< of a lane of those and of the others; 0: no warp hands over any
  int64_t stages = 0;                               ///< of the rings through which loops get their operands; 0: no ring
  std::optional<int64_t> registers;                 ///< of a lane at the start, of 32 bits
  std::optional<int64_t> localBytes;                ///< of a lane, in memory: values that do not fit the registers
  std::optional<int64_t> workgroupsAtOnce;          ///< on one processor
  /// Shared memory that the code has by itself, beside what is asked for at launch.
  int64_t staticSharedBytes = 0;
};

/// One kernel inside one image.
struct KernelEntry {
  std::string kernel;       ///< symbol of the tile.kernel
  unsigned image = 0;       ///< index into CompiledKernels::images
  std::string symbol;       ///< entry point inside the image
  int64_t scratchBytes = 0; ///< scratch a worker must provide
  int64_t threads = 1;      ///< of a workgroup
  int64_t sharedBytes = 0;  ///< of a workgroup, asked for at launch
  /// Workgroups go through the programs, and so many are enough for a processor; 0: every program is a workgroup.
  int64_t residentWorkgroups = 0;
  bool hasUnevenPrograms = false; ///< which take different times
  /// It waits for what was launched before it until it touches memory, so it may start earlier.
  bool awaitsPrevious = false;
  bool opensCalls = false;
  /// When it may be used: all base pointers are multiples of this many bytes, and the parameters divisible.
  int64_t baseAlignment = 1;
  std::vector<Divisibility> divisibilities = {};
  /// Passed behind the words. What devices ask of their numbers is asked for by the plan.
  std::vector<TensorMap> tensorMaps = {};
  KernelResources resources = {};
};

/// What code took to make, in seconds of processor time. For reports: nothing relies on it.
struct CompileCost {
  double lowering = 0;                   ///< to what one lane does
  double generating = 0;                 ///< code of that
  double assembling = 0;                 ///< it, by another program
  int64_t triesInVain = 0;               ///< of other code; what they took counts, too
  std::vector<std::string> symbols = {}; ///< of the entry points
};

/// The machine code of all kernels of a plan. Images and, per kernel, entries are ordered from the most demanding to
/// the generic one.
struct CompiledKernels {
  std::vector<CodeImage> images;
  std::vector<KernelEntry> entries;
  std::vector<CompileCost> costs = {}; ///< as far as the backend knows
};

/// What skeletons may ask of a machine.
struct MachineTraits {
  bool fusedMultiplyAdd = false; ///< x y + z is rounded once
  /// Bytes of a cache that all programs which run at a time share; 0: none that matters.
  int64_t sharedCacheBytes = 0;
  int64_t processors = 0;        ///< that programs run on, of a usual product; 0: not known
  bool infinities = false;       ///< f32 arithmetic computes with them
  bool boundsLabels = false;     ///< a kernel before attention that finds which keys have the labels of rows pays
  bool overlapsLaunches = false; ///< a launch may start before the one before it has ended
};

/// Block sizes of one attend kernel.
struct AttendBlocks {
  int64_t rows; ///< query rows (with folded head groups) a program handles
  int64_t keys; ///< keys of one step of its loop
  /// Tiles along the head widths are multiples of this; what lies beyond the width is zero.
  int64_t depthGranule = 1;
  /// The same of values, where their width is worked on as a whole; 0: as of the others.
  int64_t valueGranule = 0;
  /// Head widths up to this are worked on as a whole, wider ones in chunks of 64.
  int64_t wholeDepth = 128;
  int64_t warps = 0; ///< of a workgroup; 0: as many as the target's usually have
  /// Of a lane of warps that only copy, where those hand registers to the others; 0: as many as they usually have.
  int64_t copyingRegisters = 0;
  /// Groups of warps that hold rows of their own and may go through fewer keys than the program.
  int64_t groups = 1;

  /// What a head width takes of tiles when it is worked on as a whole.
  int64_t wholeWidth(int64_t depth, bool isOfValues) const {
    return llvm::alignTo(depth, isOfValues && valueGranule != 0 ? valueGranule : depthGranule);
  }
  /// Sizes of the chunks a head width is worked on in; the last one is rounded up.
  llvm::SmallVector<int64_t> chunksOf(int64_t depth, bool isOfValues) const {
    constexpr int64_t chunk = 64;
    if (depth <= wholeDepth)
      return {wholeWidth(depth, isOfValues)};
    llvm::SmallVector<int64_t> chunks(depth / chunk, chunk);
    if (depth % chunk != 0)
      chunks.push_back(llvm::alignTo(depth % chunk, depthGranule));
    return chunks;
  }
};

/// How attention of few rows is cut: programs have a block of rows of all query heads that share a key head, and a
/// part of the keys.
struct FewRowBlocks {
  AttendBlocks blocks;
  int64_t mostRows;  ///< of all query heads that share a key head
  int64_t programs;  ///< that keep the machine busy
  int64_t leastKeys; ///< of a part
  /// The last program of a block of rows merges the parts in the same launch (tile.arrive), of which its lanes hold so
  /// many values at a time; 0: another kernel merges them.
  int64_t valuesTogether = 0;
};

/// A product as it is known when the model is compiled; sizes may be dynamic.
struct MatmulShape {
  int64_t rows, columns, depth;
  mlir::Type element;
  bool isDepthContiguous; ///< in the right operand
  int64_t products = 1;   ///< of so many right operands, at once; blocks are of each
};

/// Block sizes of one matmul kernel.
struct MatmulBlocks {
  int64_t rows, columns, depth;
  /// How long a program takes, and how many run at a time: the choice with the shortest rounds is taken. Of blocks for
  /// few rows, 0.
  int64_t time = 0, atOnce = 0;
  /// For few rows: lanes sum along the depth, and their sums are added up at the end.
  bool areSumsOfLanes = false;
  /// More rows take other blocks; 0: any number. Where it is not 0, `rows` divides any number.
  int64_t mostRows = 0;
  int64_t workgroups = 0; ///< that a processor shall have room for; 0: any number
};

/// What a row kernel walks; sizes may be dynamic.
struct RowShape {
  int64_t rows, columns;
  bool areReduced = true; ///< the columns; else something else is, and they are walked by the grid
};

/// Block sizes of a row kernel: rows of a program, columns of one step along the row. Columns that are no more than
/// those of a step are loaded once.
struct RowBlocks {
  int64_t rows, columns;
};

class Backend {
public:
  virtual ~Backend() = default;

  /// The kind of device: "cpu".
  virtual llvm::StringRef name() const = 0;
  /// Features a device must have for the plans made here, usually the chip: {"sm_80"}.
  virtual std::vector<std::string> features() const { return {}; }

  virtual MachineTraits traits() const { return {}; }

  /// Block sizes for attention of `rows` query rows per head (dynamic: mlir::ShapedType::kDynamic), these head widths,
  /// and keys of this type.
  virtual AttendBlocks attendBlocks(int64_t rows, int64_t keyDepth, int64_t valueDepth, mlir::Type element) const = 0;
  /// The cut of attention of `rows` rows of all query heads that share a key head (dynamic: for where they turn out to
  /// be few); none where few rows are as well off in usual blocks.
  virtual std::optional<FewRowBlocks> fewRowBlocks([[maybe_unused]] int64_t rows, [[maybe_unused]] int64_t keyDepth,
                                                   [[maybe_unused]] int64_t valueDepth,
                                                   [[maybe_unused]] mlir::Type element) const {
    return std::nullopt;
  }
  /// Larger blocks for the same attention, best first, that only suit operands which lie aligned. Code is made of the
  /// first whose values fit the registers, beside that of attendBlocks().
  virtual llvm::SmallVector<AttendBlocks> largerAttendBlocks([[maybe_unused]] int64_t rows,
                                                             [[maybe_unused]] int64_t keyDepth,
                                                             [[maybe_unused]] int64_t valueDepth,
                                                             [[maybe_unused]] mlir::Type element) const {
    return {};
  }
  /// What products of operands of this type may be blocked in, the best first. Which is taken is decided when a call is
  /// bound; the last fits any number of programs.
  virtual llvm::SmallVector<MatmulBlocks> matmulBlocks(const MatmulShape &shape) const = 0;
  virtual RowBlocks rowBlocks(const RowShape &shape) const = 0;
  /// Elements of the innermost dimension, of this type, that one program of a map kernel makes, and how many rows of
  /// them.
  virtual RowBlocks mapBlocks(int64_t columns, mlir::Type element) const = 0;

  /// Lowers and serialises every tile.kernel of `kernels`, which is left unchanged. With `dumpDirectory` not empty,
  /// intermediate forms are written there. Errors are reported on the kernels.
  virtual mlir::FailureOr<CompiledKernels> compile(mlir::ModuleOp kernels, llvm::StringRef dumpDirectory) const = 0;

  /// The forms its code can be printed in, from the highest down, as users of --emit write them.
  virtual llvm::ArrayRef<llvm::StringRef> codeLevels() const { return {}; }

  /// The code of all of `kernels` in one of codeLevels(), for reading; where there are several images, a comment line
  /// before each says which. Errors are reported on the kernels.
  virtual mlir::FailureOr<std::string> printCode(mlir::ModuleOp kernels, llvm::StringRef level) const {
    return kernels.emitError("target '") << name() << "' prints no code at level '" << level << "'";
  }
};

} // namespace heed
