/// A kernel in several block sizes, of which a call runs one.
#pragma once

#include "compiler/kernel/KernelBuilder.h"

namespace heed {

/// When a kernel is better than the others.
struct Preference {
  /// How long a program takes and how many run at a time: the shortest of those that have this is taken.
  int64_t time = 0, atOnce = 0;
  /// For at most so many rows, which are the first size of its grid; 0: any number.
  int64_t mostRows = 0;
};

/// The kernels that one plan.kernel becomes. Which of them a call runs is decided when it is bound.
class Alternatives {
public:
  /// Fills a builder, in blocks of some size.
  using Build = llvm::function_ref<mlir::LogicalResult(KernelBuilder &)>;

  /// `source` becomes the kernel of finish(); the others are named after their blocks, too. All are tied to other
  /// kernels in the same way.
  Alternatives(plan::KernelOp source, llvm::StringRef name, Handover handover = {})
      : source(source), name(name), handover(handover) {}

  /// One that is better than those added later, where it is preferred. `standsIn`: code of it is only wanted where the
  /// values of the one before do not fit the registers.
  mlir::LogicalResult add(const llvm::Twine &blocks, const Preference &when, bool standsIn, Build build);
  /// The one for all other calls.
  mlir::FailureOr<plan::LaunchOp> finish(const Preference &when, Build build);

private:
  struct Built {
    tile::KernelOp kernel;
    mlir::AffineMap grid;
    Preference preference;
  };

  mlir::FailureOr<plan::LaunchOp> make(plan::KernelOp copy, const llvm::Twine &symbol, const Preference &when,
                                       Build build);
  mlir::AffineMap conditions(const Built &kernel) const;

  plan::KernelOp source;
  std::string name;
  Handover handover;
  llvm::SmallVector<Built> kernels;
  llvm::SmallVector<mlir::AffineExpr> parameters; ///< each kernel has those of the ones before it first
};

} // namespace heed
